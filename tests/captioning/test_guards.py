"""What models invent is refused, under a reason; what people say is not."""

from dataclasses import replace

import numpy as np
import pytest

from wordloop_ml.captioning.guards import AudioFacts, Glossary, clamp_words, facts_of, reject_reason
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import Hypothesis, RejectReason, Utterance, Word

POLICY = CaptioningPolicy()
AUDIO = AudioFacts(start=16_000, end=64_000, loudest_rms=0.1)


def said(text: str, **facts: float) -> Hypothesis:
    """A hypothesis of evenly spread words."""
    texts = text.split()
    step = 48_000 // max(len(texts), 1)
    words = tuple(
        Word(one, 16_000 + at * step, 16_000 + (at + 1) * step, 0.9) for at, one in enumerate(texts)
    )
    return Hypothesis(16_000, 64_000, words, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hypothesis", "reason"),
    [
        pytest.param(said("let us start with the budget"), None, id="plain"),
        pytest.param(said(""), RejectReason.NO_WORDS, id="nothing"),
        pytest.param(
            said("thank you", no_speech_probability=0.7, average_log_probability=-1.2),
            RejectReason.NO_SPEECH,
            id="silence is likelier than words",
        ),
        pytest.param(
            said("thank you", no_speech_probability=0.9, average_log_probability=-0.4),
            None,
            id="a sure text in doubtful speech",
        ),
        pytest.param(
            said("mumble", average_log_probability=-1.7),
            RejectReason.LOW_PROBABILITY,
            id="unlikely",
        ),
        pytest.param(
            said("mumble", average_log_probability=-1.2), None, id="unlikely, but not as unlikely"
        ),
        pytest.param(
            replace(said("and then we"), unfinished=True),
            RejectReason.REPETITION,
            id="the model did not end by itself",
        ),
        pytest.param(said("no " * 5), None, id="five times no is what people say"),
        pytest.param(said("no " * 6), RejectReason.REPETITION, id="six times is a loop"),
        pytest.param(said("thank you " * 3), None, id="a polite person"),
        pytest.param(
            said("Thank you. thank you, " * 2), RejectReason.REPETITION, id="a polite loop"
        ),
        pytest.param(
            said("so and I think " * 4), RejectReason.REPETITION, id="a loop of several words"
        ),
        pytest.param(
            said("and then and then we had the very long and then the very long list " * 3),
            RejectReason.REPETITION,
            id="compresses too well",
        ),
    ],
)
def test_a_hypothesis_is_judged(hypothesis: Hypothesis, reason: RejectReason | None) -> None:
    """One rule per case."""
    assert reject_reason(hypothesis, AUDIO, POLICY) is reason


def test_without_guards_only_nothing_is_refused() -> None:
    """Weights that were never trained say what every guard refuses."""
    unguarded = CaptioningPolicy(guards=False)
    assert reject_reason(said("no " * 60, average_log_probability=-9.0), AUDIO, unguarded) is None
    assert reject_reason(said(""), AUDIO, unguarded) is RejectReason.NO_WORDS


def test_text_from_near_silence_is_invented() -> None:
    """However sure the model is."""
    hushed = AudioFacts(16_000, 64_000, loudest_rms=0.0002)
    assert reject_reason(said("bye bye"), hushed, POLICY) is RejectReason.NEAR_SILENCE


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (12_000, 17_000, None),
        (63_000, 68_000, None),
        (11_000, 17_000, RejectReason.OUTSIDE_AUDIO),
        (63_000, 69_000, RejectReason.OUTSIDE_AUDIO),
    ],
)
def test_a_word_may_reach_a_little_outside_its_audio(
    start: int, end: int, reason: RejectReason | None
) -> None:
    """Token times are heuristic; a word 300 ms away is no heuristic."""
    hypothesis = Hypothesis(16_000, 64_000, (Word("well", start, end, 0.9),))
    assert reject_reason(hypothesis, AUDIO, POLICY) is reason


def test_words_are_clamped_to_the_audio_and_to_each_other() -> None:
    """Time never runs backwards and never leaves the segment."""
    words = (
        Word("a", 15_000, 20_000, 0.9),
        Word("b", 18_000, 17_000, 0.9),
        Word("c", 63_000, 66_000, 0.9),
    )
    times = [(word.start, word.end) for word in clamp_words(words, AUDIO.start, AUDIO.end)]
    assert times == [(16_000, 20_000), (20_000, 20_000), (63_000, 64_000)]


def test_loudness_is_that_of_the_loudest_window() -> None:
    """A short word is not drowned by the silence around it, not even in the last half window."""
    samples = np.zeros(10_000, dtype=np.float32)
    samples[-100:] = 0.5
    facts = facts_of(Utterance(7, samples), 512)
    assert (facts.start, facts.end) == (7, 10_007)
    assert facts.loudest_rms == pytest.approx((100 * 0.25 / (10_000 % 512)) ** 0.5)


@pytest.mark.parametrize("length", [1, 511, 512, 513])
def test_utterances_of_any_length_are_measured(length: int) -> None:
    """There is always a window, whole or not."""
    samples = np.full(length, 0.25, dtype=np.float32)
    assert facts_of(Utterance(0, samples), 512).loudest_rms == pytest.approx(0.25)


GLOSSARY = Glossary(("Wordloop", "Zoë Özil", "q8_0", "core"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("Glossary: Wordloop, Zoë", RejectReason.PROMPT_ECHO, id="nobody says that"),
        pytest.param("Zoë Özil, q8_0, core.", RejectReason.PROMPT_ECHO, id="three terms in order"),
        pytest.param("core. Glossary Wordloop", RejectReason.PROMPT_ECHO, id="over again"),
        pytest.param("Wordloop", None, id="a term"),
        pytest.param("Wordloop, Zoë Özil?", None, id="two terms"),
        pytest.param("q8_0, core, Wordloop", None, id="terms in another order"),
        pytest.param("Zoë Özil asked what q8_0 is", None, id="a sentence with terms"),
    ],
)
def test_a_text_that_reads_the_prompt_aloud_is_refused(
    text: str, reason: RejectReason | None
) -> None:
    """People say a term or two; a list in its order was read."""
    assert reject_reason(said(text), AUDIO, POLICY, GLOSSARY) is reason


def test_without_a_glossary_nothing_is_an_echo() -> None:
    """Most tracks have none."""
    assert reject_reason(said("Glossary: Wordloop, Zoë"), AUDIO, POLICY) is None
