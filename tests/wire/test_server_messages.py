import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml import messages
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    CaptionMessageWord,
    DrainingMessage,
    EndedMessage,
    ErrorMessage,
    EventTranslator,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
    ServerMessage,
    SpeechStartedMessage,
    encode,
    parse_server,
)

WORD = CaptionMessageWord("Grüße", 10, 20, 0.5, stable=True)


def caption(word: CaptionMessageWord = WORD) -> CaptionMessage:
    """An interim caption of one word."""
    return CaptionMessage(
        segment="ana-160",
        epoch=1,
        track="ana",
        start=10,
        end=20,
        text=word.text,
        words=(word,),
        final=False,
        speech_final=False,
        replay=False,
        language="de",
    )


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (AckMessage(48, 3), '{"type":"ack","received":48,"committed":3}'),
        (SpeechStartedMessage(7), '{"type":"speech_started","at":7}'),
        (DrainingMessage(5000), '{"type":"draining","deadline_ms":5000}'),
        (NoticeMessage(NoticeCode.DEGRADED), '{"type":"notice","code":"degraded"}'),
        (
            NoticeMessage(NoticeCode.REJECTED, 1, 2, RejectReason.NO_SPEECH, 3),
            '{"type":"notice","code":"rejected","start":1,"end":2,"reason":"no_speech","committed":3}',
        ),
        (
            ErrorMessage(ErrorCode.BUSY, "full", 1.5),
            '{"type":"error","code":"busy","message":"full","retry_after":1.5}',
        ),
        (
            ErrorMessage(ErrorCode.BAD_JSON, "not JSON"),
            '{"type":"error","code":"bad_json","message":"not JSON"}',
        ),
        (EndedMessage(9, 9, 2), '{"type":"ended","received":9,"committed":9,"finals":2}'),
        (
            EndedMessage(9, 8, 2, ErrorCode.DRAINING),
            '{"type":"ended","received":9,"committed":8,"finals":2,"reason":"draining"}',
        ),
        (
            ReadyMessage(0, 1, Limits()),
            '{"type":"ready","accept_from":0,"next_seq":1,"limits":{"message_bytes":65536,'
            '"audio_frames_per_s":500,"realtime_factor":2,"replay_s":120,"idle_s":60}}',
        ),
    ],
)
def test_a_message_is_compact_json_without_the_fields_it_lacks(
    message: ServerMessage, text: str
) -> None:
    """The type first, no blanks, no nulls."""
    assert encode(message) == text


def test_a_caption_carries_its_words_whole() -> None:
    """Text stays readable, and false is not the same as absent."""
    text = encode(caption())
    assert "Grüße" in text
    fields = json.loads(text)
    assert fields["words"] == [
        {"text": "Grüße", "start": 10, "end": 20, "confidence": 0.5, "stable": True}
    ]
    assert fields["final"] is False
    assert not {"seq", "speaker", "committed"} & set(fields)


def test_an_empty_caption_keeps_its_empty_list() -> None:
    """No words is a fact, not an absence."""
    empty = CaptionMessage("a-0", 0, "a", 0, 0, "", (), True, True, False, "en", seq=1, committed=0)
    fields = json.loads(encode(empty))
    assert (fields["words"], fields["text"], fields["committed"]) == ([], "", 0)


