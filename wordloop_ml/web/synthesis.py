"""``POST /v1/synthesis``: a finalised transcript in, a MeetingSynthesis out, as JSON or as server-sent events.

Headers follow RFC 9110, and RFC 8941 for ``Idempotency-Key``.
"""

import json
import re
from collections.abc import Sequence

from aiohttp import web

from wordloop_ml.analysis.syntheses import Asked, Finished
from wordloop_ml.errors import BadInput, WordloopError
from wordloop_ml.synthesis.steps import Found, PlanEvent
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.errors import problem_fields
from wordloop_ml.web.event_stream import CONTENT_TYPE, EventStream
from wordloop_ml.web.http_server import cancel_on_disconnect, read_json_body
from wordloop_ml.web.service import SERVICE
from wordloop_ml.wire.synthesis import MAX_REQUEST_BYTES, encode_found, encode_progress

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


async def synthesis(request: web.Request) -> web.StreamResponse:
    """Answer with the synthesis, unless the caller leaves first.

    As JSON, or as server-sent events for who prefers them: ``progress``, ``item``, and at the end
    ``result`` or ``error``. Raises ``BadInput``, ``Busy``, ``Draining``, and what the work fails
    with; ``ConnectionError`` when the caller leaves.
    """
    service = request.app[SERVICE]
    key = idempotency_key(request.headers.getall("Idempotency-Key", ()))
    as_events = prefers(request.headers.getall("Accept", ()), CONTENT_TYPE, "application/json")
    syntheses, tracing = service.syntheses, service.tracing
    caller = None if tracing is None else tracing.caller(request.headers)
    with cancel_on_disconnect(request):
        with service.bodies.arriving() as arriving:
            body = await read_json_body(request, arriving, most_bytes=MAX_REQUEST_BYTES)
        with service.connection():
            asked = syntheses.ask(request[TENANT], body.content, body.digest, key, caller)
            with syntheses.queue.calling(asked.work):
                if not as_events:
                    return _answer(asked, await asked.work.wait())
                await asked.work.wait_ready()  # until then an error has a status
                return await _stream(request, asked)


def _answer(asked: Asked, finished: Finished) -> web.Response:
    return web.Response(
        body=finished.content, content_type="application/json", headers=_headers(asked)
    )


def _headers(asked: Asked) -> dict[str, str]:
    """Return the headers: no cache on the way may keep what a meeting said."""
    again = {"Idempotent-Replayed": "true"} if asked.again else {}
    return {"Cache-Control": "no-store", **again}


async def _stream(request: web.Request, asked: Asked) -> web.StreamResponse:
    """Send the events of one caller, to their end; abort the response where that fails."""
    stream = EventStream(request, _headers(asked))
    try:
        await stream.open()
        await _send_all(stream, asked)
        return await stream.end()
    except BaseException:
        stream.abort()  # a second answer cannot follow the one that has begun
        raise


async def _send_all(stream: EventStream, asked: Asked) -> None:
    following = asked.work.follow()
    while True:
        over = asked.work.over
        for told in following.take():
            await stream.send(*_event(told))
        if over:
            break
        await stream.wait(following.wait)
    try:
        await stream.send("result", asked.work.result().content)
    except WordloopError as error:
        await stream.send("error", _encode(problem_fields(error)))


def _event(told: PlanEvent) -> tuple[str, bytes]:
    if isinstance(told, Found):
        return "item", _encode(encode_found(told))
    return "progress", _encode(encode_progress(told))


def _encode(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
