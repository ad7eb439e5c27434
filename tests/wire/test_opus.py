import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.opus import MAX_PACKET_SAMPLES, OPUS_SAMPLE_RATE, packet_samples

FRAME_MS = {
    **{config: (10, 20, 40, 60)[config % 4] for config in range(12)},
    **{config: (10, 20)[config % 2] for config in range(12, 16)},
    **{config: (2.5, 5, 10, 20)[config % 4] for config in range(16, 32)},
}
"""RFC 6716, table 2."""


@pytest.mark.parametrize(("config", "frame_ms"), FRAME_MS.items())
@pytest.mark.parametrize("stereo", [0, 4])
def test_every_configuration_has_its_duration(config: int, frame_ms: float, stereo: int) -> None:
    """Of one frame, of two, and of as many as the second byte says."""
    frame = round(frame_ms * OPUS_SAMPLE_RATE / 1000)
    first = config << 3 | stereo
    assert packet_samples(bytes([first])) == frame
    assert packet_samples(bytes([first, 9, 9])) == frame
    assert packet_samples(bytes([first | 1, 9])) == packet_samples(bytes([first | 2, 9]))
    assert packet_samples(bytes([first | 1])) == 2 * frame
    most = MAX_PACKET_SAMPLES // frame
    for flags in (0, 0x40, 0x80, 0xC0):
        assert packet_samples(bytes([first | 3, flags | most])) == most * frame
        with pytest.raises(BadInput, match="120 ms"):
            packet_samples(bytes([first | 3, flags | most + 1]))


@pytest.mark.parametrize("packet", [b"\x03", b"\xff", b"\x03\x00", b"\xff\xc0\x01"])
def test_a_header_without_a_duration_is_bad_audio(packet: bytes) -> None:
    """Cut off before the number of frames, or with none."""
    with pytest.raises(BadInput) as caught:
        packet_samples(packet)
    assert caught.value.code is ErrorCode.BAD_AUDIO


def test_an_empty_frame_is_harmless() -> None:
    """As in every other encoding: no time passes."""
    assert packet_samples(b"") == 0


@given(st.binary(min_size=1, max_size=8))
def test_any_bytes_have_a_bounded_duration_or_are_bad_audio(packet: bytes) -> None:
    """Nothing else escapes."""
    try:
        samples = packet_samples(packet)
    except BadInput:
        return
    assert 120 <= samples <= MAX_PACKET_SAMPLES
    assert samples % 120 == 0
