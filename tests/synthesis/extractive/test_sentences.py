"""Segments become sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import as_statement, sentences_of, without_fillers
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.words import WORD, words_of

POLICY = ExtractivePolicy()


def segments(*said: tuple[str, str]) -> list[Segment]:
    return [
        Segment(f"s{at}", voice, text, at, at + 1, voice) for at, (voice, text) in enumerate(said)
    ]


def test_a_segment_with_two_sentences_gives_two() -> None:
    """Stops divide, abbreviations do not."""
    found = sentences_of(segments(("a", "Mr. Smith paid. Who knows why?")), POLICY)
    assert [one.text for one in found] == ["Mr. Smith paid.", "Who knows why?"]


def test_a_sentence_goes_on_across_a_short_remark() -> None:
    """Pieces of one voice are joined, and say where they come from."""
    found = sentences_of(
        segments(("a", "The budget for the"), ("b", "Yeah."), ("a", "spring is fine.")), POLICY
    )
    assert [(one.text, one.first, one.last) for one in found] == [
        ("The budget for the spring is fine.", 0, 2),
        ("Yeah.", 1, 1),
    ]


def test_a_sentence_ends_with_a_long_silence_of_its_speaker() -> None:
    """Captions lack a stop now and then: what was asked before the answer is no part of what follows."""
    said = [
        Segment("s0", "a", "Why is that", 0, 1_000),
        Segment("s1", "b", "The database is too slow.", 1_500, 3_000),
        Segment("s2", "a", "How long", 1_000 + POLICY.join_within_ms + 1, 6_000),
        Segment("s3", "a", "does it take?", 6_800, 8_000),
    ]
    found = [one.text for one in sentences_of(said, POLICY)]
    assert found == ["Why is that", "The database is too slow.", "How long does it take?"]


@pytest.mark.parametrize(
    ("said", "sentences"),
    [
        (
            ["I will send the report to Carla.", "By Friday."],
            ["I will send the report to Carla by Friday."],
        ),
        (
            ["No joystick. Push-buttons.", "No special colour."],
            ["No joystick. Push-buttons. No special colour."],
        ),
        (
            ["We move the launch to the.", "first week of May."],
            ["We move the launch to the first week of May."],
        ),
        (
            ["I'll send the. drawings to Carla. Can you. order the samples?"],
            ["I'll send the drawings to Carla.", "Can you order the samples?"],
        ),
        (
            ["We decided to go with rubber and I'll send the drawings by Friday."],
            ["We decided to go with rubber", "and I'll send the drawings by Friday."],
        ),
        (["When do we launch?", "In May."], ["When do we launch?", "In May."]),
        (["Thanks.", "Okay."], ["Thanks.", "Okay."]),
    ],
)
def test_what_a_stop_divided_wrongly_is_joined(said: list[str], sentences: list[str]) -> None:
    """Fragments that go on, lists, and stops behind words that end nothing."""
    found = sentences_of(segments(*(("a", text) for text in said)), POLICY)
    assert [one.text for one in found] == sentences


def test_two_tracks_of_one_name_are_two_people() -> None:
    """Of a conference's "iPhone" there may be several."""
    said = [
        Segment("s0", "t1", "We launch the app in", 0, 2_000, "iPhone"),
        Segment("s1", "t2", "I'll call the vendor tomorrow.", 2_100, 4_000, "iPhone"),
        Segment("s2", "t1", "the first week of May.", 4_100, 6_000, "iPhone"),
    ]
    assert [one.text for one in sentences_of(said, POLICY)] == [
        "We launch the app in the first week of May.",
        "I'll call the vendor tomorrow.",
    ]


def test_a_few_finals_without_a_stop_end_at_pauses() -> None:
    """Though they are too few to tell how captions are written."""
    said = [
        Segment(f"s{at}", "a", text, at * 4_000, at * 4_000 + 2_000, "a")
        for at, text in enumerate(
            [
                "so the rubber case it is then",
                "i'll send the drawings to carla by friday",
                "the supplier wants the drawings as a file",
            ]
        )
    ]
    assert len(sentences_of(said, POLICY)) == len(said)


