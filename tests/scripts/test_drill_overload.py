"""The overload drill, in short: what does not depend on how fast this machine is."""

from pathlib import Path

from scripts.drills.overload.command import Report, Scale, p, run_overload, table

SHORTEST = Scale(2, apart_s=0.3, settle_s=0.5, calm_s=2.0, flood_s=3.0, slow_s=0.5, vanishing=40)


async def test_the_excess_is_refused_and_whoever_is_in_loses_no_word(tmp_path: Path) -> None:
    """A reader that does not read is ended, and nothing is left of peers that vanish."""
    report = await run_overload(tmp_path, SHORTEST)
    assert report.admitted >= 1
    assert set(report.statuses) == {503}
    assert report.words_said > 0
    assert report.words_missing == 0
    assert report.slow_reader_s < 30.0
    assert report.files[1] <= report.files[0] + 4
    assert report.threads[1] <= report.threads[0]
    timed = ("p95", "wait longer", "in time")
    assert [one for one in report.failures if not any(word in one for word in timed)] == []


def test_a_report_says_what_failed() -> None:
    """In a table for people."""
    text = table(Report(admitted=3, offered=9, failures=["words are missing"]))
    assert "3 of 9" in text
    assert text.endswith("words are missing")


def test_a_percentile_is_one_that_was_measured() -> None:
    """By nearest rank."""
    assert p(0.95, [float(n) for n in range(1, 101)]) == 96.0
    assert p(0.5, []) == 0.0
