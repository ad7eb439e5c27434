"""Segments against marks."""

from scripts.benchmark.marks import compare, joined_across, read_marks


def test_short_pauses_are_no_borders() -> None:
    """What the service takes for one run is one mark."""
    marks = [(50, 60), (0, 10), (15, 20)]
    assert joined_across(6, marks) == [(0, 20), (50, 60)]
    assert joined_across(5, marks) == [(0, 10), (15, 20), (50, 60)]


def test_errors_are_late_or_early_at_both_ends() -> None:
    """Positive is late."""
    found = compare([(100, 200), (300, 400)], [(90, 210), (305, 390)])
    assert (found.onset_errors, found.end_errors) == ((-10, 5), (10, -10))
    assert (found.missed, found.false, found.divided, found.joined) == (0, 0, 0, 0)


def test_what_does_not_match_is_counted() -> None:
    """A mark without a segment, one with two, a segment without a mark, one over two marks."""
    assert compare([(0, 10), (20, 30)], [(0, 10)]).missed == 1
    assert compare([(0, 10)], [(0, 10), (20, 30)]).false == 1
    divided = compare([(0, 30)], [(1, 10), (20, 33)])
    assert (divided.divided, divided.onset_errors, divided.end_errors) == (1, (1,), (3,))
    assert compare([(0, 10), (20, 30)], [(0, 30)]).joined == 1


def test_the_marks_of_human_speech_are_in_order() -> None:
    """Inside the 11 s of the file."""
    name, marks = read_marks()
    assert name == "jfk.wav"
    borders = [border for mark in marks for border in mark]
    assert borders == sorted(borders)
    assert borders[-1] <= 11 * 16_000