def test_where_there_are_no_stops_a_pause_ends_a_sentence() -> None:
    """A final that was only too long goes on."""
    halves = ["we talk about the budget of", "the team for a while"]
    said = [
        Segment(f"s{at}", "a", halves[at % 2], start, start + 1_900, "a")
        for at, start in enumerate(at // 2 * 5_000 + at % 2 * 2_000 for at in range(20))
    ]
    found = sentences_of(said, POLICY)
    assert [one.text for one in found] == [" ".join(halves)] * 10


def test_stops_within_finals_are_by_chance_where_hardly_any_ends_with_one() -> None:
    """A pause ends a sentence there, too."""
    texts = ["right. so the summer fair", "okay so no bouncy castle", "i will do it tonight"] * 4
    said = [
        Segment(f"s{at}", "a", text, at * 4_000, at * 4_000 + 2_000, "a")
        for at, text in enumerate(texts)
    ]
    assert sum(one.text == "okay so no bouncy castle" for one in sentences_of(said, POLICY)) == 4


def test_two_tasks_in_one_sentence_are_two() -> None:
    """Where the second person is named."""
    said = "Anna will send the invoice and Ben is going to call the supplier."
    found = sentences_of(segments(("a", said)), POLICY)
    assert [one.statement for one in found] == [
        "Anna will send the invoice.",
        "Ben is going to call the supplier.",
    ]


def test_voices_are_never_mixed() -> None:
    """Each sentence is one voice's."""
    found = sentences_of(
        segments(("a", "I think that"), ("b", "we agree on"), ("c", "it.")), POLICY
    )
    assert [(one.voice, one.text) for one in found] == [
        ("a", "I think that"),
        ("b", "we agree on"),
        ("c", "it."),
    ]


def test_speech_without_a_stop_is_cut_at_a_clause() -> None:
    """No sentence is longer than the policy has it."""
    endless = ", and ".join(["we went on about the budget for a very long time"] * 12)
    found = sentences_of(segments(("a", endless)), POLICY)
    assert len(found) > 2
    assert max(one.words for one in found) <= POLICY.longest_sentence_words + 4


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.text(alphabet="xyz .?,um", max_size=80)), max_size=12
    )
)
def test_sentences_lie_in_order_inside_their_segments(said: list[tuple[str, str]]) -> None:
    """Whatever was said: positions exist, order holds, nothing is empty."""
    heard = segments(*said)
    found = sentences_of(heard, POLICY)
    assert [one.first for one in found] == sorted(one.first for one in found)
    for one in found:
        assert 0 <= one.first <= one.last < len(heard)
        assert one.words == len(WORD.findall(one.text)) > 0
        assert heard[one.first].voice == heard[one.last].voice == one.voice


def test_writing_without_blanks_is_divided_at_its_own_stops() -> None:
    """And ends where somebody paused: captions often lack the stop."""
    said = segments(
        ("a", "今日は予算について話します。発売日は四月です！"),
        ("a", "画面を確認して"),
        ("a", "送ります"),
    )
    found = sentences_of(said, POLICY, english=False)
    assert [one.statement for one in found] == [
        "今日は予算について話します。",
        "発売日は四月です。",
        "画面を確認して。",
        "送ります。",
    ]
    assert found[0].words >= POLICY.embedded_words


def test_other_languages_keep_words_that_are_fillers_in_english() -> None:
    """Er and um are German words."""
    (found,) = sentences_of(
        segments(("a", "Er kommt um zehn Uhr, und wir warten.")), POLICY, english=False
    )
    assert found.statement == "Er kommt um zehn Uhr, und wir warten."


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Um, so we, uh, need a budget.", "so we, need a budget."),
        ("the the budget is is fine", "the budget is fine"),
        ("we should we should go", "we should go"),
        ("It is, you know, done.", "It is, done."),
        ("I had had enough", "I had had enough"),
        ("call five five five one two", "call five five five one two"),
        ("the one one is mine", "the one is mine"),
        ("Will will send it", "Will will send it"),
        ("uh hmm", ""),
        ("duplication of effort, and hmm?", "duplication of effort, and"),
    ],
)
def test_fillers_and_stammers_go(said: str, written: str) -> None:
    """What carries no meaning is taken away, the rest stays as it was said."""
    assert without_fillers(said) == written


@pytest.mark.parametrize(
    ("said", "statement"),
    [
        ("and so, the budget is fine, and", "The budget is fine."),
        ("okay, who pays?", "Who pays?"),
        ("I'll let you know", "I'll let you know."),
        ("I say it so that you know", "I say it so that you know."),
        ("we go, you know", "We go."),
        ("we go with option A and", "We go with option A."),
        ("so", ""),
        ("", ""),
        ("?", ""),
    ],
)
def test_a_statement_stands_alone(said: str, statement: str) -> None:
    """It opens with a capital and ends with a stop, or is empty."""
    assert as_statement(said) == statement


@given(st.text(alphabet="ab um,. ?you know", max_size=60))
def test_cleaning_only_takes_away(said: str) -> None:
    """Every word of the result was said."""
    assert set(words_of(as_statement(without_fillers(said)))) <= set(words_of(said))
