"""Wyoming's events: a stream cut anywhere gives the same ones, and everything is bounded."""

import json
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.wyoming import (
    MAX_DATA_BYTES,
    MAX_LINE_BYTES,
    MAX_PAYLOAD_BYTES,
    AudioChunk,
    AudioFormat,
    AudioStart,
    AudioStop,
    Describe,
    EventParser,
    Ping,
    Transcribe,
    WyomingEvent,
    encode,
    info,
    parse_request,
)

DATA = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    max_size=4,
)
EVENTS = st.builds(WyomingEvent, st.text(max_size=12), DATA, st.binary(max_size=200))


def read(*pieces: bytes) -> list[WyomingEvent]:
    """The events of a stream that comes in pieces."""
    parser, events = EventParser(), []
    for piece in pieces:
        parser.feed(piece)
        while (event := parser.next_event()) is not None:
            events.append(event)
    return events


def refusal(content: bytes) -> BadInput:
    """The error that a stream meets."""
    with pytest.raises(BadInput) as caught:
        read(content)
    return caught.value


@given(st.lists(EVENTS, max_size=5), st.lists(st.integers(0, 2_000), max_size=10))
def test_a_stream_that_is_cut_anywhere_gives_the_events_that_were_written(
    events: list[WyomingEvent], cuts: list[int]
) -> None:
    """Lines, data and payloads are told apart by their lengths alone."""
    stream = b"".join(map(encode, events))
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[one:two] for one, two in pairwise(borders)]
    assert read(*pieces) == events


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_bad_input(content: bytes) -> None:
    """Whoever connects to the port by mistake is refused by name."""
    with suppress(BadInput):
        for event in read(content):
            parse_request(event)


def test_data_of_the_line_is_joined_by_the_data_behind_it() -> None:
    """Old clients write it into the line, and some both; what comes later counts."""
    late = b'{"language":"de"}'
    line = {"type": "transcribe", "data": {"name": "x", "language": "en"}, "data_length": len(late)}
    [event] = read(json.dumps(line).encode() + b"\n" + late)
    assert event == WyomingEvent("transcribe", {"name": "x", "language": "de"})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GET / HTTP/1.1\n", ErrorCode.BAD_JSON),
        (b"\n", ErrorCode.BAD_JSON),
        (b"\xff\n", ErrorCode.BAD_JSON),
        (b"[]\n", ErrorCode.BAD_MESSAGE),
        (b"{}\n", ErrorCode.BAD_MESSAGE),
        (b'{"type":"x","data":[]}\n', ErrorCode.BAD_MESSAGE),
        (b'{"type":"x","data_length":-1}\n', ErrorCode.BAD_MESSAGE),
        (b'{"type":"x","payload_length":1.5}\n', ErrorCode.BAD_MESSAGE),
        (b'{"type":"x","data_length":2}\n[]', ErrorCode.BAD_MESSAGE),
        (b"{" * (MAX_LINE_BYTES + 1), ErrorCode.TOO_LARGE),
        (b" " * MAX_LINE_BYTES + b"{}\n", ErrorCode.TOO_LARGE),
        (f'{{"type":"x","data_length":{MAX_DATA_BYTES + 1}}}\n'.encode(), ErrorCode.TOO_LARGE),
        (
            f'{{"type":"x","payload_length":{MAX_PAYLOAD_BYTES + 1}}}\n'.encode(),
            ErrorCode.TOO_LARGE,
        ),
    ],
)
def test_what_cannot_be_read_on_is_refused_by_name(content: bytes, code: ErrorCode) -> None:
    """A length is judged before anything of it is waited for."""
    assert refusal(content).code is code


def test_a_line_of_the_bound_and_the_largest_payload_are_taken() -> None:
    """The bounds are inclusive."""
    line = b'{"type":"x"}'
    [event] = read(b" " * (MAX_LINE_BYTES - len(line)) + line + b"\n")
    assert event.type == "x"
    large = WyomingEvent("audio-chunk", {}, bytes(MAX_PAYLOAD_BYTES))
    assert read(encode(large)) == [large]


FORMAT = {"rate": 16_000, "width": 2, "channels": 1}


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        (WyomingEvent("describe"), Describe()),
        (WyomingEvent("transcribe"), Transcribe()),
        (WyomingEvent("transcribe", {"language": ""}), Transcribe()),
        (WyomingEvent("transcribe", {"language": "en-US", "name": "any"}), Transcribe("en")),
        (
            WyomingEvent("transcribe", {"transcript_terms": ["b", 7], "transcript_names": ["a"]}),
            Transcribe(None, ("a", "b")),
        ),
        (
            WyomingEvent("audio-start", {**FORMAT, "timestamp": None}),
            AudioStart(AudioFormat(16_000, 1)),
        ),
        (WyomingEvent("audio-chunk", FORMAT, b"ab"), AudioChunk(AudioFormat(16_000, 1), b"ab")),
        (WyomingEvent("audio-stop", {"timestamp": 5}), AudioStop()),
        (WyomingEvent("ping", {"text": "x"}), Ping("x")),
        (WyomingEvent("select-program", {"name": "x"}), None),
        (WyomingEvent("detect"), None),
    ],
)
def test_an_event_asks_for_what_it_says(event: WyomingEvent, request_: Any) -> None:
    """Names go before terms; unknown events are ignored, as servers are to do."""
    assert parse_request(event) == request_


@pytest.mark.parametrize(
    ("type_", "change", "code"),
    [
        ("audio-start", {"width": 4}, ErrorCode.UNSUPPORTED_ENCODING),
        ("audio-start", {"rate": 4_000}, ErrorCode.BAD_MESSAGE),
        ("audio-chunk", {"channels": 6}, ErrorCode.BAD_MESSAGE),
        ("audio-start", {"rate": None}, ErrorCode.BAD_MESSAGE),
        ("transcribe", {"language": "klingon"}, ErrorCode.BAD_MESSAGE),
        ("transcribe", {"transcript_names": "a"}, ErrorCode.BAD_MESSAGE),
    ],
)
def test_what_would_make_a_transcript_nonsense_is_refused(
    type_: str, change: dict[str, Any], code: ErrorCode
) -> None:
    """The field is named, its value is not repeated."""
    with pytest.raises(BadInput) as caught:
        parse_request(WyomingEvent(type_, FORMAT | change))
    assert caught.value.code is code
    assert next(iter(change)) in str(caught.value)
    assert "klingon" not in str(caught.value)


def test_info_names_one_program_with_one_model() -> None:
    """Languages are standard codes, whatever the model calls them."""
    [program] = info("tiny", ("en", "jw"), "1.2").data["asr"]
    assert program["supports_transcript_streaming"] is True
    assert program["models"][0]["languages"] == ["en", "jv"]
