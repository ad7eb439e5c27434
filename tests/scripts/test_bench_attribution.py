"""Which segments belong to which utterance."""

from scripts.benchmark.attribution import attribute, over_nothing, segments_of
from scripts.benchmark.captions import Shown, ShownWord
from scripts.benchmark.tracks import Said


def said(start_ms: int, end_ms: int) -> Said:
    """An utterance at this time."""
    return Said("some words", "a voice", start_ms * 16, end_ms * 16)


def shown(segment: str, start_ms: int, end_ms: int, *words: ShownWord, final: bool = True) -> Shown:
    """A caption of this span."""
    return Shown(9.0, segment, start_ms, end_ms, words, final, final)


def word(text: str, start_ms: int, end_ms: int) -> ShownWord:
    """A word of a caption."""
    return ShownWord(text, start_ms, end_ms, True)


def test_captions_are_grouped_by_segment_in_order_of_their_first() -> None:
    """Captions of two segments may interleave."""
    captions = [
        shown("a", 0, 500, final=False),
        shown("b", 900, 1200, final=False),
        shown("a", 0, 700),
    ]
    first, second = segments_of(captions)
    assert (first.last.end, first.final is captions[2]) == (700, True)
    assert first.interims == (captions[0],)
    assert second.final is None


def test_a_segment_belongs_to_the_utterance_that_it_overlaps() -> None:
    """Pre-roll and a tail of silence do not reach the neighbours."""
    segments = segments_of([shown("a", 750, 2160), shown("b", 2950, 4200)])
    one, two = attribute(segments, [said(1000, 2000), said(3200, 4000)])
    assert [each.last.segment for each in one.segments] == ["a"]
    assert [each.last.segment for each in two.segments] == ["b"]
    assert not one.shared


def test_an_utterance_in_two_segments_has_both_in_order_of_time() -> None:
    """A pause inside the utterance ended the first one."""
    segments = segments_of([shown("b", 2700, 4000), shown("a", 900, 1900)])
    [one] = attribute(segments, [said(1000, 3900)])
    assert [each.last.segment for each in one.segments] == ["a", "b"]


def test_a_touch_of_less_than_a_tenth_of_a_second_is_no_overlap() -> None:
    """The decay of a word may reach into the next segment's pre-roll."""
    segments = segments_of([shown("a", 1950, 3000)])
    [one] = attribute(segments, [said(1000, 2000)])
    assert one.segments == ()


def test_in_a_shared_segment_each_utterance_has_the_words_spoken_in_it() -> None:
    """The middle of a word decides."""
    both = shown("a", 800, 4000, word("left", 1000, 1900), word("right", 2900, 3900))
    one, two = attribute(segments_of([both]), [said(1000, 2000), said(2900, 4000)])
    assert [each.text for each in one.words_of(both)] == ["left"]
    assert [each.text for each in two.words_of(both)] == ["right"]


def test_in_a_segment_of_its_own_an_utterance_has_every_word() -> None:
    """Word times are the model's estimate: they decide only where they must."""
    alone = shown("a", 800, 2200, word("early", 100, 300))
    [one] = attribute(segments_of([alone]), [said(1000, 2000)])
    assert one.words_of(alone) == alone.words


def test_words_where_nobody_spoke_are_found() -> None:
    """A segment without words, or over an utterance, is none of them."""
    invented = shown("a", 0, 600, word("you", 100, 200))
    segments = segments_of(
        [invented, shown("b", 700, 900), shown("c", 1000, 2000, word("yes", 1100, 1900))]
    )
    assert over_nothing(segments, [said(1000, 2000)]) == [segments[0]]
