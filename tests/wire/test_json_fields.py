"""JSON objects: what is read, and what is refused."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.json_fields import MAX_NESTING, MAX_TEXT_BYTES, parse_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refusal(text: str) -> BadInput:
    """The error that this text meets."""
    with pytest.raises(BadInput) as caught:
        parse_object(text)
    return caught.value


def test_an_object_comes_through_as_it_is() -> None:
    """Types survive, and so do brackets inside strings."""
    fields = {"a": 1, "b": -0.5, "c": "]}" * 40 + '"\\', "d": [True, None, {"e": "é"}]}
    assert parse_object(json.dumps(fields)) == fields
    assert parse_object(json.dumps(fields, ensure_ascii=False)) == fields


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{",
        '{"a":1,}',
        '{"a":1}{}',
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":1e999}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":0.' + "1" * 5000 + "}",
        '{"a":' * 1000,
        "[" * 60_000,
        '{"a":"' + "[" * 60_000,
        '"\\"' * 20_000,
        "\ufeff{}",
        "{'a':1}",
        "\ud800",
    ],
)
def test_what_is_not_strict_json_is_bad_json(text: str) -> None:
    """Whatever a parser would forgive, choke on or take for ever to read."""
    assert refusal(text).code is ErrorCode.BAD_JSON


@pytest.mark.parametrize("text", ["[]", "null", '"start"', "1", "[{}]"])
def test_json_that_is_no_object_is_a_bad_message(text: str) -> None:
    """A message has fields."""
    assert refusal(text).code is ErrorCode.BAD_MESSAGE


def test_nesting_is_read_up_to_its_limit() -> None:
    """The limit itself is allowed, one more is not."""
    deepest = '{"a":' + "[" * (MAX_NESTING - 1) + "]" * (MAX_NESTING - 1) + "}"
    assert parse_object(deepest)
    assert refusal(f'{{"b":{deepest}}}').code is ErrorCode.BAD_JSON


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    """Depth counts, not number."""
    assert parse_object('{"a":[' + ",".join(["[]"] * 1000) + "]}")


@pytest.mark.parametrize("char", ["a", "é", "😀"])
def test_size_counts_bytes_up_to_and_including_the_limit(char: str) -> None:
    """Multi-byte characters count as what they cost on the wire."""
    around = len('{"a":""}')
    room, odd = divmod(MAX_TEXT_BYTES - around, len(char.encode()))
    fits = '{"a":"' + char * room + " " * odd + '"}'
    assert len(fits.encode()) == MAX_TEXT_BYTES
    assert parse_object(fits)
    assert refusal(fits + " ").code is ErrorCode.TOO_LARGE


@given(st.text() | JSON.map(json.dumps) | st.binary().map(lambda b: b.decode("latin-1")))
def test_nothing_but_bad_input_escapes(text: str) -> None:
    """Any text gives an object or a named error."""
    with suppress(BadInput):
        assert isinstance(parse_object(text), dict)
