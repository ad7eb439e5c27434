"""OpenAI's Realtime events: both forms are read, updates merge, and little is refused."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.openai_realtime import (
    MAX_EVENT_BYTES,
    AppendAudio,
    ClearAudio,
    CommitAudio,
    EventEncoder,
    Session,
    UpdateSession,
    client_event_id,
    error_event,
    merge,
    parse_client_event,
    session_event,
)

LIVEKIT: dict[str, Any] = {
    "type": "transcription",
    "audio": {
        "input": {
            "format": {"rate": 24_000, "type": "audio/pcm"},
            "transcription": {"model": "gpt-transcribe", "keywords": [], "languages": ["en"]},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 600,
                "silence_duration_ms": 350,
            },
        }
    },
}
BETA: dict[str, Any] = {
    "input_audio_format": "g711_ulaw",
    "input_audio_transcription": {"model": "gpt-4o-transcribe", "prompt": "", "language": "en"},
    "turn_detection": {"type": "server_vad", "silence_duration_ms": 200},
    "input_audio_noise_reduction": {"type": "near_field"},
    "include": ["item.input_audio_transcription.logprobs"],
}


def inner(**fields: Any) -> dict[str, Any]:
    """A session of these fields of the input."""
    return {"type": "transcription", "audio": {"input": fields}}


def refusal(update: dict[str, Any]) -> BadInput:
    """The error that an update meets."""
    with pytest.raises(BadInput) as caught:
        merge(Session(), update)
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 2_400, MAX_EVENT_BYTES // 4 * 3 - 100])
def test_an_append_carries_audio_of_any_length(size: int) -> None:
    """Up to 1 MiB in base64, which is more than a text of ours may have."""
    audio = bytes(size)
    text = json.dumps(
        {"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()}
    )
    assert len(text) <= MAX_EVENT_BYTES
    assert parse_client_event(text) == AppendAudio(audio)


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ('{"type":"input_audio_buffer.commit"}', CommitAudio()),
        ('{"type":"input_audio_buffer.clear","event_id":"x"}', ClearAudio()),
        ('{"type":"session.update","session":{}}', UpdateSession({}, beta=False)),
        ('{"type":"transcription_session.update","session":{}}', UpdateSession({}, beta=True)),
        ('{"type":"output_audio_buffer.clear"}', None),
    ],
)
def test_an_event_asks_for_what_it_says(text: str, event: Any) -> None:
    """What is not known is ignored: an error ends most clients."""
    assert parse_client_event(text) == event


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("hello", ErrorCode.BAD_JSON),
        ("[]", ErrorCode.BAD_MESSAGE),
        ("{}", ErrorCode.BAD_MESSAGE),
        ('{"type":"input_audio_buffer.append"}', ErrorCode.BAD_MESSAGE),
        ('{"type":"input_audio_buffer.append","audio":"no base64"}', ErrorCode.BAD_AUDIO),
        ('{"type":"input_audio_buffer.append","audio":"é"}', ErrorCode.BAD_AUDIO),
        ('{"type":"response.create"}', ErrorCode.UNKNOWN_MESSAGE),
        ('{"type":"conversation.item.create"}', ErrorCode.UNKNOWN_MESSAGE),
        ('{"type":"session.update","session":[]}', ErrorCode.BAD_MESSAGE),
        ('{"type":"session.update","session":{"x":"' + 70_000 * "y" + '"}}', ErrorCode.TOO_LARGE),
    ],
)
def test_what_a_client_cannot_go_on_after_is_refused(text: str, code: ErrorCode) -> None:
    """Whoever waits for a reply of a model would wait for ever."""
    with pytest.raises(BadInput) as caught:
        parse_client_event(text)
    assert caught.value.code is code


def test_a_session_begins_with_openais_defaults() -> None:
    """24 kHz PCM, turns found by the server; shown in the documented shape."""
    assert session_event("created", Session(), "sess_1", beta=False) == {
        "type": "session.created",
        "session": {
            "type": "transcription",
            "id": "sess_1",
            "object": "realtime.transcription_session",
            "include": None,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24_000},
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                    },
                }
            },
        },
    }


def test_an_update_of_todays_form_is_in_force_and_told_back() -> None:
    """LiveKit's own, as recorded: several fields at once."""
    session = merge(Session(), LIVEKIT)
    assert (session.format.encoding, session.format.rate) == (Encoding.PCM_S16LE, 24_000)
    assert (session.language, session.vocabulary, session.detects_turns) == ("en", (), True)
    shown = session_event("updated", session, "sess_1", beta=False)["session"]["audio"]["input"]
    assert shown == LIVEKIT["audio"]["input"] | {"noise_reduction": None}


def test_the_form_of_the_beta_is_read_and_answered_in_kind() -> None:
    """Flat names, and other names of formats."""
    session = merge(Session(), BETA)
    assert (session.format.encoding, session.format.rate) == (Encoding.PCM_MULAW, 8_000)
    event = session_event("updated", session, "sess_1", beta=True)
    assert event["type"] == "transcription_session.updated"
    assert event["session"]["input_audio_format"] == "g711_ulaw"
    assert event["session"]["turn_detection"]["silence_duration_ms"] == 200
    assert event["session"]["input_audio_noise_reduction"] == {"type": "near_field"}


