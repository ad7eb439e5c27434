"""Tickets stand for what was asked, once, and only while it matters; a final is asked again."""

from dataclasses import replace

import numpy as np
import pytest

from wordloop_ml.captioning.decodes import DecodeRequest, Decodes
from wordloop_ml.captioning.languages import Languages
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.speech import FinalJob, Speech, Unheard
from wordloop_ml.messages import DecodeOptions, JobClass, RejectReason, Utterance

POLICY = CaptioningPolicy()
HEARD = Utterance(16_000, np.full(1_000, 0.25, dtype=np.float32))
UNLIKELY, LOOP = RejectReason.LOW_PROBABILITY, RejectReason.REPETITION


def made(policy: CaptioningPolicy = POLICY, **options: object) -> Decodes:
    """The decodes of a track with these options."""
    asked = DecodeOptions(**options)  # type: ignore[arg-type]
    return Decodes(policy, asked, Languages(policy, asked.language))


def spoken(*, open_: bool = False) -> Speech:
    """A run of speech that is over, or not yet."""
    speech = Speech(16_000, 16_000, POLICY)
    if not open_:
        speech.close(17_000, paused=True)
    return speech


def asked_for(decodes: Decodes, speech: Speech) -> tuple[DecodeRequest, FinalJob]:
    """The final of a speech."""
    request = decodes.final(speech, HEARD, cut=False)
    assert speech.job is not None
    return request, speech.job


def test_every_request_has_its_own_ticket_and_the_tracks_options() -> None:
    """An answer can never be taken for another's."""
    decodes, speech = made(language="de", prompt="Glossary: x."), Speech(0, 0, POLICY)
    requests = [
        decodes.interim(speech, JobClass.FIRST_CAPTION, HEARD),
        decodes.final(speech, HEARD, cut=False),
    ]
    assert [request.kind for request in requests] == [JobClass.FIRST_CAPTION, JobClass.FINAL]
    assert {request.options.language for request in requests} == {"de"}
    assert {request.options.prompt for request in requests} == {"Glossary: x."}
    assert len({request.ticket for request in requests}) == 2


def test_only_finals_search_with_beams() -> None:
    """An interim is replaced too soon to be worth it."""
    decodes, speech = made(replace(POLICY, final_beams=5)), spoken()
    assert decodes.interim(speech, JobClass.INTERIM, HEARD).options.beams == 1
    assert decodes.final(speech, HEARD, cut=False).options.beams == 5


def test_a_final_becomes_the_job_of_its_speech() -> None:
    """Its answer finds the way back, and only once."""
    decodes, speech = made(), Speech(0, 0, POLICY)
    request = decodes.final(speech, HEARD, cut=True)
    assert speech.being_cut
    asked = decodes.answered(request.ticket)
    assert asked is not None
    assert (asked.speech, asked.job) == (speech, speech.job)
    assert decodes.answered(request.ticket) is None


def test_a_refused_final_is_asked_with_the_full_context_then_at_a_temperature() -> None:
    """Each once, over the same audio, without the prompt; then the first reason is the outcome."""
    decodes, speech = made(prompt="Glossary: x."), spoken()
    _, job = asked_for(decodes, speech)
    careful = decodes.after_refusal(speech, job, LOOP, calm=True)
    assert careful is not None
    sampled = decodes.after_refusal(speech, job, UNLIKELY, calm=True)
    assert sampled is not None
    assert (careful.options.careful, careful.options.temperature) == (True, 0.0)
    assert (sampled.options.careful, sampled.options.temperature) == (False, 0.4)
    assert {careful.options.prompt, sampled.options.prompt} == {""}
    assert {careful.kind, sampled.kind} == {JobClass.FINAL}
    assert careful.utterance is sampled.utterance is HEARD
    assert decodes.after_refusal(speech, job, UNLIKELY, calm=True) is None
    assert job.outcome == Unheard("rejected", LOOP)


