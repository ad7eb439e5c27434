"""Ogg with Opus, in pieces of any size (RFC 3533, RFC 7845); pure.

Checksums are not compared: a connection loses no bytes.
"""

from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding
from wordloop_ml.wire.containers import ContainedStream, Waiting, bad_container

_CAPTURE = b"OggS\0"
_PAGE_HEADER_BYTES = 27
_CONTINUED, _BEGINS = 0x01, 0x02
_MOST_PACKET_BYTES = 65_536
"""Longer than any packet of Opus, and than its comments as a rule; of longer ones the end is dropped."""


class OggDemuxer:
    """Gives the packets of the first stream in Opus; one that follows it is read as well."""

    def __init__(self) -> None:
        self.stream: ContainedStream | None = None
        self._waiting = Waiting()
        self._serial: bytes | None = None
        self._headers = 0  # packets of the stream that hold no audio and are yet to come
        self._packet = bytearray()  # begun on an earlier page

    def push(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the packets that they complete. Raises ``BadInput``."""
        self._waiting.push(data)
        packets: list[bytes] = []
        while len(header := self._waiting.look(_PAGE_HEADER_BYTES + 255)) >= _PAGE_HEADER_BYTES:
            if not header.startswith(_CAPTURE):
                raise bad_container("a page of Ogg does not begin as it should")
            body_at = _PAGE_HEADER_BYTES + header[26]
            lacing = header[_PAGE_HEADER_BYTES:body_at]
            if len(header) < body_at or len(self._waiting) < body_at + sum(lacing):
                break
            body = self._waiting.take(body_at + sum(lacing))[body_at:]
            self._take_page(header[5], header[14:18], lacing, body, packets)
        return packets

    def _take_page(
        self, flags: int, serial: bytes, lacing: bytes, body: bytes, packets: list[bytes]
    ) -> None:
        if flags & _BEGINS and body.startswith(b"OpusHead") and len(body) > 9:
            if self._serial is None or not self._headers:  # not one that comes beside it
                self._serial, self._headers = serial, 2
                self.stream = ContainedStream(Encoding.OPUS, OPUS_SAMPLE_RATE, body[9])
        elif flags & _BEGINS and self._serial is None and not body.startswith(b"fishead"):
            raise bad_container("Ogg must hold Opus")
        if serial != self._serial:
            return
        if not flags & _CONTINUED:
            self._packet.clear()
        at = 0
        for length in lacing:
            if len(self._packet) < _MOST_PACKET_BYTES:
                self._packet += body[at : at + length]
            at += length
            if length < 255:
                self._end_packet(packets)

    def _end_packet(self, packets: list[bytes]) -> None:
        packet = bytes(self._packet)
        self._packet.clear()
        if self._headers:
            self._headers -= 1
        else:
            packets.append(packet)
