"""Text that only grows: stable words once, in order, and the truth at the end."""

from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.messages import Caption, CaptionWord
from wordloop_ml.wire.appended_text import AppendedText


def caption(start: int, text: str, stable: int | None = None, *, final: bool = False) -> Caption:
    """A segment that starts here; its first words are stable, all of them in a final."""
    words = tuple(
        CaptionWord(word, start, start + 1, 0.9, final or index < (stable or 0))
        for index, word in enumerate(text.split())
    )
    return Caption(f"a-{start}", "a", start, start + 100, words, final=final)


def test_stable_words_are_appended_once() -> None:
    """An interim's last words may change, and wait."""
    text = AppendedText()
    assert text.take(caption(0, "we ship", 0)) == ""
    assert text.take(caption(0, "we ship on", 2)) == "we ship"
    assert text.take(caption(0, "we ship on Friday", 2)) == ""
    assert text.take(caption(0, "we ship on Friday", final=True)) == " on Friday"
    assert text.text == "we ship on Friday"


def test_a_revised_word_is_not_taken_back() -> None:
    """What was appended stays; the whole text is the final's."""
    text = AppendedText()
    assert text.take(caption(0, "I scream now", 2)) == "I scream"
    assert text.take(caption(0, "Ice cream now.", final=True)) == " now."
    assert text.text == "Ice cream now."


def test_a_shorter_final_appends_nothing() -> None:
    """Its words were appended already, or were none."""
    text = AppendedText()
    text.take(caption(0, "one two three", 3))
    assert text.take(caption(0, "one", final=True)) == ""
    assert text.take(caption(200, "four", final=True)) == " four"


def test_words_of_a_later_segment_wait_for_the_final_before() -> None:
    """Decodes may answer late; text has one order."""
    text = AppendedText()
    assert text.take(caption(0, "one two", 1)) == "one"
    assert text.take(caption(200, "three four", 1)) == ""
    assert text.take(caption(0, "one two", final=True)) == " two three"
    assert text.take(caption(200, "three four", final=True)) == " four"
    assert text.text == "one two three four"


def test_a_lost_segment_holds_nothing_up() -> None:
    """Whether it is told of, or a later final shows it."""
    text = AppendedText()
    assert text.take(caption(0, "noise", 0)) == ""
    assert text.take(caption(200, "two", 1)) == ""
    assert text.lose(0) == "two"
    assert text.take(caption(400, "three", final=True)) == " three"


CAPTIONS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.lists(st.sampled_from(["a", "b", "c"]), max_size=4),
        st.integers(0, 4),
        st.booleans(),
    ),
    max_size=20,
)


@given(CAPTIONS)
def test_whatever_comes_the_text_is_that_of_the_finals(
    shown: list[tuple[int, list[str], int, bool]],
) -> None:
    """And where no stable word is revised, what was appended is the same."""
    text, appended, finals, done = AppendedText(), "", [], -1
    for segment, words, stable, final in shown:
        if segment <= done:
            continue  # finals come in order, and nothing after a segment's own
        appended += text.take(caption(segment * 200, " ".join(words), stable, final=final))
        if final:
            finals += words
            done = segment
    assert text.text == " ".join(finals)
    assert not appended.startswith(" ")
    assert "  " not in appended
