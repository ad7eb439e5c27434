import math
import os
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from wordloop_ml.audio.files import open_audio
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples

JFK = Path(__file__).parents[3] / "shared" / "data" / "speech" / "jfk.wav"
SECONDS = 2.0


def sweep(rate: int, seconds: float = SECONDS) -> Samples:
    """Two tones, the second an octave higher and softer: what comes when can be told."""
    times = np.arange(round(rate * seconds)) / rate
    late = times >= seconds / 2
    wave_form = np.where(late, 0.25, 0.5) * np.sin(2 * np.pi * np.where(late, 880, 440) * times)
    return wave_form.astype(np.float32)


def write(
    path: Path,
    codec: str,
    *,
    rate: int = 48_000,
    layout: str = "mono",
    samples: Samples | None = None,
    video: bool = False,
) -> Path:
    """A media file of the sweep, on every channel alike."""
    mono = sweep(rate) if samples is None else samples
    with av.open(str(path), "w") as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 32
            pictures.pix_fmt = "yuv420p"
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, AudioStream)
        stream.layout = layout
        if video:
            for _ in range(20):
                picture = av.VideoFrame(32, 32, "yuv420p")
                container.mux(pictures.encode(picture))
            container.mux(pictures.encode(None))
        channels = stream.layout.nb_channels
        for at in range(0, len(mono), 1024):
            piece = np.tile(mono[at : at + 1024], (channels, 1))
            frame = AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
            frame.sample_rate = rate
            frame.pts = at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> Samples:
    """All chunks of a file."""
    with open_audio(path) as audio:
        return np.concatenate(list(audio))


def refusal(act: Callable[[], object]) -> str:
    """The one line with which reading a file fails."""
    with pytest.raises(BadInput) as caught:
        act()
    assert caught.value.code is ErrorCode.UNREADABLE_AUDIO
    message = str(caught.value)
    assert "\n" not in message
    assert "Errno" not in message
    return message


FORMS = [
    ("pcm.wav", "pcm_s16le", 48_000, "mono"),
    ("pcm-8k.wav", "pcm_s16le", 8_000, "mono"),
    ("pcm-16k.wav", "pcm_s16le", 16_000, "stereo"),
    ("float.wav", "pcm_f32le", 44_100, "stereo"),
    ("mulaw.wav", "pcm_mulaw", 8_000, "mono"),
    ("lossless.flac", "flac", 44_100, "stereo"),
    ("six.flac", "flac", 48_000, "5.1"),
    ("studio.flac", "flac", 96_000, "mono"),
    ("song.mp3", "libmp3lame", 44_100, "stereo"),
    ("call.ogg", "libopus", 48_000, "mono"),
    ("browser.webm", "libopus", 48_000, "mono"),
    ("phone.m4a", "aac", 44_100, "mono"),
    ("apple.m4a", "alac", 44_100, "stereo"),
]


@pytest.mark.parametrize(("name", "codec", "rate", "layout"), FORMS)
def test_a_file_of_any_form_becomes_16_khz_mono(
    tmp_path: Path, name: str, codec: str, rate: int, layout: str
) -> None:
    """The right length, the right sounds at the right time, in range."""
    path = write(tmp_path / name, codec, rate=rate, layout=layout)
    with open_audio(path) as audio:
        assert audio.duration_s == pytest.approx(SECONDS, abs=0.1)
        chunks = list(audio)
    assert all(chunk.dtype == np.float32 and chunk.ndim == 1 and len(chunk) for chunk in chunks)
    samples = np.concatenate(chunks)
    assert len(samples) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)
    assert np.max(np.abs(samples)) <= 1
    second = SAMPLE_RATE // 2
    for at_s, hertz, level in ((0.25, 440, 0.5), (1.25, 880, 0.25)):
        piece = samples[round(at_s * SAMPLE_RATE) :][:second].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(second)))
        assert np.argmax(spectrum) * 2 == pytest.approx(hertz, abs=2)
        if layout != "5.1":
            assert math.sqrt(2 * np.mean(piece**2)) == pytest.approx(level, rel=0.1)


def test_an_exact_form_is_read_exactly(tmp_path: Path) -> None:
    """16 kHz, 16 bits: sample for sample."""
    values = np.arange(-32_768, 32_767, 5, dtype=np.int16)
    path = tmp_path / "exact.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes(values.tobytes())
    assert (read(path) * 32_768).astype(int).tolist() == values.tolist()


def test_the_sound_of_a_video_is_read(tmp_path: Path) -> None:
    """Pictures are passed over."""
    path = write(tmp_path / "talk.mp4", "aac", video=True)
    assert len(read(path)) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)


def test_a_human_sample_is_read() -> None:
    """Eleven seconds of a president."""
    if not JFK.exists():
        pytest.skip("the shared speech sample is not here")
    samples = read(JFK)
    assert len(samples) == 176_000
    assert 0.01 < np.sqrt(np.mean(samples**2)) < 0.5


def test_counts_are_exact_at_odd_rates(tmp_path: Path) -> None:
    """Floors, as positions on the wire."""
    path = write(tmp_path / "a.wav", "pcm_s16le", rate=44_100, samples=sweep(44_100)[:12_345])
    assert len(read(path)) == 12_345 * 16_000 // 44_100


def test_float_beyond_full_scale_is_clipped(tmp_path: Path) -> None:
    """As on the wire."""
    path = write(tmp_path / "loud.wav", "pcm_f32le", samples=3 * sweep(48_000))
    assert np.max(np.abs(read(path))) == 1


