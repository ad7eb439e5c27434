"""Headers of requests (RFC 9110; RFC 8941 for the key), and server-sent events as bytes (WHATWG HTML, 9.2.5)."""

import re
from collections.abc import Sequence

from wordloop_ml.errors import BadInput

MAX_KEY_CHARS = 255

_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
"""RFC 8941, 3.3.3: a string of printable ASCII, with quote and backslash escaped."""

_BARE = re.compile(r"[\x21\x23-\x7e]+")
"""What clients send that leave the quotes out."""


def idempotency_key(values: Sequence[str]) -> str | None:
    """Read the key from the values of ``Idempotency-Key``; None without one.

    Quoted or not, it is the same key. Raises ``BadInput``, which does not repeat it.
    """
    if not values:
        return None
    text = values[0].strip()
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else text
    well_formed = quoted is not None or _BARE.fullmatch(text) is not None
    if len(values) > 1 or not well_formed or not 1 <= len(key) <= MAX_KEY_CHARS:
        raise BadInput(
            f"Idempotency-Key must come once, with 1 to {MAX_KEY_CHARS} printable ASCII characters"
        )
    return key


def prefers(values: Sequence[str], wanted: str, other: str) -> bool:
    """Whether ``Accept`` headers prefer one media type to another, which is sent otherwise.

    Both are full types, such as ``application/json``. What cannot be read counts for nothing.
    """
    ranges = dict(_range(one) for one in ",".join(values).split(","))

    def quality(kind: str) -> float:
        whole = kind.partition("/")[0] + "/*"
        return ranges.get(kind, ranges.get(whole, ranges.get("*/*", 0.0)))

    named = wanted in ranges
    return named and ranges[wanted] > 0.0 and ranges[wanted] >= quality(other)


def _range(text: str) -> tuple[str, float]:
    """Split a media range from its weight, from 0 to 1."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    weight = 1.0
    for one in parameters:
        name, _, value = one.partition("=")
        if name.strip() == "q":
            match = re.fullmatch(r"[01](?:\.[0-9]{0,3})?", value.strip())
            weight = min(float(match[0]), 1.0) if match else 0.0
    return kind, weight


COMMENT = b":\n\n"
"""Says nothing, and keeps proxies from closing a stream on which nothing moves."""

CONTENT_TYPE = "text/event-stream"


def encode_event(name: str, data: bytes) -> bytes:
    """Encode one event.

    name: letters and underscores. data: JSON in UTF-8, written in one line; ``ValueError`` otherwise.
    """
    if b"\n" in data or b"\r" in data:
        raise ValueError("the data of an event is one line here")
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)
