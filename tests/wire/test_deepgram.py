"""Deepgram's interface without a connection: what is asked for, and what is told of it."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    CaptionWord,
    Flushed,
    SpeechStarted,
    TrackEvent,
)
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.deepgram_messages import (
    DEEPGRAM_ERRORS,
    ControlKind,
    ModelInfo,
    alternative,
    close_of,
    control_in,
    encode,
    keyterms_in,
    parse_control,
    plain_word,
    schema_error,
)
from wordloop_ml.wire.deepgram_query import ListenQuery, parse_query
from wordloop_ml.wire.deepgram_results import ENDPOINT_MS, ChannelResults
from wordloop_ml.wire.deepgram_turns import Turns
from wordloop_ml.wire.error_forms import Refusal

MODEL = ModelInfo("tiny.en")

LIVEKIT = (
    "model=nova-3&punctuate=true&smart_format=false&no_delay=true&interim_results=true&encoding=linear16"
    "&vad_events=true&sample_rate=16000&channels=1&endpointing=25&filler_words=true&profanity_filter=false"
    "&numerals=false&mip_opt_out=false&language=en-US&keywords=wordloop:1.5&keyterm=Ada+Lovelace&tag=a&tag=b"
)
PIPECAT = (
    "model=nova-3-general&language=en&detect_entities=false&diarize=false&dictation=false&interim_results=true"
    "&numerals=false&punctuate=true&smart_format=false&encoding=linear16&channels=1&multichannel=false"
    "&sample_rate=16000"
)
VOCODE = (
    "encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&model=nova&tier=x&version=1"
)


def asked(query: str) -> ListenQuery:
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return parse_query((name, value.replace("+", " ")) for name, value in pairs)


def test_the_queries_of_real_clients_are_read() -> None:
    """As LiveKit, pipecat and vocode send them; what they ask for beyond this is ignored."""
    assert asked(LIVEKIT) == ListenQuery(
        Encoding.PCM_S16LE,
        16_000,
        language="en",
        vocabulary=("Ada Lovelace", "wordloop"),
        interim_results=True,
        endpointing_ms=25,
        vad_events=True,
        tags=("a", "b"),
    )
    assert asked(PIPECAT) == ListenQuery(
        Encoding.PCM_S16LE, 16_000, language="en", interim_results=True
    )
    assert asked(VOCODE) == ListenQuery(Encoding.PCM_MULAW, 8_000, interim_results=True)
    # the example of the JavaScript client names no encoding
    assert asked("model=nova-3&language=en&punctuate=true&interim_results=true").encoding is None


def test_defaults_are_deepgram_s() -> None:
    """No interims, no events, a container; and a reader's punctuation."""
    assert asked("") == ListenQuery()
    assert not asked("").interim_results
    assert asked("punctuate=false").punctuate is False
    assert asked("punctuate=false&smart_format=True").punctuate is True


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("interim_results=True", "interim_results", True),
        ("interim_results=False", "interim_results", False),
        ("endpointing=false", "endpointing_ms", None),
        ("endpointing=1500", "endpointing_ms", 1_500),
        ("endpointing=true", "endpointing_ms", 10),
        ("utterance_end_ms=1000.0", "utterance_end_ms", 1_000),
        ("language=multi", "language", None),
        ("language=pt-BR", "language", "pt"),
        ("encoding=alaw&sample_rate=8000", "encoding", Encoding.PCM_ALAW),
        ("encoding=opus&sample_rate=16000", "sample_rate", 48_000),
        ("encoding=ogg-opus&sample_rate=16000", "encoding", None),
        ("encoding=linear16&sample_rate=16000&channels=2&multichannel=true", "tracks", 2),
        ("encoding=linear16&sample_rate=16000&channels=2", "tracks", 1),
        ("channels=2&multichannel=true", "tracks", 1),
        ("callback=&redact=false&search=x&replace=a:b", "vad_events", False),
        ("keywords=a:b:2&keywords=plain&keywords=x:-1.5", "vocabulary", ("a:b", "plain", "x")),
    ],
)
def test_parameters_are_read(query: str, name: str, value: object) -> None:
    """Each as Deepgram's documentation has it."""
    assert getattr(asked(query), name) == value


