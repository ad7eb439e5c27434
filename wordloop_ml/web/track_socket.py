"""The WebSocket of a connection, and what its peer is held to: to be there, to read, and not to send too fast.

aiohttp closes by itself when a peer breaks the WebSocket protocol; ``BROKEN`` gives each such close an
error code of ours.
"""

import asyncio
import math
import time
from collections.abc import Iterable

from aiohttp import ClientError, WebSocketError, WSCloseCode, WSMessage, WSMsgType, web

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.meetings.session import (
    Outbox,
    Ping,
)
from wordloop_ml.wire.close_codes import close_reason
from wordloop_ml.wire.server_messages import Limits

HEARTBEAT_S = 10.0
"""Seconds between aiohttp's own pings; a peer that does not answer one within half as long is gone."""

CLOSE_WITHIN_S = 2.0
"""Seconds that a peer may take to answer a close frame."""

SEND_WITHIN_S = 5.0
"""Seconds that one frame may take to be sent before the peer counts as a slow consumer."""

LOOK_EVERY_S = 0.5
"""Seconds between two checks of a connection on which nothing arrives."""

TURN_FRAMES = 64
"""Frames of one connection that are read before other tasks have a turn."""

BROKEN: dict[int, tuple[ErrorCode, str]] = {
    WSCloseCode.PROTOCOL_ERROR: (ErrorCode.BAD_FRAME, "this breaks the WebSocket protocol"),
    WSCloseCode.INVALID_TEXT: (ErrorCode.BAD_JSON, "a text is not UTF-8"),
    WSCloseCode.MESSAGE_TOO_BIG: (ErrorCode.TOO_LARGE, "a message is at most {most_bytes} bytes"),
}
"""The codes with which aiohttp closes by itself, and what they are called here."""

_NO_CLOSE_OF_THE_PEER = (None, WSCloseCode.ABNORMAL_CLOSURE)


class TrackSocket(web.WebSocketResponse):
    """The WebSocket of one connection.

    subprotocols: those of this route; the first that the client offers is selected. What else is
    offered is never sent back: it may be a key.
    message_bytes: the largest message, text or audio.
    heartbeat_s: seconds between aiohttp's own pings; None for none, where audio may wait here for
    longer than a pong behind it may take.
    """

    def __init__(
        self,
        subprotocols: Iterable[str] = (),
        message_bytes: int = Limits().message_bytes,
        heartbeat_s: float | None = HEARTBEAT_S,
    ) -> None:
        super().__init__(
            timeout=CLOSE_WITHIN_S,
            protocols=tuple(subprotocols),
            heartbeat=heartbeat_s,
            autoping=False,  # an answer to our ping is how we know that the peer reads
            compress=False,
            # aiohttp refuses a message of exactly its limit; ours is inclusive
            max_msg_size=message_bytes + 1,
        )
        self._most_bytes = message_bytes

    def accepts(self, request: web.Request) -> bool:
        """Whether a request asks for a WebSocket in a way that RFC 6455 allows."""
        try:
            return self.can_prepare(request).ok
        except ValueError:  # a key beyond ASCII
            return False

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        """Close; a close of aiohttp's own, which gives no reason, gets its name.

        It closes with 1000 what a handler has left open, and what it fails to read. Neither is the
        orderly end that 1000 says: only a close of the peer's is answered with it.
        """
        if not message and code in BROKEN:
            name, reason = BROKEN[code]
            message = close_reason(name, reason.format(most_bytes=self._most_bytes)).encode()
        elif not message and self.close_code in _NO_CLOSE_OF_THE_PEER:
            code = WSCloseCode.INTERNAL_ERROR
            message = close_reason(ErrorCode.INTERNAL, "unexpected end").encode()
        return await super().close(code=code, message=message, drain=drain)


def raise_broken(error: BaseException) -> None:
    """Raise what aiohttp failed to read for: ``BadInput`` where a peer broke the protocol.

    A connection that is gone is no error. Anything else is a bug, and raised as it is.
    """
    if isinstance(error, WebSocketError):
        code, _ = BROKEN[error.code]
        raise BadInput("the peer broke the WebSocket protocol", code=code)
    if not isinstance(error, OSError | ClientError):
        raise error


