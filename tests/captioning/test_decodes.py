"""Tickets stand for what was asked, once, and only while it matters."""

import numpy as np

from wordloop_ml.captioning.decodes import Decodes
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.speech import Speech
from wordloop_ml.messages import DecodeOptions, JobClass, Utterance

POLICY = CaptioningPolicy()
HEARD = Utterance(16_000, np.full(1_000, 0.25, dtype=np.float32))


def test_every_request_has_its_own_ticket_and_the_tracks_options() -> None:
    """An answer can never be taken for another's."""
    decodes, speech = Decodes(POLICY, DecodeOptions(language="de")), Speech(0, 0, POLICY)
    requests = [
        decodes.interim(speech, JobClass.FIRST_CAPTION, HEARD),
        decodes.final(speech, HEARD, cut=False),
    ]
    assert [request.kind for request in requests] == [JobClass.FIRST_CAPTION, JobClass.FINAL]
    assert {request.options.language for request in requests} == {"de"}
    assert len({request.ticket for request in requests}) == 2


def test_a_final_becomes_the_job_of_its_speech() -> None:
    """Its answer finds the way back, and only once."""
    decodes, speech = Decodes(POLICY, DecodeOptions()), Speech(0, 0, POLICY)
    request = decodes.final(speech, HEARD, cut=True)
    assert speech.being_cut
    asked = decodes.answered(request.ticket)
    assert asked is not None
    assert (asked.speech, asked.job) == (speech, speech.job)
    assert decodes.answered(request.ticket) is None


def test_a_careful_retry_is_asked_for_once() -> None:
    """With the same audio and a larger context; after that there is nothing left to try."""
    decodes, speech = Decodes(POLICY, DecodeOptions()), Speech(0, 0, POLICY)
    decodes.final(speech, HEARD, cut=False)
    assert speech.job is not None
    retry = decodes.carefully(speech, speech.job)
    assert retry is not None
    assert retry.options.careful
    assert retry.utterance is HEARD
    assert decodes.carefully(speech, speech.job) is None


def test_a_forgotten_speech_has_no_tickets() -> None:
    """Other speech keeps its own."""
    decodes, one, other = (
        Decodes(POLICY, DecodeOptions()),
        Speech(0, 0, POLICY),
        Speech(9, 9, POLICY),
    )
    gone = decodes.interim(one, JobClass.INTERIM, HEARD)
    kept = decodes.interim(other, JobClass.INTERIM, HEARD)
    decodes.forget(one)
    assert decodes.answered(gone.ticket) is None
    assert decodes.answered(kept.ticket) is not None
