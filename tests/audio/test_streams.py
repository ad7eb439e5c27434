"""Streams to 16 kHz: resampled, decoded from Opus, and every sample of a connection counted."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.opus_packets import encode
from tests.speech import samples_of
from wordloop_ml.audio import streams
from wordloop_ml.audio.streams import (
    FILE_QUALITY,
    LIVE_QUALITY,
    AudioInput,
    OpusDecoder,
    StreamResampler,
)
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import (
    MAX_PACKET_SAMPLES,
    OPUS_SAMPLE_RATE,
    Encoding,
    Positions,
    packet_samples,
)
from wordloop_ml.wire.client_messages import StartMessage


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> Samples:
    """A sine at this rate."""
    times = np.arange(round(rate * seconds)) / rate
    return (level * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def resample(samples: Samples, rate: int, frame: int, quality: str = LIVE_QUALITY) -> Samples:
    """All of it, pushed frame by frame."""
    resampler = StreamResampler(rate, quality=quality)
    chunks = [resampler.push(samples[at : at + frame]) for at in range(0, len(samples), frame)]
    return np.concatenate([*chunks, resampler.flush()])


def level_db(samples: Samples) -> float:
    """Root mean square in decibels, away from the edges."""
    inner = samples[len(samples) // 4 : -len(samples) // 4]
    return float(20 * np.log10(np.sqrt(np.mean(np.square(inner, dtype=np.float64))) + 1e-12))


@settings(max_examples=100)
@given(
    st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]) | st.integers(8_000, 48_000),
    st.integers(0, 10**6),
    st.lists(st.integers(0, 3_000), max_size=8),
)
def test_counts_follow_from_positions(rate: int, first_sample: int, frames: list[int]) -> None:
    """Never ahead of the stream, and exact once flushed, whatever the frames."""
    positions = Positions(rate)
    begin = positions.to_service(first_sample)
    resampler = StreamResampler(rate, first_sample=first_sample)
    pushed = given = 0
    for frame in frames:
        given += len(resampler.push(np.zeros(frame, np.float32)))
        pushed += frame
        assert given <= positions.to_service(first_sample + pushed) - begin
    rest = resampler.flush()
    assert rest.dtype == np.float32
    assert given + len(rest) == positions.to_service(first_sample + pushed) - begin


@pytest.mark.parametrize("quality", [LIVE_QUALITY, FILE_QUALITY])
@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_stays_in_place_and_as_loud(rate: int, quality: str) -> None:
    """Aligned to the sample, so that word times stay true."""
    out = resample(tone(440, rate), rate, rate // 50, quality)
    expected = tone(440, SAMPLE_RATE)
    assert len(out) == len(expected)
    inner = slice(1_000, -1_000)
    assert np.max(np.abs(out[inner] - expected[inner])) < 0.005


def test_16_khz_passes_through_untouched() -> None:
    """The same array, with nothing held back."""
    resampler = StreamResampler(SAMPLE_RATE)
    samples = tone(440, SAMPLE_RATE, 0.02)
    assert resampler.push(samples) is samples
    assert len(resampler.flush()) == 0


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_speech_is_kept_and_nothing_folds_into_it(rate: int) -> None:
    """Flat to 6 kHz, and what lies above 8.5 kHz is gone."""
    for hertz in (100, 1_000, 3_000, 6_000):
        assert level_db(resample(tone(hertz, rate), rate, 960)) == pytest.approx(-9, abs=0.5)
    for hertz in (8_500, 10_000, 15_000, 20_000):
        assert level_db(resample(tone(hertz, rate), rate, 960)) < -80


@pytest.mark.parametrize(("rate", "longest_ms"), [(8_000, 62), (44_100, 22), (48_000, 21)])
def test_what_is_held_back_is_bounded(rate: int, longest_ms: int) -> None:
    """It adds to the time to every caption of a stream that is not at 16 kHz."""
    resampler = StreamResampler(rate)
    given = 0
    frame = np.zeros(rate // 50, np.float32)
    for pushed in range(1, 200):
        given += len(resampler.push(frame))
        assert pushed * 20 - given / 16 <= longest_ms


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_flushing_twice_gives_nothing_more(rate: int) -> None:
    """A client may say stop twice."""
    resampler = StreamResampler(rate)
    first = [len(resampler.push(tone(440, rate, 0.1))), len(resampler.flush())]
    assert sum(first) == 1600
    assert len(resampler.flush()) == 0


def test_ringing_is_clipped() -> None:
    """A full-scale square wave comes out within full scale."""
    square = np.sign(tone(500, 48_000))
    out = resample(square, 48_000, 960)
    assert np.max(np.abs(out)) == 1


def test_read_only_views_are_taken() -> None:
    """What the wire hands over is a view of a frame's bytes."""
    view = np.frombuffer(tone(440, 48_000, 0.1).tobytes(), np.float32)
    assert len(resample(view, 48_000, 960)) == 1600


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
    monkeypatch.setattr(streams, "_DECODER", "libopus_that_nobody_has")
    with pytest.raises(BadInput) as caught:
        OpusDecoder()
    assert caught.value.code is ErrorCode.UNSUPPORTED_ENCODING


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
