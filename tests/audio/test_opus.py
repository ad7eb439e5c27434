from functools import cache

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from tests.audio.opus_packets import encode
from tests.speech import samples_of
from wordloop_ml.audio import opus
from wordloop_ml.audio.opus import OpusDecoder
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import MAX_PACKET_SAMPLES, OPUS_SAMPLE_RATE, packet_samples

CONVERGED = 3_840
"""80 ms at 48 kHz: after so long, a decoder is faithful wherever it began (RFC 7845, 4.6)."""

LOOK_AHEAD = 312
"""How far libopus's encoder lies behind, in samples; its ``pre-skip``."""


@cache
def speech(seconds: float = 1.0) -> Samples:
    """A man's first words, at 48 kHz."""
    audio = samples_of("en_read_jfk_1")[SAMPLE_RATE * 3 // 10 :]
    stretched: Samples = soxr.resample(audio, SAMPLE_RATE, OPUS_SAMPLE_RATE)
    return stretched[: round(seconds * OPUS_SAMPLE_RATE)]


def decode(packets: list[bytes], channels: int = 1) -> Samples:
    """All of them, by one decoder."""
    decoder = OpusDecoder(channels)
    return np.concatenate([decoder.decode(packet) for packet in packets])


def decoded(decoder: OpusDecoder, packet: bytes) -> Samples | None:
    """The samples of any bytes; None for the one error that there may be."""
    try:
        return decoder.decode(packet)
    except BadInput as error:
        if error.code is not ErrorCode.BAD_AUDIO:
            raise
        return None


def likeness(one: Samples, other: Samples) -> float:
    """1 for the same sound at any level, 0 for nothing in common."""
    return float(np.dot(one, other) / (np.linalg.norm(one) * np.linalg.norm(other)))


@pytest.mark.parametrize("frame_ms", [2.5, 5, 10, 20, 40, 60, 80, 100, 120])
@pytest.mark.parametrize("application", ["voip", "audio", "lowdelay"])
def test_every_sample_is_accounted_for_from_the_first_packet_on(
    frame_ms: float, application: str
) -> None:
    """Each packet gives its duration; nothing is skipped, held back, or left at the end."""
    packets = encode(speech(), frame_ms=frame_ms, application=application)
    decoder = OpusDecoder()
    given = [len(decoder.decode(packet)) for packet in packets]
    assert given == [round(frame_ms * 48)] * len(packets)
    assert given == [packet_samples(packet) for packet in packets]


@pytest.mark.parametrize("bit_rate", [8_000, 16_000, 32_000, 96_000])
def test_what_comes_out_is_what_went_in(bit_rate: int) -> None:
    """In the range, at its level, and late by the encoder's look-ahead: SILK, hybrid and CELT."""
    audio = speech()
    heard = decode(encode(audio, bit_rate=bit_rate))
    assert heard.dtype == np.float32
    assert np.abs(heard).max() <= 1
    begin, end = CONVERGED, len(audio) - CONVERGED
    late = {
        delay: likeness(audio[begin:end], heard[begin + delay : end + delay])
        for delay in range(0, 2 * LOOK_AHEAD, 8)
    }
    assert max(late.values()) > 0.85
    assert abs(max(late, key=lambda delay: late[delay]) - LOOK_AHEAD) <= 48


def test_stereo_packets_are_averaged() -> None:
    """One ear's voice comes out at half its level."""
    audio = speech()
    one = decode(encode(audio, bit_rate=64_000))
    both = decode(encode(np.stack([audio, np.zeros_like(audio)]), bit_rate=64_000))
    assert len(one) == len(both)
    level = np.linalg.norm(both[CONVERGED:]) / np.linalg.norm(one[CONVERGED:])
    assert 0.45 < level < 0.55


def test_packets_may_change_between_mono_and_stereo() -> None:
    """And between durations, as an encoder does when the network does."""
    audio = speech()
    mono, stereo = encode(audio), encode(np.stack([audio, audio]), frame_ms=60, bit_rate=64_000)
    mixed = [packet for pair in zip(mono, stereo, strict=False) for packet in pair]
    assert len(decode(mixed)) == sum(packet_samples(packet) for packet in mixed)


@pytest.mark.parametrize("bit_rate", [24_000, 64_000])
def test_opposite_channels_do_not_cancel_each_other(bit_rate: int) -> None:
    """A decoder of two channels turns one round; packets of one channel are what they were."""
    audio = speech()
    heard = decode(encode(np.stack([audio, -audio]), bit_rate=bit_rate), channels=2)
    late = [likeness(heard[delay:], audio[: len(heard) - delay]) for delay in range(300, 330)]
    assert max(late) > 0.9
    mono = encode(audio, bit_rate=bit_rate)
    assert likeness(decode(mono, channels=2), decode(mono)) > 0.999


@pytest.mark.parametrize("bit_rate", [12_000, 64_000])
def test_a_decoder_may_begin_in_the_middle(bit_rate: int) -> None:
    """A resumed stream: the same count at once, and the same sound after 80 ms."""
    packets = encode(speech(2.0), bit_rate=bit_rate)
    whole, rest = decode(packets), decode(packets[50:])
    assert len(rest) == len(whole) - 50 * 960
    assert likeness(whole[50 * 960 + CONVERGED :], rest[CONVERGED:]) > 0.99


@pytest.mark.parametrize("bit_rate", [10_000, 24_000, 64_000])
def test_the_first_byte_alone_stands_for_a_packet_that_was_not_sent(bit_rate: int) -> None:
    """It lasts as long; a pause of them stays quiet, one within speech is bridged."""
    packets = encode(np.pad(speech(), (0, OPUS_SAMPLE_RATE // 2)), bit_rate=bit_rate)
    left_out = bytes([packets[-1][0] & 0xFC])
    assert len(OpusDecoder().decode(left_out)) == 960  # as the very first, too
    paused = decode([*packets, *[left_out] * 50])
    assert len(paused) == 125 * 960
    assert np.abs(paused[-50 * 960 :]).max() < 0.01
    bridged = decode([*packets[:20], left_out, *packets[21:]])
    assert len(bridged) == 75 * 960
    assert np.abs(bridged[20 * 960 : 21 * 960]).max() > 0.01


def test_an_empty_frame_is_harmless() -> None:
    """FFmpeg would take it for the end, and refuse all that follows."""
    packets = encode(speech())
    with_holes = [*packets[:5], b"", b"", *packets[5:], b""]
    assert np.array_equal(decode(with_holes), decode(packets))


@given(
    st.integers(1, 2),
    st.lists(st.binary(max_size=200) | st.binary(min_size=1_000, max_size=1_500), max_size=6),
)
def test_random_bytes_give_what_their_header_says_or_bad_audio(
    channels: int, packets: list[bytes]
) -> None:
    """Nothing else escapes, and one frame is never more than 120 ms."""
    decoder = OpusDecoder(channels)
    for packet in packets:
        samples = decoded(decoder, packet)
        if samples is not None:
            assert len(samples) == packet_samples(packet) <= MAX_PACKET_SAMPLES
            assert np.all(np.abs(samples) <= 1)


@cache
def good_packets() -> list[bytes]:
    """SILK, hybrid and CELT, of one frame and of several."""
    return [
        packet
        for bit_rate in (10_000, 48_000)
        for frame_ms in (10, 60, 120)
        for packet in encode(speech(0.3), frame_ms=frame_ms, bit_rate=bit_rate)
    ]


@given(st.data())
def test_truncated_and_damaged_packets_are_decoded_or_refused(data: st.DataObject) -> None:
    """And the decoder goes on: the next good packet gives its samples."""
    packet = data.draw(st.sampled_from(good_packets()))
    damaged = bytearray(packet[: data.draw(st.integers(0, len(packet)))])
    for at in data.draw(st.lists(st.integers(0, len(packet) - 1), max_size=3)):
        if at < len(damaged):
            damaged[at] ^= data.draw(st.integers(1, 255))
    decoder = OpusDecoder()
    decoder.decode(packet)
    samples = decoded(decoder, bytes(damaged))
    assert samples is None or len(samples) == packet_samples(bytes(damaged))
    assert len(decoder.decode(packet)) == packet_samples(packet)


def test_the_largest_packet_is_taken() -> None:
    """48 frames of 2.5 ms and 1,275 bytes: 120 ms in 61 kB, still under the limit of a frame."""
    noise = np.random.default_rng(1).bytes(48 * 1_275)
    packet = bytes([28 << 3 | 4 | 3, 48]) + noise
    assert len(packet) <= 65_536
    assert len(OpusDecoder().decode(packet)) == MAX_PACKET_SAMPLES


def test_a_build_without_libopus_refuses_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, at ``start``; the wheels of PyAV have it."""
    monkeypatch.setattr(opus, "_DECODER", "libopus_that_nobody_has")
    with pytest.raises(BadInput) as caught:
        OpusDecoder()
    assert caught.value.code is ErrorCode.UNSUPPORTED_ENCODING
