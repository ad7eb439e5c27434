import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import (
    _MESSAGES,
    MAX_ORIGIN_MS,
    ClientMessage,
    FinalizeMessage,
    GapMessage,
    KeepAliveMessage,
    StartMessage,
    StopMessage,
    encode_client,
    parse_client,
)
from wordloop_ml.wire.json_fields import MAX_POSITION

MINIMAL: dict[str, Any] = {
    "type": "start",
    "version": 1,
    "track": "ana",
    "encoding": "pcm_s16le",
    "sample_rate": 16_000,
    "channels": 1,
}
FULL: dict[str, Any] = {
    **MINIMAL,
    "encoding": "pcm_f32le",
    "sample_rate": 44_100,
    "channels": 2,
    "speaker": "Ana Åkesson",
    "language": "sv",
    "task": "translate",
    "vocabulary": ["Wordloop", "Zoë Özil"],
    "origin_ms": 5000,
    "first_sample": 10,
    "resume_from": 20,
    "last_seq": 3,
    "epoch": 4,
    "attempt": 1,
    "live_from": 90,
}
PRIVATE = "Snowdrop"

ANY_VALUE = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**54)
    | st.floats()
    | st.text(max_size=130)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


def refusal(fields: dict[str, Any]) -> BadInput:
    """The error that a message of these fields meets."""
    with pytest.raises(BadInput) as caught:
        parse_client(json.dumps(fields))
    return caught.value


def test_a_minimal_start_takes_the_defaults() -> None:
    """A new track: from its beginning, nothing replayed, no resuming."""
    start = parse_client(json.dumps(MINIMAL))
    assert start == StartMessage(1, "ana", Encoding.PCM_S16LE, 16_000, 1)
    assert isinstance(start, StartMessage)
    assert (start.sends_from, start.resume_from, start.live_at, start.epoch) == (0, 0, 0, None)


def test_a_full_start_keeps_every_field() -> None:
    """Nothing is lost or renamed on the way in."""
    start = parse_client(json.dumps(FULL))
    assert isinstance(start, StartMessage)
    assert {name: getattr(start, name) for name in FULL if name != "type"} == {
        name: value for name, value in FULL.items() if name != "type"
    } | {"vocabulary": ("Wordloop", "Zoë Özil")}
    assert (start.sends_from, start.live_at) == (10, 90)


def test_live_audio_never_begins_before_what_is_resumed() -> None:
    """A live edge in the past means that nothing is replayed."""
    start = parse_client(json.dumps(MINIMAL | {"resume_from": 50, "live_from": 10}))
    assert isinstance(start, StartMessage)
    assert (start.sends_from, start.live_at) == (50, 50)


def test_the_other_messages_are_read() -> None:
    """Each by its type, and fields from the future are ignored."""
    assert parse_client('{"type":"finalize"}') == FinalizeMessage()
    assert parse_client('{"type":"gap","samples":1}') == GapMessage(1)
    assert parse_client('{"type":"keepalive","mood":{"a":[1]}}') == KeepAliveMessage()
    assert parse_client('{"type":"stop"}') == StopMessage()
    assert parse_client(json.dumps(MINIMAL | {"colour": "red"})) == parse_client(
        json.dumps(MINIMAL)
    )


@pytest.mark.parametrize("name", [name for name in MINIMAL if name != "type"])
def test_every_required_field_is_missed_by_name(name: str) -> None:
    """The error names what is missing."""
    error = refusal({key: value for key, value in MINIMAL.items() if key != name})
    assert (error.code, str(error)) == (ErrorCode.BAD_MESSAGE, f"{name} is missing")


@pytest.mark.parametrize("name", [name for name in FULL if name not in MINIMAL])
def test_null_says_what_leaving_a_field_out_says(name: str) -> None:
    """Encoders of Go and Java write every optional field."""
    left_out = {key: value for key, value in FULL.items() if key not in (name, "first_sample")}
    said = {**left_out, name: None}
    assert parse_client(json.dumps(said)) == parse_client(json.dumps(left_out))


@pytest.mark.parametrize("name", MINIMAL)
def test_a_required_field_that_is_null_is_missing(name: str) -> None:
    """By name, as if it had been left out."""
    error = refusal(FULL | {name: None})
    assert (error.code, str(error)) == (ErrorCode.BAD_MESSAGE, f"{name} is missing")


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("en-US", "en"),
        ("pt_BR", "pt"),
        ("jv", "jv"),
        ("nb", "nb"),
        ("cmn-Hans-CN", "zh"),
        ("auto", None),
        ("AUTO", None),
        ("und", None),
    ],
)
def test_a_language_may_be_any_tag(tag: str, language: str | None) -> None:
    """test_languages has more of them."""
    start = parse_client(json.dumps(MINIMAL | {"language": tag}))
    assert isinstance(start, StartMessage)
    assert start.language == language


