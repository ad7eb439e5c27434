"""What a client displayed of a clip, and each tool once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.evaluation.speech import repeated_report
from scripts.evaluation.ways import Heard, heard_of
from tests.speech import SPEECH
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest


def caption(segment: str, text: str, language: str = "en", *, final: bool = False) -> str:
    words = [
        {"text": one, "start": 0, "end": 1, "confidence": 0.9, "stable": False}
        for one in text.split()
    ]
    told = {"segment": segment, "start": 0, "end": 1, "words": words, "text": text}
    told |= {"epoch": 0, "track": "t0", "replay": False}
    return json.dumps(
        {"type": "caption", "final": final, "speech_final": final, "language": language, **told}
    )


def test_what_a_client_displayed_is_read_from_its_messages() -> None:
    """Finals in order, interims by segment, what was refused, the language of the most words."""
    frames = [
        caption("a", "Thank"),
        caption("a", "Thank you.", "de", final=True),
        caption("b", "So"),
        '{"type":"notice","code":"rejected","reason":"repetition","start":0,"end":9}',
        caption("c", "We have it.", "en", final=True),
    ]
    assert heard_of([*enumerate(frames)]) == Heard(
        finals=("Thank you.", "We have it."),
        interims=(("Thank",), ("So",)),
        language="en",
        refused={"repetition": 1},
    )


def test_a_clip_with_several_texts_is_not_the_same_each_time() -> None:
    """Alone or beside others."""
    one, two = ("One.",), ("One.", "Two.")
    report = repeated_report({"a": [one, one], "b": [one, one]}, {"a": [one], "b": [two]})
    assert list(report.tables[0].rows[1]) == ["b", "2", "1", "1", "1", "2"]
    assert "the same finals each time: 1 of 2 clips" in report.text()


@pytest.mark.parametrize(
    "tool",
    [
        ["scripts.benchmark", "--meetings", "1", "--seconds", "1"],
        ["scripts.evaluation.speech", str(SPEECH), "--clips", "en_read_ls367_2", "--pace", "fast",
         "--ways", "live"],
    ],
    ids=["bench", "evaluate speech"],
)  # fmt: skip
def test_each_tool_runs_on_the_clips_that_ship(tool: list[str], tmp_path: Path) -> None:
    """With the default profile on a real server."""
    settings = Settings()
    rows = load_manifest(settings.weights / MANIFEST).profile(settings.profile).values()
    if not all((settings.weights / row.file).is_file() for row in rows):
        pytest.skip("weights are not there: wordloop-ml weights pull")
    figures = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", *tool, "--json", str(figures)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "at most" in done.stdout
    assert json.loads(figures.read_text(encoding="utf-8"))["machine"]