@pytest.mark.parametrize(
    "query",
    [
        "callback=https://example.org",
        "redact=pci",
        "encoding=flac",
        "encoding=linear16",
        "encoding=linear16&sample_rate=96000",
        "encoding=linear16&sample_rate=x",
        "encoding=linear16&sample_rate=16000&channels=9",
        "encoding=opus&channels=2&multichannel=true",
        "utterance_end_ms=10",
        "endpointing=-1",
        "language=english",
    ],
)
def test_what_cannot_be_done_is_refused(query: str) -> None:
    """By the parameter's name, before anything is upgraded."""
    with pytest.raises(BadInput) as caught:
        asked(query)
    assert any(name in str(caught.value) for name in query.replace("=", "&").split("&"))


@given(st.lists(st.tuples(st.text(), st.text())))
def test_any_query_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    """Strangers send it."""
    names = ["encoding", "sample_rate", "channels", "endpointing", "keyterm", "language", "tag"]
    for given_pairs in (pairs, [(names[len(name) % 7], value) for name, value in pairs]):
        with suppress(BadInput):
            parse_query(given_pairs)


def caption(*words: str, at_ms: int = 0, **fields: Any) -> Caption:
    """A caption with words of 200 ms each, one after another."""
    start = at_ms * 16
    shown = tuple(
        CaptionWord(word, start + 3_200 * index, start + 3_200 * (index + 1), 0.9, True)
        for index, word in enumerate(words)
    )
    return Caption(f"0-{start}", "0", start, start + 3_200 * len(words), shown, **fields)


def results(query: str = "interim_results=true") -> ChannelResults:
    return ChannelResults(asked(query), "request", MODEL)


def test_a_final_has_every_field_that_clients_read() -> None:
    """In the true shape, whole."""
    [told] = results().tell(caption("We", "ship.", at_ms=500, final=True, speech_final=True))
    assert told == {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": 0.4,
        "start": 0.5,
        "is_final": True,
        "speech_final": True,
        "channel": {
            "alternatives": [
                {
                    "transcript": "We ship.",
                    "confidence": 0.9,
                    "words": [
                        {
                            "word": "we",
                            "start": 0.5,
                            "end": 0.7,
                            "confidence": 0.9,
                            "punctuated_word": "We",
                        },
                        {
                            "word": "ship",
                            "start": 0.7,
                            "end": 0.9,
                            "confidence": 0.9,
                            "punctuated_word": "ship.",
                        },
                    ],
                }
            ]
        },
        "metadata": {
            "request_id": "request",
            "model_info": {"name": "tiny.en", "version": "1", "arch": "whisper"},
            "model_uuid": MODEL.uuid,
        },
        "from_finalize": False,
    }


def test_interims_and_speech_starts_come_only_where_they_are_wanted() -> None:
    """Both are off by default."""
    events: list[TrackEvent] = [SpeechStarted("0", 8_000), caption("We")]
    assert [results("").tell(event) for event in events] == [[], []]
    assert [
        one["type"]
        for event in events
        for one in results("vad_events=true&interim_results=true").tell(event)
    ] == [
        "SpeechStarted",
        "Results",
    ]


def test_finalize_is_answered_with_the_final_or_with_an_empty_one() -> None:
    """A client waits for the flag."""
    [final] = results().tell(caption("We", final=True, flushed=True))
    [empty] = results().tell(Flushed("0", 16_000))
    assert final["from_finalize"]
    assert empty["from_finalize"]
    assert empty["is_final"]
    assert empty["start"] == 1.0
    assert empty["channel"]["alternatives"] == [{"transcript": "", "confidence": 0.0, "words": []}]


