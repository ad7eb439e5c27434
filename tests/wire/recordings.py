"""Recordings as browsers and FFmpeg make them, whole; for demuxers that take them in pieces."""

import io
import struct
from collections.abc import Sequence

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from tests.audio.opus_packets import encode
from wordloop_ml.messages import Samples

UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"


def tone(seconds: float = 0.6, sample_rate: int = 48_000) -> Samples:
    """A sound that is the same nowhere."""
    at = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.3 * np.sin(2 * np.pi * (300 + 400 * at) * at)).astype(np.float32)


def packets(frame_ms: float = 60) -> list[bytes]:
    """Opus packets of the tone, as long as Chromium's."""
    return encode(tone(), frame_ms=frame_ms)


def element(identifier: int, content: bytes, size: bytes | None = None) -> bytes:
    """An element of EBML; its size in eight bytes unless it is given."""
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (size or (len(content) | 1 << 56).to_bytes(8, "big")) + content


def track(number: int, kind: int, codec: bytes, *audio: bytes) -> bytes:
    """The description of a track."""
    return element(
        0xAE,
        element(0xD7, bytes([number]))
        + element(0x73C5, b"\x12\x34")
        + element(0x83, bytes([kind]))
        + element(0x86, codec)
        + (element(0xE1, b"".join(audio)) if audio else b""),
    )


OPUS_TRACK = track(
    1, 2, b"A_OPUS", element(0xB5, struct.pack(">f", 48_000)), element(0x9F, b"\x01")
)
HEADER = element(0x1A45DFA3, element(0x4282, b"webm"))


def simple_block(packet: bytes, *, number: int = 1, flags: int = 0x80) -> bytes:
    """A block of one frame."""
    return element(0xA3, bytes([0x80 | number]) + b"\0\0" + bytes([flags]) + packet)


def chromium(blocks: Sequence[bytes], tracks: bytes = OPUS_TRACK) -> bytes:
    """A WebM recording: Segment and Clusters of unknown size, five blocks in each."""
    info = element(0x1549A966, element(0x2AD7B1, b"\x0f\x42\x40") + element(0x4D80, b"Chrome"))
    clusters = b"".join(
        element(0x1F43B675, element(0xE7, b"\0") + b"".join(blocks[at : at + 5]), UNKNOWN)
        for at in range(0, len(blocks), 5)
    )
    return HEADER + element(0x18538067, info + element(0x1654AE6B, tracks) + clusters, UNKNOWN)


def muxed(container: str, codec: str, sample_rate: int = 48_000, layout: str = "mono") -> bytes:
    """The tone, in a container of FFmpeg's."""
    written = io.BytesIO()
    with av.open(written, "w", format=container) as file:
        stream = file.add_stream(codec, rate=sample_rate)
        assert isinstance(stream, AudioStream)
        stream.layout = layout
        sound = np.rint(tone(sample_rate=sample_rate) * 32_767).astype(np.int16)
        channels = np.repeat(sound, 2 if layout == "stereo" else 1).reshape(1, -1)
        frame = AudioFrame.from_ndarray(channels, format="s16", layout=layout)
        frame.sample_rate = sample_rate
        resampler = av.AudioResampler(
            format=stream.format.name,
            layout=layout,
            rate=sample_rate,
            frame_size=stream.codec_context.frame_size or 960,
        )
        for one in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(one))
        file.mux(stream.encode(None))
    return written.getvalue()


def packets_in(recording: bytes) -> list[bytes]:
    """The packets that FFmpeg finds."""
    with av.open(io.BytesIO(recording), "r") as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]
