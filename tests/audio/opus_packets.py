"""Opus packets as a client sends them: libopus's encoder, through FFmpeg (PyAV)."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE


def encode(
    audio: npt.NDArray[np.float32],
    *,
    frame_ms: float = 20,
    bit_rate: int = 32_000,
    application: str = "voip",
) -> list[bytes]:
    """The packets of some audio at 48 kHz, shape (n,) or (2, n); the last is padded with silence."""
    channels = np.atleast_2d(audio)
    encoder = CodecContext.create("libopus", "w")
    encoder.sample_rate = OPUS_SAMPLE_RATE
    encoder.layout = "mono" if len(channels) == 1 else "stereo"
    encoder.format = "flt"
    encoder.bit_rate = bit_rate
    encoder.time_base = Fraction(1, OPUS_SAMPLE_RATE)
    encoder.options = {
        "frame_duration": f"{frame_ms:g}",
        "application": application,
    }
    encoder.open()
    size = encoder.frame_size
    packets: list[bytes] = []
    for at in range(0, channels.shape[1], size):
        piece = channels[:, at : at + size]
        piece = np.pad(piece, ((0, 0), (0, size - piece.shape[1])))
        interleaved = np.ascontiguousarray(piece.T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(interleaved, format="flt", layout=encoder.layout.name)
        frame.sample_rate = OPUS_SAMPLE_RATE
        frame.pts = at
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets
