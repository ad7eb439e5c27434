"""A run's figures, all in one place: what the tables show and what the JSON holds; pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from scripts.benchmark.captions import Shown, read_frames, timed
from scripts.benchmark.figures import (
    Spread,
    TrackFigures,
    UtteranceFigures,
    measure_track,
    revisions,
    spread,
)
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.scenario import Run
from scripts.benchmark.stages import Delay, Stages, mean_stages
from scripts.speech_evaluation.words import Errors

QUIET = 0.05
"""Of one core: what other processes may use in a run before its figures are in doubt."""


@dataclass(frozen=True, slots=True)
class Result:
    """Times in seconds, memory in bytes, shares as ratios.

    server, profile: what was measured. stable, revised: words shown as stable, and those that
    their final did not keep; 0 where a server shows none. late: of the client's frames.
    """

    server: str
    profile: str
    meetings: int
    seconds: float
    first: Spread | None
    right: Spread | None
    final: Spread | None
    never_shown: int
    never_right: int
    never_final: int
    lost: int
    first_wrong: int
    interims: int
    wordless: int
    still_s: int
    spoken_s: int
    stable: int
    revised: int
    errors: Errors
    cpu_per_audio_s: float
    elsewhere: float
    client: float
    ready_rss: int
    peak_rss: int
    end_rss: int
    late: Spread | None
    first_stages: Stages | None
    interim_stages: Stages | None
    final_stages: Stages | None
    messages: dict[str, int]
    each: tuple[UtteranceFigures, ...]

    @property
    def utterances(self) -> int:
        """How many were spoken."""
        return len(self.each)

    @property
    def title(self) -> str:
        """Of the run, in tables."""
        return f"{self.server}, {self.profile}, {self.meetings}"

    @property
    def quiet(self) -> bool:
        """Whether the machine was the run's alone."""
        return self.elsewhere <= QUIET


def share(part: int, whole: int) -> float | None:
    """As a ratio; None of nothing."""
    return part / whole if whole else None


def result_of(server: str, profile: str, run: Run) -> Result:
    """The figures of a run."""
    tracks = [
        measure_track(
            one.script.said, run.dialect.display(one.recording.frames), one.recording.began_s
        )
        for one in run.conversations
    ]
    each = tuple(one for track in tracks for one in track.utterances)
    audio_s = sum(one.script.seconds for one in run.conversations)
    ours = _ours(run, tracks) if run.dialect.ours else _Ours()
    return Result(
        server=server,
        profile=profile,
        meetings=run.plan.meetings * run.plan.tracks,
        seconds=audio_s,
        first=spread(one.first_s for one in each),
        right=spread(one.right_s for one in each),
        final=spread(one.final_s for one in each),
        never_shown=sum(one.first_s is None for one in each),
        never_right=sum(one.right_s is None for one in each),
        never_final=sum(one.final_s is None for one in each),
        lost=sum(one.lost for one in each),
        first_wrong=sum(one.first_wrong is True for one in each),
        interims=sum(one.interims for one in tracks),
        wordless=sum(one.wordless for one in tracks),
        still_s=sum(one.still_s for one in each),
        spoken_s=sum(one.spoken_s for one in each),
        stable=ours.stable,
        revised=ours.revised,
        errors=sum((one.errors for one in tracks), Errors()),
        cpu_per_audio_s=run.cpu.server / audio_s,
        elsewhere=_share_of_core(run.cpu, run.cpu.elsewhere),
        client=_share_of_core(run.cpu, run.cpu.client),
        ready_rss=run.ready_rss,
        peak_rss=run.peak_rss,
        end_rss=run.end_rss,
        late=spread(late for one in run.conversations for late in one.recording.late_s),
        first_stages=mean_stages(ours.firsts),
        interim_stages=mean_stages(ours.interims),
        final_stages=mean_stages(ours.finals),
        messages=dict(sorted(ours.messages.items())),
        each=each,
    )


def _share_of_core(use: CpuUse, used_s: float) -> float:
    return used_s / use.seconds if use.seconds else 0.0


@dataclass(slots=True)
class _Ours:
    """What only our own protocol tells: of first captions of utterances, interims and finals."""

    stable: int = 0
    revised: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    firsts: list[Delay] = field(default_factory=list)
    interims: list[Delay] = field(default_factory=list)
    finals: list[Delay] = field(default_factory=list)


def _ours(run: Run, tracks: Sequence[TrackFigures]) -> _Ours:
    ours = _Ours()
    for one, track in zip(run.conversations, tracks, strict=True):
        received = read_frames(one.recording.frames)
        stable, revised = revisions(received.captions)
        ours.stable, ours.revised = ours.stable + stable, ours.revised + revised
        ours.messages.update(received.counts)
        captions = timed(received.captions, run.timings.get((one.meeting, one.track), ()))
        ours.firsts += _firsts(track.utterances, captions, one.recording.began_s)
        for caption in captions:
            if caption.timing is not None:
                kind = ours.finals if caption.final else ours.interims
                kind.append(Delay(caption.timing))
    return ours


def _firsts(
    utterances: Sequence[UtteranceFigures], captions: Sequence[Shown], began_s: float
) -> list[Delay]:
    """The caption behind each first display is the one that came at that moment."""
    delays = []
    for one in utterances:
        if one.first_s is None:
            continue
        at_s = began_s + one.onset_s + one.first_s
        caption = min(captions, key=lambda shown: abs(shown.at_s - at_s))
        if caption.timing is not None:
            listening_s = caption.end / 1000 - one.onset_s
            delays.append(Delay(caption.timing, listening_s, one.first_s))
    return delays
