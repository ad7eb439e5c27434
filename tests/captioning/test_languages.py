"""Few decodes have to detect what is spoken, and a wrong guess does not last."""

from wordloop_ml.captioning.decodes import Languages
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import Segment
from wordloop_ml.messages import Hypothesis

POLICY = CaptioningPolicy()
SECOND = 16_000


def heard(
    language: str, *, start: int = 0, seconds: float = 2.0, probability: float = 0.9
) -> Hypothesis:
    """A text in a language that was detected."""
    end = start + int(seconds * SECOND)
    return Hypothesis(start, end, (), language, language_probability=probability)


def segment() -> Segment:
    """A run of speech."""
    return Segment(0, 0, POLICY)


def test_a_given_language_is_told_to_every_decode() -> None:
    """And never in question."""
    languages = Languages(POLICY, "de")
    languages.heard_final(heard("en"), told="de")
    languages.doubt()
    assert languages.for_interim(segment()) == "de"
    assert languages.for_final(3_600 * SECOND) == "de"


def test_a_final_establishes_the_language_for_the_decodes_after_it() -> None:
    """Until then each of them detects it."""
    languages = Languages(POLICY, None)
    assert languages.for_final(0) is None
    assert languages.for_interim(segment()) is None
    languages.heard_final(heard("de"), told=None)
    assert languages.for_final(3 * SECOND) == "de"
    assert languages.for_interim(segment()) == "de"


def test_a_final_that_is_unsure_or_short_establishes_nothing() -> None:
    """A cough is Welsh."""
    languages = Languages(POLICY, None)
    languages.heard_final(heard("cy", seconds=1.0), told=None)
    languages.heard_final(heard("cy", probability=0.7), told=None)
    assert languages.for_final(10 * SECOND) is None


def test_an_interim_that_is_sure_spares_those_after_it_in_the_same_speech() -> None:
    """A long first sentence would detect four times a second; its final decides."""
    languages, long, other = Languages(POLICY, None), segment(), segment()
    languages.heard_interim(long, heard("cy", seconds=0.5))
    assert languages.for_interim(long) is None
    languages.heard_interim(long, heard("de"))
    assert languages.for_interim(long) == "de"
    assert languages.for_interim(other) is None
    assert languages.for_final(0) is None


def test_a_final_detects_anew_after_a_minute() -> None:
    """Told the wrong language, Whisper is sure of a translation that nobody asked for."""
    languages = Languages(POLICY, None)
    languages.heard_final(heard("de"), told=None)
    languages.heard_final(heard("de", start=30 * SECOND), told="de")  # proves nothing
    assert languages.for_final(61 * SECOND) is None
    assert languages.for_interim(segment()) == "de"
    languages.heard_final(heard("en", start=61 * SECOND, probability=0.6), told=None)
    assert languages.for_final(65 * SECOND) is None
    languages.heard_final(heard("en", start=65 * SECOND), told=None)
    assert languages.for_final(70 * SECOND) == languages.for_interim(segment()) == "en"


def test_after_a_refusal_the_next_final_detects_anew() -> None:
    """The language may be why; what interims are told only changes with a final."""
    languages = Languages(POLICY, None)
    languages.heard_final(heard("de"), told=None)
    languages.doubt()
    assert languages.for_final(5 * SECOND) is None
    assert languages.for_interim(segment()) == "de"
