"""Containers are told from audio by their first bytes, and audio is never taken for one."""

import io

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.close_codes import MAX_REASON_BYTES, close_reason
from wordloop_ml.wire.containers import HEAD_BYTES, StreamHead, container_of


def written(container: str, codec: str, **options: str) -> bytes:
    """A second of hiss in a file, as FFmpeg writes it."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=48_000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        form = stream.codec_context.format.name
        hiss = np.random.default_rng(1).normal(0.0, 0.1, (1, 48_000))
        scale, kind = {"s16": (2**15, "i2"), "s32": (2**31, "i4"), "flt": (1, "f4")}[
            form.rstrip("p")
        ]
        frame = av.AudioFrame.from_ndarray((hiss * scale).astype(kind), format=form, layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(form, "mono", 48_000, stream.codec_context.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return file.getvalue()


CONTAINERS = [
    ("WebM", "webm", "libopus", {}),
    ("Matroska", "matroska", "libopus", {}),
    ("Ogg", "ogg", "libopus", {}),
    ("MP4", "mp4", "aac", {}),
    ("MP4", "mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}),
    ("MP4", "mov", "aac", {}),
    ("WAV", "wav", "pcm_s16le", {}),
    ("AIFF", "aiff", "pcm_s16be", {}),
    ("CAF", "caf", "pcm_s16le", {}),
    ("FLAC", "flac", "flac", {}),
    ("MP3", "mp3", "libmp3lame", {}),
    ("MP3", "mp3", "libmp3lame", {"id3v2_version": "0", "write_xing": "0"}),
    ("AAC", "adts", "aac", {}),
]


@pytest.mark.parametrize(("name", "container", "codec", "options"), CONTAINERS)
@pytest.mark.parametrize("frame_bytes", [1, 640, 65_536])
def test_a_container_is_named_however_it_is_cut(
    name: str, container: str, codec: str, options: dict[str, str], frame_bytes: int
) -> None:
    """Within the first bytes, with what to send in its place."""
    content = written(container, codec, **options)
    head = StreamHead()

    def send() -> None:
        for at in range(0, HEAD_BYTES, frame_bytes):
            head.look(content[at : at + frame_bytes])

    with pytest.raises(BadInput, match=f"this looks like {name}: ") as caught:
        send()
    assert caught.value.code is ErrorCode.BAD_AUDIO
    assert close_reason(ErrorCode.BAD_AUDIO, str(caught.value)).endswith(str(caught.value))


def test_pieces_of_a_stream_without_its_beginning_are_named() -> None:
    """What a recorder sends to a connection that was resumed; and the header of Opus as a packet."""
    assert container_of(b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7 + b"\xe7") == "WebM"
    assert container_of(b"OggS\0\0" + b"\xff" * 8) == "Ogg"
    assert container_of(b"\0\0\0\x64moof\0\0\0\x10mfhd") == "MP4"
    assert container_of(b"OpusHead\1\1") == "the header of an Ogg Opus stream"


def test_what_comes_later_is_not_looked_at() -> None:
    """A stream is one thing from its beginning."""
    head = StreamHead()
    head.look(bytes(HEAD_BYTES))
    head.look(written("wav", "pcm_s16le"))


@pytest.mark.parametrize("kind", ["<i2", "<f4", "u1"])
@given(amplitude=st.floats(0.0, 1.0), seed=st.integers(0, 2**32 - 1), hum=st.floats(0.0, 1.0))
def test_audio_is_no_container(kind: str, amplitude: float, seed: int, hum: float) -> None:
    """Hiss and hum of any loudness, in every form of sample."""
    random = np.random.default_rng(seed)
    tone = hum * np.sin(np.arange(2_048) * random.uniform(0.001, 3.0))
    sound = np.clip(random.normal(0.0, amplitude, 2_048) + tone, -1.0, 1.0)
    scale = {"<i2": 32_767, "<f4": 1, "u1": 127}[kind]
    assert (
        container_of((sound * scale + (128 if kind == "u1" else 0)).astype(kind).tobytes()) is None
    )


def test_silence_of_any_level_is_no_container() -> None:
    """Each value that a sample can have, held."""
    for value in range(65_536):
        assert container_of(value.to_bytes(2, "little") * 2_048) is None


@given(st.binary(max_size=HEAD_BYTES))
def test_any_bytes_are_looked_at_without_another_error(content: bytes) -> None:
    """Also those that begin like a header."""
    for beginning in (b"", b"\xff\xfb\x90", b"\xff\xf1\x4c", b"RIFF", b"ID3\4\0"):
        name = container_of((beginning + content)[:HEAD_BYTES])
        assert name is None or len(name) < MAX_REASON_BYTES
