"""Request ids stand for what was asked, once, and only while it matters; a final is asked again."""

from dataclasses import replace

import numpy as np
import pytest

from wordloop_ml.captioning.decodes import (
    DecodeRequest,
    Languages,
    Lead,
    PendingDecodes,
    outcome_of,
)
from wordloop_ml.captioning.guards import AudioFacts
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import FinalJob, FinalText, NoFinal, Segment
from wordloop_ml.messages import (
    AudioContext,
    DecodeOptions,
    Hypothesis,
    JobClass,
    RejectReason,
    Utterance,
    Word,
)

POLICY = CaptioningPolicy(final_retries=2)
HEARD = Utterance(16_000, np.full(1_000, 0.25, dtype=np.float32))
UNLIKELY, LOOP = RejectReason.LOW_PROBABILITY, RejectReason.REPETITION


def made(policy: CaptioningPolicy = POLICY, **options: object) -> PendingDecodes:
    """The decodes of a track with these options."""
    asked = DecodeOptions(**options)  # type: ignore[arg-type]
    return PendingDecodes(policy, asked, Languages(policy, asked.language))


def spoken(*, open_: bool = False) -> Segment:
    """A run of speech that is over, or not yet."""
    segment = Segment(16_000, 16_000, POLICY)
    if not open_:
        segment.close(17_000, paused=True)
    return segment


def asked_for(decodes: PendingDecodes, segment: Segment) -> tuple[DecodeRequest, FinalJob]:
    """The final of a segment."""
    request = decodes.final(segment, HEARD, cut=False)
    assert segment.job is not None
    return request, segment.job


def doubtful(*texts: str, likelihood: float = -0.2) -> Hypothesis:
    """A hypothesis that a guard has something against."""
    words = tuple(
        Word(text, 16_000 + 50 * at, 16_040 + 50 * at, 0.5) for at, text in enumerate(texts)
    )
    return Hypothesis(16_000, 17_000, words, average_log_probability=likelihood)


SO = doubtful(*("so",) * 9)
MUMBLE = doubtful("mumble", likelihood=-2.0)


def test_every_request_has_its_own_id_and_the_tracks_options() -> None:
    """An answer can never be taken for another's."""
    decodes, segment = made(language="de", prompt="Glossary: x."), Segment(0, 0, POLICY)
    requests = [
        decodes.interim(segment, JobClass.FIRST_CAPTION, HEARD),
        decodes.final(segment, HEARD, cut=False),
    ]
    assert [request.kind for request in requests] == [JobClass.FIRST_CAPTION, JobClass.FINAL]
    assert {request.options.language for request in requests} == {"de"}
    assert {request.options.prompt for request in requests} == {"Glossary: x."}
    assert len({request.request_id for request in requests}) == 2


def test_only_finals_search_with_beams() -> None:
    """An interim is replaced too soon to be worth it."""
    decodes, segment = made(replace(POLICY, final_beams=5)), spoken()
    assert decodes.interim(segment, JobClass.INTERIM, HEARD).options.beams == 1
    assert decodes.final(segment, HEARD, cut=False).options.beams == 5


def test_a_final_becomes_the_job_of_its_segment() -> None:
    """Its answer finds the way back, and only once."""
    decodes, segment = made(), Segment(0, 0, POLICY)
    request = decodes.final(segment, HEARD, cut=True)
    assert segment.being_cut
    asked = decodes.answered(request.request_id)
    assert asked is not None
    assert (asked.segment, asked.job) == (segment, segment.job)
    assert decodes.answered(request.request_id) is None


def test_a_doubted_final_is_asked_with_the_full_context_then_at_a_temperature() -> None:
    """Each once, over the same audio, without the prompt; then unlikely text is the outcome."""
    decodes, segment = made(prompt="Glossary: x."), spoken()
    first, job = asked_for(decodes, segment)
    full = decodes.after_doubt(segment, job, LOOP, SO, calm=True)
    assert full is not None
    other = decodes.after_doubt(segment, job, UNLIKELY, MUMBLE, calm=True)
    assert other is not None
    assert first.options.context is AudioContext.LONG
    assert {full.options.context, other.options.context} == {AudioContext.FULL}
    assert (full.options.temperature, other.options.temperature) == (0.0, 0.4)
    assert {full.options.prompt, other.options.prompt} == {""}
    assert {full.kind, other.kind} == {JobClass.FINAL}
    assert full.utterance is other.utterance is HEARD
    assert decodes.after_doubt(segment, job, UNLIKELY, MUMBLE, calm=True) is None
    assert job.outcome == FinalText(MUMBLE.words, "en")


