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
    def first(self) -> Spread | None:
        """Seconds from an onset to the first caption with a word of the utterance."""
        return spread(one.first_s for one in self.each)

    @property
    def right(self) -> Spread | None:
        """Seconds from an onset to the first caption whose first word is that in the end."""
        return spread(one.right_s for one in self.each)

    @property
    def final(self) -> Spread | None:
        """Seconds from the end of an utterance to its last final."""
        return spread(one.final_s for one in self.each)

    @property
    def never(self) -> tuple[int, int, int]:
        """How many utterances never had a caption, a right one, a final."""
        times = [(one.first_s, one.right_s, one.final_s) for one in self.each]
        shown, right, final = (sum(row[at] is None for row in times) for at in range(3))
        return shown, right, final

    @property
    def lost(self) -> int:
        """How many utterances have too few of their words right in the end."""
        return sum(one.lost for one in self.each)

    @property
    def first_wrong(self) -> float | None:
        """The share of utterances whose first caption begins with another word than in the end."""
        return share(sum(one.first_wrong is True for one in self.each), len(self.each))

    @property
    def still(self) -> float | None:
        """The share of seconds of speech in which a text that will not stay stands still."""
        spoken_s = sum(one.spoken_s for one in self.each)
        return share(sum(one.still_s for one in self.each), spoken_s)

    @property
    def cpu_per_audio_s(self) -> float:
        """CPU seconds of the server for a second of audio."""
        return self.cpu.server / self.seconds

    def as_json(self) -> dict[str, Any]:
        """Everything, utterance by utterance."""
        figures = {"first": self.first, "right": self.right, "final": self.final}
        return asdict(self) | {name: one and asdict(one) for name, one in figures.items()}


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


COLUMNS: Mapping[str, Callable[[Result], str]] = {
    "server": lambda r: f"{r.server}, {r.profile}" + " (not quiet)" * (r.cpu.elsewhere > QUIET),
    "meetings": lambda r: str(r.meetings),
    "utterances": lambda r: str(len(r.each)),
    "first caption": lambda r: " / ".join(milliseconds(r.first)[:2]),
    "first right one": lambda r: " / ".join(milliseconds(r.right)[:2]),
    "final": lambda r: " / ".join(milliseconds(r.final)[:2]),
    "words wrong": lambda r: percent(r.errors.rate),
    "never shown, right, final": lambda r: ", ".join(map(str, r.never)),
    "lost": lambda r: str(r.lost),
    "first begins wrong": lambda r: percent(r.first_wrong),
    "interims without a word of theirs": lambda r: percent(share(r.wordless, r.interims)),
    "still seconds": lambda r: percent(r.still),
    "stable words revised": lambda r: percent(share(r.revised, r.stable)),
    "CPU s per s of audio": lambda r: f"{r.cpu_per_audio_s:.3f}",
    "MiB idle": lambda r: f"{r.rss[0] / MEBIBYTE:.0f}",
    "MiB at most": lambda r: f"{r.rss[1] / MEBIBYTE:.0f}",
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
    runs = [_table([*COLUMNS], results)]
    return [*runs, Table(["mean, ms", *STAGES], stages)] if stages else runs


def summary(results: Sequence[Result]) -> Table:
    """A row for each run, for the page."""
    return _table(SUMMARY, results)


def _table(names: Sequence[str], results: Sequence[Result]) -> Table:
    return Table(names, [[COLUMNS[name](one) for name in names] for one in results])


def doubts(results: Sequence[Result]) -> list[str]:
    """Say what makes figures doubtful."""
    found = []
    for one in results:
        if one.cpu.elsewhere > QUIET:
            used, most = percent(one.cpu.elsewhere), percent(QUIET)
            found.append(f"{one.title}: other processes used {used} of a core, not {most} at most")
        if one.late is not None and one.late.p95 > LATE_S:
            late = " / ".join(milliseconds(one.late)[:2])
            found.append(f"{one.title}: the client sent frames {late} ms late")
    return found
