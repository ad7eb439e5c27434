"""Server-sent events as bytes."""

import pytest

from wordloop_ml.wire.server_sent import COMMENT, encode_event


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
