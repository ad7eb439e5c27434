"""What a break means, by one table."""

import pytest

from wordloop_ml.errors import ErrorCode
from wordloop_ml.replay.breaks import (
    Break,
    Closed,
    Distrusted,
    Lost,
    Refused,
    Unreachable,
    action,
    describe,
    error_code,
    may_be_the_audio,
)
from wordloop_ml.wire.close_codes import CLIENT_ACTIONS, ClientAction, CloseCode


@pytest.mark.parametrize("code", CloseCode)
def test_a_close_code_means_what_the_protocol_s_table_says(code: CloseCode) -> None:
    """There is no second table."""
    assert action(Closed(int(code))) is CLIENT_ACTIONS[code]


@pytest.mark.parametrize(
    ("why", "then"),
    [
        (Closed(1001), ClientAction.BACK_OFF),
        (Closed(4999), ClientAction.BACK_OFF),
        (Lost(), ClientAction.BACK_OFF),
        (Distrusted(), ClientAction.BACK_OFF),
        (Unreachable(), ClientAction.BACK_OFF),
        (Refused(503, 2.0), ClientAction.BACK_OFF),
        (Refused(500), ClientAction.BACK_OFF),
        (Refused(502), ClientAction.BACK_OFF),
        (Refused(400), ClientAction.STOP),
        (Refused(401), ClientAction.STOP),
        (Refused(403), ClientAction.STOP),
        (Refused(404), ClientAction.STOP),
        (Refused(418), ClientAction.STOP),
        (Refused(429), ClientAction.STOP),
    ],
)
def test_what_no_table_knows_may_pass_and_a_wrong_request_does_not(
    why: Break, then: ClientAction
) -> None:
    """A proxy's own 5xx is like a server that cannot be reached."""
    assert action(why) is then


@pytest.mark.parametrize(
    ("why", "suspicious"),
    [
        (Lost(), True),
        (Closed(1011), True),
        (Lost(silent=True), False),
        (Closed(1012), False),
        (Closed(1013), False),
        (Closed(4001), False),
        (Refused(500), False),
        (Unreachable(), False),
        (Distrusted(), False),
    ],
)
def test_only_a_process_that_may_have_died_makes_audio_suspicious(
    why: Break, suspicious: bool
) -> None:
    """Planned, refused and silent breaks are not the audio's fault."""
    assert may_be_the_audio(why) is suspicious


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (Refused(401), ErrorCode.TOKEN_REFUSED),
        (Closed(4009), ErrorCode.AUDIO_HOLE),
        (Unreachable(), ErrorCode.SERVER_UNREACHABLE),
    ],
)
def test_a_break_has_a_code_and_words(why: Break, code: ErrorCode) -> None:
    """For the one line that a command prints."""
    assert error_code(why) is code
    assert describe(why)
