"""Streaming resampling to 16 kHz, with sample counts that agree exactly with ``wire.audio_frames``."""

import numpy as np
import soxr

from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.wire.audio_frames import Positions

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
