import pytest

from wordloop_ml.wire.identifiers import valid_identifier, valid_meeting_id


@pytest.mark.parametrize("name", ["a", "A-b_c.d:9", "x" * 64])
def test_identifiers_are_short_and_plain(name: str) -> None:
    """Letters, digits and four marks."""
    assert valid_identifier(name)
    assert valid_meeting_id(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "ä", "a\n", "a%20", "٣"])
def test_other_identifiers_are_refused(name: str) -> None:
    """Nothing that a URL, a log or a segment id would have to escape."""
    assert not valid_identifier(name)
    assert not valid_meeting_id(name)