def slow_consumer() -> BadInput:
    """Make the error for a peer that does not read what it is sent."""
    return BadInput("captions were not read fast enough", code=ErrorCode.SLOW_CONSUMER)


PING_EVERY_S = 2.0
"""Seconds of waiting for a peer after which it is sent a ping."""

ANSWER_WITHIN_S = 4.0
"""Seconds of waiting for the pong after which the peer counts as one that does not read."""


class Liveness:
    """Decides, after each wait for a peer, whether the peer is still there and reads.

    A ping goes through everything that waits for the peer, and the pong comes back in order: the time
    until then is how far behind the peer reads, whatever the buffers in between hold. Only seconds in
    which this process waited for the peer count: while it is the slow side, the pong lies in its own
    buffers.

    Messages and heartbeats of the peer's own are signs of life; a pong to our ping is none: a
    library sends it by itself, when whoever used the connection has long forgotten it.

    outbox: where pings are put. within_s: how long the peer may be silent, in seconds.
    """

    def __init__(self, outbox: Outbox, within_s: float) -> None:
        self._outbox = outbox
        self._within_s = within_s
        self._ping_out = False
        self._waited_s = 0.0  # since the last ping or pong
        self._silent_s = 0.0

    def waited(self, seconds: float) -> None:
        """Count a wait for the peer; put a ping into the outbox when it is time.

        Raises ``BadInput`` (``slow_consumer``) for a peer that owes a pong for ``ANSWER_WITHIN_S``.
        """
        self._silent_s += seconds
        self._waited_s += seconds
        if self._ping_out:
            if self._waited_s >= ANSWER_WITHIN_S:
                raise slow_consumer()
        elif self._waited_s >= PING_EVERY_S:
            self._ping_out, self._waited_s = True, 0.0
            self._outbox.put(Ping())

    def answered(self) -> bool:
        """Take a pong; return whether it answers a ping of ours.

        False where no ping was out: it is a heartbeat of the peer's own (RFC 6455, 5.5.3).
        """
        if not self._ping_out:
            return False
        self._ping_out, self._waited_s = False, 0.0
        return True

    def heard(self) -> None:
        """Count a sign of life: the silence begins anew."""
        self._silent_s = 0.0

    def stopped(self) -> None:
        """Let a peer be silent that has sent ``stop`` and waits for its finals; pongs are still due."""
        self._within_s = math.inf

    def check_silence(self) -> None:
        """Raise ``BadInput`` (``idle``) for a peer that has been silent for too long."""
        if self._silent_s >= self._within_s:
            raise BadInput(
                f"no audio, keepalive or ping of yours for {self._within_s:g} s",
                code=ErrorCode.IDLE,
            )


SHORTEST_REPLAY_S = 0.0025
"""Seconds of the shortest Opus packet: shorter frames count against the limit in a replay, too."""


