"""Phrases: what topics are called, and what a meeting was about."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.synthesis.extractive.conftest import gathered, transcript_of
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.phrases import Phrases, phrases_of, title_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.meeting import synthesise
from wordloop_ml.synthesis.messages import Wishes

POLICY = ExtractivePolicy()

Read = Callable[[Sequence[tuple[str, str]]], Gathered]


class NoNotes:
    """A notebook that keeps nothing."""

    def get(self, key: str) -> None:
        """Nothing."""

    def keep(self, key: str, notes: object) -> None:
        """Nowhere."""


SAID = [
    ("Ann", "The remote control needs a new battery, says the supplier of the remote control."),
    ("Bo", "Ann says that the remote control has a rubber case."),
    ("Ann", "The marketing budget pays for posters, and the marketing budget is small."),
    ("Bo", "Posters cost more than Ann thinks, so the marketing budget is gone."),
]


def phrases(read: Read) -> Phrases:
    meeting = read(SAID)
    return run_plan(phrases_of(meeting, [(0, 2), (2, 4)], POLICY), None)


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


def test_no_title_fits_any_meeting(read_meeting: Read) -> None:
    """ "Design review meeting" says nothing."""
    said = [
        (
            "Ann",
            "Welcome to the design review meeting, and the agenda of the design review meeting.",
        ),
        (
            "Bo",
            "We decided in this design review meeting that the joystick of the remote control was too dear.",
        ),
        ("Ann", "We decided that a joystick breaks, so the design review meeting has no joystick."),
    ]
    meeting = read_meeting(said)
    named = run_plan(phrases_of(meeting, [(0, 3)], POLICY), None).best(None, POLICY)
    assert "joystick" in named
    generic = ("meeting", "design", "decided")
    assert not any(word in phrase for phrase in named for word in generic)


def test_a_title_in_an_unknown_language_has_no_stop_words_of_any() -> None:
    """Rather no title by phrases."""
    said = [("A", "Nous avons den auf und quiz les des."), ("A", "Nous den auf und quiz les des.")]
    meeting = replace(gathered(transcript_of(said, None)), language=None)
    named = run_plan(phrases_of(meeting, [(0, len(meeting.sentences))], POLICY), None)
    assert named.best(None, POLICY) == ["quiz"]


def test_a_title_is_a_list_of_phrases() -> None:
    """With a capital, and empty without any."""
    assert title_of(["remote control", "battery", "case"]) == "Remote control, battery and case"
    assert title_of(["battery"]) == "Battery"
    assert title_of([]) == ""


def phrases_in(texts: Sequence[str]) -> Phrases:
    """The phrases of a meeting of one topic."""
    meeting = gathered(transcript_of([("Ann", text) for text in texts]))
    return run_plan(phrases_of(meeting, [(0, len(meeting.sentences))], POLICY), None)


@pytest.mark.parametrize(
    ("texts", "name", "other"),
    [
        (
            [
                "I begin with the prototype of today.",
                "We begin, and the prototype is on the table.",
            ],
            "prototype",
            "begin",
        ),
        (
            [
                "Change the battery when the battery is empty.",
                "We change it, says the battery test.",
            ],
            "battery",
            "change",
        ),
        (
            ["We mount the antenna with fifteen.", "Of fifteen there, the antenna has two."],
            "antenna",
            "fifteen",
        ),
        (
            ["He's sure that the antenna broke.", "He's careful with the antenna, and it broke."],
            "antenna",
            "he's",
        ),
    ],
    ids=["verb", "verb with an object", "number", "contraction"],
)
def test_a_title_names_things(texts: Sequence[str], name: str, other: str) -> None:
    """The words beside an English phrase tell whether it is a name."""
    named = [one.lower() for one in phrases_in(texts).best(None, POLICY)]
    assert name in named
    assert not any(other in one for one in named)


def test_a_title_without_names_has_other_phrases() -> None:
    """Rather a verb than nothing."""
    named = phrases_in(["They negotiate, negotiate.", "They negotiate a lot with them."])
    assert named.best(None, POLICY) == ["negotiate"]


def test_hyphens_stay_in_a_phrase() -> None:
    """As it was said."""
    named = phrases_in(["The front-end filters noise.", "The front-end filters more noise."])
    assert "front-end" in " ".join(named.best(None, POLICY))


ABOUT = [
    "The solar panel needs a new frame, says the supplier in Brussels.",
    "We test the solar panel with heavy rain, and negotiations go on.",
    "Nobody likes negotiations, but without negotiations there is no price in Brussels.",
    "The solar panel is too heavy for the old roof.",
    "Those negotiations have no results.",
    "So the solar panel and the frame go back to Brussels, after negotiations.",
    "And in negotiations of May the price may fall.",
    "The people in Brussels have until March.",
]


def test_what_a_meeting_is_about_is_said_all_over_it() -> None:
    """With the article that it mostly has; a frame is named in two parts of it, and Brussels is a place."""
    matters = phrases_in(ABOUT).matters(POLICY)
    assert matters == [("solar panel", "the solar panel"), ("negotiations", "negotiations")]


@pytest.mark.parametrize("texts", [ABOUT[:2], ["Yes.", "No.", "Well, perhaps."]])
def test_little_is_about_nothing(texts: Sequence[str]) -> None:
    """What is said once or twice tells nothing."""
    assert phrases_in(texts).matters(POLICY) == []


@pytest.mark.parametrize(
    ("language", "said", "title"),
    [
        (
            "de",
            [
                "Wir haben beschlossen, den Start der App auf den April zu verschieben.",
                "Die App ist fertig, aber die Anmeldung stürzt auf alten Telefonen ab.",
                "Vor dem Start der App müssen wir die Anmeldung auf neuen Telefonen prüfen.",
            ],
            {"App", "Start", "Anmeldung", "Telefonen"},
        ),
        (
            "fr",
            [
                "Nous avons décidé de reporter le lancement de l'application mobile au mois d'avril.",
                "L'application mobile est prête, mais l'écran de connexion plante encore.",
                "Il faut vérifier l'écran de connexion avant le lancement de l'application mobile.",
            ],
            {"Application mobile", "écran", "lancement", "connexion"},
        ),
        (
            "ja",
            [
                "今日はマーケティング予算とアプリの発売日について話します。",
                "アプリの発売日を四月に延期することに決めました。",
                "マーケティング予算は少なくて、発売日の前に確認してください。",
            ],
            {"マーケティング予算", "発売日", "アプリ"},
        ),
        (
            "zh",
            [
                "大家早上好，今天我们讨论市场预算和手机应用的发布日期。",
                "我们决定把手机应用的发布日期推迟到四月。",
                "市场预算很少，发布日期之前请检查登录页面。",
            ],
            {"市场预算", "手机应用", "发布日期"},
        ),
    ],
)
def test_titles_are_content_words_in_any_language(
    language: str, said: list[str], title: set[str]
) -> None:
    """Without stop words, and without an English "and"; nobody said which language it is."""
    synthesiser = ExtractiveSynthesiser(ScriptedEmbedder().capabilities)
    transcript = transcript_of([("A", text) for text in said], None)
    plan = synthesise(transcript, synthesiser, NoNotes(), Wishes())
    draft = run_plan(plan, ScriptedEmbedder()).draft
    assert set(re.split("[、,] ?", draft.title.text)) <= title
    assert not draft.decisions
    assert draft.title.text
    assert all(one.text[-1] in ".。" and one.text[-2] not in ".。" for one in draft.summary)
