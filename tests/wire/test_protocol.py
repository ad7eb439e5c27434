"""protocol.json, docs/protocol.md and docs/errors.md say what the code says, and nothing else."""

import dataclasses
import json
import re
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import MAX_TAG_CHARS, TAG_PATTERN
from wordloop_ml.messages import (
    VOCABULARY_CHARACTERS,
    VOCABULARY_ENTRIES,
    RejectReason,
    Task,
)
from wordloop_ml.wire import client_messages, server_messages
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, Encoding, PcmDecoder, packet_samples
from wordloop_ml.wire.client_messages import ClientMessage, StartMessage, parse_client
from wordloop_ml.wire.close_codes import CLIENT_ACTIONS, OUTCOMES, CloseCode
from wordloop_ml.wire.json_fields import (
    IDENTIFIER_PATTERN,
    MAX_POSITION,
    MAX_SPEAKER_CHARS,
    MAX_TERM_CHARS,
)
from wordloop_ml.wire.server_messages import Limits, NoticeCode, ServerMessage

PROTOCOL: dict[str, Any] = json.loads(
    resources.files("wordloop_ml.wire").joinpath("protocol.json").read_text(encoding="utf-8")
)
DEFS: dict[str, Any] = PROTOCOL["$defs"]
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "protocol.md").read_text(encoding="utf-8")
ERRORS = (DOCS / "errors.md").read_text(encoding="utf-8")
CONVERSATION = [
    json.loads(line)
    for line in (DOCS / "protocol_conversation.jsonl").read_text(encoding="utf-8").splitlines()
]

CLIENT = {kind.__name__.removesuffix("Message").lower(): kind for kind in get_args(ClientMessage)}
SERVER = {kind.type: kind for kind in get_args(ServerMessage)}
PARTS = {"limits": Limits, "caption_word": server_messages.CaptionMessageWord}

UNITS = {name for name, unit in DEFS.items() if "properties" not in unit}


def validator(definition: str) -> Draft202012Validator:
    """Checks instances against one definition of the protocol."""
    return Draft202012Validator(
        {**PROTOCOL, "oneOf": [{"$ref": f"#/$defs/{definition}"}]},
    )


def unknown_fields(fields: dict[str, Any]) -> set[str]:
    """What the schema would let through because a client ignores it."""
    return set(fields) - set(DEFS[fields["type"]]["properties"])


def section(message: str) -> str:
    """The part of the page that documents one message."""
    found = re.search(rf"^### `{message}`\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, message
    return found.group(1)


def test_the_protocol_is_a_schema() -> None:
    """Of draft 2020-12, which every language has a reader for."""
    Draft202012Validator.check_schema(PROTOCOL)


def test_the_protocol_has_the_messages_of_the_code_and_no_others() -> None:
    """In each direction."""
    for side, kinds in (("client_message", CLIENT), ("server_message", SERVER)):
        refs = {entry["$ref"].removeprefix("#/$defs/") for entry in DEFS[side]["oneOf"]}
        assert refs == set(kinds)
    assert set(DEFS) == UNITS | set(CLIENT) | set(SERVER) | set(PARTS)


@pytest.mark.parametrize(("name", "kind"), (CLIENT | SERVER | PARTS).items())
def test_fields_agree_both_ways(name: str, kind: type[Any]) -> None:
    """The same names, and required where the code has no default."""
    fields = {field.name: field for field in dataclasses.fields(kind)}
    properties = set(DEFS[name]["properties"])
    required = set(DEFS[name].get("required", ()))
    if name not in PARTS:
        assert DEFS[name]["properties"]["type"] == {"const": name}
        properties -= {"type"}
        required -= {"type"}
    assert properties == set(fields)
    # limits have defaults for the server's sake; it always sends them all
    always = {n for n, f in fields.items() if kind is Limits or f.default is dataclasses.MISSING}
    assert required == always


def test_rules_agree() -> None:
    """Ranges, patterns and lists are the parser's own."""
    start = DEFS["start"]["properties"]
    assert start["version"]["const"] == client_messages.VERSION == PROTOCOL["x-version"]
    assert start["encoding"]["enum"] == list(Encoding) == list(PROTOCOL["x-encodings"])
    assert start["language"]["pattern"] == TAG_PATTERN
    assert start["language"]["maxLength"] == MAX_TAG_CHARS
    assert start["task"]["enum"] == [*Task, None]
    assert start["vocabulary"]["maxItems"] == VOCABULARY_ENTRIES
    assert f"{VOCABULARY_CHARACTERS} characters" in start["vocabulary"]["description"]
    assert DEFS["term"]["maxLength"] == MAX_TERM_CHARS
    assert DEFS["start"]["then"]["properties"]["sample_rate"]["const"] == OPUS_SAMPLE_RATE
    assert (start["sample_rate"]["minimum"], start["sample_rate"]["maximum"]) == (
        client_messages.MIN_SAMPLE_RATE,
        client_messages.MAX_SAMPLE_RATE,
    )
    assert start["channels"]["maximum"] == client_messages.MAX_CHANNELS
    assert start["origin_ms"]["maximum"] == client_messages.MAX_ORIGIN_MS
    assert DEFS["position"]["maximum"] == MAX_POSITION
    assert DEFS["identifier"]["pattern"] == IDENTIFIER_PATTERN
    assert DEFS["speaker"]["maxLength"] == MAX_SPEAKER_CHARS
    assert DEFS["notice"]["properties"]["code"]["enum"] == list(NoticeCode)
    assert DEFS["notice"]["properties"]["reason"]["enum"] == list(RejectReason)
    assert DEFS["error_code"]["enum"] == list(OUTCOMES)


def test_tables_agree() -> None:
    """Encodings, limits, close codes and errors."""
    for name, row in PROTOCOL["x-encodings"].items():
        packets = name == Encoding.OPUS
        assert row["bytes"] == (None if packets else PcmDecoder(Encoding(name), 1).sample_bytes)
    assert PROTOCOL["x-limits"] == dataclasses.asdict(Limits())
    assert {row["code"]: (row["name"], row["action"]) for row in PROTOCOL["x-close-codes"]} == {
        int(code): (code.name.lower(), CLIENT_ACTIONS[code]) for code in CloseCode
    }
    assert PROTOCOL["x-errors"] == {
        code: {"close": outcome.close, "http": outcome.http} for code, outcome in OUTCOMES.items()
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "start"},
        {"type": "gap", "samples": 0},
        {"type": "gap", "samples": "1"},
        {"type": "hello"},
        {"type": "ack", "received": 1},
        {"type": "speech_started", "at": 1.5},
    ],
)
def test_the_schema_refuses_what_is_wrong(fields: dict[str, Any]) -> None:
    """A validator that accepts everything would pass all other tests."""
    assert not validator("client_message").is_valid(fields)
    assert not validator("server_message").is_valid(fields)


START = {
    "type": "start",
    "version": 1,
    "track": "ana",
    "encoding": "pcm_s16le",
    "sample_rate": 16_000,
    "channels": 1,
}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"encoding": "pcm_mulaw", "sample_rate": 8_000},
        {"encoding": "opus", "sample_rate": 48_000, "channels": 2},
        {"language": "de", "task": "translate"},
        {"language": "zh_Hant-TW"},
        {"language": "AUTO"},
        {field.name: None for field in dataclasses.fields(StartMessage) if field.name not in START},
        {"vocabulary": []},
        {"vocabulary": ["Wordloop", "x" * 64]},
    ],
)
def test_schema_and_parser_take_the_same_starts(fields: dict[str, Any]) -> None:
    """What a generated client may send, this server reads."""
    assert validator("client_message").is_valid(START | fields)
    parse_client(json.dumps(START | fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"encoding": "mulaw"},
        {"encoding": "opus"},
        {"encoding": "opus", "sample_rate": 24_000},
        {"task": "summarise"},
        {"language": "English"},
        {"language": ""},
        {"track": None},
        {"vocabulary": [None]},
        {"vocabulary": "Wordloop"},
        {"vocabulary": [""]},
        {"vocabulary": ["x" * 65]},
        {"vocabulary": ["x"] * 101},
    ],
)
def test_schema_and_parser_refuse_the_same_starts(fields: dict[str, Any]) -> None:
    """So that a client finds its mistake before it is deployed."""
    assert not validator("client_message").is_valid(START | fields)
    with pytest.raises(BadInput):
        parse_client(json.dumps(START | fields))


def test_the_schema_ties_seq_and_committed_to_finals() -> None:
    """Both with a final, neither without."""
    final = next(
        line["text"]
        for line in CONVERSATION
        if line.get("text", {}).get("type") == "caption" and line["text"]["final"]
    )
    check = validator("caption")
    assert check.is_valid(final)
    assert not check.is_valid(final | {"final": False})
    assert not check.is_valid({name: value for name, value in final.items() if name != "seq"})


def test_the_page_documents_every_message_and_field() -> None:
    """A row, or a mention, in the section of the message."""
    for name, kind in (CLIENT | SERVER).items():
        text = section(name)
        for field in dataclasses.fields(kind):
            assert f"`{field.name}`" in text, (name, field.name)
    for field in dataclasses.fields(server_messages.CaptionMessageWord):
        assert re.search(rf"\W{field.name}\W", section("caption"))


def test_the_pages_have_a_row_for_every_code_and_limit() -> None:
    """With the values of the code."""
    for close in CloseCode:
        row = f"| {close.value} | `{close.name.lower()}` | `{CLIENT_ACTIONS[close]}` |"
        assert row in PAGE
    for code, outcome in OUTCOMES.items():
        assert f"| `{code}` | {outcome.close} | {outcome.http} |" in ERRORS
    for name, value in dataclasses.asdict(Limits()).items():
        assert f"| `{name}` | {value} |" in PAGE
    for name in (*Encoding, *NoticeCode):
        assert f"| `{name}` |" in PAGE
    assert set(re.findall(r"^\| `(\w+)` \| \d{4} \| \d{3} \|", ERRORS, re.MULTILINE)) <= set(
        ErrorCode
    )


def test_the_page_counts_opus_packets_as_the_code_does() -> None:
    """Row by row of its table of durations."""
    rows = re.findall(r"^\| (\d+) to (\d+) \| ([\d, ]+), by `& (\d)` \|", PAGE, re.MULTILINE)
    counted = {
        config: int(durations.split(", ")[config & int(mask)])
        for first, last, durations, mask in rows
        for config in range(int(first), int(last) + 1)
    }
    assert counted == {config: packet_samples(bytes([config << 3])) for config in range(32)}


def test_every_line_of_the_recorded_conversation_is_of_the_protocol() -> None:
    """Valid, without a field that the protocol does not have, in order of time."""
    times = [line["at_ms"] for line in CONVERSATION]
    assert times == sorted(times)
    for line in CONVERSATION:
        assert set(line) - {"at_ms"} in (
            {"from", "text"},
            {"from", "audio"},
            {"from", "close"},
        )
        if "text" in line:
            validator(f"{line['from']}_message").validate(line["text"])
            assert not unknown_fields(line["text"])
            if line["from"] == "client":
                parse_client(json.dumps(line["text"]))
    close = CONVERSATION[-1]["close"]
    assert close["code"] in list(CloseCode)


def test_the_recorded_conversation_counts_its_audio() -> None:
    """What came in, as its start counts it, is what the server says it received."""
    texts = [line["text"] for line in CONVERSATION if "text" in line]
    start = parse_client(json.dumps(texts[0]))
    assert isinstance(start, StartMessage)
    received = start.sends_from
    for line in CONVERSATION:
        if "audio" in line:
            sample_bytes = PcmDecoder(start.encoding, start.channels).sample_bytes
            samples, odd = divmod(line["audio"]["bytes"], sample_bytes)
            assert not odd
            received += samples
        elif line.get("text", {}).get("type") == "gap":
            received += line["text"]["samples"]
        # audio may be on its way while the server speaks, but never the other way round
        assert line.get("text", {}).get("received", 0) <= received
    assert texts[-1]["type"] == "ended"
    assert texts[-1]["received"] == texts[-1]["committed"] == received
