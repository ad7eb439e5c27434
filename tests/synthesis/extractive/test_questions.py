"""Questions in single sentences."""

import pytest

from tests.synthesis.extractive.conftest import sentence
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.questions import question_in

POLICY = ExtractivePolicy()


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Who is going to write the release notes?", True),
        ("who is going to write the release notes", True),
        ("Should we write the release notes for the store.", True),
        ("It needs a little more working out whether the store accepts the release.", True),
        ("What we wrote are the release notes.", False),
        ("The question is whether the app store accepts the release.", True),
        ("The app store accepts the release, right?", False),
        ("Any other questions about the release?", False),
        ("Sorry, what did you say about the release?", False),
        ("What?", False),
    ],
)
def test_questions_of_substance_are_found(text: str, asks: bool) -> None:
    """Tags, echoes and the chair's routine are none."""
    assert (question_in(sentence(text), POLICY) > 0) is asks
