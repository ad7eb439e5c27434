"""Binary frames to samples: interleaved PCM in, float32 mono out, at the stream's own rate."""

import numpy as np

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.client_messages import Encoding
from wordloop_ml.wire.downmix import Downmix

_DTYPES: dict[Encoding, np.dtype[np.generic]] = {
    Encoding.PCM_S16LE: np.dtype("<i2"),
    Encoding.PCM_F32LE: np.dtype("<f4"),
    Encoding.PCM_MULAW: np.dtype("u1"),
}
_S16_SCALE = np.float32(1 / 32_768)


def _mulaw_levels() -> Samples:
    """What each mu-law byte stands for, on the scale of s16le: at most 32,124 of 32,768.

    ITU-T G.711, tables 2a and 2b, whose 14-bit values are four times larger here. All bits are inverted;
    then come a sign, an exponent of three bits and a mantissa of four.
    """
    code = ~np.arange(256, dtype=np.uint8)
    exponent = (code >> 4) & 7
    mantissa = (code & 15).astype(np.int32)
    magnitude = (((2 * mantissa + 33) << exponent) - 33) * 4
    levels = np.where(code & 0x80, -magnitude, magnitude).astype(np.float32) * _S16_SCALE
    levels.flags.writeable = False
    return levels


_MULAW_LEVELS = _mulaw_levels()


class PcmDecoder:
    """Decodes the binary frames of one stream; of several channels, it keeps their polarity.

    encoding: any but Opus, whose packets ``audio.opus`` decodes.
    """

    def __init__(
        self, encoding: Encoding, channels: int, *, sample_rate: int = SAMPLE_RATE
    ) -> None:
        self._encoding = encoding
        self._channels = channels
        self._downmix = Downmix(channels, sample_rate)

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample on all channels: what one position counts."""
        return _DTYPES[self._encoding].itemsize * self._channels

    def decode(self, payload: bytes) -> Samples:
        """The samples of one frame: float32, shape (n,), in [-1, 1], channels mixed by ``Downmix``.

        ``pcm_f32le`` beyond full scale is clipped. Mono ``pcm_f32le`` is a read-only view of
        ``payload`` where nothing had to be clipped. Raises ``BadInput`` ``BAD_AUDIO`` for half a
        sample or a value that is no number.
        """
        if len(payload) % self.sample_bytes:
            raise _bad_audio(
                f"{len(payload)} bytes of audio are no multiple of {self.sample_bytes}"
            )
        values = np.frombuffer(payload, _DTYPES[self._encoding])
        if self._encoding is Encoding.PCM_MULAW:
            return self._downmix.mix(_MULAW_LEVELS[values])
        samples: Samples = values.astype(np.float32, copy=False)
        if self._encoding is Encoding.PCM_S16LE:
            return self._downmix.mix(samples * _S16_SCALE)
        return self._downmix.mix(_in_range(samples))


def _in_range(samples: Samples) -> Samples:
    if not len(samples):
        return samples
    # both are NaN if any sample is: two passes instead of a mask of the whole frame
    low, high = samples.min(), samples.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise _bad_audio("audio holds a value that is not a finite number")
    if low < -1 or high > 1:
        return np.clip(samples, -1, 1)
    return samples


def _bad_audio(message: str) -> BadInput:
    return BadInput(message, code=ErrorCode.BAD_AUDIO)
