"""Results as Markdown tables and as JSON; pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from scripts.benchmark.figures import Spread
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.results import QUIET, Result, share
from scripts.benchmark.stages import Stages, stage_names

Cell = Callable[[Result], str]


def milliseconds(values: Spread | None) -> str:
    """p50 / p95."""
    if values is None:
        return "-"
    return " / ".join(_time(one) for one in (values.p50, values.p95))


def _time(seconds: float) -> str:
    return "never" if math.isinf(seconds) else f"{1000 * seconds:.0f}"


def percent(ratio: float | None) -> str:
    """A ratio for people."""
    return "-" if ratio is None else f"{100 * ratio:.1f} %"


def _never(result: Result) -> str:
    counts = (result.never_shown, result.never_right, result.never_final)
    return f"{', '.join(map(str, counts))}; {result.lost}"


def _memory(result: Result) -> str:
    sizes = (result.ready_rss, result.peak_rss, result.end_rss)
    return ", ".join(f"{one / MEBIBYTE:.0f}" for one in sizes)


COLUMNS: Sequence[tuple[str, Cell]] = (
    ("server", lambda r: f"{r.server}, {r.profile}" + ("" if r.quiet else " (not quiet)")),
    ("meetings", lambda r: str(r.meetings)),
    ("utterances", lambda r: str(r.utterances)),
    ("first caption", lambda r: milliseconds(r.first)),
    ("first right one", lambda r: milliseconds(r.right)),
    ("final", lambda r: milliseconds(r.final)),
    ("never shown, right, final; lost", _never),
    ("first begins wrong", lambda r: percent(share(r.first_wrong, r.utterances))),
    ("interims without a word of theirs", lambda r: percent(share(r.wordless, r.interims))),
    ("still seconds", lambda r: percent(share(r.still_s, r.spoken_s))),
    ("stable words revised", lambda r: percent(share(r.revised, r.stable))),
    ("words wrong", lambda r: percent(r.errors.rate)),
    ("CPU s per s of audio", lambda r: f"{r.cpu_per_audio_s:.3f}"),
    ("memory, MiB: idle, most, end", _memory),
)


def markdown(results: Sequence[Result]) -> str:
    """A row for each run; times p50 / p95 in milliseconds."""
    rows = [[cell(one) for _, cell in COLUMNS] for one in results]
    return table([name for name, _ in COLUMNS], rows)


def stages_markdown(results: Sequence[Result]) -> str:
    """Where the time of our captions went, on average, in milliseconds."""
    kinds: Sequence[tuple[str, Callable[[Result], Stages | None]]] = (
        ("first captions", lambda r: r.first_stages),
        ("interims", lambda r: r.interim_stages),
        ("finals", lambda r: r.final_stages),
    )
    rows = []
    for kind, of in kinds:
        for one in results:
            stages = of(one)
            if stages is not None:
                values = [f"{1000 * getattr(stages, name):.1f}" for name in stage_names()]
                rows.append([f"{one.title}: {stages.count} {kind}", *values])
    return table(["mean, ms", *stage_names()], rows) if rows else ""


def warnings(results: Sequence[Result]) -> list[str]:
    """What makes figures doubtful."""
    found = []
    for one in results:
        if not one.quiet:
            found.append(
                f"{one.title}: other processes used {percent(one.elsewhere)} of a core (at most "
                f"{percent(QUIET)} leaves the figures alone)"
            )
        if one.late is not None and one.late.p95 > 0.02:
            found.append(f"{one.title}: the client sent frames {milliseconds(one.late)} ms late")
    return found


def machine_line(machine: dict[str, Any]) -> str:
    """What it was measured on."""
    return " · ".join(f"{name}: {value}" for name, value in machine.items())


def as_json(results: Sequence[Result], machine: dict[str, Any]) -> dict[str, Any]:
    """Everything, utterance by utterance."""
    return {"machine": machine, "results": [asdict(one) for one in results]}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
