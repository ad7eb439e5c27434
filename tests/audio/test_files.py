import io
import math
import os
import re
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from hypothesis import given
from hypothesis import strategies as st

from tests.speech import path_of
from wordloop_ml.audio.files import (
    FromFragment,
    audio_streams,
    first_fragment,
    next_fragment,
    open_audio,
)
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import SAMPLE_RATE, Samples

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
    options: dict[str, str] | None = None,
) -> Path:
    """A media file of the sweep, on every channel alike unless there is one for each."""
    sounds = np.atleast_2d(sweep(rate) if samples is None else samples)
    with av.open(str(path), "w", options=options or {}) as container:
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
        sounds = np.broadcast_to(sounds, (channels, sounds.shape[1]))
        for at in range(0, sounds.shape[1], 1024):
            piece = np.ascontiguousarray(sounds[:, at : at + 1024])
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
    samples = read(path_of("en_read_jfk_1"))
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


RATE = 48_000
LONG_S = 12
"""Each second of the damaged files is a tone of its own, which tells what time it is."""


def clock(seconds: int = LONG_S) -> Samples:
    """300 Hz in the first second, 350 in the second, and so on, in a little noise."""
    times = np.arange(RATE * seconds) / RATE
    tones = 0.4 * np.sin(2 * np.pi * (300 + 50 * np.floor(times)) * times)
    noise = 0.02 * np.random.default_rng(1).standard_normal(len(times))
    return (tones + noise).astype(np.float32)


def told(samples: Samples) -> list[int | None]:
    """Which second each second of the samples is from; None where it is silent."""
    seconds: list[int | None] = []
    for at in range(0, len(samples) - SAMPLE_RATE // 2, SAMPLE_RATE):
        piece = samples[at : at + SAMPLE_RATE][1_600:-1_600].astype(np.float64)
        if math.sqrt(np.mean(piece**2)) < 0.05:
            seconds.append(None)
            continue
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece))))
        hertz = np.argmax(spectrum) * SAMPLE_RATE / len(piece)
        seconds.append(round((hertz - 300) / 50))
    return seconds


def read_on(path: Path, stream: int = 0) -> tuple[Samples, str]:
    """What can be read of a file, and the error that follows; empty where none does."""
    chunks = [np.zeros(0, np.float32)]
    message = ""
    with open_audio(path, stream) as audio:
        try:
            chunks.extend(audio)
        except BadInput as error:
            message = str(error)
    return np.concatenate(chunks), message


def overwrite(path: Path, share: float, length: int) -> None:
    """Put bytes that mean nothing into the file, so far from its beginning."""
    content = bytearray(path.read_bytes())
    at = int(len(content) * share)
    content[at : at + length] = np.random.default_rng(2).bytes(length)
    path.write_bytes(content)


DAMAGED_FORMS = [
    ("a.mp3", "libmp3lame"),
    ("a.aac", "aac"),
    ("a.m4a", "aac"),
    ("apple.m4a", "alac"),
    ("a.flac", "flac"),
    ("a.ogg", "libopus"),
    ("a.webm", "libopus"),
    ("a.mkv", "aac"),
    ("a.ts", "aac"),
    ("fragmented.mp4", "aac"),
    ("live.webm", "libopus"),
]
LIVE = {
    "fragmented.mp4": {"movflags": "frag_keyframe+empty_moov", "frag_duration": "500000"},
    "live.webm": {"live": "1"},
}
"""How recorders write, which do not know how long it will be."""


@pytest.mark.parametrize("length", [300, 12_000])
@pytest.mark.parametrize(("name", "codec"), DAMAGED_FORMS)
def test_all_that_is_readable_before_and_behind_damage_comes_in_time(
    tmp_path: Path, name: str, codec: str, length: int
) -> None:
    """Then it is said where something is missing, whatever the form knows of time itself."""
    path = write(tmp_path / name, codec, samples=clock(), options=LIVE.get(name))
    overwrite(path, 0.5, length)
    samples, message = read_on(path)
    assert len(samples) / SAMPLE_RATE == pytest.approx(LONG_S, abs=0.3)
    seconds = told(samples)
    # WebM goes on with its next cluster: some seconds
    missing = [at for at, second in enumerate(seconds) if second != at]
    assert len(missing) <= (5 if name in ("a.webm", "a.mkv") else 3)
    assert all(5 <= at < 11 for at in missing)
    assert " is damaged: nothing readable " in message
    assert " after " not in message


@pytest.mark.parametrize(("name", "codec"), [*DAMAGED_FORMS, ("a.wav", "pcm_s16le")])
def test_a_file_that_was_cut_off_says_where(tmp_path: Path, name: str, codec: str) -> None:
    """A download that broke, say."""
    path = write(tmp_path / name, codec, samples=clock(), options=LIVE.get(name))
    if name.endswith(".m4a"):  # what is written first here stands at the end
        with (
            av.open(str(path)) as plain,
            av.open(str(tmp_path / f"fast-{name}"), "w", options={"movflags": "faststart"}) as fast,
        ):
            stream = fast.add_stream_from_template(plain.streams.audio[0])
            for packet in plain.demux(plain.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    fast.mux(packet)
        path = tmp_path / f"fast-{name}"
    # in the middle of a packet
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 40])
    samples, message = read_on(path)
    seconds = len(samples) / SAMPLE_RATE
    assert 4.5 < seconds < 7
    assert f" is damaged: nothing readable after {seconds:.1f} s" in message