def test_without_punctuation_words_are_plain() -> None:
    """And none has a punctuated form."""
    [told] = results("punctuate=false").tell(caption("We", "ship.", final=True))
    [text] = told["channel"]["alternatives"]
    assert text["transcript"] == "we ship"
    assert all("punctuated_word" not in word for word in text["words"])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("We", "we"),
        ("ship.", "ship"),
        ("don't", "don't"),
        ("3.5%", "3.5"),
        ("—", "—"),
        ("«Été»", "été"),
    ],
)
def test_a_plain_word_has_no_punctuation_around_it(text: str, plain: str) -> None:
    """But for what is nothing else."""
    assert plain_word(text) == plain


def test_a_text_never_has_confidence_nought() -> None:
    """Clients drop such a text."""
    words = (CaptionWord("we", 0, 1, 0.0, True),)
    assert alternative(words, punctuate=True)["confidence"] > 0


def test_a_pause_is_told_when_it_is_as_long_as_it_was_asked_for() -> None:
    """``endpointing`` is a lower bound: shorter than the service's own pause it changes nothing."""
    assert CaptioningPolicy().min_silence_samples == ENDPOINT_MS * SAMPLE_RATE // 1000
    final = caption("We", final=True, speech_final=True)
    [never] = results("endpointing=false").tell(final)
    assert not never["speech_final"]
    patient = results("endpointing=1000")
    [first] = patient.tell(final)
    assert first["is_final"]
    assert not first["speech_final"]
    assert patient.tick(final.end + 15_999, quiet=True) == []
    [pause] = patient.tick(final.end + 16_000, quiet=True)
    assert pause["speech_final"]
    assert pause["channel"]["alternatives"][0]["transcript"] == ""
    assert patient.tick(final.end + 99_000, quiet=True) == []


def test_who_goes_on_within_the_pause_has_not_ended() -> None:
    """The next final decides anew."""
    patient = results("endpointing=2000")
    patient.tell(caption("We", final=True, speech_final=True))
    patient.tell(SpeechStarted("0", 20_000))
    assert patient.tick(90_000, quiet=True) == []


