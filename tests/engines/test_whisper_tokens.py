"""Whisper's tokens: prompts in, words with times and confidences out."""

from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis import strategies as st

from wordloop_ml.engines.whisper_tokens import (
    TextToken,
    Tokeniser,
    calibrated,
    with_calibration,
    words_from,
)
from wordloop_ml.messages import Word
from wordloop_ml.weights.manifest import Calibration


@given(st.text(max_size=60))
def test_a_prompt_comes_back_from_its_tokens(prompt: str) -> None:
    """Where every byte has a token, nothing that was written gets lost."""
    pieces = [*(bytes([byte]) for byte in range(256)), b" hello", b"he", b" wor", "é".encode()]
    tokens = Tokeniser(pieces, 1_000).tokens_of(prompt)
    assert b"".join(pieces[token] for token in tokens) == prompt.encode("utf-8", "replace")


def test_the_longest_piece_comes_first_and_the_end_of_a_prompt_is_kept() -> None:
    """What no token can spell is left out."""
    tokeniser = Tokeniser([b"", b"a", b" hello", b" hell", b"o"], 3)
    assert tokeniser.tokens_of("a hello") == [1, 2]
    assert tokeniser.tokens_of("\0a!") == [1]
    assert tokeniser.tokens_of("a a a a hello") == [1, 1, 2]
    assert Tokeniser([], 3).tokens_of("hello") == []


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


CALIBRATIONS = some.builds(Calibration, some.floats(0.01, 100.0), some.floats(-20.0, 20.0))


@given(some.floats(0.0, 1.0))
def test_without_a_calibration_nothing_changes(confidence: float) -> None:
    """To the bit."""
    assert calibrated(confidence, Calibration()) == confidence


@given(some.floats(0.0, 1.0), some.floats(0.0, 1.0), CALIBRATIONS)
def test_a_surer_word_stays_surer(one: float, other: float, calibration: Calibration) -> None:
    """Whatever the numbers, the order and the range stay."""
    low, high = sorted((one, other))
    assert 0.0 <= calibrated(low, calibration) <= calibrated(high, calibration) <= 1.0


def test_an_over_confident_model_is_believed_less() -> None:
    """Half the slope: 0.9 is then worth 0.75. An offset moves the even chance."""
    assert round(calibrated(0.9, Calibration(0.5)), 3) == 0.75
    assert round(calibrated(0.5, Calibration(1.0, -1.0)), 3) == 0.269


def test_only_the_confidence_of_a_word_changes() -> None:
    """Text and times are the model's."""
    words = (Word("hello", 10, 20, 0.9), Word("there", 20, 30, 0.5))
    changed = with_calibration(words, Calibration(0.5))
    assert [(word.text, word.start, word.end) for word in changed] == [
        ("hello", 10, 20),
        ("there", 20, 30),
    ]
    assert [round(word.confidence, 3) for word in changed] == [0.75, 0.5]
    assert with_calibration(words, Calibration()) is words
