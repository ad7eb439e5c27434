"""Why a connection broke, and what the client does next; pure.

What a close code means stands in one table, ``wire.close_codes.CLIENT_ACTIONS``.
"""

from dataclasses import dataclass

from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.close_codes import CLIENT_ACTIONS, OUTCOMES, ClientAction, CloseCode


@dataclass(frozen=True, slots=True)
class Unreachable:
    """There was no connection, or no answer to the request for one."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The request was answered before the upgrade: HTTP status, and Retry-After in seconds."""

    status: int
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed, with a code."""

    code: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection went without a close frame.

    silent: nothing came for too long, so that the network is likelier to blame than the server.
    """

    silent: bool = False


@dataclass(frozen=True, slots=True)
class Distrusted:
    """The client itself closed: the server broke a promise of the protocol."""


Break = Unreachable | Refused | Closed | Lost | Distrusted


def action(why: Break) -> ClientAction:
    """Return what a client does after this break; it backs off where no table knows."""
    match why:
        case Closed(code=code):
            return CLIENT_ACTIONS[CloseCode(code)] if code in _CODES else ClientAction.BACK_OFF
        case Refused(status=status):
            return _action_of_status(status)
        case _:
            return ClientAction.BACK_OFF


def may_be_the_audio(why: Break) -> bool:
    """Whether audio that the server cannot survive would have looked like this."""
    match why:
        case Lost(silent=silent):
            return not silent
        case Closed(code=CloseCode.UNEXPECTED):
            return True
        case _:
            return False


def error_code(why: Break) -> ErrorCode:
    """Return the error behind a break where the server named none: the first one of the tables."""
    for code, outcome in OUTCOMES.items():
        match why:
            case Refused(status=status) if outcome.http == status:
                return code
            case Closed(code=close) if outcome.close == close:
                return code
    return ErrorCode.SERVER_UNREACHABLE


def describe(why: Break) -> str:
    """Describe a break in words."""
    match why:
        case Unreachable():
            return "it cannot be reached"
        case Refused(status=status):
            return f"it answered with status {status}"
        case Closed(code=code):
            return f"it closed with code {code}"
        case Lost(silent=silent):
            return "it fell silent" if silent else "the connection was lost"
        case Distrusted():
            return "it broke the protocol"


_CODES = frozenset(int(code) for code in CLIENT_ACTIONS)


def _action_of_status(status: int) -> ClientAction:
    """Return what all errors with this status have in common; a proxy's own 5xx may pass."""
    actions = {CLIENT_ACTIONS[one.close] for one in OUTCOMES.values() if one.http == status}
    if ClientAction.STOP in actions or (not actions and status < 500):
        return ClientAction.STOP
    return ClientAction.BACK_OFF