@pytest.mark.parametrize(
    ("options", "retries", "temperatures"),
    [
        ({}, 0, []),
        ({}, 1, [0.0]),
        ({}, 2, [0.0, 0.4]),
        ({"context": AudioContext.FULL}, 2, [0.4]),
    ],
)
def test_the_policy_bounds_retries(
    options: dict[str, object], retries: int, temperatures: list[float]
) -> None:
    """A careful track has the full context already."""
    decodes, segment = made(replace(POLICY, final_retries=retries), **options), spoken()
    _, job = asked_for(decodes, segment)
    asked = []
    while (request := decodes.after_doubt(segment, job, LOOP, SO, calm=True)) is not None:
        asked.append(request.options.temperature)
    assert asked == temperatures


@pytest.mark.parametrize("reason", [RejectReason.NO_SPEECH, RejectReason.NO_WORDS])
def test_silence_is_not_asked_again(reason: RejectReason) -> None:
    """Nobody spoke."""
    decodes, segment = made(), spoken()
    _, job = asked_for(decodes, segment)
    assert decodes.after_doubt(segment, job, reason, doubtful(), calm=True) is None
    assert job.outcome == NoFinal("rejected", reason)


def test_load_postpones_a_retry_and_never_leaves_it_out() -> None:
    """What is said at the end does not depend on the load."""
    decodes, segment = made(), spoken(open_=True)
    _, job = asked_for(decodes, segment)
    assert decodes.after_doubt(segment, job, LOOP, SO, calm=False) is None
    assert (job.postponed, job.outcome) == (True, None)
    segment.close(17_000, paused=True)
    request = decodes.retry(segment, job, now=True)
    assert request is not None
    assert request.options.context is AudioContext.FULL
    assert not job.postponed


@pytest.mark.parametrize("calm", [True, False])
def test_a_cut_is_asked_again_at_once(calm: bool) -> None:
    """What is said after it waits for it."""
    decodes, segment = made(), spoken(open_=True)
    decodes.final(segment, HEARD, cut=True)
    assert segment.job is not None
    assert decodes.after_doubt(segment, segment.job, LOOP, SO, calm=calm) is not None


def test_a_final_with_a_lead_is_retried_alone_first() -> None:
    """The lead may be to blame; short audio without words is asked no further than that."""
    decodes, segment = made(), spoken()
    led = Utterance(8_000, np.full(9_000, 0.25, dtype=np.float32))
    first = decodes.final(segment, HEARD, cut=False, lead=Lead(led, 15_000))
    assert first.utterance is led
    job = segment.job
    assert job is not None
    assert job.lead == 15_000
    alone = decodes.after_doubt(segment, job, RejectReason.NO_WORDS, doubtful(), calm=True)
    assert alone is not None
    assert alone.utterance is HEARD
    assert alone.options == first.options
    reason = RejectReason.NO_WORDS
    assert decodes.after_doubt(segment, job, reason, doubtful(), calm=True) is None
    assert job.outcome == NoFinal("rejected", reason)


FACTS = AudioFacts(16_000, 17_000, loudest_rms=0.25)
FELLOWS = ("And", "so", "my", "fellow", "Americans.")


def text_of(outcome: FinalText | NoFinal | None) -> list[str]:
    """The words of an outcome with text."""
    assert isinstance(outcome, FinalText)
    return [word.text for word in outcome.words]


def test_unlikely_text_is_shown_at_last() -> None:
    """The likeliest of it: somebody spoke."""
    better = doubtful("mumbled", likelihood=-1.7)
    doubted = [(UNLIKELY, MUMBLE), (LOOP, SO), (UNLIKELY, better)]
    assert text_of(outcome_of(doubted, FACTS, POLICY)) == ["mumbled"]


def test_what_two_decodes_in_a_row_say_twice_was_said_twice() -> None:
    """One of them alone repeats itself."""
    twice, once = doubtful(*FELLOWS, *FELLOWS), doubtful(*FELLOWS)
    assert text_of(outcome_of([(LOOP, twice)] * 2, FACTS, POLICY)) == [*FELLOWS, *FELLOWS]
    assert text_of(outcome_of([(LOOP, twice)], FACTS, POLICY)) == [*FELLOWS]
    two = [(LOOP, twice), (LOOP, doubtful("uh", *FELLOWS, *FELLOWS, likelihood=-0.9))]
    assert text_of(outcome_of(two, FACTS, POLICY)) == [word.text for word in once.words]


def test_a_loop_is_shown_once() -> None:
    """However often it came."""
    assert text_of(outcome_of([(LOOP, SO)] * 3, FACTS, POLICY)) == ["so"]


