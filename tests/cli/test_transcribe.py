"""transcribe: files in, transcripts out, whatever is asked for refused by name when it is wrong."""

import json
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.attentive import AttentiveTranscriber
from wordloop_ml.cli import main, transcribe
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.messages import Pcm16, Task


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
