"""Live audio in a container whose first bytes tell which: WebM, Ogg or WAV; blocking, as ``live_audio`` is."""

from collections.abc import Callable, Iterator

import numpy as np

from wordloop_ml.audio.live_audio import PIECE_BYTES, LiveAudio, OpusAudio, PcmAudio
from wordloop_ml.messages import Samples
from wordloop_ml.wire.audio_frames import Encoding, container_of
from wordloop_ml.wire.containers import ContainedStream, Demuxer, bad_container
from wordloop_ml.wire.ogg import OggDemuxer
from wordloop_ml.wire.wav import WavDemuxer
from wordloop_ml.wire.webm import WebmDemuxer

_HEAD_BYTES = 12
_DEMUXERS: tuple[tuple[bytes, Callable[[], Demuxer]], ...] = (
    (b"\x1a\x45\xdf\xa3", WebmDemuxer),
    (b"OggS", OggDemuxer),
    (b"RIFF", WavDemuxer),
    (b"RF64", WavDemuxer),
)


class ContainedAudio:
    """The first stream of audio in a container, mixed to one track."""

    tracks = 1

    def __init__(self) -> None:
        self._head = b""
        self._demuxer: Demuxer | None = None
        self._stream: ContainedStream | None = None
        self._audio: LiveAudio | None = None

    def decode(self, payload: bytes) -> Iterator[tuple[Samples, ...]]:
        """Decode the next bytes, step by step. Raises ``BadInput`` (``bad_audio``)."""
        if self._demuxer is None:
            self._head += payload
            if len(self._head) < _HEAD_BYTES:
                return
            payload, self._head = self._head, b""
            self._demuxer = _demuxer_of(payload)
        for start in range(0, len(payload), PIECE_BYTES):
            for packet in self._demuxer.push(payload[start : start + PIECE_BYTES]):
                yield from self._decode_packet(packet, self._demuxer.stream)

    def _decode_packet(
        self, packet: bytes, stream: ContainedStream | None
    ) -> Iterator[tuple[Samples, ...]]:
        if self._audio is None or stream != self._stream:
            yield self.flush()  # another stream follows the first
            self._stream, self._audio = stream, _audio_of(stream)
        yield from self._audio.decode(packet)

    def flush(self) -> tuple[Samples, ...]:
        """Return what is still held."""
        return (_NOTHING,) if self._audio is None else self._audio.flush()


def _demuxer_of(head: bytes) -> Demuxer:
    """Choose a demuxer by the first bytes. Raises ``BadInput`` for what none reads."""
    for signature, demuxer in _DEMUXERS:
        if head.startswith(signature):
            return demuxer()
    name = container_of(head)
    raise bad_container(
        f"{name or 'this'} is not read from a stream: send WebM, Ogg or WAV, or name an encoding"
    )


def _audio_of(stream: ContainedStream | None) -> LiveAudio:
    if stream is None:
        raise TypeError("a demuxer knows its stream before it gives of it")
    if stream.encoding is Encoding.OPUS:
        return OpusAudio(stream.channels)
    return PcmAudio(stream.encoding, stream.sample_rate, stream.channels)


_NOTHING: Samples = np.zeros(0, np.float32)
