import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext
from av.codec import CodecContext
from av.packet import Packet
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.client_messages import Encoding
from wordloop_ml.wire.pcm import PcmDecoder

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
    if encoding is Encoding.PCM_MULAW:
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


def test_every_mulaw_byte_is_what_ffmpeg_says() -> None:
    """An independent table, exactly, on the scale of s16le."""
    decoder = CodecContext.create("pcm_mulaw", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = 8_000, "mono"
    every_byte = bytes(range(256))
    [frame] = decoder.decode(Packet(every_byte))
    samples = PcmDecoder(Encoding.PCM_MULAW, 1).decode(every_byte)
    assert (samples * 32_768).tolist() == frame.to_ndarray()[0].tolist()


def test_mulaw_has_the_values_of_g711() -> None:
    """ITU-T G.711, tables 2a and 2b: the loudest, the softest of each segment, and both zeros."""
    decoder = PcmDecoder(Encoding.PCM_MULAW, 1)
    signals = [0x80, 0x8F, 0x9F, 0xAF, 0xBF, 0xCF, 0xDF, 0xEF, 0xFF]
    values = [8_031, 4_191, 2_079, 1_023, 495, 231, 99, 33, 0]
    assert (decoder.decode(bytes(signals)) * 8_192).tolist() == values
    below_zero = bytes(signal & 0x7F for signal in signals)
    assert (decoder.decode(below_zero) * -8_192).tolist() == values


@pytest.mark.parametrize(
    ("encoding", "channels", "sample_bytes"),
    [
        (Encoding.PCM_S16LE, 1, 2),
        (Encoding.PCM_S16LE, 2, 4),
        (Encoding.PCM_F32LE, 1, 4),
        (Encoding.PCM_F32LE, 2, 8),
        (Encoding.PCM_MULAW, 1, 1),
        (Encoding.PCM_MULAW, 2, 2),
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
