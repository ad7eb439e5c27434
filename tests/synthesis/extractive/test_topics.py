"""Topics: where they begin, and what they are called."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.synthesis.extractive.conftest import gathered, transcript_of
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.synthesis.extractive.notes import Floats, Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.extractive.topics import Phrases, divide, phrases_of, stretches, title_of
from wordloop_ml.synthesis.meeting import synthesise
from wordloop_ml.synthesis.messages import Wishes

POLICY = ExtractivePolicy()


def blocks(*runs: tuple[int, int]) -> Floats:
    """(direction, how many) of each run of equal blocks, less their mean."""
    rows = np.concatenate([np.tile(np.eye(8)[direction], (many, 1)) for direction, many in runs])
    return np.asarray(rows - rows.mean(axis=0), np.float64)


def test_a_change_of_subject_is_a_border() -> None:
    """Each run of equal blocks is a topic."""
    assert run_plan(divide(blocks((0, 10), (1, 12), (2, 8)), POLICY), None) == [10, 22]


def test_a_subject_that_comes_back_is_a_new_topic() -> None:
    """Topics are stretches of time."""
    assert run_plan(divide(blocks((0, 10), (1, 10), (0, 10)), POLICY), None) == [10, 20]


def test_one_subject_is_one_topic() -> None:
    """Nothing is gained by a border."""
    assert run_plan(divide(blocks((0, 30)), POLICY), None) == []


def test_no_topic_is_shorter_than_the_policy_has_it() -> None:
    """A remark in between is no topic."""
    cuts = run_plan(divide(blocks((0, 10), (1, 2), (0, 10)), POLICY), None)
    assert all(
        after - before >= POLICY.topic_blocks
        for before, after in zip([0, *cuts], [*cuts, 22], strict=True)
    )


@settings(max_examples=60)
@given(st.integers(1, 80), st.integers(0, 5))
def test_borders_are_in_order_whatever_the_blocks(count: int, seed: int) -> None:
    """Inside the meeting, at most as many as the policy has topics."""
    rows = np.random.default_rng(seed).normal(size=(count, 8))
    cuts = run_plan(divide(rows / np.linalg.norm(rows, axis=1, keepdims=True), POLICY), None)
    assert cuts == sorted(set(cuts))
    assert all(0 < cut < count for cut in cuts)
    assert len(cuts) < POLICY.most_topics


def test_stretches_are_the_whole_meeting(
    read_meeting: Callable[[Sequence[tuple[str, str]]], Gathered], launch: Sequence[tuple[str, str]]
) -> None:
    """Every sentence is in exactly one."""
    meeting = read_meeting(launch)
    parts = run_plan(stretches(meeting, POLICY), None)
    assert [at for part in parts for at in range(*part)] == list(range(len(meeting.sentences)))


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
