"""A run's figures, all in one place: what the table shows and what the JSON holds; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scripts.benchmark.attribution import attribute, over_nothing, segments_of
from scripts.benchmark.captions import Shown, read_frames, timed
from scripts.benchmark.figures import (
    Spread,
    UtteranceFigures,
    count,
    interim_gaps_s,
    measure_utterance,
    revisions,
    spread,
    transcript_latencies_s,
)
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.native_cost import NativeCost
from scripts.benchmark.scenario import Conversation, Run
from scripts.benchmark.stages import Delay, EncodeShare, Stages, mean_stages
from scripts.benchmark.subject import Subject
from scripts.benchmark.word_errors import word_error_rate


@dataclass(frozen=True, slots=True)
class Result:
    """Times in seconds, memory in bytes, CPU in shares of one core, rates and shares as ratios.

    around_native: CPU of a meeting besides whisper.cpp, voice detection included; None when it is
    not known. stable, revised: words shown as stable, and those that their final contradicted.
    has_words: whether the figures about words mean anything.
    first_stages, interim_stages, final_stages: where the time of such captions went.
    """

    subject: str
    has_words: bool
    meetings: int
    tracks: int
    seconds: float
    talk_share: float
    utterances: int
    never_captioned: int
    without_final: int
    merged_or_split: int
    first_caption: Spread | None
    first_right: Spread | None
    first_wrong_share: float
    final: Spread | None
    interim_gap: Spread | None
    transcript_latency: Spread | None
    first_stages: Stages | None
    interim_stages: Stages | None
    final_stages: Stages | None
    stable: int
    revised: int
    segments_over_nothing: int
    word_error_rate: float | None
    offline_word_error_rate: float | None
    cpu: CpuUse
    native_cost: NativeCost | None
    around_native: float | None
    ready_rss: int
    peak_rss: int
    end_rss: int
    send_lateness: Spread | None
    messages: dict[str, int]
    each: tuple[UtteranceFigures, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """What was measured beside a run, each None when it was not.

    offline: the same tracks' transcripts, decoded offline.
    """

    cost: NativeCost | None = None
    encode: EncodeShare | None = None
    offline: list[str] | None = None


def result_of(subject: Subject, run: Run, beside: Beside) -> Result:
    """The figures of a run."""
    each: list[UtteranceFigures] = []
    shown: list[Shown] = []
    gaps_s: list[float] = []
    latencies_s: list[float] = []
    transcripts: list[str] = []
    messages: Counter[str] = Counter()
    stable = revised = over = 0
    for one in run.conversations:
        received = read_frames(one.recording.frames)
        captions = timed(received.captions, run.timings.get((one.meeting, one.track), ()))
        segments = segments_of(captions)
        said = one.script.said
        each += [measure_utterance(a, one.recording.began_s) for a in attribute(segments, said)]
        shown += captions
        gaps_s += interim_gaps_s(segments)
        latencies_s += transcript_latencies_s(segments, one.recording.began_s)
        over += len(over_nothing(segments, said))
        these_stable, these_revised = revisions(segments)
        stable, revised = stable + these_stable, revised + these_revised
        messages.update(received.counts)
        transcripts.append(" ".join(caption.text for caption in captions if caption.final))
    references = [_reference(one) for one in run.conversations]
    captioned = [one for one in each if one.first_caption_s is not None]
    cost, offline = beside.cost, beside.offline
    return Result(
        subject=subject.name,
        has_words=subject.has_words,
        meetings=run.plan.meetings,
        tracks=run.plan.tracks,
        seconds=run.plan.seconds,
        talk_share=_mean(one.script.talk_share for one in run.conversations),
        utterances=len(each),
        never_captioned=len(each) - len(captioned),
        without_final=count(each, lambda one: one.final_s is None),
        merged_or_split=count(each, lambda one: one.segments != 1),
        first_caption=spread(one.first_caption_s for one in each),
        first_right=spread(one.first_right_s for one in each),
        first_wrong_share=_mean(one.first_wrong is True for one in captioned),
        final=spread(one.final_s for one in each),
        interim_gap=spread(gaps_s),
        transcript_latency=spread(latencies_s),
        first_stages=mean_stages(
            [one.first_delay for one in each if one.first_delay], beside.encode
        ),
        interim_stages=mean_stages(_delays(shown, final=False), beside.encode),
        final_stages=mean_stages(_delays(shown, final=True), beside.encode),
        stable=stable,
        revised=revised,
        segments_over_nothing=over,
        word_error_rate=(word_error_rate(references, transcripts) if subject.has_words else None),
        offline_word_error_rate=None if offline is None else word_error_rate(references, offline),
        cpu=run.cpu,
        native_cost=cost,
        around_native=_around_native(run, cost),
        ready_rss=run.ready_rss,
        peak_rss=run.peak_rss,
        end_rss=run.end_rss,
        send_lateness=spread(late for one in run.conversations for late in one.recording.late_s),
        messages=dict(sorted(messages.items())),
        each=tuple(each),
    )


def _delays(shown: Iterable[Shown], *, final: bool) -> list[Delay]:
    return [Delay(one.timing) for one in shown if one.timing is not None and one.final is final]


def _around_native(run: Run, cost: NativeCost | None) -> float | None:
    """The event loop, and the Python part of the inference threads, for each meeting."""
    if cost is None or cost.python_share is None:
        return None
    around = run.cpu.event_loop + run.cpu.inference * cost.python_share
    return around / run.plan.meetings


def _reference(one: Conversation) -> str:
    return " ".join(said.text for said in one.script.said)


def _mean(values: Iterable[float]) -> float:
    there = list(values)
    return sum(there) / len(there) if there else 0.0
