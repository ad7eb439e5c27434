"""Segments, cut into lines."""

from hypothesis import given
from hypothesis import strategies as st

from tests.talk import said
from wordloop_ml.synthesis.lines import MOST_WORDS, lines_of, stem_of
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.words import tokens


def test_a_line_ends_with_its_sentence() -> None:
    """Or when it is long; it knows what it counts and what it denies."""
    one, two = lines_of(said("Ada: We don't use metal. It costs twelve Euros!", "Ben: No way."))
    assert [line.text for line in one] == ["We don't use metal.", "It costs twelve Euros!"]
    assert one[0].negated == {"use", "metal"}
    assert "#12" in one[1].stems
    assert [line.start for line in (*one, *two)] == [0, 4, 8]
    assert two[0].answers_no
    (long,) = lines_of(said("Ada: " + "word " * 60))
    assert [len(line.words) for line in long] == [25, 25, 10]


def test_forms_of_a_verb_have_one_stem() -> None:
    """Also those that no ending makes."""
    assert stem_of("bought") == stem_of("buys")
    assert stem_of("chosen") == stem_of("choosing")


@given(st.lists(st.text(), max_size=5))
def test_every_word_is_in_one_line(texts: list[str]) -> None:
    """In order, and no line is longer than the most but for words that no blank divides."""
    segments = [Segment(f"s{at}", "a", text, at, at) for at, text in enumerate(texts)]
    lines = list(lines_of(segments))
    assert len(lines) == len(texts)
    for text, some in zip(texts, lines, strict=True):
        assert [word for line in some for word in line.words] == tokens(text)
        assert all(line.words for line in some)
        longest = max((len(tokens(part)) for part in text.split()), default=0)
        assert all(len(line.words) <= max(MOST_WORDS, longest) for line in some)