class TokenBucket:
    """A token bucket in seconds of audio, full at first.

    It fills ``realtime_factor`` times as fast as time passes, up to what a client may keep: after
    a stall, of the network or of this service, everything that was said meanwhile may come at once.
    A message costs the audio that it holds, and so much at least that ``audio_frames_per_s`` of
    them empty what comes in; that is what bounds floods of empty frames. What a message costs the
    event loop does not depend on its length, so that limit is on their number: it has room for the
    shortest frames that are in use (AudioWorklet's 128 samples at 48 kHz, Opus packets of 2.5 ms).
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._factor = float(limits.realtime_factor)
        self._message_s = limits.realtime_factor / limits.audio_frames_per_s
        self._full_s = float(limits.replay_s)
        self._credit_s = self._full_s
        self._at_s: float | None = None

    def spend(self, now_s: float, *, audio_s: float = 0.0, replay: bool = False) -> None:
        """Pay for a message that came at ``now_s`` with ``audio_s`` seconds of audio.

        replay: the audio lies before ``live_from``: nothing but back-pressure slows it down.
        Raises ``BadInput`` (``too_fast``), which names the limit.
        """
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._credit_s = min(self._full_s, self._credit_s + self._factor * passed_s)
        if replay and audio_s >= SHORTEST_REPLAY_S:
            return
        self._credit_s -= max(audio_s, self._message_s)
        if self._credit_s < 0.0:
            raise BadInput(self._broken(audio_s), code=ErrorCode.TOO_FAST)

    def _broken(self, audio_s: float) -> str:
        """Name the limit that a message breaks: what it was counted as decides."""
        limits = self._limits
        if audio_s > self._message_s:
            return f"over {limits.realtime_factor} s of live audio a second (realtime_factor)"
        return f"over {limits.audio_frames_per_s} messages a second (audio_frames_per_s)"


_HEARTBEATS = (WSMsgType.PING, WSMsgType.PONG)


class Peer:
    """The other end of one socket: frames to it and from it, each within its time.

    limits: how much may come in a second. idle_s: how long it may be silent, in seconds.
    """

    def __init__(
        self, socket: TrackSocket, request: web.Request, limits: Limits, idle_s: float
    ) -> None:
        self._socket = socket
        self._request = request
        self._idle_s = idle_s
        self._frames = 0
        self.rate_limit = TokenBucket(limits)

    @property
    def closed(self) -> bool:
        """Whether the socket is closed, or being closed."""
        return self._socket.closed

    async def send(self, text: str) -> None:
        """Send one text. Raises ``TimeoutError`` when the peer does not read, ``ConnectionError``."""
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._socket.send_str(text)

    async def ping(self) -> None:
        """Send a ping. Raises as ``send`` does."""
        async with asyncio.timeout(SEND_WITHIN_S):
            await self._socket.ping()

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame; ``reason`` has 122 bytes at most."""
        await self._socket.close(code=code, message=reason.encode())

    def abort(self) -> None:
        """End the transport: a peer that reads nothing would never see a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def finish(self, sending: asyncio.Task[None], *, slow: bool) -> None:
        """Wait for the task that sends to end, for a bounded time, then cancel it and free the transport.

        slow: the peer does not read: there is little to wait for.
        """
        await asyncio.wait({sending}, timeout=CLOSE_WITHIN_S + (0.0 if slow else SEND_WITHIN_S))
        sending.cancel()
        await asyncio.wait({sending})
        transport = self._request.transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()  # closing would wait for a peer that does not read

    async def receive_within(self, timeout_s: float) -> WSMessage | None:
        """Wait for the next frame of data or the end; None when there was none so far, or a heartbeat.

        A heartbeat of the peer's own is counted, and a ping answered.
        """
        message = await self._frame(timeout_s)
        if message is None or message.type not in _HEARTBEATS:
            return message
        await self._take_heartbeat(message)
        return None

    async def receive(self, liveness: Liveness) -> str | bytes | None:
        """Wait for the next frame of data; None when the connection is over.

        Raises ``BadInput`` for a peer that says nothing, does not read, or breaks the protocol.
        """
        liveness.heard()
        while True:
            began_s = time.monotonic()
            message = await self._frame(min(LOOK_EVERY_S, self._idle_s))
            liveness.waited(time.monotonic() - began_s)
            if message is not None and message.type not in _HEARTBEATS:
                return data_of(message)
            if message is not None:
                answers_us = message.type is WSMsgType.PONG and liveness.answered()
                if not answers_us:
                    await self._take_heartbeat(message)
                    liveness.heard()
            liveness.check_silence()

    async def _frame(self, timeout_s: float) -> WSMessage | None:
        """Wait for the next frame; None when there was none so far."""
        self._frames += 1
        if self._frames % TURN_FRAMES == 0:
            await asyncio.sleep(0)  # what has arrived already is read without waiting
        try:
            return await self._socket.receive(timeout=timeout_s)
        except TimeoutError:
            return None

    async def _take_heartbeat(self, message: WSMessage) -> None:
        """Count a heartbeat of the peer's own against the rate limit, and answer a ping."""
        self.rate_limit.spend(time.monotonic())
        if message.type is WSMsgType.PING:
            await self._pong(message.data)

    async def _pong(self, data: bytes) -> None:
        """Answer a ping of the peer's. Raises ``BadInput`` (``slow_consumer``)."""
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await self._socket.pong(data)
        except TimeoutError:
            raise slow_consumer() from None
        except ConnectionError:
            return  # the next receive says so


def data_of(message: WSMessage) -> str | bytes | None:
    """Return what a frame carries; None for the end of the connection. Raises as ``raise_broken``."""
    if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
        data: str | bytes = message.data
        return data
    if message.type is WSMsgType.ERROR:
        # aiohttp has closed already; what is left is to say so in the log
        raise_broken(message.data)
    return None
