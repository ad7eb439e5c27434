import pytest

from wordloop_ml.wire.identifiers import (
    valid_identifier,
    valid_meeting_id,
    valid_speaker,
)


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


@pytest.mark.parametrize(
    "name", ["A", "Zoë Ünal", "李雷", "نیم\u200cفاصله", "x" * 128, "👩\u200d🔬"]
)
def test_speakers_may_have_any_name(name: str) -> None:
    """All scripts, with the joiners that some of them need."""
    assert valid_speaker(name)


@pytest.mark.parametrize("name", ["", " ", "x" * 129, "a\nb", "a\x00", "\u202eabc", "\ud800", "\t"])
def test_speakers_cannot_break_a_line_or_its_direction(name: str) -> None:
    """Control characters, overrides and blanks alone."""
    assert not valid_speaker(name)
