"""A caller who leaves while it waits: what it asked for is not worth doing any more."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from wordloop_ml.web.http_server import HttpConnection


@contextmanager
def leaving_cancels(request: web.Request) -> Iterator[None]:
    """Cancel what this task does inside as soon as the request's connection is lost.

    aiohttp tells a handler only when it writes. Raises ``ConnectionResetError`` then, as writing
    would; any other cancellation passes through.
    """
    connection, task = request.protocol, asyncio.current_task()
    if task is None or not isinstance(connection, HttpConnection):
        raise TypeError("for requests that an HttpServer handles")
    if connection.lost:
        raise ConnectionResetError("the caller has left")
    cancelling, left = task.cancelling(), False

    def leave() -> None:
        nonlocal left
        left = True
        task.cancel()

    connection.when_lost = leave
    try:
        yield
    except asyncio.CancelledError:
        if left and task.uncancel() <= cancelling:
            raise ConnectionResetError("the caller has left") from None
        raise
    finally:
        connection.when_lost = None