WRONG: list[tuple[str, object]] = [
    ("version", True),
    ("version", "1"),
    ("version", 1.0),
    ("version", -1),
    ("track", ""),
    ("track", "x" * 65),
    ("track", "a b"),
    ("track", 7),
    ("speaker", ""),
    ("speaker", "x" * 129),
    ("speaker", "a\nb"),
    ("speaker", ["Ana"]),
    ("encoding", 16),
    ("sample_rate", 7_999),
    ("sample_rate", 48_001),
    ("sample_rate", "16000"),
    ("sample_rate", 16_000.0),
    ("channels", 0),
    ("channels", 3),
    ("channels", True),
    ("language", "jp"),
    ("language", "English"),
    ("language", "en-"),
    ("language", ""),
    ("language", 1),
    ("task", "Translate"),
    ("task", "summarise"),
    ("task", 1),
    ("vocabulary", "Wordloop"),
    ("vocabulary", {}),
    ("vocabulary", [1]),
    ("vocabulary", [""]),
    ("vocabulary", ["Wordloop", " "]),
    ("vocabulary", ["two\nlines"]),
    ("vocabulary", ["x" * 65]),
    ("vocabulary", ["x"] * 101),
    ("vocabulary", ["x" * 50] * 11),
    ("origin_ms", -1),
    ("origin_ms", MAX_ORIGIN_MS + 1),
    ("first_sample", -1),
    ("resume_from", MAX_POSITION + 1),
    ("resume_from", 1.5),
    ("last_seq", -1),
    ("epoch", False),
    ("attempt", -1),
    ("live_from", {}),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_against_its_rule_is_named_and_never_echoed(name: str, value: object) -> None:
    """Wrong types and wrong ranges."""
    error = refusal(FULL | {name: value})
    assert error.code is ErrorCode.BAD_MESSAGE
    assert str(error).startswith(f"{name} must ")


@pytest.mark.parametrize("name", ["track", "speaker", "language", "task", "encoding", "type"])
def test_values_stay_out_of_errors(name: str) -> None:
    """A name or a slip of the tongue does not end up in a log."""
    assert PRIVATE not in str(refusal(FULL | {name: f"{PRIVATE}\n"}))
    assert PRIVATE not in str(refusal(FULL | {"vocabulary": [PRIVATE, f"{PRIVATE}\n"]}))


def test_names_are_made_plain() -> None:
    """Whatever spaces and invisible marks a form or a calendar left in them."""
    names = {"speaker": "\u200f山田\u3000太郎", "vocabulary": ["Mme\u00a0Dupont"]}
    start = parse_client(json.dumps(MINIMAL | names))
    assert isinstance(start, StartMessage)
    assert (start.speaker, start.vocabulary) == ("山田 太郎", ("Mme Dupont",))


def test_a_vocabulary_up_to_its_bounds_is_taken() -> None:
    """As many entries, as long, and as much together as the document says."""
    for terms in (["x"] * 100, ["x" * 64], ["x" * 50] * 10, ["و\u200cا"], []):
        start = parse_client(json.dumps(MINIMAL | {"vocabulary": terms}))
        assert isinstance(start, StartMessage)
        assert start.vocabulary == tuple(terms)


@pytest.mark.parametrize("kind", _MESSAGES)
def test_every_field_has_its_rule(kind: str) -> None:
    """Version and then the others in the order of the message: the first wrong one is named."""
    message_type, rules = _MESSAGES[kind]
    assert list(rules) == [field.name for field in dataclasses.fields(message_type)]


def test_opus_has_one_rate() -> None:
    """Whatever the encoder was given: positions count decoded samples."""
    opus = MINIMAL | {"encoding": "opus", "sample_rate": 48_000}
    assert isinstance(parse_client(json.dumps(opus)), StartMessage)
    assert str(refusal(opus | {"sample_rate": 16_000})) == "sample_rate must be 48000 for opus"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": "hello"}, ErrorCode.UNKNOWN_MESSAGE),
        ({"type": "ready"}, ErrorCode.UNKNOWN_MESSAGE),
        ({"type": 1}, ErrorCode.BAD_MESSAGE),
        ({}, ErrorCode.BAD_MESSAGE),
        ({"type": "start", "version": 2}, ErrorCode.UNSUPPORTED_VERSION),
        ({"type": "start", "version": 0}, ErrorCode.UNSUPPORTED_VERSION),
        (MINIMAL | {"encoding": "opus"}, ErrorCode.BAD_MESSAGE),
        (MINIMAL | {"encoding": "vorbis"}, ErrorCode.UNSUPPORTED_ENCODING),
        (MINIMAL | {"encoding": "mulaw"}, ErrorCode.UNSUPPORTED_ENCODING),
        (MINIMAL | {"encoding": ""}, ErrorCode.UNSUPPORTED_ENCODING),
        (MINIMAL | {"first_sample": 1}, ErrorCode.AUDIO_HOLE),
        (MINIMAL | {"first_sample": 21, "resume_from": 20}, ErrorCode.AUDIO_HOLE),
        ({"type": "gap"}, ErrorCode.BAD_MESSAGE),
        ({"type": "gap", "samples": 0}, ErrorCode.BAD_MESSAGE),
        ({"type": "gap", "samples": MAX_POSITION + 1}, ErrorCode.BAD_MESSAGE),
    ],
)
def test_each_kind_of_refusal_has_its_code(fields: dict[str, Any], code: ErrorCode) -> None:
    """The code is what a client acts on."""
    assert refusal(fields).code is code


def test_bad_json_is_passed_on_as_such() -> None:
    """The reader of JSON decides; see test_json_text."""
    with pytest.raises(BadInput) as caught:
        parse_client('{"type":"stop","type":"stop"}')
    assert caught.value.code is ErrorCode.BAD_JSON


@given(
    st.dictionaries(st.sampled_from([*FULL, "samples", "x"]), ANY_VALUE),
    st.sampled_from(["start", "gap", "stop"]),
)
def test_arbitrary_fields_give_a_message_or_a_named_error(
    fields: dict[str, Any], kind: str
) -> None:
    """Nothing but ``BadInput`` escapes, and what comes through keeps its promises."""
    try:
        message = parse_client(json.dumps(FULL | fields | {"type": kind}))
    except BadInput:
        return
    if isinstance(message, StartMessage):
        assert 0 <= message.sends_from <= message.resume_from <= message.live_at <= MAX_POSITION
        assert 8_000 <= message.sample_rate <= 48_000


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
