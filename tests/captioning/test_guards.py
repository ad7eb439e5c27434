"""What models invent is refused or taken out, under a reason; what people say is not."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.guards import (
    AudioFacts,
    Glossary,
    Repetition,
    clamp_words,
    facts_of,
    reject_reason,
    repetition_in,
    without_annotations,
    without_repeats,
)
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


NONE, DOUBLED, LOOP = Repetition.NONE, Repetition.DOUBLED, Repetition.LOOP
CLAUSE = "そうですね、"
LONG_CLAUSE = "明日の会議です。"


def spoken(text: str) -> tuple[Word, ...]:
    """Words, one after the other."""
    return tuple(Word(one, 10 * at, 10 * at + 9, 0.9) for at, one in enumerate(text.split()))


@pytest.mark.parametrize(
    ("text", "repetition", "once"),
    [
        ("let us start with the budget", NONE, "let us start with the budget"),
        (
            "And so my fellow Americans. And so my fellow Americans.",
            DOUBLED,
            "And so my fellow Americans.",
        ),
        ("7 of clubs. " * 3, DOUBLED, "7 of clubs."),
        ("7 of clubs. " * 4, LOOP, "7 of clubs."),
        ("so " * 9, LOOP, "so"),
        ("S-0-0-0-0-0-0-0-0", LOOP, None),
        ("no, no, no", NONE, "no, no, no"),
        ("no, no, no, no, no", NONE, "no, no, no, no, no"),
        ("very, very, very good", NONE, "very, very, very good"),
        ("bye bye. bye bye.", NONE, "bye bye. bye bye."),
        ("haha and 1000000", NONE, "haha and 1000000"),
    ],
)
def test_a_text_repeats_itself_more_or_less(
    text: str, repetition: Repetition, once: str | None
) -> None:
    """Case and punctuation aside; what is taken out are the copies."""
    words = spoken(text)
    assert repetition_in(words, POLICY) is repetition
    if once is not None:
        assert " ".join(word.text for word in without_repeats(words, POLICY)) == once


def test_thank_you_thank_you_is_what_people_say() -> None:
    """Its letters are fewer than those of a phrase that is doubted."""
    policy = CaptioningPolicy(doubled_letters=10)
    assert repetition_in(spoken("thank you, thank you"), policy) is NONE
    assert repetition_in(spoken("thank you all, thank you all"), policy) is DOUBLED


@pytest.mark.parametrize(
    ("text", "repetition"),
    [
        (CLAUSE * 3, LOOP),
        (LONG_CLAUSE * 3, LOOP),
        (LONG_CLAUSE * 2, DOUBLED),
        (LONG_CLAUSE, NONE),
        ("はいはい", NONE),
    ],
)
def test_a_loop_hides_in_writing_without_blanks(text: str, repetition: Repetition) -> None:
    """Where all that stands without a blank is one word."""
    assert repetition_in(spoken(text), POLICY) is repetition


@pytest.mark.parametrize("times", [2, 3])
def test_a_clause_without_blanks_is_said_once(times: int) -> None:
    """The first copy stays."""
    (word,) = without_repeats(spoken(LONG_CLAUSE * times), POLICY)
    assert word.text == LONG_CLAUSE


def test_short_text_is_judged_by_its_repeats() -> None:
    """Under 32 bytes no compression ratio says anything."""
    hypothesis = Hypothesis(0, 1_000, spoken("あ" * 8))
    assert len(hypothesis.text.encode()) < 32
    facts = AudioFacts(0, 1_000, loudest_rms=0.1)
    assert reject_reason(hypothesis, facts, POLICY) is RejectReason.REPETITION


VOCABULARY = ("so", "So,", "and", "the", "budget", "my", "fellow", "Americans.", "7", "no")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5), st.integers(1, 6)),
        max_size=6,
    )
)
def test_taking_repeats_out_never_invents_and_is_done_at_once(
    phrases: list[tuple[list[str], int]],
) -> None:
    """What is left is some of the words, in their order, and repeats itself no more."""
    said = [text for phrase, times in phrases for text in phrase * times]
    words = tuple(Word(text, at, at + 1, 0.9) for at, text in enumerate(said))
    kept = without_repeats(words, POLICY)
    assert [word for word in words if word in kept] == list(kept)
    assert without_repeats(kept, POLICY) == kept
    assert repetition_in(kept, POLICY) is NONE
    assert bool(kept) == bool(words)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("あいう、。0-h", min_size=1, max_size=40), max_size=4))
def test_inside_words_too_it_is_done_at_once(texts: list[str]) -> None:
    """Each word stays a word, and none grows."""
    words = tuple(Word(text, at, at + 1, 0.9) for at, text in enumerate(texts))
    kept = without_repeats(words, POLICY)
    assert without_repeats(kept, POLICY) == kept
    assert all(word.text for word in kept)
    starts = {word.start: word.text for word in words}
    assert all(len(word.text) <= len(starts[word.start]) for word in kept)


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


def words(text: str) -> tuple[Word, ...]:
    """Words without times."""
    return tuple(Word(word, 0, 0, 0.9) for word in text.split())


def test_terms_become_one_sentence() -> None:
    """In their order, each once, without stray blanks."""
    glossary = Glossary(("Zoë Özil", " Wordloop\n", "", "Wordloop"))
    assert glossary.prompt == "Glossary: Zoë Özil, Wordloop."


def test_without_terms_there_is_no_prompt() -> None:
    """It would only cost tokens; and then nothing is an echo of it."""
    for glossary in (Glossary(), Glossary(("", "  "))):
        assert glossary.prompt == ""
        assert not glossary.is_echoed(words("Glossary"), 2)


def test_an_echo_is_known_whatever_its_case_and_however_often_it_comes() -> None:
    """Part of the prompt, or all of it twice; a word beyond it makes it speech."""
    glossary = Glossary(("Ana", "Ben Wu", "Cleo"))
    assert glossary.is_echoed(words("ana, ben wu, cleo"), 2)
    assert glossary.is_echoed(words("Glossary: Ana, Ben Wu, Cleo. Glossary: Ana,"), 2)
    assert not glossary.is_echoed(words("ana, ben wu"), 2)
    assert not glossary.is_echoed(words("ana, ben wu, cleo and me"), 2)
