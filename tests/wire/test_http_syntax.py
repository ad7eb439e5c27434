"""Headers of requests, and server-sent events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput
from wordloop_ml.wire.http_syntax import (
    COMMENT,
    MAX_KEY_CHARS,
    encode_event,
    idempotency_key,
    prefers,
)

EVENTS, JSON = "text/event-stream", "application/json"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        (' "a b" ', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        ("x" * MAX_KEY_CHARS, "x" * MAX_KEY_CHARS),
    ],
)
def test_a_key_is_the_same_with_and_without_quotes(header: str, key: str) -> None:
    """RFC 8941 wants them; many clients leave them out."""
    assert idempotency_key([header]) == key


def test_a_request_may_come_without_a_key() -> None:
    """Then it is new each time."""
    assert idempotency_key([]) is None


@pytest.mark.parametrize(
    "values",
    [
        [""],
        ['""'],
        ["a b"],
        ['"a'],
        ['a"b'],
        ['"a"b"'],
        ['"a\\b"'],
        ["ä"],
        ['"ä"'],
        ["a\tb"],
        ["x" * (MAX_KEY_CHARS + 1)],
        ["a", "a"],
    ],
)
def test_a_malformed_key_is_refused_without_repeating_it(values: list[str]) -> None:
    """Or one that comes twice."""
    with pytest.raises(BadInput) as refused:
        idempotency_key(values)
    assert "ä" not in str(refused.value)


@given(st.text(max_size=300))
def test_whatever_the_header_it_is_a_key_or_refused(text: str) -> None:
    """Nothing else escapes."""
    try:
        key = idempotency_key([text])
    except BadInput:
        return
    assert key is not None
    assert 1 <= len(key) <= MAX_KEY_CHARS


@pytest.mark.parametrize(
    ("accept", "events"),
    [
        ([], False),
        (["*/*"], False),
        (["application/json"], False),
        (["text/event-stream"], True),
        (["Text/Event-Stream; charset=utf-8"], True),
        (["text/event-stream, */*;q=0.1"], True),
        (["application/json, text/event-stream"], True),
        (["application/json", "text/event-stream;q=0.5"], False),
        (["application/json;q=0.2, text/event-stream;q=0.5"], True),
        (["text/event-stream;q=0"], False),
        (["text/event-stream;q=canary"], False),
        (["text/*"], False),
        ([";;,,=;q=,"], False),
    ],
)
def test_events_are_sent_to_those_who_ask_for_them(accept: list[str], events: bool) -> None:
    """By name, and at least as eagerly as for JSON."""
    assert prefers(accept, EVENTS, JSON) is events


@given(st.lists(st.text(max_size=100), max_size=3))
def test_any_accept_header_can_be_read(values: list[str]) -> None:
    """It says yes or no."""
    assert prefers(values, EVENTS, JSON) in {True, False}


def test_an_event_has_its_name_and_one_line_of_data() -> None:
    """And ends with an empty line."""
    assert encode_event("item", '{"text": "né"}'.encode()) == (
        'event: item\ndata: {"text": "né"}\n\n'.encode()
    )


@pytest.mark.parametrize("data", [b"a\nb", b"a\rb", b"\n"])
def test_data_of_several_lines_is_a_bug(data: bytes) -> None:
    """It would end the event early, and begin another."""
    with pytest.raises(ValueError, match="one line"):
        encode_event("item", data)


def test_a_comment_says_nothing() -> None:
    """To whoever parses the stream."""
    assert COMMENT.startswith(b":")
    assert COMMENT.endswith(b"\n\n")
