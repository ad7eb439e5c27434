"""The plots are drawn, whatever was and was not measured."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.scripts.support import ONE

pytest.importorskip("matplotlib", reason="matplotlib is not installed: scripts/setup test bench")


@pytest.mark.filterwarnings("default")
def test_each_plot_is_a_png(tmp_path: Path) -> None:
    """Also of runs without timings or without a single caption."""
    from scripts.benchmark.plots import draw  # noqa: PLC0415 - matplotlib is an extra

    empty = replace(ONE, first_caption=None, final=None, first_stages=None, meetings=8, each=())
    paths = draw([ONE, empty, replace(ONE, subject="tiny.en twin")], tmp_path / "bench")
    assert len(paths) == 3
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")
