"""Server-sent events as an answer: WHATWG HTML, 9.2.5."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

COMMENT = b":\n\n"
"""A comment, which clients ignore; it keeps proxies from closing a stream without events."""

CONTENT_TYPE = "text/event-stream"


def encode_event(name: str | None, data: bytes) -> bytes:
    """Encode one event.

    name: letters and underscores; None for an event without a name. data: JSON in UTF-8, written in
    one line; ``ValueError`` otherwise.
    """
    if b"\n" in data or b"\r" in data:
        raise ValueError("the data of an event is one line here")
    kind = b"" if name is None else b"event: %b\n" % name.encode()
    return b"%bdata: %b\n\n" % (kind, data)


ALIVE_EVERY_S = 10.0
"""Seconds without an event after which a comment is sent."""

SEND_WITHIN_S = 10.0
"""Seconds that a write may take before the reader is cut off."""

_HEADERS = {
    "Content-Type": f"{CONTENT_TYPE}; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would otherwise collect events before it passes them on
}


class EventStream:
    """Sends the server-sent events of one response: kept alive, and no faster than its reader.

    Every call raises ``ConnectionError`` when the reader has gone.
    """

    def __init__(self, request: web.Request, headers: dict[str, str] | None = None) -> None:
        self._request = request
        self._response = web.StreamResponse(headers={**_HEADERS, **(headers or {})})

    async def open(self) -> None:
        """Send the headers; from here on errors are events, too."""
        await self._response.prepare(self._request)

    async def send(self, name: str | None, data: bytes) -> None:
        """Send one event, without a name for None; data is JSON in one line."""
        await self._write(encode_event(name, data))

    async def wait(self, news: Callable[[], Awaitable[None]]) -> None:
        """Await ``news()``; send a comment, and call it again, whenever it takes ``ALIVE_EVERY_S``."""
        while True:
            try:
                async with asyncio.timeout(ALIVE_EVERY_S):
                    return await news()
            except TimeoutError:
                await self._write(COMMENT)

    async def end(self) -> web.StreamResponse:
        """End the response. Raises ``TimeoutError`` when it is not read."""
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._response.write_eof()
        return self._response

    def abort(self) -> None:
        """Cut the connection: the only way to say that an answer which has begun is incomplete."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _write(self, content: bytes) -> None:
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._response.write(content)
                await asyncio.sleep(0)  # a socket takes many events without waiting
        except TimeoutError:
            self.abort()
            raise ConnectionResetError("events were not read") from None