def test_silence_at_last_is_silence() -> None:
    """Whatever was heard in it before."""
    doubted = [(LOOP, SO), (RejectReason.NO_SPEECH, doubtful())]
    assert outcome_of(doubted, FACTS, POLICY) == NoFinal("rejected", RejectReason.NO_SPEECH)


def test_a_retry_detects_the_language_unless_it_was_given() -> None:
    """What was established may be what is wrong."""
    for given in ("de", None):
        languages = Languages(POLICY, given)
        languages._established = "en"
        decodes, segment = PendingDecodes(POLICY, DecodeOptions(given), languages), spoken()
        _, job = asked_for(decodes, segment)
        request = decodes.after_doubt(segment, job, UNLIKELY, MUMBLE, calm=True)
        assert request is not None
        assert request.options.language == given


def test_a_failed_final_is_asked_once_more_and_a_failed_retry_in_the_next_way() -> None:
    """Failures and refusals end in a name, whatever their order."""
    decodes, segment = made(), spoken()
    first, job = asked_for(decodes, segment)
    again = decodes.after_failure(segment, job)
    assert again is not None
    assert again.options == first.options
    assert decodes.after_failure(segment, job) is None
    assert job.outcome == NoFinal("decode_failed")

    _, job = asked_for(decodes, segment)
    assert decodes.after_doubt(segment, job, LOOP, SO, calm=True) is not None
    sampled = decodes.after_failure(segment, job)
    assert sampled is not None
    assert sampled.options.temperature > 0
    assert decodes.after_failure(segment, job) is None
    assert text_of(job.outcome) == ["so"]


def test_a_forgotten_segment_has_no_request_ids() -> None:
    """Another segment keeps its own."""
    decodes, one, other = made(), Segment(0, 0, POLICY), Segment(9, 9, POLICY)
    gone = decodes.interim(one, JobClass.INTERIM, HEARD)
    kept = decodes.interim(other, JobClass.INTERIM, HEARD)
    decodes.forget(one)
    assert decodes.answered(gone.request_id) is None
    assert decodes.answered(kept.request_id) is not None


DEFAULTS = CaptioningPolicy()
SECOND = 16_000


def heard(
    language: str, *, start: int = 0, seconds: float = 2.0, probability: float = 0.9
) -> Hypothesis:
    """A text in a language that was detected."""
    end = start + int(seconds * SECOND)
    return Hypothesis(start, end, (), language, language_probability=probability)


def segment() -> Segment:
    """A run of speech."""
    return Segment(0, 0, DEFAULTS)


def test_a_given_language_is_told_to_every_decode() -> None:
    """And never in question."""
    languages = Languages(DEFAULTS, "de")
    languages.heard_final(heard("en"), told="de")
    languages.doubt()
    assert languages.for_interim(segment()) == "de"
    assert languages.for_final(3_600 * SECOND) == "de"


def test_a_final_establishes_the_language_for_the_decodes_after_it() -> None:
    """Until then each of them detects it."""
    languages = Languages(DEFAULTS, None)
    assert languages.for_final(0) is None
    assert languages.for_interim(segment()) is None
    languages.heard_final(heard("de"), told=None)
    assert languages.for_final(3 * SECOND) == "de"
    assert languages.for_interim(segment()) == "de"


def test_a_final_that_is_unsure_or_short_establishes_nothing() -> None:
    """A cough is Welsh."""
    languages = Languages(DEFAULTS, None)
    languages.heard_final(heard("cy", seconds=1.0), told=None)
    languages.heard_final(heard("cy", probability=0.7), told=None)
    assert languages.for_final(10 * SECOND) is None


def test_an_interim_that_is_sure_spares_those_after_it_in_the_same_speech() -> None:
    """A long first sentence would detect four times a second; its final decides."""
    languages, long, other = Languages(DEFAULTS, None), segment(), segment()
    languages.heard_interim(long, heard("cy", seconds=0.5))
    assert languages.for_interim(long) is None
    languages.heard_interim(long, heard("de"))
    assert languages.for_interim(long) == "de"
    assert languages.for_interim(other) is None
    assert languages.for_final(0) is None


def test_a_final_detects_anew_after_a_minute() -> None:
    """Told the wrong language, Whisper is sure of a translation that nobody asked for."""
    languages = Languages(DEFAULTS, None)
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
    languages = Languages(DEFAULTS, None)
    languages.heard_final(heard("de"), told=None)
    languages.doubt()
    assert languages.for_final(5 * SECOND) is None
    assert languages.for_interim(segment()) == "de"
