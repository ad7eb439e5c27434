"""Audio of foreign interfaces: the same samples however the bytes are divided."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.opus_packets import encode
from tests.wire.recordings import chromium, muxed, packets, simple_block, tone
from wordloop_ml.audio.live_audio import LiveAudio, OpusAudio, PcmAudio
from wordloop_ml.audio.live_containers import ContainedAudio
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import Encoding

TONE = np.rint(8_000 * np.sin(np.arange(24_000) / 7)).astype("<i2")


def heard(audio: LiveAudio, *messages: bytes) -> list[Samples]:
    """All samples of each track."""
    steps = [step for message in messages for step in audio.decode(message)]
    return [np.concatenate(track) for track in zip(*steps, audio.flush(), strict=True)]


def divided(data: bytes, edges: list[int]) -> list[bytes]:
    """The bytes, cut at these places."""
    places = [0, *sorted(edge % (len(data) + 1) for edge in edges), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 100_000), max_size=8),
    st.sampled_from([8_000, 16_000, 24_000, 44_100]),
    st.sampled_from([(1, False), (2, False), (2, True), (3, True)]),
)
def test_messages_may_end_inside_a_sample(
    edges: list[int], sample_rate: int, channels: tuple[int, bool]
) -> None:
    """No sample is lost, moved, or mixed with another channel's."""
    count, separate = channels
    whole = heard(
        PcmAudio(Encoding.PCM_S16LE, sample_rate, count, separate=separate), TONE.tobytes()
    )
    parts = heard(
        PcmAudio(Encoding.PCM_S16LE, sample_rate, count, separate=separate),
        *divided(TONE.tobytes(), edges),
    )
    assert len(whole) == len(parts) == (count if separate else 1)
    for one, other in zip(whole, parts, strict=True):
        assert len(one) == len(TONE) // count * SAMPLE_RATE // sample_rate
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_each_channel_is_a_track_where_that_is_wanted() -> None:
    """Left and right are two people on one line."""
    left, right = TONE, np.zeros_like(TONE)
    stereo = np.stack([left, right], axis=1).tobytes()
    said, silent = heard(PcmAudio(Encoding.PCM_S16LE, 16_000, 2, separate=True), stereo)
    assert np.array_equal(said, TONE / np.float32(32_768))
    assert not silent.any()
    [mixed] = heard(PcmAudio(Encoding.PCM_S16LE, 16_000, 2), stereo)
    assert np.allclose(mixed, said / 2)


def test_a_large_message_is_decoded_in_steps() -> None:
    """Each short enough for the event loop."""
    steps = list(PcmAudio(Encoding.PCM_S16LE, 16_000).decode(bytes(1 << 20)))
    assert len(steps) == 32


def test_opus_comes_as_packets() -> None:
    """One in each message."""
    packets = encode(np.zeros(9_600, np.float32))
    [samples] = heard(OpusAudio(), *packets)
    assert len(samples) == len(packets) * 320
    with pytest.raises(BadInput):
        list(OpusAudio().decode(b"\xff"))


CONTAINERS = {
    "webm": chromium([simple_block(packet) for packet in packets()]),
    "ogg": muxed("ogg", "libopus"),
    "wav": muxed("wav", "pcm_s16le", 16_000),
    "stereo": muxed("wav", "pcm_s16le", 44_100, "stereo"),
}


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 100_000), max_size=8))
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_found_by_its_first_bytes(name: str, edges: list[int]) -> None:
    """And what it holds is heard, however it is divided."""
    [samples] = heard(ContainedAudio(), *divided(CONTAINERS[name], edges))
    expected = tone(sample_rate=SAMPLE_RATE)
    late = 104 if name in {"webm", "ogg"} else 0  # what the encoder put before: 6.5 ms
    said = samples[late : late + len(expected)]
    assert len(said) >= len(expected) - late
    assert np.corrcoef(said, expected[: len(said)])[0, 1] > 0.9


def test_streams_that_follow_one_another_are_one_track() -> None:
    """Mono first, then in stereo: nothing of the first is lost."""
    one, two = muxed("ogg", "libopus"), muxed("ogg", "libopus", layout="stereo")
    lengths = [len(heard(ContainedAudio(), data)[0]) for data in (one, two, one + two)]
    assert lengths[0] + lengths[1] == lengths[2]


@pytest.mark.parametrize(
    "head", [b"ID3\4\0\0\0\0\0\0" + bytes(20), bytes(64), b"fLaC\0\0\0\x22" + bytes(40)]
)
def test_what_no_demuxer_reads_is_refused(head: bytes) -> None:
    """By the name of the format, where there is one."""
    with pytest.raises(BadInput, match="not read from a stream"):
        heard(ContainedAudio(), head[:5], head[5:])


def test_nothing_at_all_is_no_error() -> None:
    """A connection may end before it has begun."""
    assert not len(heard(ContainedAudio(), b"", b"OggS")[0])
