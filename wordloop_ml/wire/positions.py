"""Where one moment stands on its three scales: the stream's samples, 16 kHz samples, meeting ms.

All three maps are floors of exact integer ratios: no float, no accumulated error, monotone.
The audio itself keeps to them: ``audio.resampler.StreamResampler`` gives exactly as many
samples as ``to_service`` says.
"""

from dataclasses import dataclass

from wordloop_ml.messages import SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Positions:
    """The scales of one track.

    sample_rate: samples per second of the stream.
    origin_ms: meeting time of the track's sample 0, in milliseconds.
    accept_from: the stream position from which this connection takes audio.
    """

    sample_rate: int
    origin_ms: int = 0
    accept_from: int = 0

    def to_service(self, position: int) -> int:
        """Return the 16 kHz sample that holds the start of stream sample ``position``."""
        return position * SAMPLE_RATE // self.sample_rate

    def to_stream(self, sample: int) -> int:
        """Return the last stream position that does not lie behind 16 kHz sample ``sample``.

        A client that trims at ``to_stream(committed)`` loses nothing after ``committed``, and
        when it resumes from there the service begins at or before it:
        ``sample - SAMPLE_RATE / sample_rate - 1 < to_service(to_stream(sample)) <= sample``.
        """
        return sample * self.sample_rate // SAMPLE_RATE

    def committed(self, sample: int, received: int) -> int:
        """Return the stream position to tell a client of a track committed to 16 kHz ``sample``.

        ``to_stream``, with two corrections where floors would puzzle a client. It never lies
        before ``accept_from``: the client has trimmed to there, and could not resume from
        before it. And a track with no sample left to commit is committed to ``received``
        (stream samples so far), though the last few may not fill a 16 kHz sample.
        """
        at_end = sample >= self.to_service(received)
        return max(self.accept_from, received if at_end else self.to_stream(sample))

    def to_ms(self, sample: int) -> int:
        """Return the meeting time, in milliseconds, at 16 kHz sample ``sample``."""
        return self.origin_ms + sample * 1000 // SAMPLE_RATE
