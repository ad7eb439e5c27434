"""Binary frames: packets' durations, containers, channels and samples."""

import io

import av
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from av.codec import CodecContext
from av.packet import Packet
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import (
    HEAD_BYTES,
    MAX_PACKET_SAMPLES,
    OPUS_SAMPLE_RATE,
    Downmix,
    Encoding,
    PcmDecoder,
    Positions,
    StreamHead,
    container_of,
    packet_samples,
)
from wordloop_ml.wire.client_messages import MAX_ORIGIN_MS
from wordloop_ml.wire.close_codes import MAX_REASON_BYTES, close_reason
from wordloop_ml.wire.json_fields import MAX_POSITION

FRAME_MS = {
    **{config: (10, 20, 40, 60)[config % 4] for config in range(12)},
    **{config: (10, 20)[config % 2] for config in range(12, 16)},
    **{config: (2.5, 5, 10, 20)[config % 4] for config in range(16, 32)},
}
"""RFC 6716, table 2."""


@pytest.mark.parametrize(("config", "frame_ms"), FRAME_MS.items())
@pytest.mark.parametrize("stereo", [0, 4])
def test_every_configuration_has_its_duration(config: int, frame_ms: float, stereo: int) -> None:
    """Of one frame, of two, and of as many as the second byte says."""
    frame = round(frame_ms * OPUS_SAMPLE_RATE / 1000)
    first = config << 3 | stereo
    assert packet_samples(bytes([first])) == frame
    assert packet_samples(bytes([first, 9, 9])) == frame
    assert packet_samples(bytes([first | 1, 9])) == packet_samples(bytes([first | 2, 9]))
    assert packet_samples(bytes([first | 1])) == 2 * frame
    most = MAX_PACKET_SAMPLES // frame
    for flags in (0, 0x40, 0x80, 0xC0):
        assert packet_samples(bytes([first | 3, flags | most])) == most * frame
        with pytest.raises(BadInput, match="120 ms"):
            packet_samples(bytes([first | 3, flags | most + 1]))


@pytest.mark.parametrize("packet", [b"\x03", b"\xff", b"\x03\x00", b"\xff\xc0\x01"])
def test_a_header_without_a_duration_is_bad_audio(packet: bytes) -> None:
    """Cut off before the number of frames, or with none."""
    with pytest.raises(BadInput) as caught:
        packet_samples(packet)
    assert caught.value.code is ErrorCode.BAD_AUDIO


def test_an_empty_frame_is_harmless() -> None:
    """As in every other encoding: no time passes."""
    assert packet_samples(b"") == 0


@given(st.binary(min_size=1, max_size=8))
def test_any_bytes_have_a_bounded_duration_or_are_bad_audio(packet: bytes) -> None:
    """Nothing else escapes."""
    try:
        samples = packet_samples(packet)
    except BadInput:
        return
    assert 120 <= samples <= MAX_PACKET_SAMPLES
    assert samples % 120 == 0


