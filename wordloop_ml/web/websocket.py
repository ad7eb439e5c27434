"""aiohttp's WebSocket with every limit stated, and with our names for what it closes by itself."""

from aiohttp import ClientError, WebSocketError, WSCloseCode, web

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.close_codes import close_reason
from wordloop_ml.wire.server_messages import Limits

HEARTBEAT_S = 10.0
"""Until ``start``, a peer that does not answer a ping is gone after one and a half times this."""

CLOSE_WITHIN_S = 2.0

BROKEN: dict[int, tuple[ErrorCode, str]] = {
    WSCloseCode.PROTOCOL_ERROR: (ErrorCode.BAD_FRAME, "this breaks the WebSocket protocol"),
    WSCloseCode.INVALID_TEXT: (ErrorCode.BAD_JSON, "a text is not UTF-8"),
    WSCloseCode.MESSAGE_TOO_BIG: (
        ErrorCode.TOO_LARGE,
        f"a message is at most {Limits().message_bytes} bytes",
    ),
}
"""The codes with which aiohttp closes by itself, and what they are called here."""

_NO_CLOSE_OF_THE_PEER = (None, WSCloseCode.ABNORMAL_CLOSURE)


class TrackSocket(web.WebSocketResponse):
    """The WebSocket of one track."""

    def __init__(self) -> None:
        super().__init__(
            timeout=CLOSE_WITHIN_S,
            heartbeat=HEARTBEAT_S,
            autoping=False,  # an answer to our ping is how we know that the peer reads
            compress=False,
            # aiohttp refuses a message of exactly its limit; ours is inclusive
            max_msg_size=Limits().message_bytes + 1,
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
        """Close; a close of aiohttp's own, which gives no reason, gets its name.

        It closes with 1000 what a handler has left open, and what it fails to read. Neither is the
        orderly end that 1000 says: only a close of the peer's is answered with it.
        """
        if not message and code in BROKEN:
            message = close_reason(*BROKEN[code]).encode()
        elif not message and self.close_code in _NO_CLOSE_OF_THE_PEER:
            code = WSCloseCode.INTERNAL_ERROR
            message = close_reason(ErrorCode.INTERNAL, "unexpected end").encode()
        return await super().close(code=code, message=message, drain=drain)


def raise_broken(error: BaseException) -> None:
    """Raise what aiohttp failed to read for: ``BadInput`` where a peer broke the protocol.

    A connection that is gone is no error. Anything else is a bug, and raised as it is.
    """
    if isinstance(error, WebSocketError):
        code, reason = BROKEN[error.code]
        raise BadInput(reason, code=code)
    if not isinstance(error, OSError | ClientError):
        raise error