def test_a_fragment_without_its_head_is_one_hole(tmp_path: Path) -> None:
    """FFmpeg stops there; the fragments behind it are found all the same."""
    path = write(tmp_path / "a.mp4", "aac", samples=clock(), options=LIVE["fragmented.mp4"])
    content = path.read_bytes()
    heads = [found.start() - 4 for found in re.finditer(b"moof", content)]
    for at in (6, 15):
        content = content[: heads[at]] + b"\xff" * 100 + content[heads[at] + 100 :]
    path.write_bytes(content)
    samples, message = read_on(path)
    assert len(samples) / SAMPLE_RATE == pytest.approx(LONG_S, abs=0.1)
    assert all(second in (at, None) for at, second in enumerate(told(samples)))
    assert message.count(" to ") == 2


def test_a_file_without_its_index_says_so(tmp_path: Path) -> None:
    """It stands at the end of an MP4 that was not made for the web."""
    path = write(tmp_path / "a.m4a", "aac", samples=clock())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "has no index that can be read" in refusal(lambda: open_audio(path))


def test_many_holes_are_told_in_one_line(tmp_path: Path) -> None:
    """The first few each."""
    path = write(tmp_path / "a.m4a", "aac", samples=clock())
    for tenth in range(1, 9):
        overwrite(path, tenth / 10, 300)
    _, message = read_on(path)
    assert message.count(" to ") + message.count(" at ") == 4
    assert message.endswith("in 4 more places")


