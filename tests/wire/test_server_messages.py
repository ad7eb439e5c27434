import json
import math

import pytest

from wordloop_ml.errors import ErrorCode
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    CaptionMessageWord,
    DrainingMessage,
    EndedMessage,
    ErrorMessage,
    Limits,
    NoticeCode,
    NoticeMessage,
    ReadyMessage,
    ServerMessage,
    SpeechStartedMessage,
    encode,
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