def test_what_is_no_media_file_is_one_clear_line(tmp_path: Path) -> None:
    """Each with its reason, none with a traceback of FFmpeg's."""
    (tmp_path / "empty.wav").touch()
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(5_000))
    (tmp_path / "half.wav").write_bytes(b"RIFF")
    (tmp_path / "notes.txt").write_text("Not audio at all.\n" * 50, encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.wav")
    for name, why in [
        ("gone.wav", "does not exist"),
        ("", "is a directory"),
        ("empty.wav", "is empty"),
        ("noise.mp3", "is no audio or video file that FFmpeg knows"),
        ("half.wav", "is no audio or video file that FFmpeg knows"),
        ("notes.txt", "holds no audio stream"),
        ("pipe.wav", "is no regular file"),
        ("empty.wav/x", "cannot be looked at"),
        ("a\x00b", "cannot be looked at"),
        ("x" * 300, "cannot be looked at"),
    ]:
        assert refusal(partial(open_audio, tmp_path / name)).endswith(why)


def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    """Unless the tests run as root, who may read anything."""
    path = write(tmp_path / "locked.wav", "pcm_s16le")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    assert refusal(lambda: open_audio(path)).endswith("permission denied")


def test_a_video_without_sound_has_no_audio_stream(tmp_path: Path) -> None:
    """Said at once, not after reading all of it."""
    path = tmp_path / "mute.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode(None))
    assert refusal(lambda: open_audio(path)).endswith("holds no audio stream")


def test_a_file_of_no_samples_holds_no_sound(tmp_path: Path) -> None:
    """Its header is right and there is nothing behind it."""
    path = tmp_path / "header.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
    assert "holds no sound" in refusal(lambda: read(path))


def damaged(path: Path, codec: str, *, by: bytes) -> tuple[float, str]:
    """Seconds read of a file of four, and the error: cut in the middle, or overwritten there."""
    noise = 0.3 * np.random.default_rng(1).standard_normal(48_000 * 4)
    write(path, codec, samples=noise.clip(-1, 1).astype(np.float32))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(by)] = by
    path.write_bytes(content if by else content[:middle])
    given = 0

    def read_on() -> None:
        nonlocal given
        with open_audio(path) as audio:
            for chunk in audio:
                given += len(chunk)

    message = refusal(read_on)
    return given / SAMPLE_RATE, message


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.m4a", "aac"), ("a.mp3", "libmp3lame"), ("a.ogg", "libopus")],
)
def test_what_was_readable_comes_before_the_error(tmp_path: Path, name: str, codec: str) -> None:
    """A file that is corrupt in the middle gives its first part, then says that it is."""
    junk = np.random.default_rng(2).bytes(4_000)
    given_s, message = damaged(tmp_path / name, codec, by=junk)
    assert 1.5 < given_s < 2.5
    assert "is corrupt: " in message


def test_what_ffmpeg_skips_in_silence_is_missed(tmp_path: Path) -> None:
    """It finds the next whole frame and says nothing; the length says it."""
    junk = np.random.default_rng(2).bytes(20_000)
    given_s, message = damaged(tmp_path / "a.flac", "flac", by=junk)
    assert 0.5 < given_s < 3.9
    assert message.endswith(f"is corrupt: {4 - given_s:.1f} s of it cannot be read")


def test_a_file_that_was_cut_off_says_where(tmp_path: Path) -> None:
    """A download that broke, say."""
    given_s, message = damaged(tmp_path / "a.flac", "flac", by=b"")
    assert 1.5 < given_s < 2.5
    assert message.endswith(f"is corrupt: nothing readable after {given_s:.1f} s")


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_is_read_whole(tmp_path: Path, length: int) -> None:
    """Its header could not know the length; that is no damage."""
    path = write(tmp_path / "a.wav", "pcm_s16le", samples=sweep(48_000)[:-123])
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = length.to_bytes(4, "little")
    path.write_bytes(content)
    assert len(read(path)) == (2 * 48_000 - 123) // 3


def test_floats_that_are_no_numbers_are_corrupt(tmp_path: Path) -> None:
    """One would spoil everything the resampler has seen."""
    samples = sweep(48_000)
    samples[48_000] = np.nan
    path = write(tmp_path / "nan.wav", "pcm_f32le", samples=samples)
    assert "is corrupt: nothing readable after" in refusal(lambda: read(path))


def test_names_are_shown_on_one_line(tmp_path: Path) -> None:
    """Whatever bytes they are made of; and such files can be read."""
    odd = tmp_path / os.fsdecode(b"caf\xe9\n%d.wav")
    assert "caf\\udce9\\n%d.wav does not exist" in refusal(lambda: open_audio(odd))
    write(tmp_path / "plain.wav", "pcm_s16le").rename(odd)
    assert len(read(odd)) == SECONDS * SAMPLE_RATE


def test_a_playlist_cannot_make_us_fetch_anything(tmp_path: Path) -> None:
    """FFmpeg would follow its addresses."""
    path = tmp_path / "list.m3u8"
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
        encoding="utf-8",
    )
    refusal(lambda: read(path))


def test_names_that_look_like_addresses_are_file_names(tmp_path: Path) -> None:
    """The protocol is always that of files."""
    assert "does not exist" in refusal(lambda: open_audio(Path("http://127.0.0.1:9/a.wav")))
    inside = tmp_path / "concat:a|b.wav"
    write(tmp_path / "plain.wav", "pcm_s16le").rename(inside)
    assert len(read(inside)) == SECONDS * SAMPLE_RATE


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    """And leaves off in the middle if need be."""
    audio = open_audio(write(tmp_path / "a.wav", "pcm_s16le"))
    assert len(next(iter(audio)))
    audio.close()
    audio.close()
