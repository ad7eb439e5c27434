"""The request for a synthesis, and its answer."""

import dataclasses
import json
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import MAX_TAG_CHARS, TAG_PATTERN
from wordloop_ml.synthesis import messages
from wordloop_ml.synthesis.messages import (
    ActionItem,
    Coverage,
    Draft,
    FailedChunk,
    MadeBy,
    MeetingSynthesis,
    Segment,
    Statement,
    Topic,
    Wishes,
)
from wordloop_ml.synthesis.steps import Found, Progress
from wordloop_ml.wire import synthesis
from wordloop_ml.wire.json_fields import (
    IDENTIFIER_PATTERN,
    MAX_POSITION,
    MAX_SPEAKER_CHARS,
    SEGMENT_ID_PATTERN,
)
from wordloop_ml.wire.synthesis import (
    Timings,
    encode_found,
    encode_progress,
    encode_synthesis,
    parse_request,
)

SCHEMA: dict[str, Any] = json.loads(
    resources.files("wordloop_ml.wire").joinpath("synthesis.json").read_text(encoding="utf-8")
)
DEFS: dict[str, Any] = SCHEMA["$defs"]
REQUEST = Draft202012Validator({**SCHEMA, "oneOf": [{"$ref": "#/$defs/request"}]})

PRIVATE = "Snowdrop"
SEGMENT: dict[str, Any] = {"id": "ana-0", "track": "ana", "start": 0, "end": 900, "text": "Hello."}
FULL: dict[str, Any] = {
    "meeting_id": "weekly:2026-11-23",
    "segments": [
        SEGMENT,
        {"id": "b", "track": "ben", "speaker": "Ben Özil", "start": 5, "end": 5, "text": "Hi."},
    ],
    "language": "en",
    "options": {"engine": "extractive", "summary_words": 50},
}

ANY_VALUE = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2**54)
    | st.text(max_size=130)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


def parse(fields: dict[str, Any]) -> synthesis.SynthesisRequest:
    return parse_request(json.dumps(fields).encode())


def refusal(fields: dict[str, Any]) -> BadInput:
    """The error that this request meets."""
    with pytest.raises(BadInput) as caught:
        parse(fields)
    return caught.value


def with_segments(*segments: dict[str, Any]) -> dict[str, Any]:
    return {"meeting_id": "m", "segments": [SEGMENT | one for one in segments]}


def test_a_full_request_keeps_every_field() -> None:
    """Nothing is lost or renamed on the way in."""
    request = parse(FULL)
    assert request.transcript.meeting_id == "weekly:2026-11-23"
    assert request.transcript.language == "en"
    assert request.transcript.segments == (
        Segment("ana-0", "ana", "Hello.", 0, 900),
        Segment("b", "ben", "Hi.", 5, 5, "Ben Özil"),
    )
    assert (request.engine, request.wishes) == ("extractive", Wishes(summary_words=50))
    REQUEST.validate(FULL)


def test_what_is_left_out_takes_the_defaults() -> None:
    """The server's engine, a summary of usual length."""
    request = parse(with_segments({}))
    assert (request.engine, request.wishes, request.transcript.language) == (None, Wishes(), None)
    assert parse(with_segments({}) | {"options": {}}).wishes == Wishes()
    assert DEFS["options"]["properties"]["summary_words"]["default"] == Wishes().summary_words


@pytest.mark.parametrize(
    ("fields", "left_out"),
    [
        (with_segments({"speaker": None}), with_segments({})),
        (with_segments({}) | {"language": None, "options": None}, with_segments({})),
        (
            with_segments({}) | {"options": {"engine": None, "summary_words": None}},
            with_segments({}),
        ),
        (with_segments({}) | {"language": "auto"}, with_segments({})),
        (
            with_segments({"speaker": "山田\u3000太郎\u200e"}),
            with_segments({"speaker": "山田 太郎"}),
        ),
        (with_segments({}) | {"language": "en_US"}, with_segments({}) | {"language": "en"}),
    ],
)
def test_null_says_what_leaving_a_field_out_says(
    fields: dict[str, Any], left_out: dict[str, Any]
) -> None:
    """To the parser and to the schema; a language may be any tag, a name have any spaces."""
    assert parse(fields) == parse(left_out)
    REQUEST.validate(fields)


