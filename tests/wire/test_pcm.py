import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.client_messages import Encoding
from wordloop_ml.wire.pcm import PcmDecoder

ENCODINGS = st.sampled_from(list(Encoding))
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


@pytest.mark.parametrize(
    ("encoding", "channels", "sample_bytes"),
    [
        (Encoding.PCM_S16LE, 1, 2),
        (Encoding.PCM_S16LE, 2, 4),
        (Encoding.PCM_F32LE, 1, 4),
        (Encoding.PCM_F32LE, 2, 8),
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
