"""Attacks on the routes of texts: bodies that are no transcript and no texts, headers that lie."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

from scripts.drills.hostile.attack import TOKEN, Attack, random_bytes

Rule = Callable[[Random], Attack]

_SEGMENT = {"id": "s1", "track": "a", "start": 0, "end": 1_000, "text": "We decided to go."}
_WRONG_VALUES: tuple[Any, ...] = (None, True, -1, 1.5, 2**70, "", "\ud800", [], {}, [[]], "x" * 999)
_SEGMENT_FIELDS = ("id", "track", "start", "end", "text")
_JUNK = (
    b"",
    b"{",
    b"[1]",
    b"null",
    b'{"meeting_id": NaN}',
    b'{"meeting_id": 1e999}',
    b'{"a": 1, "a": 2}',
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'{"meeting_id": ' + b"9" * 10_000 + b"}",
    "Grüße".encode("latin-1"),
    b"\xef\xbb\xbf{}",
    b"meeting_id=m&segments=",
)
_HEADERS = (
    b"Content-Type: text/plain",
    b"Content-Type: application/json; charset=utf-16",
    b"Content-Type: multipart/form-data; boundary=x",
    b"Content-Type: application/json\r\nContent-Encoding: gzip",
    b"Content-Type: application/json\r\nContent-Encoding: deflate",
    b"Content-Type: application/json\r\nIdempotency-Key: ",
    b"Content-Type: application/json\r\nIdempotency-Key: a b",
    b"Content-Type: application/json\r\nIdempotency-Key: " + b"k" * 300,
    b"Content-Type: application/json\r\nIdempotency-Key: a\r\nIdempotency-Key: b",
)


def _post(
    body: bytes,
    headers: bytes = b"Content-Type: application/json",
    accept: str = "",
    route: str = "synthesis",
) -> bytes:
    head = (
        f"POST /v1/{route} HTTP/1.1\r\nHost: drill\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Accept: {accept or '*/*'}\r\nContent-Length: {len(body)}\r\n"
    )
    return head.encode() + headers + b"\r\n\r\n" + body


def _transcript(*segments: Any, **changes: Any) -> bytes:
    return json.dumps({"meeting_id": "m", "segments": list(segments), **changes}).encode()


def no_transcript(rng: Random) -> Attack:
    """Bytes that are none, as JSON or as events."""
    body = rng.choice([*_JUNK, random_bytes(rng, 2_000)])
    return Attack(payload=_post(body, accept=rng.choice(["", "text/event-stream"])))


def wrong_segment(rng: Random) -> Attack:
    """A field that breaks its rule, is missing, or is one too many."""
    name = rng.choice(_SEGMENT_FIELDS)
    segment: dict[str, Any] = dict(_SEGMENT)
    match rng.randrange(4):
        case 0:
            del segment[name]
        case 1:
            segment[f"{name}x"] = 1
        case 2:
            segment[name] = rng.choice([one for one in _WRONG_VALUES if one not in ("", "x" * 999)])
        case _:
            segment["end"] = -rng.randint(1, 10**9)
    return Attack(payload=_post(_transcript(segment)))


def wrong_transcript(rng: Random) -> Attack:
    """Segments that are right each, and no meeting together; or wishes that nobody grants."""
    later = {**_SEGMENT, "id": "s0", "start": 5_000, "end": 6_000}
    body = rng.choice(
        [
            _transcript(),
            _transcript({**_SEGMENT, "text": " \n\t"}),
            _transcript(_SEGMENT, _SEGMENT),
            _transcript(later, _SEGMENT),
            _transcript(_SEGMENT, meeting_id="m/m"),
            _transcript(_SEGMENT, language="klingon"),
            _transcript(_SEGMENT, options={"engine": rng.choice(["magic", "generative"])}),
            _transcript(_SEGMENT, options={"summary_words": rng.choice([0, -5, 10**9, "many"])}),
            _transcript({**_SEGMENT, "text": "word " * 130_000}),
            _transcript(*({**_SEGMENT, "id": f"s{at}"} for at in range(10_001))),
        ]
    )
    return Attack(payload=_post(body))


def wrong_headers(rng: Random) -> Attack:
    """A transcript that would do, announced as something else."""
    return Attack(payload=_post(_transcript(_SEGMENT), rng.choice(_HEADERS)))


def wrong_texts(rng: Random) -> Attack:
    """For embeddings: no texts, too many, too long, of another model, or no JSON at all."""
    fields = rng.choice(
        [
            {},
            {
                "input": rng.choice(
                    [None, [], "", {}, 1, True, [[1, 2]], [1], ["a", ""], ["a", None]]
                )
            },
            {"input": "\ud800"},
            {"input": ["a"] * 2_049},
            {"input": "word " * 10_000},
            {"input": "a", "model": rng.choice(["text-embedding-3-small", "", 1, "m" * 300])},
            {"input": "a", "dimensions": rng.choice([0, -1, 2**70, 128, "384", 1.5])},
            {"input": "a", "encoding_format": rng.choice(["hex", "", 1])},
            {"input": "a", "user": rng.choice([1, "u" * 300])},
            {"input": "a", "inputs": "b"},
        ]
    )
    bodies = [json.dumps(fields).encode()] * 3 + [rng.choice(_JUNK), random_bytes(rng, 2_000)]
    return Attack(payload=_post(rng.choice(bodies), route="embeddings"))


def caller_who_leaves(rng: Random) -> Attack:
    """Gone while it is answered, or before the whole body has come."""
    request = _post(_transcript(_SEGMENT), accept=rng.choice(["", "text/event-stream"]))
    return Attack(
        payload=request[: rng.randint(len(request) // 2, len(request))],
        must_refuse=False,
        vanish=True,
    )


RULES: tuple[Rule, ...] = (
    no_transcript,
    wrong_segment,
    wrong_transcript,
    wrong_headers,
    wrong_texts,
    caller_who_leaves,
)