def test_tracks_are_brought_into_one_order() -> None:
    """As they arrived, track by track, is fine; within one track they are in order already."""
    fields = with_segments(
        {"id": "b0", "track": "ben", "start": 700},
        {"id": "a0", "start": 0},
        {"id": "a1", "start": 700},
        {"id": "b1", "track": "ben", "start": 800},
    )
    ids = [one.id for one in parse(fields).transcript.segments]
    assert ids == ["a0", "a1", "b0", "b1"]


def test_texts_are_cleaned() -> None:
    """Control characters and line breaks are blanks; segments without a word are passed over."""
    fields = with_segments(
        {"id": "a", "text": " We\n\n## agreed\x00\u2028on\tit.\x1b[31m "},
        {"id": "b", "text": " -- "},
    )
    texts = [one.text for one in parse(fields).transcript.segments]
    assert texts == ["We ## agreed on it. [31m"]


WRONG: list[tuple[dict[str, Any], ErrorCode, str]] = [
    ({}, ErrorCode.BAD_MESSAGE, "meeting_id is missing"),
    ({"meeting_id": "m"}, ErrorCode.BAD_MESSAGE, "segments is missing"),
    (with_segments({}) | {"meeting_id": "a b"}, ErrorCode.BAD_MESSAGE, "meeting_id must be 1 to"),
    (FULL | {"segments": {}}, ErrorCode.BAD_MESSAGE, "segments must be a list"),
    (FULL | {"segments": [7]}, ErrorCode.BAD_MESSAGE, "segments[0] must be an object"),
    (FULL | {"language": "English"}, ErrorCode.BAD_MESSAGE, "language must be a language tag"),
    (FULL | {"options": []}, ErrorCode.BAD_MESSAGE, "options must be an object"),
    (FULL | {"options": {"engine": "gpt"}}, ErrorCode.BAD_MESSAGE, "options.engine must be one"),
    (
        FULL | {"options": {"summary_words": 19}},
        ErrorCode.BAD_MESSAGE,
        "options.summary_words must be an integer from 20 to 1000",
    ),
    (with_segments({}, {"id": "x", "start": 1.0}), ErrorCode.BAD_MESSAGE, "segments[1].start"),
    (with_segments({"start": True}), ErrorCode.BAD_MESSAGE, "segments[0].start"),
    (with_segments({"end": MAX_POSITION + 1}), ErrorCode.BAD_MESSAGE, "segments[0].end"),
    (with_segments({"id": ""}), ErrorCode.BAD_MESSAGE, "segments[0].id must be 1 to 128"),
    (with_segments({"id": "a/b"}), ErrorCode.BAD_MESSAGE, "segments[0].id"),
    (with_segments({"track": "x" * 65}), ErrorCode.BAD_MESSAGE, "segments[0].track"),
    (with_segments({"speaker": "a\nb"}), ErrorCode.BAD_MESSAGE, "segments[0].speaker"),
    (with_segments({"text": 7}), ErrorCode.BAD_MESSAGE, "segments[0].text must be a string"),
    (with_segments({"text": "\ud800"}), ErrorCode.BAD_MESSAGE, "segments[0].text must be Unicode"),
    (FULL | {"colour": 1}, ErrorCode.UNKNOWN_FIELD, "the request has a field other than"),
    (FULL | {"colour": None}, ErrorCode.UNKNOWN_FIELD, "the request has a field other than"),
    (FULL | {"segments": None}, ErrorCode.BAD_MESSAGE, "segments is missing"),
    (with_segments({"id": None}), ErrorCode.BAD_MESSAGE, "segments[0].id is missing"),
    (FULL | {"options": {"x": 1}}, ErrorCode.UNKNOWN_FIELD, "options has a field other than"),
    (with_segments({"words": []}), ErrorCode.UNKNOWN_FIELD, "segments[0] has a field other than"),
    (FULL | {"segments": []}, ErrorCode.TRANSCRIPT_EMPTY, "no segment"),
    (with_segments({"text": " … "}), ErrorCode.TRANSCRIPT_EMPTY, "no segment with a word"),
    (
        with_segments({}, {"id": "b"}, {}),
        ErrorCode.DUPLICATE_SEGMENT,
        "segments[2].id is that of segments[0], too",
    ),
    (with_segments({"start": 901}), ErrorCode.TIMES_BACKWARDS, "segments[0].end must not lie"),
    (
        with_segments({"start": 5}, {"id": "b", "start": 4}),
        ErrorCode.TIMES_BACKWARDS,
        "segments[1] starts before segments[0]",
    ),
]


