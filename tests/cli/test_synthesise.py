"""synthesise: a transcript in, Markdown or JSON out, and every mistake named in one line."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.wire.test_synthesis import validator
from wordloop_ml.cli import main, synthesise
from wordloop_ml.engines.catalogue import TextEngines
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.errors import EngineFailed
from wordloop_ml.settings import Settings
from wordloop_ml.wire.transcripts import TranscriptFormat, TranscriptSegment, TranscriptWord, render

LINES = [
    ("ada", "Good morning, the first item on the agenda is the launch of the new website."),
    ("ben", "The database is too slow for the launch of the website."),
    ("ada", "Then it is decided, we move the launch of the website to April."),
    ("ben", "I will send the new schedule to the whole team by Friday."),
    ("ada", "Who is going to test the new database before the launch?"),
    ("ben", "Goodbye everyone, and thank you for coming this early."),
]


@contextmanager
def scripted(settings: Settings, *, generator: bool = True) -> Iterator[TextEngines]:
    """No generator, whatever the profile."""
    del settings, generator
    yield TextEngines(ScriptedEmbedder(), None)


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder that needs no weights."""
    monkeypatch.setattr(synthesise, "open_text_engines", scripted)


@pytest.fixture(params=["json", "vtt", "srt"])
def meeting(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Six lines of talk, in a form that transcribe writes."""
    segments = [
        TranscriptSegment(
            f"{track}-{at}",
            track,
            4_000 * at,
            4_000 * at + 3_000,
            text,
            tuple(
                TranscriptWord(word, 4_000 * at, 4_000 * at + 3_000, 0.9) for word in text.split()
            ),
            track.capitalize(),
        )
        for at, (track, text) in enumerate(LINES)
    ]
    path = tmp_path / f"weekly meeting.{request.param}"
    path.write_text(render(segments, TranscriptFormat(request.param)), encoding="utf-8")
    return path


def test_a_transcript_becomes_markdown(meeting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, with what was decided and who does what."""
    assert main(["synthesise", str(meeting)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("# ")
    assert "Sentences that people said" in said.out
    assert "we move the launch of the website to April" in said.out.split("## Decisions")[1]
    assert "**Ben**: I will send the new schedule" in said.out.split("## Action items")[1]
    assert not said.err


def test_the_format_follows_the_output_file(meeting: Path, tmp_path: Path) -> None:
    """JSON is what the service would have answered."""
    output = tmp_path / "synthesis.json"
    assert main(["synthesise", str(meeting), "--output", str(output), "--summary-words", "20"]) == 0
    answer = json.loads(output.read_text(encoding="utf-8"))
    validator("synthesis").validate(answer)
    assert answer["meeting_id"] == "weekly-meeting"
    assert answer["made_by"]["kind"] == "extractive"
    assert answer["coverage"]["segments"] == answer["coverage"]["covered_segments"] == 6


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["missing.json"], "unreadable_transcript: missing.json cannot be read: No such file"),
        (["{folder}"], "cannot be read: Is a directory"),
        (["{folder}/talk.txt"], "unreadable_transcript: talk.txt: it is no transcript"),
        (["{folder}/empty.json"], "transcript_empty: empty.json: the transcript holds no segment"),
        (
            ["{folder}/good.vtt", "--output", "synthesis.pdf"],
            "--output does not end in .md or .json",
        ),
        (["{folder}/good.vtt", "--output", "/nowhere/at/all.md"], "--output is not a file"),
        (["{folder}/good.vtt", "--language", "English"], "--language must be a language tag"),
        (["{folder}/good.vtt", "--summary-words", "5"], "--summary-words is outside 20 to 1000"),
        (["{folder}/good.vtt", "--engine", "generative"], "unsupported_engine: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a word of the transcript."""
    (tmp_path / "talk.txt").write_text("[00:00:01] ada: Snowdrop\n")
    (tmp_path / "empty.json").write_text('{"segments": []}')
    (tmp_path / "good.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nSnowdrop\n")
    assert main(["synthesise", *(one.format(folder=tmp_path) for one in arguments)]) == 1
    said = capsys.readouterr().err
    assert error in said
    assert said.count("\n") == 1
    assert "Snowdrop" not in said


def test_an_engine_that_fails_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""

    def fail(batch: object) -> None:
        raise EngineFailed("scripted")

    @contextmanager
    def failing(settings: Settings, *, generator: bool = True) -> Iterator[TextEngines]:
        yield TextEngines(ScriptedEmbedder(before=fail), None)

    monkeypatch.setattr(synthesise, "open_text_engines", failing)
    path = tmp_path / "talk.vtt"
    path.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nWe have to say something here.\n")
    output = tmp_path / "talk.md"
    assert main(["synthesise", str(path), "--output", str(output)]) == 1
    assert capsys.readouterr().err.startswith("wordloop-ml: engine_failed: ")
    assert not output.exists()