def test_the_gap_after_a_word_is_told_once_by_the_clock_of_the_audio() -> None:
    """And not while somebody speaks, or a final is on its way."""
    one = results("interim_results=true&utterance_end_ms=1000")
    assert one.tick(90_000, quiet=True) == []
    one.tell(caption("We", final=True, speech_final=True))
    assert one.tick(3_200 + 16_000, quiet=False) == []
    assert one.tick(3_200 + 15_999, quiet=True) == []
    assert one.tick(3_200 + 16_000, quiet=True) == [
        {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": 0.2}
    ]
    assert one.tick(99_000, quiet=True) == []


def test_a_gap_that_had_passed_before_the_final_came_is_told_before_it() -> None:
    """However late a decode was."""
    one = results("utterance_end_ms=1000")
    one.tell(caption("We", final=True))
    told = one.tell(caption("ship", at_ms=2_000, final=True))
    assert [message["type"] for message in told] == ["UtteranceEnd", "Results"]


def test_control_messages_are_read_in_either_kind_of_frame() -> None:
    """vocode sends ``CloseStream`` as a binary frame."""
    assert parse_control('{"type": "KeepAlive"}').kind is ControlKind.KEEP_ALIVE
    closing = control_in(b'{"type": "CloseStream"}')
    assert closing is not None
    assert closing.kind is ControlKind.CLOSE_STREAM
    for audio in (
        b"",
        b"{",
        bytes(640),
        b'{"type": "CloseStream", "x": 1}',
        b'{"a": 1}',
        b"{\xff}",
    ):
        assert control_in(audio) is None
    for text in ('{"type":"Nonsense"}', "{}", "[]", "", "{" * 100_000):
        with pytest.raises(BadInput):
            parse_control(text)


@given(st.text(), st.binary())
def test_any_frame_is_a_control_message_or_not(text: str, payload: bytes) -> None:
    """Nothing else escapes."""
    control_in(payload)
    with pytest.raises(BadInput):
        parse_control(text)


def test_terms_of_a_configuration_are_texts() -> None:
    """Or there are none."""
    assert keyterms_in({}) is None
    assert keyterms_in({"keyterms": ["Wordloop"]}) == ["Wordloop"]
    with pytest.raises(BadInput):
        keyterms_in({"keyterms": [1]})


def test_what_is_repeated_of_a_text_is_short() -> None:
    """It goes back to who sent it, and only there."""
    assert len(encode(schema_error("x" * 100_000, "why"))) < 400


@pytest.mark.parametrize("code", [None, *ErrorCode])
def test_no_close_code_of_the_service_s_own_is_sent(code: ErrorCode | None) -> None:
    """Clients know these alone."""
    status, reason = close_of(code, "why")
    assert status in {1000, 1008, 1011, 1012}
    assert (status == 1000) is (code is None)
    assert reason


def test_refusals_have_deepgram_s_form() -> None:
    """For clients that read more than the status."""
    refusal = Refusal(401, ErrorCode.TOKEN_REFUSED, "the token is refused — really")
    assert DEEPGRAM_ERRORS.fields(refusal, "id") == {
        "err_code": "INVALID_AUTH",
        "err_msg": "the token is refused — really",
        "request_id": "id",
    }
    headers = DEEPGRAM_ERRORS.headers(refusal, "id")
    assert headers["dg-request-id"] == "id"
    assert headers["dg-error"].isascii()
    assert (
        DEEPGRAM_ERRORS.fields(Refusal(404, ErrorCode.NOT_FOUND, ""), "")["err_code"] == "NOT_FOUND"
    )


def test_a_turn_has_all_of_its_text_and_ends_at_the_pause() -> None:
    """Finals of one turn are joined; every message is numbered."""
    turns = Turns("request")
    assert turns.message("Connected")["sequence_id"] == 0
    told = [
        *turns.tell(caption("We")),
        *turns.tell(caption("We", "ship", final=True)),
        *turns.tell(caption("on", at_ms=400)),
        *turns.tell(caption("on", "Friday.", at_ms=400, final=True, speech_final=True)),
        *turns.tell(caption("Good.", at_ms=3_000, final=True, speech_final=True)),
    ]
    assert [(one["event"], one["turn_index"], one["transcript"]) for one in told] == [
        ("StartOfTurn", 0, "We"),
        ("Update", 0, "We ship"),
        ("Update", 0, "We ship on"),
        ("EndOfTurn", 0, "We ship on Friday."),
        ("StartOfTurn", 1, "Good."),
        ("EndOfTurn", 1, "Good."),
    ]
    assert [one["sequence_id"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert all(one["words"] for one in told)
    assert [one.get("trigger") for one in told] == [None, None, None, "model", None, "model"]
    assert (told[3]["audio_window_start"], told[3]["audio_window_end"]) == (0.0, 0.8)


def test_a_client_may_end_a_turn() -> None:
    """``ForceEndTurn``; where nobody speaks it ends nothing."""
    turns = Turns("request")
    assert turns.tell(Flushed("0", 0)) == []
    turns.tell(caption("We"))
    [ended] = turns.tell(caption("We", final=True, flushed=True))
    assert (ended["event"], ended["trigger"]) == ("EndOfTurn", "manual")
    turns.tell(caption("We", at_ms=1_000, final=True))
    [ended] = turns.tell(Flushed("0", 0))
    assert ended["trigger"] == "manual"


def test_a_turn_whose_last_words_came_to_nothing_ends_after_a_while() -> None:
    """Or when the audio does."""
    turns = Turns("request")
    turns.tell(caption("We"))
    assert turns.tick(16_000, quiet=True) == []
    assert turns.tick(900_000, quiet=False) == []
    [ended] = turns.tick(900_000, quiet=True)
    assert (ended["event"], ended["trigger"]) == ("EndOfTurn", "timeout")
    assert turns.finish() == []
    turns.tell(caption("We", at_ms=60_000))
    assert [one["event"] for one in turns.finish()] == ["EndOfTurn"]
