"""What a client says is what the server reads, and the other way round."""

import json

import pytest

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.client_messages import (
    ClientMessage,
    Encoding,
    FinalizeMessage,
    GapMessage,
    KeepAliveMessage,
    StartMessage,
    StopMessage,
    parse_client,
)
from wordloop_ml.wire.client_side import encode_client, parse_server
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
        StartMessage(1, "ana", Encoding.PCM_S16LE, 16_000, 1),
        StartMessage(
            version=1,
            track="ana",
            encoding=Encoding.OPUS,
            sample_rate=48_000,
            channels=2,
            speaker="Ana",
            language="de",
            vocabulary=("Grüße", "Jira"),
            origin_ms=0,
            first_sample=960,
            resume_from=1_000,
            last_seq=3,
            epoch=0,
            attempt=2,
            live_from=5_000,
        ),
        FinalizeMessage(),
        GapMessage(5),
        KeepAliveMessage(),
        StopMessage(),
    ],
)
def test_the_server_reads_what_the_client_says(message: ClientMessage) -> None:
    """Every message, with and without what may be left out."""
    assert parse_client(encode_client(message)) == message


def test_what_is_left_out_is_not_said() -> None:
    """Only the fields that a new track needs."""
    text = encode_client(StartMessage(1, "a", Encoding.PCM_S16LE, 16_000, 1))
    assert json.loads(text) == {
        "type": "start",
        "version": 1,
        "track": "a",
        "encoding": "pcm_s16le",
        "sample_rate": 16_000,
        "channels": 1,
    }


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
