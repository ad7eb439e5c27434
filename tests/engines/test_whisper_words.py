"""From tokens to words with times."""

from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.engines.whisper_words import TextToken, words_from

SECOND = 16_000


def token(piece: bytes, at: int | None = None, probability: float = 0.5) -> TextToken:
    """A token, with a hint in positions of 20 ms."""
    return TextToken(piece, probability, at)


def spans(tokens: list[TextToken], samples: int = 2 * SECOND) -> list[tuple[str, int, int]]:
    """The words of an utterance that begins at 0."""
    return [(word.text, word.start, word.end) for word in words_from(tokens, 0, samples)]


def test_a_leading_blank_begins_a_word() -> None:
    """Pieces without one go on; punctuation stays with its word."""
    tokens = [token(b"Good", 0), token(b" mor", 10), token(b"ning", 14), token(b".", 20)]
    assert [text for text, _, _ in spans(tokens)] == ["Good", "morning."]


def test_a_character_may_span_pieces() -> None:
    """Bytes are joined before they are decoded; what is no UTF-8 is replaced, not raised."""
    tokens = [token(b" caf"), token(b"\xc3"), token(b"\xa9"), token(b" \xff!")]
    assert [text for text, _, _ in spans(tokens)] == ["café", "\N{REPLACEMENT CHARACTER}!"]


def test_pieces_without_a_visible_character_are_no_word() -> None:
    """Whisper says blanks at times."""
    assert spans([token(b" "), token(b" \n"), token(b" yes", 5)])[0][0] == "yes"
    assert spans([]) == []


def test_a_word_begins_at_its_hint_and_ends_where_the_next_begins() -> None:
    """Only the hint of its first token counts."""
    tokens = [token(b" one", 10), token(b"ly", 12), token(b" two", 25)]
    first, second = spans(tokens)
    assert first == ("onely", 3_200, 8_000)
    assert second[1] == 8_000


def test_a_pause_belongs_to_no_word() -> None:
    """A short word does not last until the next one, or until the end of the audio."""
    first, second = spans([token(b" a", 0), token(b" b", 80)])
    assert first == ("a", 0, 6_400)
    assert second == ("b", 25_600, 32_000)


def test_the_closing_timestamp_ends_the_last_word() -> None:
    """Where the model gives one; it never makes the word vanish."""
    tokens = [token(b" hello", 10)]
    assert words_from(tokens, 0, 2 * SECOND, closing=90)[0].end == 28_800
    assert words_from(tokens, 0, 2 * SECOND, closing=30)[0].end == 9_600
    assert words_from(tokens, 0, 2 * SECOND, closing=3)[0].end == 3_200 + 320


def test_the_opening_timestamp_begins_the_first_word() -> None:
    """It has no other hint: two timestamps never follow each other there."""
    tokens = [token(b" hello"), token(b" world", 40)]
    first, _ = words_from(tokens, 0, 2 * SECOND, opening=15)
    assert first.start == 4_800


def test_a_mark_ends_its_word() -> None:
    """Its hint is the end of the word before it, so that the pause after it is known."""
    tokens = [token(b" well", 10), token(b",", 22), token(b" yes", 60), token(b".", 75)]
    assert spans(tokens) == [("well,", 3_200, 7_040), ("yes.", 19_200, 24_000)]


def test_words_without_a_hint_lie_between_their_neighbours() -> None:
    """In proportion to their letters."""
    found = spans([token(b" aa", 10), token(b" bb"), token(b" cc", 20)])
    assert [start for _, start, _ in found] == [3_200, 4_800, 6_400]
    found = spans([token(b" aa"), token(b" bbbbbb", 40)])
    assert [start for _, start, _ in found] == [0, 12_800]


def test_a_stray_hint_is_not_believed() -> None:
    """One that runs backwards, jumps ahead of all others, or lies behind the audio."""
    hints = [0, 10, 90, 20, 30, 5, 40, 1_400]
    starts = [start for _, start, _ in spans([token(b" w", at) for at in hints])]
    assert starts == sorted(starts)
    assert [starts[i] // 320 for i in (0, 1, 3, 4, 6)] == [0, 10, 20, 30, 40]


def test_confidence_is_the_mean_probability_of_the_pieces() -> None:
    """Clamped, since the library computes in floats."""
    tokens = [token(b" a", 0, 0.5), token(b"b", 0, 1.0), token(b" c", 9, 1.000001)]
    assert [word.confidence for word in words_from(tokens, 0, SECOND)] == [0.75, 1.0]


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            TextToken,
            st.sampled_from([b" a", b" word", b"s", b" ", b"\xc3", b" extraordinarily", b"."]),
            st.floats(0, 1),
            st.none() | st.integers(0, 1_500),
        ),
        max_size=40,
    ),
    st.integers(1, 480_000),
    st.none() | st.integers(0, 1_500),
    st.none() | st.integers(0, 1_500),
)
def test_words_never_overlap_run_backwards_or_leave_the_audio(
    tokens: list[TextToken], samples: int, opening: int | None, closing: int | None
) -> None:
    """Whatever the decoder hints at."""
    start = 10_000_000
    at = start
    for word in words_from(tokens, start, samples, opening=opening, closing=closing):
        assert at <= word.start <= word.end <= start + samples
        assert word.text
        at = word.end
