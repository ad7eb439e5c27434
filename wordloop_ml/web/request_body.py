"""Bodies of requests, in JSON: the limit of each route, and the limit on memory for all of them."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from wordloop_ml.errors import BadInput, Busy, ErrorCode

BODY_WITHIN_S = 20.0
"""How long a body may take to arrive."""

ARRIVING_BYTES = 64 << 20
"""Bytes that all bodies may hold together which are being read, or are still in use."""


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a request. digest: SHA-256 of the content."""

    content: bytes
    digest: bytes


class BodyMemory:
    """Bounds the bytes of bodies that this process holds; one for all routes."""

    def __init__(self, most_bytes: int = ARRIVING_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0

    @contextmanager
    def arriving(self) -> Iterator["ArrivingBody"]:
        """Account for one body for as long as the context lasts."""
        one = ArrivingBody(self)
        try:
            yield one
        finally:
            self._held_bytes -= one.length

    def hold(self, length: int) -> None:
        """Reserve ``length`` bytes. Raises ``Busy`` beyond the limit of all bodies."""
        if self._held_bytes + length > self._most_bytes:
            raise Busy("too many bodies are being received")
        self._held_bytes += length


class ArrivingBody:
    """The bytes of one body that have arrived so far."""

    def __init__(self, bodies: BodyMemory) -> None:
        self._bodies = bodies
        self._chunks: list[bytes] = []
        self._digest = hashlib.sha256()
        self.length = 0

    def add(self, chunk: bytes) -> None:
        """Append the next bytes. Raises ``Busy`` beyond the limit of all bodies."""
        self._bodies.hold(len(chunk))
        self.length += len(chunk)
        self._chunks.append(chunk)
        self._digest.update(chunk)

    def whole(self) -> Body:
        """Join the bytes and hand them over: they are not kept here as well."""
        content = b"".join(self._chunks)
        self._chunks.clear()
        return Body(content, self._digest.digest())


async def read_json_body(
    request: web.Request,
    arriving: ArrivingBody,
    *,
    most_bytes: int,
    within_s: float = BODY_WITHIN_S,
) -> Body:
    """Read the whole body without parsing it; a compressed one (Content-Encoding) counts as it unpacks.

    most_bytes: the route's limit. within_s: seconds that the body may take.

    Raises ``BadInput`` (``unsupported_media_type``, ``too_large``, ``idle``, ``bad_request``) and
    ``Busy``; ``ConnectionError`` when the peer goes.
    """
    charset = request.charset
    if request.content_type != "application/json" or (charset or "utf-8").lower() != "utf-8":
        raise BadInput(
            "the body must be application/json in UTF-8", code=ErrorCode.UNSUPPORTED_MEDIA_TYPE
        )
    if request.content_length is not None and request.content_length > most_bytes:
        raise _too_large(most_bytes)
    try:
        async with asyncio.timeout(within_s):
            while chunk := await request.content.readany():
                arriving.add(chunk)
                if arriving.length > most_bytes:
                    raise _too_large(most_bytes)
        return arriving.whole()
    except TimeoutError:
        raise BadInput(
            f"the body did not arrive within {within_s:g} s", code=ErrorCode.IDLE
        ) from None
    except web.RequestPayloadError:
        raise BadInput("the body is not what its headers say") from None


def _too_large(most_bytes: int) -> BadInput:
    return BadInput(f"the body is larger than {most_bytes} bytes", code=ErrorCode.TOO_LARGE)
