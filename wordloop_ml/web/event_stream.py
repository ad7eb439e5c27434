"""A response of server-sent events: kept alive, and no faster than its reader."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from wordloop_ml.wire.http_syntax import COMMENT, CONTENT_TYPE, encode_event

ALIVE_EVERY_S = 10.0
"""A comment is sent when nothing else was for so long."""

SEND_WITHIN_S = 10.0
"""A reader who takes no more for so long is cut off."""

_HEADERS = {
    "Content-Type": f"{CONTENT_TYPE}; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would otherwise collect events before it passes them on
}


class EventStream:
    """The events of one response. A reader who has gone is a ``ConnectionError`` in every call."""

    def __init__(self, request: web.Request, headers: dict[str, str] | None = None) -> None:
        self._request = request
        self._response = web.StreamResponse(headers={**_HEADERS, **(headers or {})})

    async def open(self) -> None:
        """Send the headers; from here on errors are events, too."""
        await self._response.prepare(self._request)

    async def send(self, name: str, data: bytes) -> None:
        """One event; data is JSON in one line."""
        await self._write(encode_event(name, data))

    async def wait(self, news: Callable[[], Awaitable[None]]) -> None:
        """Until there is news, which is asked for again and again; comments go out meanwhile."""
        while True:
            try:
                async with asyncio.timeout(ALIVE_EVERY_S):
                    return await news()
            except TimeoutError:
                await self._write(COMMENT)

    async def end(self) -> web.StreamResponse:
        """Nothing follows."""
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._response.write_eof()
        return self._response

    def abort(self) -> None:
        """The stream cannot go on, and there is no other way to say so."""
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
