"""What the model reads of a part, and which of its sentences are chosen."""

import pytest

from tests.synthesis.extractive.conftest import transcript_of
from wordloop_ml.messages import Finish, Generated
from wordloop_ml.synthesis.evidence import Evidence
from wordloop_ml.synthesis.generative.summary import (
    LONG_SEGMENT,
    PASSAGE_WORDS,
    Passage,
    Summary,
    write_passage,
)
from wordloop_ml.synthesis.messages import Segment, Statement
from wordloop_ml.synthesis.steps import Generate

PLAIN = "The login screen of the mobile app has crashed on old phones."
TURNED = "In the spring forty thousand euros were spent on hosting."
OPINION = "Anna could buy her smaller plan in the spring."
LONG = "Spent on hosting were forty thousand euros in March of the login screen that has crashed on old phones."
TOLD_OF_ALL = "They needed a smaller plan in the spring."
CONDITION = "The group discussed whether to buy a smaller plan in the spring."

SEGMENTS = transcript_of(
    [
        ("Ben", PLAIN),
        (
            "Anna",
            "Spent on hosting were forty thousand euros in March, and in the spring I bought her smaller plan.",
        ),
    ]
).segments


def chosen(*sentences: str, words: int, segments: tuple[Segment, ...] = SEGMENTS) -> list[str]:
    """The chosen ones of a passage about all segments."""
    places = {one.id: at for at, one in enumerate(segments)}
    summary = Summary(Evidence(segments), segments, "en")
    for _ in summary.take(Passage((*places.values(),), sentences)):
        pass
    return [one.text for one in summary.choose(words, places)]


@pytest.mark.parametrize("sentence", [TURNED, OPINION, LONG, TOLD_OF_ALL, CONDITION])
def test_sentences_that_are_seldom_true_are_left_out(sentence: str) -> None:
    """In another order, of what somebody may do, long and of two segments, of all, of what may be; each is counted."""
    said = [(one.voice, one.text) for one in SEGMENTS]
    said.append(("Carl", "We needed a smaller plan in the spring."))
    segments = transcript_of(said).segments
    summary = Summary(Evidence(segments), segments, "en")
    for _ in summary.take(Passage((0, 1, 2), (sentence, PLAIN))):
        pass
    assert [one.text for one in summary.choose(20, {"s0": 0, "s1": 1, "s2": 2})] == [PLAIN]
    assert summary.refused == ["doubtful"]


def test_what_was_discussed_is_told_first() -> None:
    """In whatever order its words were said."""
    matter = "The group discussed the forty thousand euros of hosting in the spring."
    told = "Anna spoke about the forty thousand euros of hosting in the spring."
    assert chosen(TURNED, matter, words=5) == [told]


def test_a_doubted_sentence_comes_last() -> None:
    """A long one is true less often."""
    long = (
        "Ben said that the login screen of the mobile app of ours has crashed on many old phones."
    )
    segments = transcript_of(
        [("Ben", f"{PLAIN} {long[14:]}"), ("Anna", "Hosting was paid in March.")]
    ).segments
    short = "Hosting was paid in March."
    assert chosen(long, short, words=5, segments=segments) == [short]
    assert chosen(long, words=5, segments=segments) == [long]


def test_one_of_two_sentences_about_a_matter_is_chosen() -> None:
    """Whoever is said to have told it."""
    matter = "The group discussed forty thousand euros spent on hosting."
    told = "Anna spoke about forty thousand euros spent on hosting."
    assert chosen(matter, TURNED, words=20) == [told]


def test_nobody_alone_is_named_for_what_two_said() -> None:
    """The group discussed it."""
    matter = "The group discussed the login screen of the mobile app."
    told = "Ben spoke about the login screen of the mobile app."
    for name, reply, left in (
        ("Ben", "Hm.", told),
        ("ben", "Hm.", told),
        ("Ben", "The login screen?", matter),
    ):
        segments = transcript_of([(name, PLAIN), ("Anna", reply)]).segments
        assert chosen(matter, words=5, segments=segments) == [left]