def written(container: str, codec: str, **options: str) -> bytes:
    """A second of hiss in a file, as FFmpeg writes it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        form = stream.codec_context.format.name
        hiss = np.random.default_rng(1).normal(0.0, 0.1, (1, 48_000))
        scale, kind = {"s16": (2**15, "i2"), "s32": (2**31, "i4"), "flt": (1, "f4")}[
            form.rstrip("p")
        ]
        frame = av.AudioFrame.from_ndarray((hiss * scale).astype(kind), format=form, layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(form, "mono", 48_000, stream.codec_context.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


CONTAINERS = [
    ("WebM", "webm", "libopus", {}),
    ("Matroska", "matroska", "libopus", {}),
    ("Ogg", "ogg", "libopus", {}),
    ("MP4", "mp4", "aac", {}),
    ("MP4", "mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    ("MP4", "mov", "aac", {}),
    ("WAV", "wav", "pcm_s16le", {}),
    ("AIFF", "aiff", "pcm_s16be", {}),
    ("CAF", "caf", "pcm_s16le", {}),
    ("FLAC", "flac", "flac", {}),
    ("MP3", "mp3", "libmp3lame", {}),
    ("MP3", "mp3", "libmp3lame", {"id3v2_version": "0", "write_xing": "0"}),
    ("AAC", "adts", "aac", {}),
]


@pytest.mark.parametrize(("name", "container", "codec", "options"), CONTAINERS)
@pytest.mark.parametrize("frame_bytes", [1, 640, 65_536])
def test_a_container_is_named_however_it_is_cut(
    name: str, container: str, codec: str, options: dict[str, str], frame_bytes: int
) -> None:
    """Within the first bytes, with what to send in its place."""
    content = written(container, codec, **options)
    head = StreamHead()

    def send() -> None:
        for at in range(0, HEAD_BYTES, frame_bytes):
            head.look(content[at : at + frame_bytes])

    with pytest.raises(BadInput, match=f"this looks like {name}: ") as caught:
        send()
    assert caught.value.code is ErrorCode.BAD_AUDIO
    assert close_reason(ErrorCode.BAD_AUDIO, str(caught.value)).endswith(str(caught.value))


def test_pieces_of_a_stream_without_its_beginning_are_named() -> None:
    """What a recorder sends to a connection that was resumed; and the header of Opus as a packet."""
    assert container_of(b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + b"\xe7") == "WebM"
    assert container_of(b"OggS\0\0" + b"\xff" * 8) == "Ogg"
    assert container_of(b"\0\0\0\x64moof\0\0\0\x10mfhd") == "MP4"
    assert container_of(b"OpusHead\1\1") == "the header of an Ogg Opus stream"


def test_what_comes_later_is_not_looked_at() -> None:
    """A stream is one thing from its beginning."""
    head = StreamHead()
    head.look(bytes(HEAD_BYTES))
    head.look(written("wav", "pcm_s16le"))


@pytest.mark.parametrize("kind", ["<i2", "<f4", "u1"])
@given(amplitude=st.floats(0.0, 1.0), seed=st.integers(0, 2**32 - 1), hum=st.floats(0.0, 1.0))
def test_audio_is_no_container(kind: str, amplitude: float, seed: int, hum: float) -> None:
    """Hiss and hum of any loudness, in every form of sample."""
    random = np.random.default_rng(seed)
    tone = hum * np.sin(np.arange(2_048) * random.uniform(0.001, 3.0))
    sound = np.clip(random.normal(0.0, amplitude, 2_048) + tone, -1.0, 1.0)
    scale = {"<i2": 32_767, "<f4": 1, "u1": 127}[kind]
    assert (
        container_of((sound * scale + (128 if kind == "u1" else 0)).astype(kind).tobytes()) is None
    )


def test_silence_of_any_level_is_no_container() -> None:
    """Each value that a sample can have, held."""
    for value in range(65_536):
        assert container_of(value.to_bytes(2, "little") * 2_048) is None


@given(st.binary(max_size=HEAD_BYTES))
def test_any_bytes_are_looked_at_without_another_error(content: bytes) -> None:
    """Also those that begin like a header."""
    for beginning in (b"", b"\xff\xfb\x90", b"\xff\xf1\x4c", b"RIFF", b"ID3\4\0"):
        name = container_of((beginning + content)[:HEAD_BYTES])
        assert name is None or len(name) < MAX_REASON_BYTES


RATE = 16_000
FRAME = 320


def noise(seconds: float, seed: int = 0) -> Samples:
    """As loud as speech may be, and like nothing of another seed."""
    numbers = np.random.default_rng(seed).standard_normal(round(RATE * seconds))
    return (0.1 * numbers).clip(-1, 1).astype(np.float32)


def mixed(*channels: Samples, frame: int = FRAME) -> Samples:
    """The channels as one, mixed frame by frame."""
    downmix = Downmix(len(channels), RATE)
    together = np.stack(channels, axis=1)
    return np.concatenate(
        [downmix.mix(together[at : at + frame].ravel()) for at in range(0, len(together), frame)]
    )


def level(samples: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


@given(st.integers(1, 8), st.integers(1, 500), st.integers(0, 5), st.sampled_from([-1.0, 0.3, 1.0]))
def test_any_channels_give_one_in_range(
    channels: int, frame: int, seed: int, polarity: float
) -> None:
    """As many samples as there were on each, whatever the frames."""
    one = np.clip(10 * noise(0.1, seed), -1, 1)
    heard = mixed(*(one * polarity**number for number in range(channels)), frame=frame)
    assert heard.dtype == np.float32
    assert heard.shape == one.shape
    assert np.max(np.abs(heard)) <= 1


@pytest.mark.parametrize("other", [noise(1, 1), noise(1, 0), 0 * noise(1), 0.2 * noise(1, 0)])
def test_what_does_not_cancel_is_averaged_sample_for_sample(other: Samples) -> None:
    """Two speakers, one in the middle, one side alone, one side louder."""
    one = noise(1, 0)
    np.testing.assert_array_equal(
        mixed(one, other), np.stack([one, other], 1).mean(axis=1, dtype=np.float32)
    )


@pytest.mark.parametrize("frame", [64, 320, 4_096, 16_000])
@pytest.mark.parametrize("channels", [2, 3, 4, 8])
def test_a_channel_of_opposite_polarity_does_not_take_the_others_away(
    channels: int, frame: int
) -> None:
    """It is turned round, within 10 ms of the first sound."""
    one = noise(1)
    turned = [one if number % 2 == 0 else -one for number in range(channels)]
    heard = mixed(*turned, frame=frame)
    np.testing.assert_allclose(heard[400:], one[400:], atol=1e-6)


def test_one_that_is_nearly_opposite_is_turned_too() -> None:
    """Other noise on each line, and not quite as loud."""
    one = noise(1)
    assert level(mixed(one + 0.2 * noise(1, 1), -0.8 * one)) > 0.8 * level(one)


def test_polarity_may_change_on_the_way_without_a_click() -> None:
    """Somebody puts the plug right: the ramp is as smooth as the sound."""
    tone = (0.5 * np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)).astype(np.float32)
    right = np.where(np.arange(len(tone)) < RATE, -tone, tone)
    heard = mixed(tone, right)
    assert np.max(np.abs(np.diff(heard))) < 1.5 * np.max(np.abs(np.diff(tone)))
    assert level(heard[-RATE // 4 :]) == pytest.approx(level(tone), rel=0.01)
    assert level(heard[: RATE // 2]) == pytest.approx(level(tone), rel=0.05)


def test_silence_changes_nothing() -> None:
    """Nor does it forget which channel is turned."""
    one = noise(0.5)
    quiet = np.zeros(10 * RATE, np.float32)
    audio = np.concatenate([one, quiet, one])
    heard = mixed(audio, -audio)
    np.testing.assert_allclose(heard[-len(one) :], one, atol=1e-6)


ENCODINGS = st.sampled_from([one for one in Encoding if one is not Encoding.OPUS])
CHANNELS = st.integers(1, 2)


@given(ENCODINGS, CHANNELS, st.binary(max_size=64))
def test_any_bytes_give_samples_in_range_or_bad_audio(
    encoding: Encoding, channels: int, payload: bytes
) -> None:
    """Nothing else escapes, and nothing out of range comes through."""
    decoder = PcmDecoder(encoding, channels)
    try:
        samples = decoder.decode(payload)
    except BadInput:
        return
    assert samples.dtype == np.float32
    assert samples.shape == (len(payload) // decoder.sample_bytes,)
    assert np.all(np.abs(samples) <= 1)


@given(st.lists(st.integers(-32_768, 32_767)))
def test_s16_is_exact(values: list[int]) -> None:
    """Every integer has its own float, and full scale is -1."""
    samples = PcmDecoder(Encoding.PCM_S16LE, 1).decode(np.array(values, "<i2").tobytes())
    assert (samples * 32_768).tolist() == values


@given(st.lists(st.floats(-1, 1, width=32)))
def test_f32_in_range_is_a_view_of_the_payload(values: list[float]) -> None:
    """Nothing is copied, and nobody can write to it."""
    samples = PcmDecoder(Encoding.PCM_F32LE, 1).decode(np.array(values, "<f4").tobytes())
    assert samples.tolist() == values
    assert not samples.flags.owndata
    assert not samples.flags.writeable


def test_f32_beyond_full_scale_is_clipped() -> None:
    """Before channels are averaged, so that one loud channel cannot overflow."""
    payload = np.array([-3.0, 0.5, 3.4e38, 3.4e38], "<f4").tobytes()
    assert PcmDecoder(Encoding.PCM_F32LE, 1).decode(payload).tolist() == [-1, 0.5, 1, 1]
    assert PcmDecoder(Encoding.PCM_F32LE, 2).decode(payload).tolist() == [-0.25, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2])
def test_f32_that_is_no_number_is_bad_audio(value: float, channels: int) -> None:
    """One such sample spoils the frame."""
    payload = np.array([0.1, 0.2, value, 0.3], "<f4").tobytes()
    with pytest.raises(BadInput, match="finite") as caught:
        PcmDecoder(Encoding.PCM_F32LE, channels).decode(payload)
    assert caught.value.code is ErrorCode.BAD_AUDIO


def test_stereo_is_averaged() -> None:
    """Left and right alternate."""
    payload = np.array([16_384, 0, -32_768, -32_768], "<i2").tobytes()
    assert PcmDecoder(Encoding.PCM_S16LE, 2).decode(payload).tolist() == [0.25, -1]
    loud = PcmDecoder(Encoding.PCM_MULAW, 2).decode(b"\x80\xff\x80\x7f")
    assert loud.tolist() == [32_124 / 65_536] * 2


@pytest.mark.parametrize("encoding", [one for one in Encoding if one is not Encoding.OPUS])
def test_opposite_channels_do_not_cancel_each_other(encoding: Encoding) -> None:
    """Right is left turned upside down, as behind a plug that is wired the wrong way round."""
    times = np.arange(4_800) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 300 * times)
    if encoding in {Encoding.PCM_MULAW, Encoding.PCM_ALAW}:
        # the sign is the first bit of a byte
        bits = np.where(tone < 0, 0x20, 0xA0)
        left, right = bits.astype("u1"), (bits ^ 0x80).astype("u1")
    elif encoding is Encoding.PCM_S16LE:
        left, right = (32_768 * tone).astype("<i2"), (-32_768 * tone).astype("<i2")
    else:
        left, right = tone.astype("<f4"), (-tone).astype("<f4")
    decoder = PcmDecoder(encoding, 2, sample_rate=48_000)
    alone = PcmDecoder(encoding, 1).decode(left.tobytes())
    for at in range(0, len(left), 960):
        pairs = np.stack([left[at : at + 960], right[at : at + 960]], axis=1)
        heard = decoder.decode(pairs.tobytes())
        if at:
            np.testing.assert_allclose(heard, alone[at : at + 960], atol=1e-6)


@pytest.mark.parametrize("encoding", [Encoding.PCM_MULAW, Encoding.PCM_ALAW])
def test_every_byte_of_g711_is_what_ffmpeg_says(encoding: Encoding) -> None:
    """An independent table, exactly, on the scale of s16le."""
    decoder = CodecContext.create(encoding, "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    every_byte = bytes(range(256))
    [frame] = decoder.decode(Packet(every_byte))
    samples = PcmDecoder(encoding, 1).decode(every_byte)
    assert (samples * 32_768).tolist() == frame.to_ndarray()[0].tolist()


def test_mulaw_has_the_values_of_g711() -> None:
    """ITU-T G.711, tables 2a and 2b: the loudest, the softest of each segment, and both zeros."""
    decoder = PcmDecoder(Encoding.PCM_MULAW, 1)
    signals = [0x80, 0x8F, 0x9F, 0xAF, 0xBF, 0xCF, 0xDF, 0xEF, 0xFF]
    values = [8_031, 4_191, 2_079, 1_023, 495, 231, 99, 33, 0]
    assert (decoder.decode(bytes(signals)) * 8_192).tolist() == values
    below_zero = bytes(signal & 0x7F for signal in signals)
    assert (decoder.decode(below_zero) * -8_192).tolist() == values


def test_alaw_has_the_values_of_g711() -> None:
    """ITU-T G.711, tables 1a and 1b: the loudest and the softest of each segment."""
    decoder = PcmDecoder(Encoding.PCM_ALAW, 1)
    signals = [0xAA, 0xA5, 0xB5, 0x85, 0x95, 0xE5, 0xF5, 0xC5, 0xD5]
    values = [4_032, 2_112, 1_056, 528, 264, 132, 66, 33, 1]
    assert (decoder.decode(bytes(signals)) * 4_096).tolist() == values
    below_zero = bytes(signal & 0x7F for signal in signals)
    assert (decoder.decode(below_zero) * -4_096).tolist() == values


@pytest.mark.parametrize(
    ("encoding", "channels", "sample_bytes"),
    [
        (Encoding.PCM_S16LE, 1, 2),
        (Encoding.PCM_S16LE, 2, 4),
        (Encoding.PCM_F32LE, 1, 4),
        (Encoding.PCM_F32LE, 2, 8),
        (Encoding.PCM_MULAW, 1, 1),
        (Encoding.PCM_MULAW, 2, 2),
        (Encoding.PCM_ALAW, 2, 2),
    ],
)
def test_half_a_sample_is_bad_audio(encoding: Encoding, channels: int, sample_bytes: int) -> None:
    """A position counts whole samples on all channels; an empty frame is harmless."""
    decoder = PcmDecoder(encoding, channels)
    assert decoder.sample_bytes == sample_bytes
    assert len(decoder.decode(b"")) == 0
    for extra in range(1, sample_bytes):
        with pytest.raises(BadInput, match=f"no multiple of {sample_bytes}"):
            decoder.decode(bytes(sample_bytes + extra))


RATES = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000]) | st.integers(
    8_000, 48_000
)
POSITIONS = st.integers(0, 200_000) | st.integers(0, MAX_POSITION)


@given(RATES, POSITIONS, POSITIONS)
def test_every_map_keeps_order(rate: int, one: int, other: int) -> None:
    """What comes first on one scale never comes second on another."""
    positions = Positions(rate, origin_ms=7)
    low, high = sorted((one, other))
    assert positions.to_service(low) <= positions.to_service(high)
    assert positions.to_stream(low) <= positions.to_stream(high)
    assert positions.to_ms(low) <= positions.to_ms(high)


@given(RATES, POSITIONS)
def test_trimming_at_the_mapped_position_loses_no_sample_behind_it(rate: int, sample: int) -> None:
    """Trimmed stream samples lie before the 16 kHz sample in time, and resuming covers it."""
    positions = Positions(rate)
    trim = positions.to_stream(sample)
    # the last trimmed sample, as exact time: (trim - 1) / rate < sample / SAMPLE_RATE
    assert (trim - 1) * SAMPLE_RATE < sample * rate
    assert positions.to_service(trim) <= sample


@given(RATES, POSITIONS)
def test_the_round_trip_falls_short_by_less_than_a_sample_of_either_rate(
    rate: int, sample: int
) -> None:
    """So a replay repeats next to nothing."""
    positions = Positions(rate)
    back = positions.to_service(positions.to_stream(sample))
    # sample - SAMPLE_RATE / rate - 1 < back, in integers: floats are too coarse here
    assert (sample - back - 1) * rate < SAMPLE_RATE
    assert back <= sample


@given(POSITIONS)
def test_16_khz_maps_to_itself(position: int) -> None:
    """No rounding where there is none to do."""
    positions = Positions(SAMPLE_RATE)
    assert positions.to_service(position) == positions.to_stream(position) == position


@given(RATES, POSITIONS, st.integers(0, 10_000_000), st.data())
def test_committed_stays_between_where_the_connection_began_and_what_came_in(
    rate: int, accept_from: int, more: int, data: st.DataObject
) -> None:
    """It never moves back over a reconnect, and reaches the very end."""
    positions = Positions(rate, accept_from=accept_from)
    received = accept_from + more
    begin, end = positions.to_service(accept_from), positions.to_service(received)
    sample = data.draw(st.integers(begin, end))
    assert accept_from <= positions.committed(sample, received) <= received
    assert positions.committed(end, received) == received


def test_committed_of_a_client_that_sends_from_before_is_where_it_resumed() -> None:
    """Samples that the server drops do not move it."""
    positions = Positions(44_100, accept_from=13)
    assert positions.committed(positions.to_service(13), received=2) == 13
    assert positions.committed(positions.to_service(13), received=1000) == 13


@given(st.integers(0, MAX_ORIGIN_MS), POSITIONS)
def test_meeting_time_counts_from_the_origin(origin_ms: int, sample: int) -> None:
    """Sixteen samples are a millisecond."""
    positions = Positions(48_000, origin_ms)
    assert positions.to_ms(0) == origin_ms
    assert positions.to_ms(sample) == origin_ms + sample // 16


def test_the_longest_track_keeps_its_times_exact_in_json() -> None:
    """At the last position of the slowest stream, from the latest origin."""
    positions = Positions(8_000, MAX_ORIGIN_MS)
    assert positions.to_ms(positions.to_service(MAX_POSITION)) <= MAX_POSITION
