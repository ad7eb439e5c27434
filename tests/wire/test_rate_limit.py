"""What a client may send at once, in the long run, and without any audio."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.close_codes import close_reason
from wordloop_ml.wire.rate_limit import TokenBucket
from wordloop_ml.wire.server_messages import Limits

LIMITS = Limits()


def messages_until_refused(bucket: TokenBucket, now_s: float = 0.0) -> int:
    """How many messages without audio are taken at one moment."""
    for count in range(100_000):
        if not taken(bucket, now_s):
            return count
    raise AssertionError


def taken(bucket: TokenBucket, now_s: float, **audio: Any) -> bool:
    """Whether a message is, or is named as being too fast."""
    try:
        bucket.spend(now_s, **audio)
    except BadInput as error:
        return error.code is not ErrorCode.TOO_FAST
    return True


@given(st.lists(st.sampled_from([0.005, 0.01, 0.02, 0.06, 0.1]), min_size=1, max_size=50))
def test_audio_at_the_speed_of_speech_is_never_too_fast(frames_s: list[float]) -> None:
    """For an hour, in frames of 5 ms or longer, after any stall of up to two minutes."""
    bucket = TokenBucket(LIMITS)
    bucket.spend(0.0)
    said_s = 0.0
    for round_ in range(30):
        stall_s = 110.0 if round_ % 10 == 9 else 0.0
        for audio_s in frames_s:
            said_s += audio_s
            bucket.spend(said_s + stall_s, audio_s=audio_s)
        said_s += stall_s


@pytest.mark.parametrize("frame_s", [128 / 48_000, 128 / 44_100, 0.0025])
def test_the_shortest_frames_in_use_are_never_too_fast(frame_s: float) -> None:
    """An AudioWorklet's, and Opus packets of 2.5 ms: an hour, with a stall of a minute in between."""
    bucket = TokenBucket(LIMITS)
    for index in range(round(3_600 / frame_s)):
        at_s = index * frame_s
        stalled = 600.0 < at_s < 660.0
        bucket.spend(660.0 if stalled else at_s, audio_s=frame_s)


@pytest.mark.parametrize(
    ("audio_s", "limit"),
    [
        (0.1, "over 2 s of live audio a second (realtime_factor)"),
        (0.001, "over 500 messages a second (audio_frames_per_s)"),
        (0.0, "over 500 messages a second (audio_frames_per_s)"),
    ],
)
def test_what_is_too_fast_is_told_which_limit_it_broke(audio_s: float, limit: str) -> None:
    """By the name that ``ready`` gave it, in words that fit into a close frame."""
    bucket = TokenBucket(LIMITS)

    def flood() -> None:
        for _ in range(100_000):
            bucket.spend(0.0, audio_s=audio_s)

    with pytest.raises(BadInput) as caught:
        flood()
    assert str(caught.value) == limit
    assert close_reason(caught.value.code, limit).endswith(limit)


def test_twice_the_speed_of_speech_is_allowed_and_more_is_not_for_long() -> None:
    """Three times is too fast after the credit of two minutes."""
    for factor, allowed in ((2, True), (3, False)):
        bucket = TokenBucket(LIMITS)
        frames = range(4_000)
        assert all(taken(bucket, index * 0.1 / factor, audio_s=0.1) for index in frames) is allowed


def test_a_flood_without_audio_is_bounded_at_once_and_in_the_long_run() -> None:
    """30,000 messages, then five hundred a second."""
    bucket = TokenBucket(LIMITS)
    assert messages_until_refused(bucket) == pytest.approx(30_000, abs=2)
    assert messages_until_refused(bucket, 10.0) == pytest.approx(5_000, abs=3)


def test_a_replay_costs_nothing_unless_it_is_a_flood_in_disguise() -> None:
    """Any amount of audio, but in frames of some length."""
    bucket = TokenBucket(LIMITS)
    assert all(taken(bucket, 0.0, audio_s=1.0, replay=True) for _ in range(10_000))
    assert not all(taken(bucket, 0.0, audio_s=1 / 16_000, replay=True) for _ in range(50_000))
