"""Results as Markdown tables and as JSON; pure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.benchmark.figures import Spread
from scripts.benchmark.meters import MEBIBYTE
from scripts.benchmark.results import Result
from scripts.benchmark.stages import Stages, stage_names

Cell = Callable[[Result], str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. words: it means nothing where the weights were never trained."""

    name: str
    cell: Cell
    words: bool = False


def milliseconds(of: Callable[[Result], Spread | None]) -> Cell:
    """p50 / p95 / p99 in milliseconds."""

    def cell(result: Result) -> str:
        values = of(result)
        if values is None:
            return "none"
        return " / ".join(f"{1000 * one:.0f}" for one in (values.p50, values.p95, values.p99))

    return cell


def percent(value: float | None, digits: int = 1) -> str:
    """A ratio for people."""
    return "not known" if value is None else f"{100 * value:.{digits}f} %"


def mebibytes(value: int) -> str:
    """Bytes for people."""
    return f"{value / MEBIBYTE:.0f}"


def _voice_detection(result: Result) -> str:
    cost = result.native_cost
    if cost is None:
        return percent(None)
    return f"{percent(cost.voice_detection, 2)}, {percent(cost.voice_detection_warm, 2)}"


def _lateness_ms(result: Result) -> float:
    return 0.0 if result.send_lateness is None else 1000 * result.send_lateness.p99


def _points(result: Result) -> str:
    """How much worse live is than offline, in points of the word error rate."""
    if result.offline_word_error_rate is None or result.word_error_rate is None:
        return "not known"
    return f"{100 * (result.word_error_rate - result.offline_word_error_rate):+.1f}"


ROWS: Sequence[Row] = (
    Row("utterances", lambda r: f"{r.utterances}"),
    Row("share of the time in which each track speaks", lambda r: percent(r.talk_share, 0)),
    Row("time to first caption, ms, p50 / p95 / p99", milliseconds(lambda r: r.first_caption)),
    Row("time to first right caption, ms", milliseconds(lambda r: r.first_right), words=True),
    Row(
        "first captions that were wrong",
        lambda r: percent(r.first_wrong_share),
        words=True,
    ),
    Row("transcript latency of interims, ms", milliseconds(lambda r: r.transcript_latency)),
    Row("TTFS: end of speech to final, ms", milliseconds(lambda r: r.final)),
    Row("between interims, ms", milliseconds(lambda r: r.interim_gap)),
    Row(
        "stable words that their final contradicts",
        lambda r: f"{percent(r.revised / r.stable if r.stable else None, 2)} of {r.stable}",
        words=True,
    ),
    Row("word error rate", lambda r: percent(r.word_error_rate), words=True),
    Row(
        "utterances never captioned, without a final",
        lambda r: f"{r.never_captioned}, {r.without_final}",
    ),
    Row("utterances in no segment of their own", lambda r: f"{r.merged_or_split}"),
    Row("segments where nobody spoke", lambda r: f"{r.segments_over_nothing}"),
    Row(
        "server CPU, of one core: all, a meeting",
        lambda r: f"{percent(r.cpu.server)}, {percent(r.cpu.server / r.meetings)}",
    ),
    Row("around whisper.cpp, of one core, a meeting", lambda r: percent(r.around_native, 2)),
    Row(
        "voice detection of one track, of one core: paced, back to back",
        _voice_detection,
    ),
    Row(
        "server memory, MiB: ready, peak, end",
        lambda r: ", ".join(map(mebibytes, (r.ready_rss, r.peak_rss, r.end_rss))),
    ),
    Row(
        "the measuring client: CPU, p99 lateness, ms",
        lambda r: f"{percent(r.cpu.client)}, {_lateness_ms(r):.1f}",
    ),
    Row("all other processes, of one core", lambda r: percent(r.cpu.elsewhere)),
)

LONG_ROWS: Sequence[Row] = (
    Row("word error rate offline", lambda r: percent(r.offline_word_error_rate), words=True),
    Row("live minus offline, points", _points, words=True),
)


def markdown(results: Sequence[Result]) -> str:
    """A table with a column for each result."""
    rows = [*ROWS]
    if any(one.offline_word_error_rate is not None for one in results):
        rows += LONG_ROWS
    return table(
        ["", *(_title(one) for one in results)],
        [[row.name, *(_cell(row, one) for one in results)] for row in rows],
    )


def stages_markdown(results: Sequence[Result]) -> str:
    """Where the time of first captions, interims and finals went, on average, in milliseconds."""
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
                rows.append([f"{_title(one)}: {stages.count} {kind}", *values])
    return table(["mean, ms", *stage_names()], rows) if rows else ""


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


def _title(result: Result) -> str:
    meetings = "1 meeting" if result.meetings == 1 else f"{result.meetings} meetings"
    tracks = "" if result.tracks == 1 else f" of {result.tracks} tracks"
    return f"{result.subject}, {meetings}{tracks}, {result.seconds:g} s"


def _cell(row: Row, result: Result) -> str:
    return "no words" if row.words and not result.has_words else row.cell(result)