def test_a_number_that_json_lacks_is_a_bug_and_not_a_message() -> None:
    """NaN would break the reader of the client."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(caption(CaptionMessageWord("a", 0, 1, math.nan, stable=False)))


CAPTION = CaptionMessage(
    segment="ana-160",
    epoch=2,
    track="ana",
    start=10,
    end=20,
    text="Grüße",
    words=(CaptionMessageWord("Grüße", 10, 20, 0.5, stable=True),),
    final=True,
    speech_final=False,
    replay=True,
    language="de",
    seq=7,
    speaker="Ana",
    committed=320,
)


@pytest.mark.parametrize(
    "message",
    [
        ReadyMessage(5, 2, Limits()),
        SpeechStartedMessage(7),
        CAPTION,
        AckMessage(48, 3),
        NoticeMessage(NoticeCode.DEGRADED),
        NoticeMessage(NoticeCode.REJECTED, 1, 2, RejectReason.REPETITION, committed=40),
        DrainingMessage(5_000),
        ErrorMessage(ErrorCode.BUSY, "full", 2.5),
        ErrorMessage(ErrorCode.BAD_JSON, "not JSON"),
        EndedMessage(5, 5, 1),
        EndedMessage(5, 4, 1, ErrorCode.DRAINING),
    ],
)
def test_the_client_reads_what_the_server_says(message: ServerMessage) -> None:
    """Every message, with and without what may be left out."""
    assert parse_server(encode(message)) == message


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"type": "weather"}, None),
        ({"type": ["weather"]}, None),
        ({"type": "notice", "code": "sunshine"}, None),
        ({"type": "ack", "received": 2, "committed": 1, "mood": "good"}, AckMessage(2, 1)),
        (
            {"type": "notice", "code": "rejected", "reason": "moon", "committed": 9},
            NoticeMessage(NoticeCode.REJECTED, committed=9),
        ),
        ({"type": "error", "code": "new", "message": "m"}, ErrorMessage(ErrorCode.INTERNAL, "m")),
    ],
)
def test_what_a_later_server_says_is_passed_over(
    fields: dict[str, object], read: ServerMessage | None
) -> None:
    """Types, fields, notices, reasons and codes that nobody knew yet."""
    assert parse_server(json.dumps(fields)) == read


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"type":"ack","received":1}',
        '{"type":"ack","received":1.5,"committed":0}',
        '{"type":"ready","accept_from":0,"next_seq":1,"limits":[]}',
        '{"type":"speech_started","at":"soon"}',
        encode(CAPTION).replace('"words":[', '"words":["w",'),
        encode(CAPTION).replace('"final":true', '"final":1'),
        encode(CAPTION).replace('"confidence":0.5', '"confidence":"high"'),
        encode(CAPTION).replace('"text":"Grüße"', '"text":4'),
    ],
)
def test_what_is_no_message_is_refused_by_name(text: str) -> None:
    """The client closes, and resumes elsewhere."""
    with pytest.raises(BadInput):
        parse_server(text)


AT_48 = EventTranslator(Positions(48_000, origin_ms=1000), epoch=5, speaker="Ana")


def track_caption(times: list[int], *, final: bool = False) -> messages.Caption:
    """A caption whose start, words and end are cut at these increasing samples."""
    start, *inner, end = times
    words = tuple(
        messages.CaptionWord(f"w{n}", a, b, 0.123456, stable=True)
        for n, (a, b) in enumerate(zip(inner[::2], inner[1::2], strict=True))
    )
    return messages.Caption(
        "ana-160",
        "ana",
        start,
        end,
        words,
        final=final,
        speech_final=final,
        seq=7 if final else None,
        committed=end if final else None,
    )


def test_an_interim_caption_is_told_in_meeting_time() -> None:
    """Words joined to a text, confidence rounded, nothing that belongs to finals."""
    told = AT_48.translate(track_caption([160, 320, 800, 800, 1600, 1615]), received=99_999)
    assert isinstance(told, CaptionMessage)
    assert (told.start, told.end, told.text) == (1010, 1100, "w0 w1")
    assert [(word.start, word.end) for word in told.words] == [(1020, 1050), (1050, 1100)]
    assert [word.confidence for word in told.words] == [0.123, 0.123]
    assert (told.epoch, told.speaker, told.seq, told.committed) == (5, "Ana", None, None)


def test_a_final_caption_carries_its_number_and_what_is_committed() -> None:
    """Committed is counted in the stream's own samples."""
    told = AT_48.translate(track_caption([160, 1600], final=True), received=99_999)
    assert isinstance(told, CaptionMessage)
    assert (told.final, told.speech_final, told.seq, told.committed) == (True, True, 7, 4800)


def test_a_language_is_told_by_its_standard_code() -> None:
    """Whisper calls Javanese jw, which is nothing that a client knows."""
    heard = replace(track_caption([160, 1600]), language="jw")
    told = AT_48.translate(heard, received=0)
    assert isinstance(told, CaptionMessage)
    assert told.language == "jv"


@given(
    st.lists(st.integers(0, 1_000_000), min_size=4, max_size=12).filter(lambda t: not len(t) % 2)
)
def test_word_times_stay_inside_the_caption_and_in_order(times: list[int]) -> None:
    """Rounding moves nothing past anything."""
    told = AT_48.translate(track_caption(sorted(times)), received=0)
    assert isinstance(told, CaptionMessage)
    told_times = [told.start]
    for word in told.words:
        told_times += [word.start, word.end]
    told_times.append(told.end)
    assert told_times == sorted(told_times)


def test_the_other_events_have_their_messages() -> None:
    """Each with its place on the client's scales."""
    assert AT_48.translate(messages.SpeechStarted("ana", 1600), 0) == SpeechStartedMessage(1100)
    assert AT_48.translate(messages.Committed("ana", 10), 100) == AckMessage(100, 30)
    lost = messages.SpanLost("ana", "rejected", 160, 320, 20, RejectReason.REPETITION)
    assert AT_48.translate(lost, 1000) == NoticeMessage(
        NoticeCode.REJECTED, 1010, 1020, RejectReason.REPETITION, 60
    )
    for code in ("gap", "decode_failed"):
        told = AT_48.translate(messages.SpanLost("ana", code, 0, 16, 16), 1000)
        assert told == NoticeMessage(NoticeCode(code), 1000, 1001, None, 48)


def test_an_end_that_is_all_committed_is_told_as_all_received() -> None:
    """Two samples more than whole samples at 16 kHz need no second sending."""
    assert AT_48.translate(messages.Committed("ana", 10), 32) == AckMessage(32, 32)
