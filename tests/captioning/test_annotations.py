"""A caption says what people say, not what subtitles say about it."""

import pytest

from wordloop_ml.captioning.guards import without_annotations
from wordloop_ml.messages import Word


def spoken(text: str) -> tuple[Word, ...]:
    """Words, one after the other."""
    return tuple(Word(one, 10 * at, 10 * at + 9, 0.9) for at, one in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[BLANK_AUDIO]", ""),
        ("[XBOX SOUND]", ""),
        (">> Yes.", "Yes."),
        (">>Yes.", "Yes."),
        ("- Yes.", "Yes."),
        ("well-known", "well-known"),
        ("Well (speaking in foreign language) yes.", "Well yes."),
        ("Hello. [laughs], there", "Hello. there"),
        ("♪ la la ♪", "la la"),
        ("*sighs*", "sighs"),
        ("SPEAKER_01: Yes.", "Yes."),
        ("Speaker: Yes.", "Yes."),
        ("Call (555) 123 now", "Call (555) 123 now"),
        ("So (and this is open", "So (and this is open"),
        ("[music", "[music"),
        ("（拍手） はい", "はい"),
        ("", ""),
    ],
)
def test_annotations_are_taken_out_and_speech_stays(text: str, said: str) -> None:
    """Over several words, too; a bracket that nothing closes takes nothing."""
    assert " ".join(word.text for word in without_annotations(spoken(text))) == said


def test_words_keep_their_times() -> None:
    """Only their signs go."""
    (word,) = without_annotations(spoken("[noise] >>Yes."))
    assert word == Word("Yes.", 10, 19, 0.9)
