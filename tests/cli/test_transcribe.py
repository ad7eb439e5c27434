"""transcribe: files in, transcripts out, whatever is asked for refused by name when it is wrong."""

import json
import os
import re
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from tests.attentive import AttentiveTranscriber
from tests.executing import WAIT_S, Gate, Inbox, job
from wordloop_ml.cli import main, transcribe
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector, silence, spoken
from wordloop_ml.messages import Pcm16, Task
from wordloop_ml.settings import Settings


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that read their words off the samples."""
    monkeypatch.setattr(
        transcribe,
        "open_engines",
        lambda settings, *, texts: Engines(ScriptedTranscriber(), ScriptedVoiceDetector()),
    )


def write_wav(path: Path, samples: Pcm16) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def ada(tmp_path: Path) -> Path:
    turns = [spoken([1, 2, 3]), silence(16_000), spoken([4, 5]), silence(4_000)]
    return write_wav(tmp_path / "ada.wav", np.concatenate(turns))


@pytest.fixture
def ben(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "ben.wav", np.concatenate([silence(14_000), spoken([7, 8])]))


def test_one_file_becomes_text_on_standard_output(
    ada: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line a segment, with its time."""
    assert main(["transcribe", str(ada)]) == 0
    assert capsys.readouterr().out == "[00:00:00] w1 w2 w3\n[00:00:01] w4 w5\n"


