"""The inbound half of a connection, without a socket: every sample counted, in every encoding."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.opus_packets import encode
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.web.meeting_socket import AudioInput
from wordloop_ml.wire.audio_frames import Encoding, Positions
from wordloop_ml.wire.client_messages import StartMessage

RATE = 48_000
POSITIONS = Positions(RATE)
DURATIONS_MS = (2.5, 10, 20, 60, 120)


@cache
def packets_of_hiss(duration_ms: float = 20, channels: int = 1) -> list[bytes]:
    """Half a second."""
    hiss = np.random.default_rng(5).normal(0.0, 0.1, RATE // 2).astype(np.float32)
    return encode(np.tile(hiss, (channels, 1)), frame_ms=duration_ms)


def inbound(**fields: Any) -> AudioInput:
    """What comes in after this ``start``; Opus unless told otherwise."""
    start = StartMessage(1, "a", fields.pop("encoding", Encoding.OPUS), RATE, 1, **fields)
    return AudioInput(start, Positions(RATE, 0, start.resume_from))


@given(
    st.lists(
        st.tuples(st.sampled_from(DURATIONS_MS), st.integers(1, 2), st.integers(0, 3))
        | st.integers(1, 100_000),
        max_size=6,
    ),
    st.integers(0, 100_000),
    st.integers(0, 10_000),
)
def test_every_sample_of_opus_is_accounted_for(
    steps: list[tuple[float, int, int] | int], resume_from: int, early: int
) -> None:
    """Packets of any duration, gaps between them, and a start before what is resumed."""
    first_sample = max(resume_from - early, 0)
    half = inbound(first_sample=first_sample, resume_from=resume_from)
    sent, given = first_sample, 0
    for step in steps:
        if isinstance(step, int):
            tail, gap = half.gap(step)
            given += len(tail) + gap
            sent += step
        else:
            duration_ms, channels, number = step
            given += len(half.audio(packets_of_hiss(duration_ms, channels)[number]))
            sent += round(duration_ms * RATE / 1000)
        assert half.received == sent
    given += len(half.flush())
    accepted = max(sent, resume_from)
    assert given == POSITIONS.to_service(accepted) - POSITIONS.to_service(resume_from)


def test_a_resumed_stream_of_opus_sounds_like_the_one_that_broke() -> None:
    """From a packet border 80 ms before: what lies before ``resume_from`` is heard and dropped."""
    packets = packets_of_hiss()
    whole = inbound()
    heard = np.concatenate([*(whole.audio(packet) for packet in packets), whole.flush()])
    resume_from, first = 12_345, 12_345 // 960 - 4
    again = inbound(first_sample=first * 960, resume_from=resume_from)
    rest = np.concatenate([*(again.audio(one) for one in packets[first:]), again.flush()])
    expected = heard[POSITIONS.to_service(resume_from) :]
    assert len(rest) == len(expected)
    inner = slice(160, -160)  # the resamplers began at different moments
    assert np.corrcoef(rest[inner], expected[inner])[0, 1] > 0.99


def test_after_a_gap_a_decoder_of_opus_begins_anew() -> None:
    """What is heard behind it depends on the packets behind it alone."""
    packets = packets_of_hiss()
    one, other = inbound(), inbound()
    one.audio(packets[0])
    for half in (one, other):
        half.gap(960)
    assert np.array_equal(one.audio(packets[7]), other.audio(packets[7]))


@pytest.mark.parametrize("encoding", [one for one in Encoding if one is not Encoding.OPUS])
def test_an_empty_frame_changes_nothing(encoding: Encoding) -> None:
    """In any encoding; for Opus, too, below."""
    half = inbound(encoding=encoding)
    assert len(half.audio(b"")) == half.received == 0


def test_a_packet_that_cannot_be_decoded_moves_nothing() -> None:
    """It is named, and the connection closes; see test_meeting_socket."""
    half = inbound()
    assert len(half.audio(b"")) == 0
    with pytest.raises(BadInput) as caught:
        half.audio(b"\x03\xbf no packet")
    assert caught.value.code is ErrorCode.BAD_AUDIO
    assert half.received == 0
