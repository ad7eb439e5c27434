"""Listening sockets, which survive running out of files.

asyncio's own server tries again after a second, too; but it logs each failed try, and each try of a burst
schedules a burst of its own (CPython 3.11 to 3.13), until nothing else is done.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

BACKLOG = 128
"""Connections that the kernel keeps until they are accepted."""

RETRY_S = 1.0
"""Seconds without accepting after a failure: connections that end free files meanwhile."""

TELL_EVERY_S = 60.0
"""Seconds between two reports of the same failure."""

_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
"""An address that a name stands for, and this machine does not have: ``localhost`` without IPv6."""


log = structlog.get_logger()


class Complaint:
    """Thins out the reports of a failure that repeats to one in ``every_s`` seconds.

    Pure: times are seconds of any one monotonic clock.
    """

    def __init__(self, every_s: float = TELL_EVERY_S) -> None:
        self._every_s = every_s
        self._told_s: float | None = None
        self._untold = 0

    def again(self, now_s: float) -> int:
        """Count one more failure; return how many to report now, 0 while the last report is too recent."""
        self._untold += 1
        if self._told_s is not None and now_s - self._told_s < self._every_s:
            return 0
        times, self._untold, self._told_s = self._untold, 0, now_s
        return times


class Listener:
    """Listens on every address that a host name stands for, and gives each connection a protocol.

    What cannot be accepted (no files left, as a rule) waits in the kernel's queue and is tried
    again after ``RETRY_S``; connections that are there are not touched.
    """

    def __init__(
        self, host: str, port: int, make_protocol: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._host = host
        self._port = port
        self._make_protocol = make_protocol
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._complaint = Complaint()

    @property
    def port(self) -> int:
        """The port of the first address; once started."""
        return int(self._sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when an address is taken, or none is this machine's."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        self._sockets = _bound([(family, address) for family, *_, address in found])
        self._accepting = [
            asyncio.create_task(self._accept(one), name=f"accept-{one.fileno()}")
            for one in self._sockets
        ]

    async def stop(self) -> None:
        """Stop listening; connections go on."""
        for task in self._accepting:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for one in self._sockets:
            one.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except ConnectionAbortedError:
                continue  # the peer went before it was its turn
            except OSError as error:
                self._tell(error)
                await asyncio.sleep(RETRY_S)
                continue
            try:
                await loop.connect_accepted_socket(self._make_protocol, connection)
            except OSError as error:
                connection.close()
                self._tell(error)

    def _tell(self, error: OSError) -> None:
        times = self._complaint.again(asyncio.get_running_loop().time())
        if times:
            name = errno.errorcode.get(error.errno or 0, "unknown")
            log.error("accept_failed", errno=name, times=times)


def _bound(addresses: list[tuple[int, Any]]) -> list[socket.socket]:
    """Open a listening socket for each address that this machine has. Raises ``OSError`` without any."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    for family, address in dict.fromkeys(addresses):
        try:
            one = socket.create_server(address, family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno in _NOT_HERE:
                missing = error
                continue
            for other in sockets:
                other.close()
            raise OSError(error.errno, os.strerror(error.errno or 0)) from error
        one.setblocking(False)
        sockets.append(one)
    if not sockets and missing is not None:
        raise OSError(missing.errno, os.strerror(missing.errno or 0)) from missing
    return sockets