def test_several_files_are_the_tracks_of_one_meeting(
    ada: Path, ben: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the order of time, each speaker named after the file."""
    assert main(["transcribe", str(ada), str(ben)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "ada: w1 w2 w3",
        "ben: w7 w8",
        "ada: w4 w5",
    ]


@pytest.mark.parametrize(
    ("suffix", "check"),
    [
        ("txt", lambda text: "w1 w2 w3" in text),
        ("srt", lambda text: text.startswith("1\n00:00:00,000 --> ")),
        ("vtt", lambda text: text.startswith("WEBVTT\n")),
        ("json", lambda text: json.loads(text)["segments"][0]["words"][0]["text"] == "w1"),
    ],
)
def test_the_format_follows_the_output_file(
    ada: Path, tmp_path: Path, suffix: str, check: Callable[[str], bool]
) -> None:
    """Or ``--format``."""
    output = tmp_path / f"transcript.{suffix}"
    assert main(["transcribe", str(ada), "--output", str(output)]) == 0
    assert check(output.read_text(encoding="utf-8"))


def test_live_shows_what_is_final_and_says_the_same_words(
    ada: Path, ben: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Played at the speed of speech; on a plain stream only finals are printed."""
    output = tmp_path / "live.json"
    assert main(["transcribe", "--live", str(ada), str(ben), "--output", str(output)]) == 0
    shown = capsys.readouterr().out
    assert "w1 w2 w3" in shown
    texts = [one["text"] for one in json.loads(output.read_text())["segments"]]
    assert texts == ["w1 w2 w3", "w7 w8", "w4 w5"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["missing.wav"], "unreadable_audio: missing.wav does not exist"),
        (["{ada}", "--output", "transcript.pdf"], "--output does not end in"),
        (["{ada}", "--output", "/nowhere/at/all.txt"], "--output is not a file"),
        (["{ada}", "--language", "English"], "--language must be a language tag"),
        (["{ada}", "--vocabulary", "Wordloop,"], "--vocabulary must hold terms of 1 to 64"),
        (["{ada}", "--vocabulary", "x" * 65], "--vocabulary must hold terms of 1 to 64"),
        (["{ada}", "--vocabulary", ",".join("x" * 101)], "--vocabulary must be a list of at most"),
        (["{ada}", "--language", "de-AT"], "unsupported_language: "),
        (["{ada}", "--live", "--task", "translate"], "unsupported_task: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    ada: Path, arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any model is loaded, but for what depends on the model."""
    assert main(["transcribe", *(one.format(ada=ada) for one in arguments)]) == 1
    said = capsys.readouterr().err
    assert error in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("live", [[], ["--live"]])
def test_hints_go_with_every_decode(
    live: list[str], ben: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The language, the task, and the vocabulary as a prompt."""
    transcriber = AttentiveTranscriber()
    monkeypatch.setattr(
        transcribe,
        "open_engines",
        lambda settings, *, texts: Engines(transcriber, ScriptedVoiceDetector()),
    )
    hints = ["--language", "de_AT", "--task", "translate", "--vocabulary", "Wordloop, Zoë Özil"]
    assert main(["transcribe", str(ben), *live, *hints]) == 0
    assert transcriber.asked
    for options in transcriber.asked:
        assert (options.language, options.task) == ("de", Task.TRANSLATE)
        assert "Wordloop, Zoë Özil" in options.prompt


def test_files_of_one_name_stay_apart(ada: Path, tmp_path: Path) -> None:
    """Tracks are named after files and made unique."""
    (tmp_path / "more").mkdir()
    twin = write_wav(tmp_path / "more" / "ada.wav", spoken([9]))
    output = tmp_path / "both.json"
    assert main(["transcribe", str(ada), str(twin), "--output", str(output)]) == 0
    tracks = {one["track"] for one in json.loads(output.read_text())["segments"]}
    assert tracks == {"ada", "ada-2"}


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    """Something that the voice detector takes for a voice, and in which nothing is said."""
    loud = np.full(16_000, 3_000, np.int16)
    return write_wav(tmp_path / "noise.wav", np.concatenate([silence(4_000), loud]))


def cut(path: Path) -> Path:
    """The file without its last third."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


MODES = pytest.mark.parametrize("mode", [[], ["--live"]], ids=["batch", "live"])


@MODES
def test_a_damaged_file_costs_no_text_that_could_be_read(
    mode: list[str], ada: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words before the damage are written, what is missing is told, and the status says so."""
    output = tmp_path / "out.txt"
    assert main(["transcribe", str(cut(ada)), *mode, "--output", str(output)]) == 1
    assert "w1 w2 w3" in output.read_text()
    said = capsys.readouterr().err
    assert "wordloop-ml: unreadable_audio: " in said
    assert "ada.wav is damaged: nothing readable after " in said


@MODES
def test_one_bad_file_of_several_takes_nothing_from_the_others(
    mode: list[str], ada: Path, ben: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it shows at once or at its end."""
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    output = tmp_path / "out.txt"
    files = [str(tmp_path / "bad.wav"), str(cut(ben)), str(ada), str(tmp_path / "gone.wav")]
    assert main(["transcribe", *files, *mode, "--output", str(output)]) == 1
    text = output.read_text()
    assert "ada: w1 w2 w3" in text
    assert "ada: w4 w5" in text
    said = capsys.readouterr().err
    assert "bad.wav is no audio" in said
    assert "ben.wav is damaged" in said
    assert "gone.wav does not exist" in said


def test_where_no_file_can_be_read_nothing_is_written(tmp_path: Path) -> None:
    """No model is loaded for it."""
    output = tmp_path / "out.txt"
    assert main(["transcribe", str(tmp_path / "gone.wav"), "--output", str(output)]) == 1
    assert not output.exists()


@MODES
def test_a_silent_track_is_named(
    mode: list[str], ada: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing was said: that is no failure, and no riddle."""
    quiet = write_wav(tmp_path / "quiet.wav", silence(16_000))
    assert main(["transcribe", str(quiet), str(ada), *mode]) == 0
    said = capsys.readouterr()
    assert said.err == "quiet: no speech found\n"
    assert "w1 w2 w3" in said.out


@MODES
def test_what_was_refused_is_told_with_its_time_and_its_reason(
    mode: list[str], noise: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its words are nobody's business."""
    assert main(["transcribe", str(noise), *mode]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines
    assert all(re.fullmatch(r"noise: \d+\.\d to \d+\.\d s: rejected \(\w+\)", one) for one in lines)


def test_every_audio_stream_of_a_file_is_a_track(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named after the file, and what the stream is called or its number."""
    path = tmp_path / "call.mkv"
    sounds = {"Ada": spoken([1, 2]), "": np.concatenate([silence(24_000), spoken([3])])}
    with av.open(str(path), "w") as container:
        streams = []
        for title in sounds:
            stream = container.add_stream("pcm_s16le", rate=16_000)
            assert isinstance(stream, AudioStream)
            stream.layout = "mono"
            stream.metadata["title"] = title
            streams.append(stream)
        for stream, samples in zip(streams, sounds.values(), strict=True):
            frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate = 16_000
            frame.pts = 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    assert main(["transcribe", str(path)]) == 0
    said = capsys.readouterr()
    assert said.out == "[00:00:00] call (Ada): w1 w2\n[00:00:01] call (2): w3\n"
    assert said.err == "call: 2 audio streams, a track each\n"


def test_names_of_files_may_hold_any_byte(ada: Path, ben: Path, tmp_path: Path) -> None:
    """What cannot be shown of them is replaced, after all the work and not in place of it."""
    odd = ada.rename(ada.with_name(os.fsdecode(b"caf\xe9\xe3\x80\x80bar.wav")))
    output = tmp_path / "out.txt"
    assert main(["transcribe", str(odd), str(ben), "--output", str(output)]) == 0
    assert "caf\N{REPLACEMENT CHARACTER} bar: w1 w2 w3" in output.read_text(encoding="utf-8")


def test_a_native_call_that_hangs_ends_the_command_before_its_model_is_freed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, and as a failure."""
    ended: list[int] = []
    monkeypatch.setattr(transcribe, "end_process", ended.append)
    monkeypatch.setattr(transcribe, "JOIN_S", 0.0)
    gate, engines = Gate(), Engines(ScriptedTranscriber(), ScriptedVoiceDetector())
    with transcribe._executor(engines, replace(Settings(), workers=1)) as executor:
        executor.submit(job(Inbox(), "hangs", run=gate))  # type: ignore[arg-type]
        assert gate.begun.wait(WAIT_S)
    assert ended == [1]
    assert capsys.readouterr().err == "wordloop-ml: engine_failed: a native call does not return\n"
    gate.open.set()
