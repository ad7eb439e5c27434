"""A run's figures, and the tables that show them, times p50 / p95 in milliseconds; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.benchmark.captions import captions_of
from scripts.benchmark.figures import UtteranceFigures, measure_track, revisions
from scripts.benchmark.meters import MEBIBYTE, CpuUse
from scripts.benchmark.report import Spread, Table, milliseconds, percent, share, spread
from scripts.benchmark.scenario import Run
from scripts.benchmark.stages import STAGES, Stages
from scripts.evaluation.words import Errors

QUIET = 0.05
"""Of one core: what other processes may use in a run before its figures are in doubt."""

LATE_S = 0.02
"""How late the client may send a frame, as p95, before the figures are in doubt."""


TIMES: Mapping[str, Callable[[UtteranceFigures], float | None]] = {
    "first caption": lambda one: one.first_s,
    "first right one": lambda one: one.right_s,
    "final": lambda one: one.final_s,
}
"""From an utterance's onset to its first caption, and to the first whose first word is that in the
end; from its end to its last final; in seconds."""


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one run.

    server, profile: what was measured. seconds: of audio, all meetings together. interims, wordless:
    how many there were, and those without a word of their utterance. stable, revised: words shown as
    stable, and those that their final did not keep; 0 where a server shows none. rss: resident bytes
    before the first audio, and at most. late: seconds of the client's frames.
    """

    server: str
    profile: str
    meetings: int
    seconds: float
    each: tuple[UtteranceFigures, ...]
    errors: Errors
    interims: int
    wordless: int
    stable: int
    revised: int
    cpu: CpuUse
    rss: tuple[int, int]
    late: Spread | None
    stages: Stages

    @property
    def title(self) -> str:
        """Of the run, in tables."""
        return f"{self.server}, {self.profile}, {self.meetings}"

    @property
    def times(self) -> dict[str, Spread | None]:
        """Seconds of each of ``TIMES``."""
        return {name: spread(map(of, self.each)) for name, of in TIMES.items()}

    @property
    def lost(self) -> int:
        """How many utterances have too few of their words right in the end."""
        return sum(one.lost for one in self.each)

    @property
    def shares(self) -> dict[str, float | None]:
        """Ratios of counts; None of nothing."""
        begin_wrong = sum(one.first_wrong is True for one in self.each)
        return {
            "first begins wrong": share(begin_wrong, len(self.each)),
            "interims without a word of theirs": share(self.wordless, self.interims),
            "stable words revised": share(self.revised, self.stable),
        }

    @property
    def cpu_per_audio_s(self) -> float:
        """CPU seconds of the server for a second of audio."""
        return self.cpu.server / self.seconds

    def as_json(self) -> dict[str, Any]:
        """Everything, utterance by utterance."""
        times = {name: one and asdict(one) for name, one in self.times.items()}
        return asdict(self) | times


def result_of(server: str, profile: str, run: Run) -> Result:
    """Work out the figures of a run."""
    tracks = []
    stable = revised = 0
    for one in run.conversations:
        frames = one.recording.frames
        screens = run.dialect.display(frames)
        tracks.append(measure_track(one.script.said, screens, one.recording.began_s))
        if run.dialect.ours:
            shown, changed = revisions(captions_of(frames))
            stable, revised = stable + shown, revised + changed
    return Result(
        server=server,
        profile=profile,
        meetings=run.plan.meetings,
        seconds=sum(one.script.seconds for one in run.conversations),
        each=tuple(one for track in tracks for one in track.utterances),
        errors=sum((one.errors for one in tracks), Errors()),
        interims=sum(one.interims for one in tracks),
        wordless=sum(one.wordless for one in tracks),
        stable=stable,
        revised=revised,
        cpu=run.cpu,
        rss=run.rss,
        late=spread(late for one in run.conversations for late in one.recording.late_s),
        stages=run.stages,
    )


def _doubts(one: Result) -> str:
    """What makes the figures doubtful: other processes, or a client that could not keep up."""
    late = one.late is not None and one.late.p95 > LATE_S
    return " (not quiet)" * (one.cpu.elsewhere > QUIET) + " (late client)" * late


def _cells(one: Result) -> dict[str, str]:
    """The row of a run, by column."""
    never = (sum(of(each) is None for each in one.each) for of in TIMES.values())
    return {
        "server": f"{one.server}, {one.profile}{_doubts(one)}",
        "meetings": str(one.meetings),
        "utterances": str(len(one.each)),
        **{name: " / ".join(milliseconds(time)[:2]) for name, time in one.times.items()},
        "words wrong": percent(one.errors.rate),
        "never shown, right, final": ", ".join(map(str, never)),
        "lost": str(one.lost),
        **{name: percent(value) for name, value in one.shares.items()},
        "CPU s per s of audio": f"{one.cpu_per_audio_s:.3f}",
        "MiB idle": f"{one.rss[0] / MEBIBYTE:.0f}",
        "MiB at most": f"{one.rss[1] / MEBIBYTE:.0f}",
    }


SUMMARY = (
    "server",
    "meetings",
    "first caption",
    "first right one",
    "final",
    "words wrong",
    "lost",
    "CPU s per s of audio",
    "MiB at most",
)
"""The columns that a reader of the page looks for."""


def tables(results: Sequence[Result]) -> list[Table]:
    """A row for each run, and where the time of its captions went."""
    stages = [
        [f"{one.title}: {count} {kind}", *(f"{mean:.1f}" for mean in means)]
        for one in results
        for kind, (count, means) in sorted(one.stages.items())
    ]
    rows = [*map(_cells, results)]
    runs = [Table([*rows[0]], [[*row.values()] for row in rows])]
    return [*runs, Table(["mean, ms", *STAGES], stages)] if stages else runs


def summary(results: Sequence[Result]) -> Table:
    """A row for each run, for the page."""
    return Table(SUMMARY, [[row[name] for name in SUMMARY] for row in map(_cells, results)])
