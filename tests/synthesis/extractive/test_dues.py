"""When a task is due."""

import pytest

from wordloop_ml.synthesis.extractive.dues import due_in


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("Send it by Friday.", "Friday"),
        ("Send it by the end of the week.", "the end of the week"),
        ("It is due on March 3rd.", "on March 3rd"),
        ("We meet in two weeks.", "in two weeks"),
        ("We sell it by weight.", None),
        ("Send it the day after tomorrow.", "the day after tomorrow"),
        ("Send it by COB Friday.", "COB Friday"),
        ("Send it by the fifteenth of March.", "the fifteenth of March"),
        ("Send it by 2026-03-15.", "2026-03-15"),
        ("Send it before Christmas.", "before Christmas"),
        ("Send it before Friday's meeting.", "before Friday's meeting"),
        ("Prepare the agenda for Thursday's review.", None),
        ("Prepare tomorrow's agenda.", None),
        ("Send it on Tuesday no on Thursday.", "on Thursday"),
        ("Send it not this week next week.", "next week"),
        ("Email Paul who's away until Monday about the venue by Wednesday.", "Wednesday"),
        ("Write down what happened on Monday.", None),
        ("I'll make sure that's fixed by Friday.", "Friday"),
        ("I'll make sure that's ready on Friday.", "on Friday"),
        ("Send the slides that are needed by Friday.", "Friday"),
        ("Send what we discussed by tomorrow.", "tomorrow"),
        ("Send it, but not on Monday.", None),
        ("Send it not on Monday, on Tuesday.", "on Tuesday"),
        ("Send it after the call.", "after the call"),
        ("Send it before we open.", "before we open"),
        ("Ring them first thing in the morning.", "first thing in the morning"),
    ],
)
def test_a_due_is_a_time(text: str, due: str | None) -> None:
    """Only what names a time."""
    assert due_in(text) == due