@pytest.mark.parametrize(
    ("options", "retries", "temperatures"),
    [({}, 0, []), ({}, 1, [0.0]), ({}, 2, [0.0, 0.4]), ({"careful": True}, 2, [0.4])],
)
def test_the_policy_bounds_retries(
    options: dict[str, object], retries: int, temperatures: list[float]
) -> None:
    """A careful track has the full context already."""
    decodes, speech = made(replace(POLICY, final_retries=retries), **options), spoken()
    _, job = asked_for(decodes, speech)
    asked = []
    while (request := decodes.after_refusal(speech, job, LOOP, calm=True)) is not None:
        asked.append(request.options.temperature)
    assert asked == temperatures


@pytest.mark.parametrize(
    ("reason", "calm"),
    [(RejectReason.NO_SPEECH, True), (RejectReason.NO_WORDS, True), (LOOP, False)],
)
def test_silence_is_not_asked_again_nor_is_anything_under_load(
    reason: RejectReason, calm: bool
) -> None:
    """Somebody else waits for the thread."""
    decodes, speech = made(), spoken()
    _, job = asked_for(decodes, speech)
    assert decodes.after_refusal(speech, job, reason, calm=calm) is None
    assert job.outcome == Unheard("rejected", reason)


def test_a_retry_of_a_speculation_waits_until_the_speech_is_over() -> None:
    """If it goes on, the retry would have been for nothing."""
    decodes, speech = made(), spoken(open_=True)
    _, job = asked_for(decodes, speech)
    assert decodes.after_refusal(speech, job, LOOP, calm=True) is None
    assert (job.postponed, job.outcome) == (True, None)
    speech.close(17_000, paused=True)
    request = decodes.retry(speech, job)
    assert request is not None
    assert request.options.careful
    assert not job.postponed


def test_a_cut_is_asked_again_at_once() -> None:
    """What is said after it waits for it."""
    decodes, speech = made(), spoken(open_=True)
    decodes.final(speech, HEARD, cut=True)
    assert speech.job is not None
    assert decodes.after_refusal(speech, speech.job, LOOP, calm=True) is not None


def test_a_retry_detects_the_language_unless_it_was_given() -> None:
    """What was established may be what is wrong."""
    for given in ("de", None):
        languages = Languages(POLICY, given)
        languages._established = "en"
        decodes, speech = Decodes(POLICY, DecodeOptions(given), languages), spoken()
        _, job = asked_for(decodes, speech)
        request = decodes.after_refusal(speech, job, UNLIKELY, calm=True)
        assert request is not None
        assert request.options.language == given


def test_a_failed_final_is_asked_once_more_and_a_failed_retry_in_the_next_way() -> None:
    """Failures and refusals end in a name, whatever their order."""
    decodes, speech = made(), spoken()
    first, job = asked_for(decodes, speech)
    again = decodes.after_failure(speech, job)
    assert again is not None
    assert again.options == first.options
    assert decodes.after_failure(speech, job) is None
    assert job.outcome == Unheard("decode_failed")

    _, job = asked_for(decodes, speech)
    assert decodes.after_refusal(speech, job, LOOP, calm=True) is not None
    sampled = decodes.after_failure(speech, job)
    assert sampled is not None
    assert sampled.options.temperature > 0
    assert decodes.after_failure(speech, job) is None
    assert job.outcome == Unheard("rejected", LOOP)


def test_a_forgotten_speech_has_no_tickets() -> None:
    """Other speech keeps its own."""
    decodes, one, other = made(), Speech(0, 0, POLICY), Speech(9, 9, POLICY)
    gone = decodes.interim(one, JobClass.INTERIM, HEARD)
    kept = decodes.interim(other, JobClass.INTERIM, HEARD)
    decodes.forget(one)
    assert decodes.answered(gone.ticket) is None
    assert decodes.answered(kept.ticket) is not None
