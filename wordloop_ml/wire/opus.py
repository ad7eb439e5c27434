"""What an Opus packet says about itself (RFC 6716, section 3), without decoding it."""

from wordloop_ml.errors import BadInput, ErrorCode

OPUS_SAMPLE_RATE = 48_000
"""Samples per second of what positions of an Opus stream count, as RTP does (RFC 7587, 4.1)."""

MAX_PACKET_SAMPLES = 5_760
"""120 ms at 48 kHz: no packet lasts longer (requirement R5)."""

_FRAME_SAMPLES = (480, 960, 1_920, 2_880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
"""Samples at 48 kHz in one frame of each of the 32 configurations: SILK, hybrid, CELT."""


def packet_samples(packet: bytes) -> int:
    """How many samples at 48 kHz a packet lasts, from its first two bytes.

    0 for no bytes: that is no packet, and no time passes. Raises ``BadInput`` ``BAD_AUDIO``
    where the header allows no duration; what lies behind the header is the decoder's to judge.
    """
    if not packet:
        return 0
    table_of_contents = packet[0]
    samples = _FRAME_SAMPLES[table_of_contents >> 3] * _frames(table_of_contents & 3, packet)
    if not 0 < samples <= MAX_PACKET_SAMPLES:
        raise _bad_audio("an Opus packet holds no frame, or more than 120 ms")
    return samples


def _frames(code: int, packet: bytes) -> int:
    if code == 0:
        return 1
    if code < 3:
        return 2
    if len(packet) < 2:
        raise _bad_audio("an Opus packet ends before its number of frames")
    return packet[1] & 0x3F


def _bad_audio(message: str) -> BadInput:
    return BadInput(message, code=ErrorCode.BAD_AUDIO)
