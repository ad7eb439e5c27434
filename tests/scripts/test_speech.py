"""The human speech that ships with the project: what the manifest says of it, and the NOTICE."""

from pathlib import Path

import pytest

from tests.speech import SPEECH, manifest, path_of, samples_of
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.wire.transcripts import parse_transcript

NOTICE = (SPEECH.parents[1] / "NOTICE").read_text("utf-8")
LICENCES = ("public domain", "CC BY 4.0")
MOST_BYTES = 2_500_000


def test_every_file_has_its_row_and_every_row_its_file() -> None:
    """And all of them together stay small enough for a repository."""
    files = {path.name for path in SPEECH.glob("*.flac")}
    assert {row["file"] for row in manifest().values()} == files
    assert sum(path.stat().st_size for path in SPEECH.iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("clip", manifest())
def test_a_row_describes_its_file(clip: str) -> None:
    """How long it is, what is said, and where it comes from."""
    row = manifest()[clip]
    assert len(samples_of(clip)) / SAMPLE_RATE == pytest.approx(row["seconds"], abs=0.01)
    fields = ("language", "kind", "speaker", "text", "licence", "source", "changes")
    assert all(row[field] for field in fields)


@pytest.mark.parametrize("clip", manifest())
def test_everybody_may_use_it_and_the_notice_names_it(clip: str) -> None:
    """In the public domain or CC BY 4.0: nothing with share-alike, nothing in doubt."""
    assert manifest()[clip]["licence"].startswith(LICENCES)
    assert path_of(clip).name in NOTICE


def test_the_transcript_of_a_meeting_is_one_that_syntheses_are_made_of() -> None:
    """Four people who end a meeting about a remote control."""
    path = Path(SPEECH / "ami_es2006c.json")
    transcript = parse_transcript(path.read_bytes(), "es2006c")
    assert len({segment.speaker for segment in transcript.segments}) == 4
    assert path.name in NOTICE
