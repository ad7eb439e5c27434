"""aiohttp's WebSocket with every limit stated, and with our names for what it closes by itself."""

from aiohttp import WSCloseCode, web

from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire import v1

HEARTBEAT_S = 10.0
"""Until ``start``, a peer that does not answer a ping is gone after one and a half times this."""

CLOSE_WITHIN_S = 2.0

BROKEN: dict[int, tuple[ErrorCode, str]] = {
    WSCloseCode.PROTOCOL_ERROR: (ErrorCode.BAD_FRAME, "this breaks the WebSocket protocol"),
    WSCloseCode.INVALID_TEXT: (ErrorCode.BAD_JSON, "a text is not UTF-8"),
    WSCloseCode.MESSAGE_TOO_BIG: (
        ErrorCode.TOO_LARGE,
        f"a message is at most {v1.Limits().message_bytes} bytes",
    ),
}
"""The codes with which aiohttp closes by itself, and what they are called here."""


class TrackSocket(web.WebSocketResponse):
    """The WebSocket of one track."""

    def __init__(self) -> None:
        super().__init__(
            timeout=CLOSE_WITHIN_S,
            heartbeat=HEARTBEAT_S,
            autoping=False,  # an answer to our ping is how we know that the peer reads
            compress=False,
            # aiohttp refuses a message of exactly its limit; ours is inclusive
            max_msg_size=v1.Limits().message_bytes + 1,
        )

    def speaks(self, request: web.Request) -> bool:
        """Whether a request asks for a WebSocket, and asks properly."""
        try:
            return self.can_prepare(request).ok
        except ValueError:  # a key beyond ASCII
            return False

    async def close(
        self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True
    ) -> bool:
        """Close; a close of aiohttp's own, which gives no reason, gets its name."""
        if not message and code in BROKEN:
            message = v1.close_reason(*BROKEN[code]).encode()
        return await super().close(code=code, message=message, drain=drain)
