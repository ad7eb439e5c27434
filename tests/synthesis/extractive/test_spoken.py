"""What the service itself heard in real meetings: half a minute each, of one microphone."""

from pathlib import Path

import pytest

from tests.synthesis.extractive.conftest import gathered
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import EMBEDDER_CAPABILITIES, ScriptedEmbedder
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.meeting import synthesise
from wordloop_ml.synthesis.messages import Draft, Transcript, Wishes
from wordloop_ml.wire.transcripts import parse_transcript

SPOKEN = Path(__file__).with_name("spoken")


class NoNotes:
    """A notebook that keeps nothing."""

    def get(self, key: str) -> None:
        """Nothing."""

    def keep(self, key: str, notes: object) -> None:
        """Nowhere."""


def heard(name: str) -> Transcript:
    return parse_transcript((SPOKEN / f"{name}.json").read_bytes(), name)


def drafted(transcript: Transcript) -> Draft:
    synthesiser = ExtractiveSynthesiser(EMBEDDER_CAPABILITIES)
    return run_plan(
        synthesise(transcript, synthesiser, NoNotes(), Wishes()), ScriptedEmbedder()
    ).draft


def test_a_final_that_was_only_too_long_goes_on() -> None:
    """Without a stop or a pause, half a sentence is none."""
    said = [one.text for one in gathered(heard("ami_en2001e")).sentences]
    assert any("why I the time thinking up" in text for text in said)


@pytest.mark.parametrize("name", [path.stem for path in sorted(SPOKEN.glob("*.json"))])
def test_nothing_is_made_up_of_half_a_minute(name: str) -> None:
    """A summary, a title that ends, and no item or owner: nobody decided or promised anything."""
    draft = drafted(heard(name))
    assert draft.summary
    assert draft.title.text.split()[-1] not in ("the", "and", "about", "if", "of")
    assert all(not one.text.endswith(("and.", "and?", "if.", "the.")) for one in draft.summary)
    assert not draft.decisions
    assert not draft.action_items
