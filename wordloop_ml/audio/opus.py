"""Opus packets to samples, by libopus through FFmpeg (PyAV)."""

from typing import Final

import av
import numpy as np
from av.codec import CodecContext

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import Samples
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Downmix, Encoding, packet_samples

# FFmpeg's own decoder is called "opus". libopus is the reference, conceals what was lost, and
# costs the same.
_DECODER: Final = "libopus"
_S16_SCALE = np.float32(1 / 32_768)


class OpusDecoder:
    """Decodes the packets of one stream, in order; blocking, but a fraction of a millisecond.

    A packet gives exactly as many samples as its header says, the first one too: nothing is held
    back or skipped, so positions follow from the packets alone. No stream header is needed, and
    a decoder may start at any packet; what it gives is faithful after 80 ms (RFC 7845, 4.6).

    channels: 1 or 2, as the encoder was told; packets of either kind may come.
    Raises ``BadInput`` ``UNSUPPORTED_ENCODING`` where FFmpeg was built without libopus.
    """

    def __init__(self, channels: int = 1) -> None:
        try:
            context = CodecContext.create(_DECODER, "r")
        except av.codec.codec.UnknownCodecError:
            raise BadInput(
                f"this server cannot decode {Encoding.OPUS}", code=ErrorCode.UNSUPPORTED_ENCODING
            ) from None
        context.sample_rate = OPUS_SAMPLE_RATE
        # asked for one channel, libopus averages those of a stereo packet, for less work
        context.layout = "mono" if channels == 1 else "stereo"
        self._context = context
        self._channels = channels
        self._downmix = Downmix(channels, OPUS_SAMPLE_RATE)

    def decode(self, packet: bytes) -> Samples:
        """Decode one packet to float32, shape (n,), in [-1, 1], 48 kHz. Two channels are mixed
        by ``Downmix``.

        No bytes give no samples. A packet of nothing but its first byte is one that was lost or
        not sent (DTX); it is concealed. Raises ``BadInput`` ``BAD_AUDIO`` for what is no packet.
        """
        expected = packet_samples(packet)
        if not expected:
            # FFmpeg takes an empty packet for the end, and then refuses all that follows
            return np.zeros(0, np.float32)
        try:
            frames = self._context.decode(av.Packet(packet))
        except av.FFmpegError:
            raise _bad_audio() from None
        decoded = [frame.to_ndarray()[0] for frame in frames]
        samples: Samples = np.concatenate(decoded or [np.zeros(0, np.int16)]) * _S16_SCALE
        if len(samples) != expected * self._channels:
            raise _bad_audio()
        return self._downmix.mix(samples)


def _bad_audio() -> BadInput:
    return BadInput("an Opus packet cannot be decoded", code=ErrorCode.BAD_AUDIO)
