"""What a client makes of breaks: which audio it suspects, when it waits, when it stops."""

from dataclasses import replace
from typing import Any

import pytest

from tests.replay.talking import FRAME, POLICY, RATE, final, sent, session, speak, store
from wordloop_ml.errors import ErrorCode
from wordloop_ml.replay.breaks import Closed, Lost, Refused, Unreachable
from wordloop_ml.replay.session import (
    GiveUp,
    Reconnect,
    ReplaySession,
)
from wordloop_ml.wire.client_messages import GapMessage, StartMessage
from wordloop_ml.wire.server_messages import (
    ErrorMessage,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
)


def broken(client: ReplaySession, why: Any = None, *, answered: bool = True) -> StartMessage:
    """Audio is sent and answered, the connection breaks, and the client connects again."""
    speak(client, 2)
    sent(client)
    if answered:
        client.take(client.epoch, ReadyMessage(client.committed, client.last_seq + 1, Limits()))
    assert isinstance(client.broke(why or Lost()), Reconnect)
    return client.connect()


def test_audio_that_two_processes_died_of_is_given_up() -> None:
    """As one gap over what had been sent when the first one died; then the count begins anew."""
    client = session()
    client.connect()
    assert broken(client).attempt == 1
    assert broken(client, Closed(1011)).attempt == 2
    items = sent(client)
    assert items == [GapMessage(2 * FRAME), *[bytes(FRAME)] * 2]
    store(client, NoticeMessage(NoticeCode.GAP, 0, 40, committed=2 * FRAME))
    assert client.attempt == 0


def test_audio_that_nothing_was_answered_to_is_not_suspected() -> None:
    """A server lets suspected tracks in one at a time: another one's turn had come."""
    client = session()
    client.connect()
    assert broken(client).attempt == 1
    assert broken(client, answered=False).attempt == 1
    assert broken(client).attempt == 2


def test_what_is_given_up_reaches_a_little_beyond_the_break() -> None:
    """Also over audio that comes later: the break may have come in the middle of it."""
    client = session(replace(POLICY, poison_margin_s=3 * FRAME / RATE))
    client.connect()
    broken(client)
    broken(client)
    assert sent(client) == []
    speak(client, 2)
    assert sent(client) == [GapMessage(5 * FRAME), bytes(FRAME)]


def test_audio_beyond_the_break_that_was_heard_acquits_the_rest() -> None:
    """An interim is enough; one that ends before proves nothing."""
    client = session()
    client.connect()
    broken(client)
    heard = final(client, 1, FRAME, final=False, seq=None, committed=None)
    client.take(client.epoch, heard)
    assert client.attempt == 1
    client.take(client.epoch, replace(heard, end=2 * FRAME * 1_000 // RATE))
    assert client.attempt == 0


@pytest.mark.parametrize("why", [Closed(1012), Closed(1013), Closed(4001), Lost(silent=True)])
def test_a_break_that_is_not_the_audio_s_fault_is_not_counted(why: Any) -> None:
    """However many there are."""
    client = session()
    client.connect()
    for _ in range(4):
        assert broken(client, why).attempt == 0


def test_retry_after_is_heeded_wherever_it_stands() -> None:
    """In the answer before the upgrade, or in the error before a close."""
    client = session()
    assert client.broke(Refused(503, 7.0)) == Reconnect(7.0 + 0.125)
    client.connect()
    client.take(1, ErrorMessage(ErrorCode.BUSY, "full", 4.0))
    assert client.broke(Closed(1013)) == Reconnect(4.0 + 0.25)
    assert client.broke(Unreachable()) == Reconnect(0.5)


@pytest.mark.parametrize("code", [1002, 4009, 4501, 4503])
def test_a_terminal_code_ends_it(code: int) -> None:
    """With the server's own error, where it named one."""
    client = session()
    client.connect()
    client.take(1, ErrorMessage(ErrorCode.SUPERSEDED, "newer"))
    assert client.broke(Closed(code)) == GiveUp(ErrorCode.SUPERSEDED, Closed(code))


def test_a_policy_may_end_it() -> None:
    """After so many failures in a row."""
    client = session(replace(POLICY, failures_before_stop=1))
    assert isinstance(client.broke(Unreachable()), Reconnect)
    assert client.broke(Unreachable()) == GiveUp(ErrorCode.SERVER_UNREACHABLE, Unreachable())
