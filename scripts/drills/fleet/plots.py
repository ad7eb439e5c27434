"""A drill's delays and series as a PNG; needs matplotlib, from the extra ``bench``."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from scripts.drills.fleet.report import Report


def draw(report: Report, path: Path) -> Path:
    """How many delays were how long, and how the series went."""
    figure = Figure(
        figsize=(7 * (bool(report.delays) + bool(report.series)), 5), layout="constrained"
    )
    axes = iter(figure.subplots(1, bool(report.delays) + bool(report.series), squeeze=False).flat)
    if report.delays:
        axis = next(axes)
        for name, values in report.delays.items():
            shares = np.arange(1, len(values) + 1) / max(len(values), 1)
            axis.step(sorted(values), shares, where="post", label=f"{name}, {len(values)}")
        axis.set(
            title=report.drill, xlabel="seconds", ylabel="share", ylim=(0, 1.02), xlim=(0, None)
        )
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    if report.series:
        axis = next(axes)
        for name, points in report.series.items():
            axis.plot(*zip(*points, strict=True), label=name)
        axis.set(title=report.drill, xlabel="seconds", ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    figure.savefig(path, dpi=120)
    return path
