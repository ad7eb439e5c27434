"""What a track asks again, and in which language it asks."""

from dataclasses import replace

from tests.captioning.scene import HELLO, TALK, Scene, sentence
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.messages import (
    AudioContext,
    Caption,
    Hypothesis,
    JobClass,
    RejectReason,
    SpanLost,
)


def unlikely_unless_asked_again(request: DecodeRequest) -> Hypothesis:
    """An engine that finds the words with the full context."""
    likelihood = -0.3 if request.options.context is AudioContext.FULL else -2.0
    return sentence(("hello", 1_000, 1_300), likelihood=likelihood)(request)  # type: ignore[return-value]


CONTEXTS = [AudioContext.LONG, AudioContext.FULL]


def test_a_calm_service_asks_an_unlikely_final_again_at_once() -> None:
    """So that the text is ready when the endpoint fires."""
    scene = Scene().hush(1_000).say(800).hush(300, unlikely_unless_asked_again)
    finals = scene.requests_of(JobClass.FINAL)
    assert [request.options.context for request in finals] == CONTEXTS
    scene.hush(400, unlikely_unless_asked_again)
    assert scene.requests_of(JobClass.FINAL) == finals
    assert [final.text for final in scene.finals] == ["hello"]
    assert scene.track.rejections[RejectReason.LOW_PROBABILITY] >= 1


def test_under_load_an_unlikely_final_is_asked_again_when_the_segment_has_ended() -> None:
    """Not while the speaker may go on; but what is said at the end is the same."""
    scene = Scene().hush(1_000).say(800)
    scene.track.set_interim_interval_factor(8.0)
    scene.hush(300, unlikely_unless_asked_again)
    assert len(scene.requests_of(JobClass.FINAL)) == 1
    scene.hush(400, unlikely_unless_asked_again)
    finals = scene.requests_of(JobClass.FINAL)
    assert [request.options.context for request in finals] == CONTEXTS
    assert [final.text for final in scene.finals] == ["hello"]


def test_under_load_a_doubted_speculation_of_speech_that_goes_on_is_not_asked_again() -> None:
    """The next one is over more audio."""
    scene = Scene().hush(1_000).say(800)
    scene.track.set_interim_interval_factor(8.0)
    scene.hush(300, unlikely_unless_asked_again)
    scene.say(500, HELLO).hush(600, HELLO)
    finals = scene.requests_of(JobClass.FINAL)
    assert {request.options.context for request in finals} == {AudioContext.LONG}
    assert [final.text for final in scene.finals] == ["hello there"]


def test_unlikely_text_is_shown_at_last() -> None:
    """Somebody spoke, and most of it may be right."""
    engine = sentence(("hm", 1_000, 1_200), likelihood=-2.0)
    scene = Scene().hush(1_000, engine).say(500, engine).hush(700, engine)
    assert [final.text for final in scene.finals] == ["hm"]
    assert scene.all(SpanLost) == []
    assert scene.track.rejections[RejectReason.LOW_PROBABILITY] >= 3


def test_a_drain_waits_for_retries_of_closed_segments() -> None:
    """They are finals like others."""
    scene = Scene().hush(1_000).say(800).hush(700)
    scene.out += scene.track.leave()
    scene.answer_all(unlikely_unless_asked_again)
    assert scene.track.done
    assert [final.text for final in scene.finals] == ["hello"]


def german(request: DecodeRequest) -> Hypothesis:
    """An engine that detects German."""
    heard = TALK(request)
    assert isinstance(heard, Hypothesis)
    return replace(heard, language="de", language_probability=0.95)


def test_once_a_final_has_established_the_language_decodes_are_told() -> None:
    """A model that has to detect it encodes twice."""
    scene = Scene().hush(1_000, german).say(1_600, german).hush(700, german)
    before = len(scene.requests)
    final = next(request for request in scene.requests if request.kind is JobClass.FINAL)
    assert final.options.language is None
    scene.say(1_000, german).hush(700, german)
    assert {request.options.language for request in scene.requests[before:]} == {"de"}
    assert [final.language for final in scene.finals] == ["de", "de"]


def test_an_echo_of_the_vocabulary_is_asked_again_without_it() -> None:
    """And what was said comes out."""

    def echoing(request: DecodeRequest) -> Hypothesis | Dropped:
        if not request.options.prompt:
            return HELLO(request)
        return sentence(("Glossary:", 1_000, 1_200), ("Zoë", 1_200, 1_400))(request)

    scene = Scene(vocabulary=("Zoë", "Wordloop")).hush(1_000, echoing).say(800, echoing)
    scene.hush(700, echoing)
    assert {caption.text for caption in scene.all(Caption)} == {"hello there"}
    assert scene.track.rejections[RejectReason.PROMPT_ECHO] > 0
