from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.close_codes import (
    CLIENT_ACTIONS,
    OUTCOMES,
    ClientAction,
    CloseCode,
    close_code,
    close_reason,
    http_status,
)

NEVER_ON_THE_WIRE = {
    ErrorCode.UNREADABLE_AUDIO,
    ErrorCode.NO_MICROPHONE,
    ErrorCode.UNREADABLE_TRANSCRIPT,
    ErrorCode.BAD_SETTING,
    ErrorCode.BAD_TOKENS_FILE,
    ErrorCode.BAD_MANIFEST,
    ErrorCode.SERVER_UNREACHABLE,
    ErrorCode.UNKNOWN_PROFILE,
    ErrorCode.WEIGHTS_MISSING,
    ErrorCode.WEIGHTS_TRUNCATED,
    ErrorCode.WEIGHTS_CORRUPT,
    ErrorCode.WEIGHTS_UNREACHABLE,
    ErrorCode.WEIGHTS_LOCKED,
    ErrorCode.WEIGHTS_TOO_LARGE,
    ErrorCode.ALREADY_LOADED,
    ErrorCode.DISK_FULL,
    ErrorCode.ENGINE_INCOMPATIBLE,
}
"""Errors of start-up and of the command line."""


def test_every_error_that_can_reach_a_client_has_its_outcome() -> None:
    """A new code is put into the table, or said here to stay inside."""
    assert set(OUTCOMES) == set(ErrorCode) - NEVER_ON_THE_WIRE


def test_the_close_codes_are_those_of_the_protocol() -> None:
    """Each is used by an error, but for the one that is no error, and has its action."""
    assert set(CLIENT_ACTIONS) == set(CloseCode)
    assert {outcome.close for outcome in OUTCOMES.values()} == set(CloseCode) - {CloseCode.NORMAL}


def test_an_error_that_should_not_get_out_is_unexpected() -> None:
    """The client learns that the server is at fault, and no more."""
    assert close_code(ErrorCode.WEIGHTS_CORRUPT) is CloseCode.UNEXPECTED
    assert http_status(ErrorCode.WEIGHTS_CORRUPT) == 500


def test_what_to_retry_agrees_between_close_and_status() -> None:
    """A request that is wrong is never retried; one that came at a bad time is."""
    for code, outcome in OUTCOMES.items():
        action = CLIENT_ACTIONS[outcome.close]
        if outcome.http >= 500:
            assert action in {ClientAction.RESUME, ClientAction.BACK_OFF}, code
        if outcome.http in {400, 403, 413, 415}:
            assert action is ClientAction.STOP, code


@given(st.sampled_from(list(ErrorCode)), st.text(max_size=300))
def test_a_reason_always_fits_into_a_close_frame(code: ErrorCode, message: str) -> None:
    """Under 123 bytes, cut between characters, the code whole."""
    reason = close_reason(code, message)
    assert len(reason.encode()) < 123
    assert reason.startswith(f"{code}: ")


def test_a_reason_is_cut_between_characters() -> None:
    """Half a character would make the peer fail with 1007."""
    reason = close_reason(ErrorCode.BUSY, "ü" * 200)
    assert reason == "busy: " + "ü" * 58
