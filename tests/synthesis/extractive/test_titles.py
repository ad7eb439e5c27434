"""What a stretch of talk is called."""

from collections.abc import Callable, Sequence

from wordloop_ml.engines.in_place import run_in_place
from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.titles import Phrases, phrases_of, title_of

POLICY = ExtractivePolicy()
Read = Callable[[Sequence[tuple[str, str]]], Gathered]

SAID = [
    ("Ann", "The remote control needs a new battery, says the supplier of the remote control."),
    ("Bo", "Ann says that the remote control has a rubber case."),
    ("Ann", "The marketing budget pays for posters, and the marketing budget is small."),
    ("Bo", "Posters cost more than Ann thinks, so the marketing budget is gone."),
]


def phrases(read: Read) -> Phrases:
    meeting = read(SAID)
    return run_in_place(phrases_of(meeting, [(0, 2), (2, 4)], POLICY), None)


def test_a_stretch_is_called_by_what_is_said_in_it(read_meeting: Read) -> None:
    """Several words together before one of them, each word once."""
    named = phrases(read_meeting)
    assert named.best(0, POLICY)[0] == "remote control"
    assert named.best(1, POLICY)[0] == "marketing budget"
    assert "control" not in named.best(0, POLICY)


def test_whoever_speaks_is_no_topic(read_meeting: Read) -> None:
    """Names of voices are left out of titles."""
    named = phrases(read_meeting)
    words = " ".join([*named.best(0, POLICY), *named.best(1, POLICY), *named.best(None, POLICY)])
    assert "Ann" not in words


def test_a_title_is_a_list_of_phrases() -> None:
    """With a capital, and empty without any."""
    assert title_of(["remote control", "battery", "case"]) == "Remote control, battery and case"
    assert title_of(["battery"]) == "Battery"
    assert title_of([]) == ""
