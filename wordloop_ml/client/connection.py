"""One WebSocket of a client: connected, sent to and received from, each wait within a bound."""

import asyncio
from contextlib import suppress

import aiohttp

from wordloop_ml.errors import BadInput
from wordloop_ml.replay.breaks import Break, Closed, Distrusted, Lost, Refused, Unreachable
from wordloop_ml.wire.client_messages import ClientMessage, encode_client
from wordloop_ml.wire.server_messages import ServerMessage, parse_server

CONNECT_WITHIN_S = 10.0
SILENCE_S = 20.0
"""The server pings after each 2 s in which it waits for us; it may be busy itself for some."""

PONG_WITHIN_S = 5.0
CLOSE_WITHIN_S = 2.0
LARGEST_MESSAGE = 1 << 20


class NotConnectedError(Exception):
    """Connecting failed. why: what became of the attempt."""

    def __init__(self, why: Break) -> None:
        super().__init__(str(why))
        self.why = why


class BrokenError(Exception):
    """The connection is over. why: how it ended."""

    def __init__(self, why: Break) -> None:
        super().__init__(str(why))
        self.why = why


class Connection:
    """An open connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    @classmethod
    async def open(
        cls,
        http: aiohttp.ClientSession,
        url: str,
        token: str | None = None,
        *,
        resumes: bool = False,
    ) -> "Connection":
        """Connect and upgrade. Raises ``NotConnectedError``.

        resumes: a busy server refuses new tracks first, and has to know before the upgrade.
        """
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                socket = await http.ws_connect(
                    url,
                    headers=headers,
                    params={"resume": "1"} if resumes else {},
                    # Pings are answered here, because hearing one is a sign of life.
                    autoping=False,
                    compress=0,
                    max_msg_size=LARGEST_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_WITHIN_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            retry_after = None if error.headers is None else error.headers.get("Retry-After")
            raise NotConnectedError(Refused(error.status, _seconds(retry_after))) from None
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise NotConnectedError(Unreachable()) from None
        return cls(socket)

    async def send(self, item: bytes | ClientMessage) -> None:
        """Send one frame as soon as the socket takes it: that wait is the server's back-pressure.

        Raises ``BrokenError``, which knows less than that of ``receive``.
        """
        try:
            if isinstance(item, bytes):
                await self._socket.send_bytes(item)
            else:
                await self._socket.send_str(encode_client(item))
        except (ConnectionError, aiohttp.ClientError):
            raise BrokenError(Lost()) from None

    async def receive(self) -> ServerMessage:
        """Wait for the next message that this client knows. Raises ``BrokenError`` at the end."""
        while True:
            try:
                frame = await self._socket.receive(timeout=SILENCE_S)
            except TimeoutError:
                raise BrokenError(Lost(silent=True)) from None
            match frame.type:
                case aiohttp.WSMsgType.TEXT:
                    if (message := self._parsed(frame.data)) is not None:
                        return message
                case aiohttp.WSMsgType.PING:
                    await self._pong(frame.data)
                case aiohttp.WSMsgType.PONG | aiohttp.WSMsgType.BINARY:
                    continue
                case aiohttp.WSMsgType.ERROR:
                    raise BrokenError(Distrusted())
                case _:
                    raise BrokenError(_how_closed(self._socket.close_code))

    async def close(self) -> None:
        """End the connection if it is not over yet; a peer that does not answer is left."""
        with suppress(ConnectionError, TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(2 * CLOSE_WITHIN_S):
                await self._socket.close()

    def _parsed(self, text: str) -> ServerMessage | None:
        try:
            return parse_server(text)
        except BadInput:
            raise BrokenError(Distrusted()) from None

    async def _pong(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(PONG_WITHIN_S):
                await self._socket.pong(data)
        except (TimeoutError, ConnectionError, aiohttp.ClientError):
            raise BrokenError(Lost(silent=True)) from None


def _how_closed(code: int | None) -> Break:
    """Tell a close from a loss: without a close frame the code is 1006, by RFC 6455 (7.1.5)."""
    if code is None or code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
        return Lost()
    return Closed(code)


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After as seconds; its other form, a date, is not used by this service."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
