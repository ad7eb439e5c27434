"""What an operator learns of a track: how it ended, what it lost and refused, and how long captions took."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from tests.meetings.conftest import WAIT_S, Hold
from tests.meetings.test_roster import key, turn
from tests.web.support import until
from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.meetings.inbox import AudioEnded, ConnectionLost, GapArrived
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.meetings.session import Closed, TrackOptions, TrackSession
from wordloop_ml.metrics import Metrics

Logs = list[MutableMapping[str, Any]]


@pytest.fixture
def logs() -> Iterator[Logs]:
    """What is logged, at every level: a service that an earlier test ran in this process has set one."""
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as events:
        yield events


def only(logs: Logs, event: str) -> MutableMapping[str, Any]:
    """The one line of an event."""
    [one] = [one for one in logs if one["event"] == event]
    return one


async def closed(session: TrackSession) -> Closed:
    """Read to the end of an outbox."""
    while not isinstance(event := await session.outbox.get(), Closed):
        pass
    return event


async def test_a_client_that_stops_has_ended_its_track(roster: Roster, logs: Logs) -> None:
    """With its finals, and what it took."""
    actor, session = roster.join(key("m"), TrackOptions(track="a", first_sample=512))
    await actor.post_audio(session, turn(1, 2))
    actor.post(AudioEnded(session))
    await closed(session)
    ended = only(logs, "track_ended")
    assert (ended["ended"], ended["code"], ended["finals"]) == ("stopped", None, 1)
    assert ended["resumed"]
    assert ended["rejected"] == {}
    assert ended["seconds"] >= 0


@pytest.mark.parametrize(
    ("code", "how"),
    [(None, "left"), (ErrorCode.TOO_FAST, "refused"), (ErrorCode.INTERNAL, "failed")],
)
async def test_a_lost_connection_says_whose_doing_it_was(
    roster: Roster, logs: Logs, code: ErrorCode | None, how: str
) -> None:
    """The peer went, did what it may not, or met a bug."""
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    actor.post(ConnectionLost(session, code))
    await closed(session)
    ended = only(logs, "track_ended")
    assert (ended["ended"], ended["code"]) == (how, code)


async def test_an_answer_that_comes_first_does_not_change_why_a_connection_ended(
    roster: Roster, logs: Logs
) -> None:
    """The reader has closed the outbox; the actor handles audio before it hears of that."""
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    await actor.post_audio(session, turn(1, 2))
    session.outbox.put(Closed(ErrorCode.TOO_FAST))
    await until(lambda: actor.over)
    ended = only(logs, "track_ended")
    assert (ended["ended"], ended["code"]) == ("refused", ErrorCode.TOO_FAST)


async def test_a_newer_connection_and_a_drain_end_tracks(roster: Roster, logs: Logs) -> None:
    """In this order."""
    _, older = roster.join(key("m"), TrackOptions(track="a", epoch=1))
    roster.join(key("m"), TrackOptions(track="a", epoch=2))
    await closed(older)
    assert await roster.drain(WAIT_S)
    ends = [(one["ended"], one["code"]) for one in logs if one["event"] == "track_ended"]
    assert ends == [
        ("superseded", ErrorCode.SUPERSEDED),
        ("drained", ErrorCode.DRAINING),
    ]


async def test_a_track_that_a_drain_cannot_wait_for_is_cut(
    roster: Roster, logs: Logs, hold: Hold
) -> None:
    """Its decode hangs."""
    hold.opened.clear()
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    await actor.post_audio(session, turn(1, 2))
    assert not await roster.drain(0.0)
    hold.opened.set()
    assert only(logs, "track_ended")["ended"] == "cut"


async def test_a_failed_decode_says_which_and_what_is_lost(
    roster: Roster, logs: Logs, hold: Hold
) -> None:
    """Track, class, length and time; then the span without a final."""
    hold.error = EngineFailed("no")
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    await actor.post_audio(session, turn(1, 2))
    actor.post(AudioEnded(session))
    await closed(session)
    failed = [one for one in logs if one["event"] == "decode_failed"]
    finals = [one for one in failed if one["decoded_for"] == "final"]
    assert len(finals) == 2  # a failed final is asked for once more
    for one in finals:
        assert (one["track"], one["code"]) == ("a", ErrorCode.ENGINE_FAILED)
        assert one["audio_ms"] >= 500
        assert one["ran_ms"] >= 0
    assert only(logs, "span_lost")["reason"] == "decode_failed"
    assert only(logs, "track_ended")["lost"] == 1
    assert count(roster, "spans_lost_total", reason="decode_failed") == 1
    assert count(roster, "inference_failed_total", job_class="final", reason="engine_failed") == 2


async def test_a_gap_is_counted_and_leaves_no_line(roster: Roster, logs: Logs) -> None:
    """A client may send as many as it likes."""
    actor, session = roster.join(key("m"), TrackOptions(track="a"))
    actor.post(GapArrived(session, 16_000))
    actor.post(AudioEnded(session))
    await closed(session)
    assert [one["event"] for one in logs] == ["meeting_started", "track_ended"]
    assert only(logs, "track_ended")["lost"] == 1
    assert count(roster, "spans_lost_total", reason="gap") == 1


def count(roster: Roster, name: str, **labels: str) -> float | None:
    """A sample of what a roster counts; its executor has metrics of its own here."""
    for metrics in (roster._metrics, roster._executor._metrics):
        assert isinstance(metrics, Metrics)
        if value := metrics.registry.get_sample_value(f"wordloop_{name}", labels):
            return value
    return 0.0