@pytest.mark.parametrize(("fields", "code", "said"), WRONG)
def test_what_is_wrong_is_named(fields: dict[str, Any], code: ErrorCode, said: str) -> None:
    """By its place and its rule."""
    error = refusal(fields)
    assert error.code == code
    assert said in str(error)


BEYOND_A_SCHEMA = ("speaker", "must be Unicode", "segments[1].start", "language")
"""Printable, whole Unicode, that 1.0 is no integer, and which languages there are."""


@pytest.mark.parametrize(
    "fields",
    [
        fields
        for fields, code, said in WRONG
        if code in (ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_FIELD)
        and not any(one in said for one in BEYOND_A_SCHEMA)
    ],
)
def test_the_schema_refuses_it_too(fields: dict[str, Any]) -> None:
    """But for what a schema cannot say."""
    assert not REQUEST.is_valid(fields)


def test_what_the_limits_say_together_is_read() -> None:
    """As many segments and characters as may be, escaped as encoders do it that know ASCII only."""
    said = "\u4f1a" * (synthesis.MAX_CHARACTERS // synthesis.MAX_SEGMENTS)
    voices = {"track": "participant-4711", "speaker": "\u5c71\u7530 \u592a\u90ce"}
    segments = [
        {"id": f"participant-4711-{9_999_000 + at}", **voices, "start": at, "end": at, "text": said}
        for at in range(synthesis.MAX_SEGMENTS)
    ]
    read = parse({"meeting_id": "m", "segments": segments}).transcript
    assert len(read.segments) == synthesis.MAX_SEGMENTS


def test_too_much_is_refused_by_name() -> None:
    """Segments, characters, bytes."""
    many = [SEGMENT | {"id": f"s{at}"} for at in range(synthesis.MAX_SEGMENTS + 1)]
    assert refusal({"meeting_id": "m", "segments": many}).code == ErrorCode.TOO_MANY_SEGMENTS
    assert parse({"meeting_id": "m", "segments": many[:-1]})
    half = "word " * (synthesis.MAX_CHARACTERS // 10) + "end"
    long = with_segments({"text": half}, {"id": "b", "text": half})
    assert refusal(long).code == ErrorCode.TRANSCRIPT_TOO_LONG
    with pytest.raises(BadInput) as caught:
        parse_request(b" " * (synthesis.MAX_REQUEST_BYTES + 1))
    assert caught.value.code == ErrorCode.TOO_LARGE


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"a":1,"a":2}', b"[1" * 40])
def test_what_is_no_json_is_bad_json(content: bytes) -> None:
    """Whatever the bytes."""
    with pytest.raises(BadInput) as caught:
        parse_request(content)
    assert caught.value.code == ErrorCode.BAD_JSON


@given(st.sampled_from([*FULL, *SEGMENT]), ANY_VALUE)
def test_no_value_escapes_as_another_error(name: str, value: object) -> None:
    """Whatever stands where."""
    fields = FULL | {name: value} if name in FULL else with_segments({name: value})
    try:
        read = parse(fields)
    except BadInput:
        return
    assert read.transcript.segments


def test_errors_do_not_repeat_what_was_said() -> None:
    """Nor who said it, nor how a field was called."""
    for fields in (
        with_segments({"text": PRIVATE}, {"text": PRIVATE}),
        with_segments({"speaker": f"{PRIVATE}\n"}),
        with_segments({PRIVATE: 1}),
        with_segments({"id": f"{PRIVATE}/"}),
    ):
        assert PRIVATE not in str(refusal(fields))


def test_the_schema_has_the_rules_of_the_code() -> None:
    """Fields, bounds and patterns."""
    Draft202012Validator.check_schema(SCHEMA)
    for name, known in (
        ("request", synthesis.REQUEST_FIELDS),
        ("segment", synthesis.SEGMENT_FIELDS),
        ("options", synthesis.OPTION_FIELDS),
    ):
        assert set(DEFS[name]["properties"]) == set(known)
    assert DEFS["request"]["properties"]["segments"]["maxItems"] == synthesis.MAX_SEGMENTS
    assert f"{synthesis.MAX_CHARACTERS} characters" in str(DEFS["request"])
    assert DEFS["options"]["properties"]["engine"]["enum"] == [*synthesis.ENGINES, None]
    words = DEFS["options"]["properties"]["summary_words"]
    assert (words["minimum"], words["maximum"]) == (
        synthesis.MIN_SUMMARY_WORDS,
        synthesis.MAX_SUMMARY_WORDS,
    )
    assert DEFS["identifier"]["pattern"] == IDENTIFIER_PATTERN
    assert DEFS["segment_id"]["pattern"] == SEGMENT_ID_PATTERN
    assert DEFS["segment"]["properties"]["speaker"]["maxLength"] == MAX_SPEAKER_CHARS
    assert DEFS["meeting_ms"]["maximum"] == MAX_POSITION
    assert DEFS["request"]["properties"]["language"]["pattern"] == TAG_PATTERN
    assert DEFS["request"]["properties"]["language"]["maxLength"] == MAX_TAG_CHARS


SAID = Statement("We use plastic.", ("a-0", "b-16000"))
TOPIC = Topic("The case", 0, 5_000, ("a-0",))
TASK = ActionItem("Send the drawings", ("b-16000",), "Ben", "by Friday")
FULL_ANSWER = MeetingSynthesis(
    "weekly",
    Draft(SAID, (SAID,), (TOPIC,), (SAID,), (TASK, ActionItem("Test it", ("a-0",))), (SAID,)),
    Coverage(
        3,
        2,
        2,
        1,
        (FailedChunk(5_000, 6_000, ("c",), "engine_failed"),),
        4,
        5,
        6,
        {"negation": 7},
        ("summary",),
    ),
    MadeBy("extractive", "minilm", "all-minilm-l6-v2", "5" * 64),
)
EMPTY = replace(FULL_ANSWER, draft=Draft(Statement("", ()), ()))
TIMINGS = Timings(queued_ms=1, ran_ms=2, total_ms=4)


def validator(definition: str) -> Draft202012Validator:
    """Checks instances against one definition of the schema, and allows no other field."""
    closed = {
        name: {**one, "additionalProperties": False} if "properties" in one else one
        for name, one in DEFS.items()
    }
    return Draft202012Validator(
        {**SCHEMA, "$defs": closed, "oneOf": [{"$ref": f"#/$defs/{definition}"}]}
    )


@pytest.mark.parametrize("synthesis", [FULL_ANSWER, EMPTY])
def test_an_answer_is_what_the_schema_promises(synthesis: MeetingSynthesis) -> None:
    """With every field that there is, and as JSON."""
    answer = encode_synthesis(synthesis, TIMINGS)
    validator("synthesis").validate(json.loads(json.dumps(answer)))


def test_nothing_is_lost() -> None:
    """Field by field."""
    answer = encode_synthesis(FULL_ANSWER, TIMINGS)
    assert answer["meeting_id"] == "weekly"
    assert answer["title"] == {"text": "We use plastic.", "segments": ["a-0", "b-16000"]}
    assert answer["topics"] == [
        {"title": "The case", "start": 0, "end": 5_000, "segments": ["a-0"]}
    ]
    assert answer["action_items"] == [
        {
            "task": "Send the drawings",
            "owner": "Ben",
            "due": "by Friday",
            "segments": ["b-16000"],
        },
        {"task": "Test it", "segments": ["a-0"]},
    ]
    assert answer["coverage"] == {
        "segments": 3,
        "covered_segments": 2,
        "chunks": 2,
        "cached": 1,
        "failed": [{"start": 5_000, "end": 6_000, "segments": ["c"], "code": "engine_failed"}],
        "unsupported": 4,
        "unsupported_details": 5,
        "unknown_citations": 6,
        "refused": {"negation": 7},
        "extractive": ["summary"],
    }
    assert answer["timings"] == {"queued_ms": 1, "ran_ms": 2, "total_ms": 4}


@pytest.mark.parametrize("kind", ["extractive", "generative"])
def test_an_answer_says_what_it_is(kind: str) -> None:
    """In a sentence for readers."""
    made_by = replace(FULL_ANSWER.made_by, kind=kind)
    answer = encode_synthesis(replace(FULL_ANSWER, made_by=made_by), TIMINGS)
    assert len(answer["made_by"]["about"]) > 50
    validator("synthesis").validate(answer)


@pytest.mark.parametrize(
    "found",
    [
        Found("title", SAID),
        Found("title", Statement("", ())),
        Found("summary", SAID),
        Found("topic", TOPIC),
        Found("decision", SAID),
        Found("action_item", TASK),
        Found("open_question", SAID),
    ],
)
def test_items_are_told_as_the_answer_has_them(found: Found) -> None:
    """Of every kind."""
    told = encode_found(found)
    validator("item").validate(told)
    assert told["kind"] == found.kind


@pytest.mark.parametrize("stage", ["waiting", "reading", "writing", "checking"])
def test_progress_is_told(stage: str) -> None:
    """By its stage."""
    told = encode_progress(Progress(stage, 1, 3))
    validator("progress").validate(told)
    assert told == {"stage": stage, "done": 1, "total": 3}


@pytest.mark.parametrize(
    ("definition", "wrong"),
    [
        ("item", {"kind": "topic", "item": {"text": "no topic", "segments": ["a"]}}),
        ("item", {"kind": "joke", "item": {}}),
        ("statement", {"text": "said", "segments": []}),
        ("title", {"text": "said", "segments": []}),
        ("progress", {"stage": "reading", "done": -1, "total": 3}),
        ("coverage", {"segments": 1}),
    ],
)
def test_the_schema_refuses_what_is_wrong(definition: str, wrong: dict[str, Any]) -> None:
    """A validator that accepts everything would pass all other tests."""
    assert not validator(definition).is_valid(wrong)


@pytest.mark.parametrize(
    ("definition", "kind"),
    [
        ("statement", Statement),
        ("topic", Topic),
        ("action_item", ActionItem),
        ("coverage", Coverage),
        ("failed_chunk", FailedChunk),
        ("timings", Timings),
        ("progress", Progress),
        ("segment", messages.Segment),
    ],
)
def test_fields_agree_both_ways(definition: str, kind: type[Any]) -> None:
    """Nothing is in the schema alone, nor in the code alone."""
    names = {one.name for one in dataclasses.fields(kind)}
    assert set(DEFS[definition]["properties"]) == names
