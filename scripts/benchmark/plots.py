"""Results as PNG plots; needs matplotlib, from the extra ``bench``."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.benchmark.figures import Spread
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.results import Result
from scripts.benchmark.stages import stage_names

PERCENTILES, STYLES = ("p50", "p95", "p99"), ("-o", "--s", ":^")


def draw(results: Sequence[Result], stem: Path) -> list[Path]:
    """Write ``<stem>-<what>.png`` files; returns their paths."""
    return [
        _by_meetings(results, stem),
        _distributions(results, stem),
        _stages(results, stem),
    ]


def _by_meetings(results: Sequence[Result], stem: Path) -> Path:
    """Latencies, CPU and memory over the number of meetings, a line for each model."""
    figure = Figure(figsize=(15, 8), layout="constrained")
    axes = figure.subplots(2, 3)
    spreads: Sequence[tuple[str, Callable[[Result], Spread | None]]] = (
        ("time to first caption, ms", lambda r: r.first_caption),
        ("TTFS, ms", lambda r: r.final),
        ("transcript latency, ms", lambda r: r.transcript_latency),
        ("between interims, ms", lambda r: r.interim_gap),
    )
    for axis, (title, of) in zip(axes.flat, spreads, strict=False):
        for colour, (subject, runs) in enumerate(_subjects(results)):
            for percentile, style in zip(PERCENTILES, STYLES, strict=True):
                points = [(r.meetings, 1000 * getattr(s, percentile)) for r in runs if (s := of(r))]
                _line(axis, points, style, colour, f"{subject} {percentile}")
        _label(axis, title, results)
    values: Sequence[tuple[Axes, str, Callable[[Result], float]]] = (
        (axes.flat[4], "server CPU, cores", lambda r: r.cpu.server),
        (axes.flat[5], "server memory at most, MiB", lambda r: r.peak_rss / MEBIBYTE),
    )
    for axis, title, value in values:
        for colour, (subject, runs) in enumerate(_subjects(results)):
            _line(axis, [(r.meetings, value(r)) for r in runs], STYLES[0], colour, subject)
        _label(axis, title, results)
    return _save(figure, stem, "meetings")


def _distributions(results: Sequence[Result], stem: Path) -> Path:
    """How many first captions had come after so long, a line for each run."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axis = figure.subplots()
    for one in results:
        times = sorted(1000 * e.first_caption_s for e in one.each if e.first_caption_s is not None)
        shares = np.arange(1, len(times) + 1) / max(one.utterances, 1)
        axis.step(times, shares, where="post", label=f"{one.subject}, {one.meetings}")
    axis.set(xlabel="time to first caption, ms", ylabel="share of all utterances", ylim=(0, 1.02))
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
    return _save(figure, stem, "first-captions")


def _stages(results: Sequence[Result], stem: Path) -> Path:
    """Where the time to the first caption went, a bar for each run."""
    timed = [one for one in results if one.first_stages is not None]
    figure = Figure(figsize=(9, 2 + 0.5 * len(timed)), layout="constrained")
    axis = figure.subplots()
    names = [f"{one.subject}, {one.meetings}" for one in timed]
    left = np.zeros(len(timed))
    for stage in stage_names():
        widths = np.array([1000 * max(0.0, getattr(one.first_stages, stage)) for one in timed])
        axis.barh(names, widths, left=left, label=stage)
        left += widths
    axis.set(xlabel="mean time to first caption, ms")
    axis.invert_yaxis()
    axis.legend(fontsize="small", ncols=3)
    return _save(figure, stem, "stages")


def _subjects(results: Sequence[Result]) -> Iterable[tuple[str, list[Result]]]:
    for subject in dict.fromkeys(one.subject for one in results):
        runs = [one for one in results if one.subject == subject]
        yield subject, sorted(runs, key=lambda one: one.meetings)


def _line(
    axis: Axes, points: Sequence[tuple[int, float]], style: str, colour: int, label: str
) -> None:
    if points:
        axis.plot(*zip(*points, strict=True), style, color=f"C{colour}", label=label)


def _label(axis: Axes, title: str, results: Sequence[Result]) -> None:
    meetings = sorted({one.meetings for one in results})
    axis.set(title=title, xlabel="meetings that speak at once")
    axis.set_xscale("log", base=2)
    axis.set_xticks(meetings, [str(one) for one in meetings])
    axis.set_ylim(0, 1.05 * max(axis.get_ylim()[1], 1e-9))
    axis.grid(alpha=0.3)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize="xx-small")


def _save(figure: Figure, stem: Path, what: str) -> Path:
    path = stem.with_name(f"{stem.name}-{what}.png")
    figure.savefig(path, dpi=120)
    return path
