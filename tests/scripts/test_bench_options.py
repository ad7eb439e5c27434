"""The command line of the benchmark."""

import argparse

import pytest

from scripts.benchmark.options import STARTS, counts, parser


def test_numbers_of_meetings_are_whole_and_positive() -> None:
    """Anything else is refused with an example."""
    assert counts("1,2,16") == [1, 2, 16]
    for text in ("", "0", "1,-2", "two"):
        with pytest.raises(argparse.ArgumentTypeError, match="such as 1,8"):
            counts(text)


def test_starts_have_a_default_and_modes_exclude_each_other() -> None:
    """One thing at a time."""
    assert parser().parse_args(["--starts"]).starts == STARTS
    assert parser().parse_args(["--starts", "3"]).starts == 3
    assert parser().parse_args([]).starts is None
    with pytest.raises(SystemExit):
        parser().parse_args(["--memory", "--all"])
