"""Statements against what was said: what stands, what it rests on, and why the rest is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.talk import random_talk, said, transcript
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.synthesis.evidence import Evidence, Reason, prepare
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.steps import Pause

MEETING = said(
    "Ada: Good morning, let us talk about the budget of the new remote control.",
    "Ben: The marketing people want twelve and a half euros for the case alone.",
    "Ada: Then we decided to use plastic for the case, because titanium is expensive.",
    "Ben: I will send the drawings to Carla by Friday.",
    "Ada: We should not add a touch screen to this remote.",
    "Ben: Um, the the voice recognition, you know, is popular with younger users.",
    "Ada: Sixty percent of users accept a rubber skin.",
    "Ben: Carla, will you test the battery?",
    "Carla: No, my laboratory is closed.",
)
EVIDENCE = Evidence(MEETING)


@pytest.mark.parametrize(
    ("statement", "citations"),
    [
        ("The marketing people want 12.5 euros for the case.", (1,)),
        ("Ada said that they decided to use plastic because titanium is expensive.", (2,)),
        ("Ben will send the drawings to Carla by Friday.", (3,)),
        ("They should not add a touch screen.", (4,)),
        ("Ben thinks that voice recognition is popular with younger users.", (5,)),
        ("60% of the users accept rubber skins.", (6,)),
    ],
)
def test_what_was_said_stands_and_is_cited(statement: str, citations: tuple[int, ...]) -> None:
    """In other forms of its words."""
    verified = EVIDENCE.verify(statement)
    assert (verified.text, verified.citations, verified.refused) == (statement, citations, None)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("Ada: They decided to use plastic.", Reason.PREFIX),
        ("They decided to use пластик for the case.", Reason.FOREIGN_SCRIPT),
        ("They decided to use plastic for the", Reason.CUT),
        ("They decided to use plastic for the batt", Reason.CUT),
        ("Use plastic.", Reason.TINY),
        ("Ada will send Carla the budget.", Reason.TINY),
        ("The company goes bankrupt next year.", Reason.UNSAID),
        ("Ben said that they decided to use plastic for the case.", Reason.VOICE),
        ("Ada thinks that voice recognition is popular with younger users.", Reason.VOICE),
        ("The marketing people want 13 euros for the case.", Reason.NUMBER),
        ("The marketing people want twelve and a half percent for the case.", Reason.NUMBER),
        ("They should add a touch screen to the remote.", Reason.NEGATION),
        ("They decided not to use plastic for the case.", Reason.NEGATION),
        ("Voice recognition isn't popular with younger users.", Reason.NEGATION),
        ("Sixty percent of users reject rubber skins.", Reason.NEGATION),
    ],
)
def test_what_was_not_said_is_refused_for_a_reason(statement: str, reason: Reason) -> None:
    """The first that applies."""
    assert EVIDENCE.verify(statement).refused is reason


def test_clauses_before_the_first_that_fails_stand() -> None:
    """Ended by a stop; a first one that fails takes all with it, and so does what would be tiny."""
    left = EVIDENCE.verify(
        "Ada decided to use plastic for the case, and the company goes bankrupt."
    )
    assert left.text == "Ada decided to use plastic for the case."
    assert (left.citations, left.refused) == ((2,), Reason.UNSAID)
    left = EVIDENCE.verify("The company goes bankrupt, and Ada decided to use plastic cases.")
    assert (left.text, left.citations) == ("", ())


def test_sentences_stand_until_one_fails() -> None:
    """One that says the same as another is repeated."""
    twice = "They decided to use plastic for the case. Plastic was decided for their case use."
    left = EVIDENCE.verify(twice)
    assert left.text == "They decided to use plastic for the case."
    assert left.refused is Reason.REPEATED
    again = EVIDENCE.verify("They use plastic for the case.", earlier=["Plastic case use."])
    assert again.refused is Reason.REPEATED


def test_a_caller_may_say_where_words_should_be() -> None:
    """They are unsaid elsewhere."""
    task = "Send the drawings to Carla by Friday."
    assert EVIDENCE.verify(task, near=[4]).text == task
    assert EVIDENCE.verify(task, near=[7]).refused is Reason.UNSAID


def test_a_no_that_answers_denies_what_was_asked() -> None:
    """Of another voice."""
    assert EVIDENCE.verify("Carla will not test the battery today, laboratory closed.").text


def test_what_was_refused_or_doubted_is_not_so() -> None:
    """Unless the statement says so."""
    evidence = Evidence(
        said(
            "Ada: The supplier refused to deliver the display for the prototype.",
            "Ben: I doubt that customers buy a voice recognition feature.",
            "Ada: We don't use metal for the big case.",
        )
    )
    for false in (
        "The supplier delivered the display for the prototype.",
        "Customers buy a voice recognition feature.",
        "Use metal for the big case.",
    ):
        assert evidence.verify(false).refused is Reason.NEGATION
    for true in (
        "The supplier refused to deliver the display for the prototype.",
        "Ben doubted that customers buy a voice recognition feature.",
    ):
        assert evidence.verify(true).text == true


def test_what_was_spoken_of_may_be_denied() -> None:
    """It is no claim, unless it denies itself."""
    assert EVIDENCE.verify("The group discussed a touch screen for the remote.").text
    said = "They discussed that a touch screen should be added to the remote."
    assert EVIDENCE.verify(said).refused is Reason.NEGATION
    denied = "The group discussed not using plastic for the case."
    assert EVIDENCE.verify(denied).refused is Reason.NEGATION


def test_quotations_stand_without_their_fillers() -> None:
    """Whomever they name; but not without their negation."""
    assert EVIDENCE.quoted("The voice recognition is popular with younger users.", [5])
    assert not EVIDENCE.quoted("The voice recognition is popular with younger users.", [4])
    assert not EVIDENCE.quoted("We should add a touch screen to this remote.", [4])


def test_labels_are_cited_by_their_words() -> None:
    """Not at all where nobody said them."""
    assert EVIDENCE.cite("Plastic case") == (2,)
    assert EVIDENCE.cite("Bankruptcy") == ()
    assert EVIDENCE.share("Plastic battery", [2, 7]) == 1
    assert EVIDENCE.share("Plastic bankruptcy", [2]) < 0.6


@pytest.mark.parametrize(
    ("owner", "position", "known"),
    [
        ("Ben", 3, "Ben"),
        ("ben", 3, "Ben"),
        ("Carla", 7, "Carla"),
        ("Carla", 2, None),
        ("Ada", 3, None),
        ("Marketing people", 1, "Marketing people"),
        ("we", 2, None),
    ],
)
def test_an_owner_speaks_or_is_named_there(owner: str, position: int, known: str | None) -> None:
    """A voice of the meeting is none by that alone."""
    assert EVIDENCE.owner_said(owner, [position]) == known


@pytest.mark.parametrize(
    ("due", "there"),
    [
        ("Friday", True),
        ("by friday", True),
        ("Monday", False),
        ("by the", False),
        ("5 Friday", False),
    ],
)
def test_a_due_was_said_there(due: str, there: bool) -> None:
    """All of its words and numbers."""
    assert EVIDENCE.due_said(due, [3]) is there


def test_other_languages_are_held_against_their_words() -> None:
    """Words, voices and digits; nothing that only English has."""
    german = Evidence(
        said(
            "Anna: Wir nehmen Kunststoff für das Gehäuse, nicht Metall, das kostet 12 Euro.",
            "Jörg: Die Spracherkennung gefällt vor allem jüngeren Leuten.",
        )
    )
    assert german.verify("Anna nimmt Kunststoff für das Gehäuse.").text
    assert german.verify("Jörg nimmt Kunststoff für das Gehäuse.").refused is Reason.VOICE
    assert german.verify("Kunststoff für das Gehäuse kostet 13 Euro.").refused is Reason.NUMBER
    assert german.verify("Die Firma geht nächstes Jahr bankrott.").refused is Reason.UNSAID
    japanese = Evidence(said("a: 会議を始めます。予算は十二ユーロです。"))
    assert japanese.verify("会議を始めます。").text
    assert Evidence(()).verify("Anything that could be said.").refused is not None


def test_a_long_meeting_is_read_with_pauses() -> None:
    """And comes out the same."""
    talk = random_talk(400, seed=5)
    plan = prepare(transcript(talk))
    assert sum(isinstance(one, Pause) for one in plan) >= 6
    statement = " ".join(talk[200].text.split()[:9])
    evidence = run_plan(prepare(transcript(talk)), None)
    assert evidence.verify(statement) == Evidence(talk).verify(statement)


WORDS = [
    "Ada",
    "Ben",
    "Carla",
    "said",
    "we",
    "use",
    "plastic",
    "case",
    "titanium",
    "not",
    "no",
    "twelve",
    "13",
    "euros",
    "budget",
    "touch",
    "screen",
    "and",
    "because",
    ",",
    ".",
    ":",
    "пластик",
]


@given(
    st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join),
    st.sets(st.integers(0, 8)) | st.none(),
)
def test_whatever_is_written_what_stands_is_cited(text: str, near: set[int] | None) -> None:
    """Segments that exist, ascending, at least one; without a text there is a reason; and again it is the same."""
    verified = EVIDENCE.verify(text, near=near)
    assert list(verified.citations) == sorted(set(verified.citations))
    assert all(0 <= at < len(MEETING) for at in verified.citations)
    assert bool(verified.text) == bool(verified.citations)
    assert verified.text or verified.refused is not None
    assert EVIDENCE.verify(text, near=near) == verified


@given(st.text(max_size=120))
def test_any_text_is_answered(text: str) -> None:
    """With text that stands or a reason."""
    verified = EVIDENCE.verify(text)
    assert verified.text or verified.refused is not None


@pytest.mark.parametrize(
    ("statement", "share"),
    [
        ("The login screen crashes on old phones.", 1.0),
        ("Anna said that the login screen crashes.", 0.75),
        ("On old phones crashes the login screen.", 0.4),
        ("The parrot dances.", 0.0),
        ("The.", 0.0),
    ],
)
def test_the_share_of_words_in_their_order_is_counted(statement: str, share: float) -> None:
    """Names are none of them; that it was said is one that was not."""
    evidence = Evidence(
        [Segment("a", "t", "The login screen still crashes on old phones.", 0, 4_000, "Anna")]
    )
    assert evidence.order(statement, [0]) == pytest.approx(share)


@pytest.mark.parametrize(
    ("statement", "voices"),
    [
        ("They spoke about the case.", {"Ada", "Ben"}),
        ("They said that titanium is expensive.", {"Ada"}),
        ("They spoke about the laboratory.", {"Carla"}),
        ("They spoke about bananas.", set()),
    ],
)
def test_all_who_said_some_of_a_statement_are_its_voices(statement: str, voices: set[str]) -> None:
    """In its segments and around them."""
    assert EVIDENCE.voices_of(statement, [4]) == voices