@pytest.mark.parametrize(
    ("given_", "encoding", "rate"),
    [
        ({"type": "audio/pcm"}, Encoding.PCM_S16LE, 24_000),
        ({"type": "audio/pcm", "rate": 16_000}, Encoding.PCM_S16LE, 16_000),
        ({"type": "audio/pcmu"}, Encoding.PCM_MULAW, 8_000),
        ({"type": "audio/pcma"}, Encoding.PCM_ALAW, 8_000),
        ("pcm16", Encoding.PCM_S16LE, 24_000),
        ("g711_alaw", Encoding.PCM_ALAW, 8_000),
    ],
)
def test_every_format_of_either_form_is_known(
    given_: object, encoding: Encoding, rate: int
) -> None:
    """A rate that is given counts."""
    before = merge(Session(), inner(format="pcm16"))
    session = merge(before, inner(format=given_))
    assert (session.format.encoding, session.format.rate) == (encoding, rate)


def test_what_an_update_leaves_out_stays() -> None:
    """And inside transcription and turn detection, too; null takes away."""
    session = merge(Session(), LIVEKIT)
    session = merge(session, inner(transcription={"keywords": ["Wordloop", "", 7]}))
    session = merge(session, inner(turn_detection={"silence_duration_ms": 700}))
    assert (session.vocabulary, session.language) == (("Wordloop",), "en")
    session = merge(session, inner(transcription={"prompt": "Ada, Grace Hopper."}))
    assert session.vocabulary == ("Wordloop", "Ada", "Grace Hopper")
    assert session.turn_detection is not None
    assert session.turn_detection["prefix_padding_ms"] == 600
    assert session.turn_detection["silence_duration_ms"] == 700
    session = merge(session, inner(turn_detection=None))
    assert not session.detects_turns
    session = merge(session, inner(transcription={"language": "de"}))
    assert session.language == "de"
    assert not session.detects_turns


def test_semantic_vad_is_server_vad_here() -> None:
    """Accepted, told back without the other's numbers."""
    session = merge(Session(), inner(turn_detection={"type": "semantic_vad", "eagerness": "high"}))
    assert session.detects_turns
    assert session.turn_detection == {"type": "semantic_vad", "eagerness": "high"}


@pytest.mark.parametrize("model", ["gpt-realtime-whisper", "gpt-live-transcribe"])
def test_no_model_s_name_turns_the_detection_off(model: str) -> None:
    """pipecat names one of these and counts on the server's turns; LiveKit commits, which does no harm."""
    assert merge(Session(), inner(transcription={"model": model})).detects_turns
    assert not merge(
        Session(), inner(transcription={"model": model}, turn_detection=None)
    ).detects_turns


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({"language": "en-US"}, "en"),
        ({"language": ""}, None),
        ({"language": None}, None),
        ({"languages": ["fr"]}, "fr"),
        ({"languages": ["fr", "en"]}, None),
        ({}, None),
    ],
)
def test_the_language_is_the_one_that_is_named(asked: dict[str, Any], language: str | None) -> None:
    """None or several leave it to the model."""
    assert merge(Session(), inner(transcription=asked)).language == language


@pytest.mark.parametrize(
    ("update", "named", "code"),
    [
        ({"type": "realtime"}, "session.type", ErrorCode.BAD_MESSAGE),
        (inner(format={"type": "audio/opus"}), "format.type", ErrorCode.UNSUPPORTED_ENCODING),
        (inner(format="mp3"), "format.type", ErrorCode.UNSUPPORTED_ENCODING),
        (inner(format={"type": "audio/pcm", "rate": 1}), "format.rate", ErrorCode.BAD_MESSAGE),
        (inner(turn_detection={"type": "x"}), "turn_detection.type", ErrorCode.BAD_MESSAGE),
        (inner(turn_detection=True), "turn_detection", ErrorCode.BAD_MESSAGE),
        (inner(transcription="x"), "transcription", ErrorCode.BAD_MESSAGE),
        (inner(transcription={"language": "klingon"}), "language", ErrorCode.BAD_MESSAGE),
    ],
)
def test_what_would_make_captions_nonsense_is_refused(
    update: dict[str, Any], named: str, code: ErrorCode
) -> None:
    """The field is named, its value is not repeated."""
    error = refusal(update)
    assert error.code is code
    assert named in str(error)
    assert "klingon" not in str(error)
    event = error_event(error, "mine")
    assert event["error"]["type"] == "invalid_request_error"
    assert named in event["error"]["param"]
    assert event["error"]["event_id"] == "mine"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50_000) | st.text(max_size=9),
    lambda inside: (
        st.lists(inside, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "audio",
                    "input",
                    "format",
                    "rate",
                    "transcription",
                    "language",
                    "languages",
                    "keywords",
                    "turn_detection",
                    "noise_reduction",
                    "include",
                    "input_audio_format",
                ]
            ),
            inside,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(["type", "audio", "turn_detection"]), VALUES)))
def test_no_update_raises_anything_but_bad_input(updates: list[dict[str, Any]]) -> None:
    """And what was accepted can be told back, and used."""
    session = Session()
    for update in updates:
        try:
            session = merge(session, update)
        except BadInput:
            continue
    assert isinstance(session.vocabulary, tuple)
    assert session.language is None or isinstance(session.language, str)
    for beta in (False, True):
        EventEncoder().encode(session_event("updated", session, "s", beta=beta))


def test_events_are_numbered_and_begin_with_their_type() -> None:
    """Each event of a connection has an id of its own."""
    encoder = EventEncoder()
    first = encoder.encode({"type": "input_audio_buffer.cleared"})
    assert first == '{"type":"input_audio_buffer.cleared","event_id":"event_1"}'
    assert json.loads(encoder.encode({"type": "x"}))["event_id"] == "event_2"


@pytest.mark.parametrize(
    ("text", "name"),
    [('{"event_id":"a"}', "a"), ('{"event_id":1}', None), ("{}", None), ("nothing", None)],
)
def test_the_id_of_an_event_that_was_refused_is_found(text: str, name: str | None) -> None:
    """So that the client knows which event an error is about."""
    assert client_event_id(text) == name
