"""Streams of audio to 16 kHz mono: Opus packets, any sample rate, and all frames of one connection.

Opus is decoded by libopus through FFmpeg (PyAV), rates are converted by soxr. Blocking, but each call
takes a fraction of a millisecond, so that the event loop makes it (docs/adr/0009).
"""

from typing import Final

import av
import numpy as np
import soxr
from av.codec import CodecContext

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import (
    OPUS_SAMPLE_RATE,
    Downmix,
    Encoding,
    PcmDecoder,
    Positions,
    StreamHead,
    packet_samples,
)
from wordloop_ml.wire.client_messages import (
    StartMessage,
)

# What soxr holds back at 48 kHz is 11 ms on average with LQ, 21 ms with MQ and HQ, 42 ms with VHQ,
# for 8 to 13 microseconds of work per 20 ms. LQ rolls off from 6 kHz (-3 dB at 6.5 kHz) without
# aliases; QQ is faster still, but has no filter: what lies above 8 kHz would fold into speech.
LIVE_QUALITY = "LQ"
FILE_QUALITY = "HQ"


class StreamResampler:
    """Resamples one unbroken stretch of mono audio; blocking, but microseconds a call.

    After ``flush`` it has given exactly ``to_service(first_sample + pushed) -
    to_service(first_sample)`` samples, so that a track's index at 16 kHz follows from its stream
    positions, whatever the frame sizes. A gap in the stream ends the stretch: flush, then open
    another behind the gap.

    sample_rate: of the samples pushed; at 16 kHz they pass through untouched.
    first_sample: stream position of the first sample that will be pushed.
    """

    def __init__(
        self, sample_rate: int, *, first_sample: int = 0, quality: str = LIVE_QUALITY
    ) -> None:
        self._positions = Positions(sample_rate)
        self._first_sample = first_sample
        self._pushed = 0
        self._given = 0
        self._flushed = False
        self._stream = (
            None
            if sample_rate == SAMPLE_RATE
            else soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, "float32", quality)
        )

    def push(self, samples: Samples) -> Samples:
        """Resample; returns what is ready at 16 kHz after these samples, which may be nothing.

        samples: float32, shape (n,), in [-1, 1], at the stream's rate. The result is in
        [-1, 1], and a view of ``samples`` where they pass through.
        """
        self._pushed += len(samples)
        if self._stream is None:
            self._given += len(samples)
            return samples
        return self._give(self._stream.resample_chunk(samples))

    def flush(self) -> Samples:
        """Return what was held back; empty the second time. Nothing may be pushed after it."""
        if self._stream is None or self._flushed:
            return np.zeros(0, np.float32)
        self._flushed = True
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        # soxr rounds the count, positions are floors that may start inside a sample: one too
        # many, or one short, which repeats the last
        owed = self._owed()
        if len(rest) < owed:
            rest = np.pad(rest, (0, owed - len(rest)), mode="edge" if len(rest) else "constant")
        return self._give(rest[:owed])

    def _owed(self) -> int:
        to_service = self._positions.to_service
        return (
            to_service(self._first_sample + self._pushed)
            - to_service(self._first_sample)
            - self._given
        )

    def _give(self, resampled: Samples) -> Samples:
        self._given += len(resampled)
        # a filter rings: full-scale edges come out a little above full scale
        return np.clip(resampled, -1, 1)


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


class AudioInput:
    """Decodes the binary frames of one connection to 16 kHz, and counts its stream samples; no I/O.

    A client may send from before the position that the track accepts; what lies before is
    counted and dropped, so that every later position is right.

    live_at: stream position where live audio begins.
    """

    def __init__(self, start: StartMessage, positions: Positions) -> None:
        self.start = start
        self.positions = positions
        self.live_at = start.live_at
        self._head = StreamHead()
        self._decoder = _decoder(start)
        self._received = start.sends_from
        self._resampler = self._resample_from(start.resume_from)

    @property
    def received(self) -> int:
        """Stream position one past the last sample that came in."""
        return self._received

    def audio(self, payload: bytes) -> Samples:
        """Decode one binary frame to the 16 kHz samples that it adds: float32, shape (n,), in [-1, 1].

        Raises ``BadInput`` (``bad_audio``).
        """
        self._head.look(payload)  # before what is wrong with it as samples
        samples = self._decoder.decode(payload)
        early = min(max(self.start.resume_from - self._received, 0), len(samples))
        self._received += len(samples)
        return self._resampler.push(samples[early:])

    def flush(self) -> Samples:
        """Return the 16 kHz samples that the resampler still holds; nothing follows."""
        return self._resampler.flush()

    def gap(self, samples: int) -> tuple[Samples, int]:
        """Skip stream samples that do not exist.

        Returns the 16 kHz samples held from before the gap, and the gap's length in samples at 16 kHz.
        """
        tail = self.flush()
        begins = self.positions.to_service(max(self._received, self.start.resume_from))
        self._received += samples
        ends = self.positions.to_service(max(self._received, self.start.resume_from))
        # What follows has nothing to do with what an Opus decoder remembers.
        self._decoder = _decoder(self.start)
        self._resampler = self._resample_from(max(self._received, self.start.resume_from))
        return tail, ends - begins

    def _resample_from(self, position: int) -> StreamResampler:
        return StreamResampler(self.start.sample_rate, first_sample=position)


def _decoder(start: StartMessage) -> PcmDecoder | OpusDecoder:
    if start.encoding is Encoding.OPUS:
        return OpusDecoder(start.channels)
    return PcmDecoder(start.encoding, start.channels, sample_rate=start.sample_rate)
