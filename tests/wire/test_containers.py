"""Demuxers of streams: the packets that FFmpeg finds, wherever the stream is divided; and no crash."""

import struct
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.recordings import (
    HEADER,
    OPUS_TRACK,
    UNKNOWN,
    chromium,
    element,
    muxed,
    packets,
    packets_in,
    simple_block,
    track,
)
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.containers import ContainedStream, Demuxer
from wordloop_ml.wire.ogg import OggDemuxer
from wordloop_ml.wire.wav import WavDemuxer, wav_header
from wordloop_ml.wire.webm import WebmDemuxer

OPUS = packets()
RECORDED = chromium([simple_block(packet) for packet in OPUS])
FIREFOX = muxed("ogg", "libopus")
LIBRARY = muxed("webm", "libopus", layout="stereo")
WAVE = muxed("wav", "pcm_s16le", 16_000)
MONO, STEREO = (ContainedStream(Encoding.OPUS, 48_000, channels) for channels in (1, 2))

edges = st.lists(st.integers(0, 1 << 30), max_size=30)


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(one % (len(data) + 1) for one in at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


def demuxed(demuxer: Demuxer, *data: bytes) -> list[bytes]:
    return [packet for one in data for packet in demuxer.push(one)]


@settings(deadline=None)
@given(edges)
@pytest.mark.parametrize(
    ("made", "recording", "stream", "expected"),
    [
        (WebmDemuxer, RECORDED, MONO, OPUS),
        (WebmDemuxer, LIBRARY, STEREO, packets_in(LIBRARY)),
        (OggDemuxer, FIREFOX, MONO, packets_in(FIREFOX)),
    ],
)
def test_packets_are_those_of_the_file_however_it_is_divided(
    made: Callable[[], Demuxer],
    recording: bytes,
    stream: ContainedStream,
    expected: list[bytes],
    at: list[int],
) -> None:
    """As a browser's ``MediaRecorder`` divides them: nowhere in particular."""
    demuxer = made()
    assert demuxed(demuxer, *pieces(recording, at)) == expected
    assert demuxer.stream == stream


def test_a_recording_may_come_byte_by_byte() -> None:
    """The worst that a connection can do."""
    for made, recording, expected in (
        (WebmDemuxer, RECORDED, OPUS),
        (OggDemuxer, FIREFOX, packets_in(FIREFOX)),
    ):
        single = (recording[at : at + 1] for at in range(len(recording)))
        assert demuxed(made(), *single) == expected


@settings(deadline=None)
@given(edges)
@pytest.mark.parametrize(
    ("codec", "encoding", "sample_rate"),
    [
        ("pcm_s16le", Encoding.PCM_S16LE, 44_100),
        ("pcm_f32le", Encoding.PCM_F32LE, 48_000),
        ("pcm_mulaw", Encoding.PCM_MULAW, 8_000),
        ("pcm_alaw", Encoding.PCM_ALAW, 8_000),
    ],
)
def test_wav_gives_its_samples(
    codec: str, encoding: Encoding, sample_rate: int, at: list[int]
) -> None:
    """And nothing of the chunks around them."""
    recording = muxed("wav", codec, sample_rate)
    demuxer = WavDemuxer()
    samples = b"".join(demuxed(demuxer, *pieces(recording + b"LIST\4\0\0\0more", at)))
    assert samples == b"".join(packets_in(recording))
    assert demuxer.stream == ContainedStream(encoding, sample_rate, 1)


def test_wav_whose_length_nobody_knew_goes_on_to_the_end() -> None:
    """As a program writes it to a pipe."""
    at = WAVE.index(b"data")
    for size in (0, 0xFFFFFFFF):
        endless = WAVE[: at + 4] + struct.pack("<I", size) + WAVE[at + 8 :] + bytes(1_000)
        assert b"".join(demuxed(WavDemuxer(), endless)) == WAVE[at + 8 :] + bytes(1_000)


def test_other_tracks_and_elements_are_skipped() -> None:
    """Video comes in blocks that are larger than what is kept of audio."""
    video = track(2, 1, b"V_VP8")
    blocks = [simple_block(bytes(1 << 21), number=2), element(0xEC, bytes(100))]
    for packet in OPUS:
        blocks += [simple_block(packet), simple_block(b"picture", number=2)]
    recording = chromium(blocks, video + OPUS_TRACK)
    demuxer = WebmDemuxer()
    assert (
        demuxed(demuxer, *(recording[at : at + 4_000] for at in range(0, len(recording), 4_000)))
        == OPUS
    )


def test_pcm_of_webm_is_read() -> None:
    """Chromium records it when it is asked for ``audio/webm;codecs=pcm``."""
    audio = [
        element(0xB5, struct.pack(">d", 44_100.0)),
        element(0x9F, b"\2"),
        element(0x6264, b"\x20"),
    ]
    floats = np.zeros(100, "<f4").tobytes()
    group = element(0xA0, element(0xA1, b"\x81\0\0\0" + floats))
    demuxer = WebmDemuxer()
    assert demuxed(demuxer, chromium([group], track(1, 2, b"A_PCM/FLOAT/IEEE", *audio))) == [floats]
    assert demuxer.stream == ContainedStream(Encoding.PCM_F32LE, 44_100, 2)


def test_a_second_stream_of_ogg_follows_the_first() -> None:
    """A recorder that was stopped and started again."""
    stereo = muxed("ogg", "libopus", layout="stereo")
    demuxer = OggDemuxer()
    assert demuxed(demuxer, FIREFOX) == packets_in(FIREFOX)
    assert demuxed(demuxer, stereo) == packets_in(stereo)
    assert demuxer.stream == STEREO


LACED = chromium([simple_block(OPUS[0], flags=0x02)])
NO_SIZE = HEADER + element(0x18538067, element(0xA3, b"", UNKNOWN), UNKNOWN)
EIGHT_BITS = WAVE[:34] + b"\x08\0" + WAVE[36:]


@pytest.mark.parametrize(
    ("made", "data"),
    [
        (WebmDemuxer, LACED),
        (WebmDemuxer, NO_SIZE),
        (WebmDemuxer, b"\0" * 20),
        (WebmDemuxer, chromium([], track(1, 2, b"A_VORBIS"))),
        (WebmDemuxer, chromium([], track(1, 2, b"A_OPUS", element(0x9F, b"\x09")))),
        (WebmDemuxer, chromium([element(0xA3, b"\x81\0")])),
        (WebmDemuxer, chromium([element(0xA3, b"\x81", (1 << 56 | 1 << 24).to_bytes(8, "big"))])),
        (OggDemuxer, b"Ogg?" * 20),
        (OggDemuxer, FIREFOX.replace(b"OpusHead", b"\1vorbis!", 1)),
        (OggDemuxer, FIREFOX[:-1] + bytes(40)),
        (WavDemuxer, EIGHT_BITS),
        (WavDemuxer, WAVE[:12] + b"data\xff\xff\xff\xff"),
        (WavDemuxer, WAVE[:12] + b"fmt \xff\xff\xff\xff"),
        (WavDemuxer, WAVE[:12] + b"fmt \2\0\0\0\1\0"),
        (WavDemuxer, WAVE[:24] + struct.pack("<I", 500_000) + WAVE[28:]),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(made: Callable[[], Demuxer], data: bytes) -> None:
    """No other error, and no silence."""
    with pytest.raises(BadInput) as caught:
        demuxed(made(), data)
    assert caught.value.code is ErrorCode.BAD_AUDIO


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([(WebmDemuxer, RECORDED), (OggDemuxer, FIREFOX), (WavDemuxer, WAVE)]),
    st.lists(st.tuples(st.integers(0, 1 << 30), st.binary(min_size=1, max_size=4)), max_size=6),
    edges,
)
def test_damage_is_read_around_or_refused(
    which: tuple[Callable[[], Demuxer], bytes], damage: list[tuple[int, bytes]], at: list[int]
) -> None:
    """Whatever a stranger sends."""
    made, recording = which
    data = bytearray(recording)
    for place, content in damage:
        start = place % len(data)
        data[start : start + len(content)] = content
    with suppress(BadInput):
        demuxed(made(), *pieces(bytes(data), at))


@pytest.mark.parametrize("encoding", [one for one in Encoding if one is not Encoding.OPUS])
def test_a_header_makes_a_file_of_samples(encoding: Encoding) -> None:
    """Which the demuxer, and FFmpeg, read."""
    demuxer = WavDemuxer()
    samples = bytes(range(128)) * 4
    file = wav_header(encoding, 16_000, 2) + samples
    assert demuxed(demuxer, file) == [samples]
    assert demuxer.stream == ContainedStream(encoding, 16_000, 2)
    assert b"".join(packets_in(file)) == samples
