"""What a client remembers and decides, message by message."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.talking import FRAME, POLICY, RATE, STREAM, final, sent, session, speak, store
from wordloop_ml.errors import ErrorCode
from wordloop_ml.replay.breaks import (
    Closed,
    Lost,
    Refused,
    Unreachable,
)
from wordloop_ml.replay.session import (
    BackOff,
    BrokenPromise,
    Done,
    GiveUp,
    HandOver,
    Reconnect,
    ReplayBuffer,
    ReplayPolicy,
    ReplaySession,
    Show,
    Standing,
)
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import GapMessage, StartMessage, StopMessage
from wordloop_ml.wire.json_fields import MAX_POSITION
from wordloop_ml.wire.server_messages import (
    AckMessage,
    EndedMessage,
    ErrorMessage,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
)


def test_a_new_track_starts_at_zero() -> None:
    """And says where its first sample stands in the meeting: each process would guess anew."""
    assert session().connect() == StartMessage(
        1,
        "a",
        Encoding.PCM_MULAW,
        RATE,
        1,
        origin_ms=0,
        first_sample=0,
        epoch=1,
        live_from=0,
    )


def test_after_a_break_it_resumes_from_what_is_stored() -> None:
    """From the frame that holds C, and live from where the microphone stands now."""
    client = session()
    client.connect()
    speak(client, 10)
    sent(client)
    store(client, final(client, 1, 500))
    client.broke(Lost())
    speak(client, 5)
    start = client.connect()
    assert (start.first_sample, start.resume_from, start.last_seq) == (480, 500, 1)
    assert (start.epoch, start.attempt, start.live_from) == (2, 1, 15 * FRAME)
    assert len(sent(client)) == 12


def test_a_track_that_had_a_seat_says_that_it_resumes() -> None:
    """A busy server keeps room for it; one that never got in is still a new one."""
    client = session()
    said = [client.resumes]
    client.connect()
    client.broke(Lost())
    speak(client, 1)
    said.append(client.resumes)
    client.connect()
    client.take(2, ReadyMessage(0, 1, Limits()))
    said += [client.resumes, session(standing=Standing(5, 1, 3)).resumes]
    assert said == [False, False, True, True]


def test_a_decoder_s_run_up_is_sent_again_too() -> None:
    """An Opus packet is decoded faithfully 80 ms after the first one."""
    client = session(replace(POLICY, lead_s=0.08))
    client.connect()
    speak(client, 10)
    sent(client)
    store(client, final(client, 1, 1_280))
    client.broke(Lost())
    assert client.connect().first_sample == 640


def test_nothing_is_trimmed_before_the_store_has_it() -> None:
    """A break between hand-over and store brings the same final again."""
    client = session()
    client.connect()
    speak(client, 5)
    sent(client)
    assert isinstance(client.take(1, final(client, 1, 800)), HandOver)
    assert (client.committed, client.last_seq, client.room) == (0, 0, RATE - 800)
    with pytest.raises(ValueError, match="not been stored"):
        client.take(1, AckMessage(800, 800))
    client.stored()
    assert (client.committed, client.last_seq, client.room) == (800, 1, RATE)
    with pytest.raises(ValueError, match="no record"):
        client.stored()


def test_what_falls_out_of_the_buffer_becomes_one_gap() -> None:
    """Named with its length, before the audio behind it."""
    client = session()
    speak(client, 60)
    start = client.connect()
    assert (start.first_sample, start.resume_from) == (0, 0)
    items = sent(client)
    assert items[0] == GapMessage(60 * FRAME - RATE)
    assert len(items) == 1 + RATE // FRAME
    hole = NoticeMessage(NoticeCode.GAP, 0, 200, committed=60 * FRAME - RATE)
    assert store(client, hole).committed == 60 * FRAME - RATE


def test_audio_that_the_source_does_not_have_is_a_gap_too() -> None:
    """As soon as audio follows it, or nothing does."""
    client = session()
    client.connect()
    client.skip(1_000)
    assert sent(client) == []
    speak(client, 1)
    client.skip(7)
    client.end()
    assert sent(client) == [GapMessage(1_000), bytes(FRAME), GapMessage(7), StopMessage()]


def test_a_restarted_client_names_what_it_lost() -> None:
    """From what was stored to where the microphone stands, under an epoch from outside."""
    client = session(standing=Standing(400, 3, 7), position=1_600)
    speak(client, 1)
    start = client.connect(epoch=1_000)
    assert (start.resume_from, start.last_seq, start.epoch) == (400, 3, 1_000)
    assert sent(client) == [GapMessage(1_200), bytes(FRAME)]


def test_a_file_is_exempt_from_the_limits_of_live_audio() -> None:
    """All of it lies before ``live_from``."""
    assert session(live=False).connect().live_from == MAX_POSITION


def test_no_more_is_in_flight_than_the_policy_says() -> None:
    """An ack lets more go; a gap is never in flight."""
    client = session(replace(POLICY, in_flight_s=0.1))
    client.connect()
    client.skip(5_000)
    speak(client, 20)
    assert sent(client) == [GapMessage(5_000), *[bytes(FRAME)] * 5]
    client.take(1, AckMessage(5_000 + 3 * FRAME, 0))
    assert len(sent(client)) == 3


@pytest.mark.parametrize(
    "message",
    [
        AckMessage(800, 800),
        NoticeMessage(NoticeCode.GAP, 0, 10, committed=800),
        EndedMessage(800, 800, 1),
    ],
)
def test_an_older_connection_is_refused_whatever_it_says(message: Any) -> None:
    """By the connection it came through; captions carry their epoch besides."""
    client = session()
    client.connect()
    speak(client, 5)
    sent(client)
    client.broke(Lost())
    client.connect()
    sent(client)
    assert client.take(1, message) is None
    assert client.take(2, final(client, 1, 800, epoch=1)) is None
    assert (client.committed, client.refused) == (0, 2)


def test_a_connection_that_broke_is_refused_at_once() -> None:
    """Also before there is a new one: its last final must not slip in behind the next start."""
    client = session()
    client.connect()
    speak(client, 5)
    sent(client)
    client.broke(Lost())
    assert client.take(1, final(client, 1, 800)) is None
    assert client.connect().last_seq == 0


def test_nobody_connects_before_the_store_has_answered() -> None:
    """What it says decides where to resume."""
    client = session()
    client.connect()
    speak(client, 5)
    sent(client)
    client.take(1, final(client, 1, 800))
    client.broke(Lost())
    with pytest.raises(ValueError, match="not been stored"):
        client.connect()
    client.stored()
    assert client.connect().resume_from == 800


def test_a_final_that_is_stored_already_is_refused() -> None:
    """By its number; a hole by its place."""
    client = session()
    client.connect()
    speak(client, 5)
    sent(client)
    first = final(client, 1, 400)
    store(client, first)
    hole = NoticeMessage(NoticeCode.DECODE_FAILED, 50, 75, committed=600)
    store(client, hole)
    assert client.take(1, first) is None
    assert client.take(1, hole) is None
    assert client.refused == 2


def test_interims_are_shown_and_trim_nothing() -> None:
    """They may still change."""
    client = session()
    client.connect()
    interim = final(client, 1, 400, final=False, seq=None, committed=None)
    assert client.take(1, interim) == Show(interim)
    assert client.committed == 0


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"seq": 3}, "missing"),
        ({"seq": None}, "without seq"),
        ({"committed": 400}, "starts before"),
        ({"start": 0}, "starts before"),
        ({"committed": 801}, "not sent"),
    ],
)
def test_a_promise_that_is_broken_ends_the_connection(
    changes: dict[str, Any], promise: str
) -> None:
    """What comes over it cannot be trusted."""
    client = session()
    client.connect()
    speak(client, 5)
    sent(client)
    store(client, final(client, 1, 400))
    with pytest.raises(BrokenPromise, match=promise):
        client.take(1, final(client, 2, 800, **changes))


@pytest.mark.parametrize("ready", [ReadyMessage(1, 1, Limits()), ReadyMessage(0, 2, Limits())])
def test_a_server_that_begins_elsewhere_is_not_trusted(ready: ReadyMessage) -> None:
    """Audio or a number would be missing."""
    client = session()
    client.connect()
    assert client.take(1, ReadyMessage(0, 1, Limits())) is None
    with pytest.raises(BrokenPromise, match="begins elsewhere"):
        client.take(1, ready)


def test_it_is_done_when_all_is_committed_however_the_connection_ended() -> None:
    """And not when the server closes too early, whatever code it gives."""
    client = session()
    client.connect()
    speak(client, 2)
    client.end()
    assert sent(client)[-1] == StopMessage()
    assert isinstance(client.broke(Closed(1000)), Reconnect)
    client.connect()
    assert sent(client)[-1] == StopMessage()
    store(client, final(client, 1, 2 * FRAME))
    assert client.broke(Lost()) == Done()


def test_times_count_from_the_origin() -> None:
    """A final at C is not one before C, however far into the meeting the track begins."""
    stream = replace(STREAM, origin_ms=60_000)
    client = ReplaySession(stream, random=lambda: 0.0, policy=POLICY)
    client.connect()
    speak(client, 10)
    sent(client)
    store(client, final(client, 1, 800, start=60_000))
    with pytest.raises(BrokenPromise):
        client.take(1, final(client, 2, 1_600, start=60_099))
    store(client, final(client, 2, 1_600, start=60_100))


def test_waits_double_with_full_jitter_up_to_a_bound() -> None:
    """And begin anew after progress."""
    policy = ReplayPolicy(first_wait_s=1.0, longest_wait_s=6.0)
    back_off = BackOff(policy, random=lambda: 0.5)
    assert [back_off.wait_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    back_off.reset()
    assert back_off.wait_s() == 0.5


def test_the_server_may_ask_for_more() -> None:
    """Retry-After is waited in full, and jitter comes on top: nobody comes back all at once."""
    back_off = BackOff(ReplayPolicy(first_wait_s=1.0), random=lambda: 0.5)
    assert back_off.wait_s(10.0) == 10.5


def test_a_thousand_failures_later_it_still_waits_no_longer() -> None:
    """No overflow."""
    back_off = BackOff(ReplayPolicy(longest_wait_s=15.0), random=lambda: 1.0)
    assert max(back_off.wait_s() for _ in range(2_000)) == 15.0
    assert not back_off.exhausted


def test_a_policy_may_say_that_it_is_enough() -> None:
    """For a person who waits at a terminal."""
    back_off = BackOff(ReplayPolicy(failures_before_stop=2), random=lambda: 0.0)
    assert [back_off.exhausted, back_off.wait_s(), back_off.wait_s(), back_off.exhausted] == [
        False,
        0.0,
        0.0,
        True,
    ]


def filled(limit: int = 100, frames: int = 5, samples: int = 10) -> ReplayBuffer:
    buffer = ReplayBuffer(limit)
    for index in range(frames):
        buffer.append(bytes([index]) * samples, samples)
    return buffer


def test_frames_are_found_by_position() -> None:
    """The first one that reaches beyond."""
    buffer = filled()
    for position, begins in ((0, 0), (9, 0), (10, 10), (49, 40)):
        frame = buffer.after(position)
        assert frame is not None
        assert frame.position == begins
    assert buffer.after(50) is None


def test_what_is_committed_is_released_in_whole_frames() -> None:
    """A frame that reaches beyond is kept: an Opus packet cannot be divided."""
    buffer = filled()
    buffer.release_before(25)
    assert (buffer.start, buffer.held, buffer.end) == (20, 30, 50)
    buffer.release_before(1_000)
    assert (buffer.start, buffer.held, buffer.end) == (50, 0, 50)


def test_the_oldest_audio_falls_out() -> None:
    """When there is no room."""
    buffer = filled(limit=30)
    assert (buffer.start, buffer.held, buffer.room) == (20, 30, 0)


def test_audio_that_never_came_moves_positions_and_takes_no_room() -> None:
    """The frame behind it stands where it belongs."""
    buffer = filled(frames=1)
    buffer.skip(1_000)
    buffer.append(b"x", 10)
    frame = buffer.after(500)
    assert frame is not None
    assert (frame.position, buffer.held, buffer.end) == (1_010, 20, 1_020)


def test_an_empty_frame_is_nothing() -> None:
    """Harmless, as on the wire."""
    buffer = filled(frames=1)
    buffer.append(b"", 0)
    assert buffer.end == 10


@given(
    st.lists(st.tuples(st.sampled_from(["append", "skip", "release"]), st.integers(1, 60))),
    st.integers(1, 100),
)
def test_positions_never_lie(steps: list[tuple[str, int]], limit: int) -> None:
    """Whatever is added, skipped and released."""
    buffer, added = ReplayBuffer(limit, position=7), {}
    for what, samples in steps:
        if what == "append":
            added[buffer.end] = samples
            buffer.append(str(buffer.end).encode(), samples)
        elif what == "skip":
            buffer.skip(samples)
        else:
            buffer.release_before(buffer.start + samples)
        assert 0 <= buffer.held <= limit
        position, held = buffer.start, 0
        while (frame := buffer.after(position)) is not None:
            assert frame.payload == str(frame.position).encode()
            assert frame.end - frame.position == added[frame.position]
            held += frame.end - frame.position
            position = frame.end
        assert held == buffer.held


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