def test_in_a_meeting_of_one_voice_the_group_stays() -> None:
    """Nothing tells who speaks."""
    matter = "The group discussed the login screen of the mobile app."
    segments = transcript_of([("mic", PLAIN)]).segments
    assert chosen(matter, words=5, segments=segments) == [matter]


def test_a_list_of_matters_is_cut() -> None:
    """One that rambles is garbled at its end."""
    matter = "The group discussed the login screen of the mobile app that has crashed, old phones, and how it crashed on old phones."
    assert chosen(matter, words=5) == [
        "Ben spoke about the login screen of the mobile app that has crashed."
    ]


def test_of_a_sentence_that_fails_what_holds_is_kept() -> None:
    """And why the rest was dropped is counted."""
    summary = Summary(Evidence(SEGMENTS), SEGMENTS, "en")
    written = f"{PLAIN[:-1]}, where the servers of a bank burned down."
    for _ in summary.take(Passage((0, 1), (written,))):
        pass
    assert [one.text for one in summary.choose(20, {"s0": 0, "s1": 1})] == [PLAIN]
    assert summary.refused == ["unsaid"]


def test_a_matter_may_be_named_in_few_words() -> None:
    """A fact may not."""
    assert chosen("The group discussed the login screen, which the bank bought.", words=5) == [
        "Ben spoke about the login screen."
    ]
    assert chosen("The group discussed the app, which the bank bought.", words=5) == []
    assert chosen("Ben mentioned the login screen, which the bank bought.", words=5) == []


@pytest.mark.parametrize(("language", "left"), [("en", [PLAIN]), ("de", [])])
def test_an_english_sentence_is_tried_without_its_end(language: str, left: list[str]) -> None:
    """What a comma ends in other languages is not known."""
    summary = Summary(Evidence(SEGMENTS), SEGMENTS, language)
    written = (
        f"{PLAIN[:-1]}, Lisbon banks burning Paris trains beside Rome roads under London bridges."
    )
    for _ in summary.take(Passage((0, 1), (written,))):
        pass
    assert [one.text for one in summary.choose(20, {"s0": 0, "s1": 1})] == left


def read(segments: tuple[Segment, ...], found: tuple[Statement, ...]) -> tuple[list[str], Passage]:
    """The lines that are read of found sentences, and what is written of them."""
    plan = write_passage(segments, found, "en")
    asked = next(plan)
    assert isinstance(asked, Generate)
    try:
        plan.send(Generated(f"{PLAIN} {TURNED}", Finish.STOP, 1, 0, 1))
    except StopIteration as end:
        passage: Passage = end.value
    lines = asked.prompt.user.partition("<transcript>\n")[2].partition("\n</transcript>")[0]
    return lines.splitlines(), passage


def test_found_sentences_are_read_with_what_was_said_around_them() -> None:
    """Whole segments, in order, as far as there is room."""
    said = [("Ben", f"This is number {at} of what I say.") for at in range(9)]
    segments = transcript_of(said).segments
    lines, passage = read(segments, (Statement("It was found.", ("s4",)),))
    assert lines == [f"Ben: This is number {at} of what I say." for at in range(1, 8)]
    assert passage == Passage((1, 2, 3, 4, 5, 6, 7), (PLAIN, TURNED))


def test_of_a_long_segment_only_what_was_found_is_read() -> None:
    """Else one speech is all that is read."""
    speech = "We talk and talk. " * LONG_SEGMENT
    segments = transcript_of([("Ben", speech), ("Anna", speech), ("Ben", "Yes.")]).segments
    found = (Statement("It was found.", ("s0",)), Statement("So was this.", ("s0",)))
    lines, passage = read(segments, found)
    assert lines == ["Ben: It was found. So was this.", "Ben: Yes."]
    assert passage.positions == (0, 2)
    assert len(speech.split()) > PASSAGE_WORDS


def test_where_nothing_was_found_nothing_is_asked() -> None:
    """As in a meeting of no sentence."""
    assert list(write_passage(SEGMENTS, (), "en")) == []