def test_tags_between_and_behind_the_frames_are_no_damage(tmp_path: Path) -> None:
    """Files that were joined have some in the middle, with pictures that look like frames."""
    song = write(tmp_path / "a.mp3", "libmp3lame", samples=clock(3)).read_bytes()
    picture = b"\xff\xfbpicture" * 2_000
    size = bytes([0, 0, len(picture) >> 7 & 0x7F, len(picture) & 0x7F])
    tag = b"ID3\x03\0\0" + bytes([0, len(picture) >> 14, *size[2:]]) + picture
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(song + tag + song + b"TAG" + b" " * 125)
    samples, message = read_on(joined)
    assert not message
    assert len(samples) / SAMPLE_RATE == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_is_read_whole(tmp_path: Path, length: int) -> None:
    """Its header could not know the length; that is no damage."""
    path = write(tmp_path / "a.wav", "pcm_s16le", samples=sweep(48_000)[:-123])
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = length.to_bytes(4, "little")
    path.write_bytes(content)
    assert len(read(path)) == (2 * 48_000 - 123) // 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_floats_that_are_no_numbers_are_damage(tmp_path: Path, value: float) -> None:
    """One would spoil everything behind it."""
    samples = sweep(RATE)
    samples[RATE] = value
    path = write(tmp_path / "nan.wav", "pcm_f32le", samples=samples)
    heard, message = read_on(path)
    assert len(heard) == 2 * SAMPLE_RATE
    assert np.isfinite(heard).all()
    assert math.sqrt(np.mean(heard[-SAMPLE_RATE // 2 :] ** 2)) > 0.1
    assert message.endswith("is damaged: nothing readable from 0.9 to 1.0 s")


def packed(path: Path, starts: dict[str, float], *, video: bool = False) -> Path:
    """A file of several audio streams, by title, each a tone of one second from there on."""
    with av.open(str(path), "w") as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=10)
            pictures.width = pictures.height = 32
            pictures.pix_fmt = "yuv420p"
        streams = []
        for title in starts:
            stream = container.add_stream("aac", rate=RATE)
            assert isinstance(stream, AudioStream)
            stream.layout = "mono"
            stream.metadata["title"] = title
            streams.append(stream)
        if video:
            for _ in range(80):
                container.mux(pictures.encode(av.VideoFrame(32, 32, "yuv420p")))
            container.mux(pictures.encode(None))
        for stream, start_s in zip(streams, starts.values(), strict=True):
            tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
            for at in range(0, RATE, 1024):
                piece = tone[None, at : at + 1024]
                frame = AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                frame.sample_rate = RATE
                frame.pts = at + round(start_s * RATE)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def onset_s(samples: Samples) -> float:
    """When it becomes loud."""
    return float(np.flatnonzero(np.abs(samples) > 0.2)[0]) / SAMPLE_RATE


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_audio_that_begins_later_than_its_video_is_late(tmp_path: Path, name: str) -> None:
    """As it is when the file is played."""
    path = packed(tmp_path / name, {"voice": 4.0}, video=True)
    samples = read(path)
    assert onset_s(samples) == pytest.approx(4, abs=0.05)
    assert len(samples) / SAMPLE_RATE == pytest.approx(5, abs=0.1)


def test_a_file_that_begins_at_any_timestamp_begins_at_zero(tmp_path: Path) -> None:
    """Recordings of streams count from when the stream began."""
    assert onset_s(read(packed(tmp_path / "a.ts", {"voice": 3_000.0}))) < 0.05


def test_each_stream_of_a_file_can_be_read(tmp_path: Path) -> None:
    """They are listed with what they are called, and keep the time of the file."""
    path = packed(tmp_path / "two.mkv", {"Ada": 0.0, "Ben": 2.5})
    assert [(one.index, one.title) for one in audio_streams(path)] == [(0, "Ada"), (1, "Ben")]
    assert onset_s(read_on(path, 0)[0]) < 0.05
    assert onset_s(read_on(path, 1)[0]) == pytest.approx(2.5, abs=0.05)


def test_pauses_that_hold_no_packets_are_silence(tmp_path: Path) -> None:
    """And no damage: recorders leave out what nobody said."""
    whole = write(tmp_path / "whole.mkv", "libopus", samples=clock(6))
    path = tmp_path / "pause.mkv"
    with av.open(str(whole)) as plain, av.open(str(path), "w") as paused:
        stream = paused.add_stream_from_template(plain.streams.audio[0])
        for packet in plain.demux(plain.streams.audio[0]):
            if packet.pts is not None and packet.time_base is not None:
                if 2 <= packet.pts * packet.time_base < 4:
                    continue
                packet.stream = stream
                paused.mux(packet)
    samples, message = read_on(path)
    assert told(samples) == [0, 1, None, None, 4, 5]
    assert not message


@pytest.mark.parametrize("channels", [2, 3, 4, 6, 8, 9, 16])
def test_any_number_of_channels_is_heard_whichever_of_them_speaks(
    tmp_path: Path, channels: int
) -> None:
    """Recorders have eight inputs, and nobody says what each is for."""
    for speaking in range(channels):
        frames = np.zeros((SAMPLE_RATE, channels), np.int16)
        frames[:, speaking] = 16_000 * np.sin(np.arange(SAMPLE_RATE) / 5)
        path = tmp_path / f"{speaking}.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(channels)
            out.setsampwidth(2)
            out.setframerate(SAMPLE_RATE)
            out.writeframes(frames.tobytes())
        level = np.max(np.abs(read(path)))
        assert level == pytest.approx(16_000 / 32_768 / channels, rel=0.01)


@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.m4a", "aac")])
def test_channels_of_opposite_polarity_do_not_cancel_each_other(
    tmp_path: Path, name: str, codec: str
) -> None:
    """Right is left turned upside down."""
    tone = clock(2)
    path = write(tmp_path / name, codec, layout="stereo", samples=np.stack([tone, -tone]))
    samples = read(path)
    assert told(samples) == [0, 1]
    assert math.sqrt(np.mean(samples[SAMPLE_RATE:] ** 2)) == pytest.approx(0.28, rel=0.1)


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


HEAD = b"ftyp and moov, of some length"
FRAGMENT = b"\0\0\0\x44moof\0\0\0\x10mfhd" + bytes(range(40))


def write_fragments(folder: Path, fragments: int = 3) -> Path:
    """A header and some fragments, as far as anybody looks here."""
    path = folder / "a.mp4"
    path.write_bytes(HEAD + FRAGMENT * fragments)
    return path


def test_fragments_are_found_one_by_one(tmp_path: Path) -> None:
    """From any position on, those that begin there or later."""
    path = write_fragments(tmp_path)
    begins = [len(HEAD) + len(FRAGMENT) * at for at in range(3)]
    assert first_fragment(path) == begins[0]
    assert next_fragment(path, begins[1]) == begins[1]
    assert next_fragment(path, begins[1] + 1) == begins[2]
    assert next_fragment(path, begins[2] + 1) is None


def test_a_fragment_is_found_across_blocks_of_reading(tmp_path: Path) -> None:
    """A megabyte is read at a time."""
    path = tmp_path / "a.mp4"
    for before in range((1 << 20) - 20, 1 << 20):
        path.write_bytes(bytes(before) + FRAGMENT)
        assert next_fragment(path, 0) == before


def test_other_files_have_no_fragments(tmp_path: Path) -> None:
    """Nor has one that is not there, or one whose header is far too long."""
    assert first_fragment(tmp_path / "gone.mp4") is None
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(3 << 20) + FRAGMENT)
    assert first_fragment(path) is None


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 80)), max_size=12))
def test_what_is_left_out_is_free_space(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, int]]
) -> None:
    """However the file is read, and everything else stands where it was."""
    path = write_fragments(tmp_path_factory.mktemp("fragments"))
    first, begins = len(HEAD), len(HEAD) + 2 * len(FRAGMENT)
    whole = path.read_bytes()
    free = b"\0\0\0\1free" + (begins - first).to_bytes(8)
    expected = whole[:first] + free + whole[first + len(free) :]
    with FromFragment(path, first, begins) as masked:
        assert masked.seekable()
        assert masked.readable()
        assert masked.read() == expected
        assert masked.seek(-5, io.SEEK_END) == len(whole) - 5
        for at, size in reads:
            masked.seek(at)
            assert masked.read(size) == expected[at : at + size]
            assert masked.tell() == at + len(expected[at : at + size])
