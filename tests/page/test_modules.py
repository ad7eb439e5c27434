"""What can be known of the page's modules without a browser."""

import json
import random
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.page.node import HERE, needs_node, run_node
from wordloop_ml.errors import ErrorCode
from wordloop_ml.web.page import FOLDER
from wordloop_ml.wire.transcripts import (
    TranscriptFormat,
    TranscriptSegment,
    TranscriptWord,
    render,
)

TSC = HERE / "node_modules" / ".bin" / "tsc"
TRANSCRIPTS = 40
WORDS = ("We", "ship", "on", "Friday.", "<b>", "R&D", "{x}", "naïve", "𝄞𝄞", "a  b", "", "--> x" * 9)


def said(chosen: random.Random) -> list[TranscriptSegment]:
    """A transcript of up to three tracks, named or not, with every kind of letter."""
    named, segments = chosen.random() < 0.5, []
    for number in range(chosen.randrange(8)):
        track = f"t{chosen.randrange(1 + chosen.randrange(3))}"
        at = start = chosen.randrange(5_000_000)
        words = []
        for _ in range(chosen.randrange(40)):
            end = at + chosen.randrange(900)
            words.append(TranscriptWord(chosen.choice(WORDS), at, end, 0.5))
            at = end + chosen.randrange(300)
        text = " ".join(word.text for word in words)
        speaker = f"Ann & <{track}>" if named else None
        segments.append(
            TranscriptSegment(f"{track}-{number}", track, start, at, text, tuple(words), speaker)
        )
    return segments


@needs_node
def test_documents_are_those_of_the_command(tmp_path: Path) -> None:
    """In each format, over transcripts of every kind."""
    cases: list[dict[str, Any]] = []
    for seed in range(TRANSCRIPTS):
        segments = said(random.Random(seed))
        plain = [
            {name: value for name, value in asdict(one).items() if value is not None}
            for one in segments
        ]
        cases.append(
            {
                "segments": plain,
                "documents": {form: render(segments, form) for form in TranscriptFormat},
            }
        )
    recorded = tmp_path / "transcripts.json"
    recorded.write_text(json.dumps(cases))
    assert f"# pass {4 * TRANSCRIPTS}\n" in run_node("formats.test.mjs", RECORDED=str(recorded))


@needs_node
def test_first_captions_are_counted_from_their_sound() -> None:
    """Not from where the segment begins, before it."""
    assert "# pass 6\n" in run_node("meter.test.mjs")


@pytest.mark.skipif(not TSC.is_file(), reason="there is no TypeScript: npm ci")
def test_the_types_in_comments_hold() -> None:
    """As TypeScript reads them, strictly."""
    done = subprocess.run(
        [TSC, "--project", HERE / "tsconfig.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_errors_that_have_words_are_errors_of_the_service() -> None:
    """The others are shown in the service's own."""
    text = (FOLDER / "words.js").read_text("utf-8")
    table = text[text.index("ERRORS = {") : text.index("};")]
    codes = {line.split(":")[0].strip() for line in table.splitlines()[1:] if ":" in line}
    assert codes <= set(ErrorCode)
