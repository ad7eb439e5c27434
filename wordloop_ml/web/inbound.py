"""The inbound half of one connection: bytes in, 16 kHz samples and positions out; no I/O."""

from wordloop_ml.audio.opus import OpusDecoder
from wordloop_ml.audio.resampler import StreamResampler
from wordloop_ml.messages import Samples
from wordloop_ml.wire.audio_frames import Encoding, PcmDecoder, StreamHead
from wordloop_ml.wire.client_messages import StartMessage
from wordloop_ml.wire.positions import Positions


class Inbound:
    """Counts what came in and brings it to 16 kHz.

    A client may send from before the position that the track accepts; what lies before is
    counted and dropped, so that every later position is right.
    """

    def __init__(self, start: StartMessage, positions: Positions) -> None:
        self.start = start
        self.positions = positions
        self._head = StreamHead()
        self._decoder = _decoder(start)
        self._received = start.sends_from
        self._resampler = self._resample_from(start.resume_from)

    @property
    def received(self) -> int:
        """Stream position one past the last sample that came in."""
        return self._received

    def audio(self, payload: bytes) -> Samples:
        """The 16 kHz samples that one binary frame adds. Raises ``BadInput`` (``bad_audio``)."""
        self._head.look(payload)  # before what is wrong with it as samples
        samples = self._decoder.decode(payload)
        early = min(max(self.start.resume_from - self._received, 0), len(samples))
        self._received += len(samples)
        return self._resampler.push(samples[early:])

    def flush(self) -> Samples:
        """What the resampler still holds: nothing follows."""
        return self._resampler.flush()

    def gap(self, samples: int) -> tuple[Samples, int]:
        """Skip stream samples that do not exist: the tail before them, and the gap at 16 kHz."""
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
