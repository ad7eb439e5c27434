"""A run's figures, all in one place: what the table shows and what the JSON holds; pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from scripts.benchmark.attribution import attribute, over_nothing, segments_of
from scripts.benchmark.captions import read_frames
from scripts.benchmark.figures import (
    Spread,
    UtteranceFigures,
    count,
    interim_gaps_s,
    measure_utterance,
    revisions,
    spread,
)
from scripts.benchmark.meters import CpuUse
from scripts.benchmark.native_cost import NativeCost
from scripts.benchmark.scenario import Conversation, Run
from scripts.benchmark.word_errors import word_error_rate


@dataclass(frozen=True, slots=True)
class Result:
    """Times in seconds, memory in bytes, CPU in shares of one core, rates and shares as ratios.

    around_native: CPU of a meeting besides whisper.cpp, voice detection included; None when it is
    not known. stable, revised: words shown as stable, and those that their final contradicted.
    """

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
    stable: int
    revised: int
    segments_over_nothing: int
    word_error_rate: float
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


def result_of(run: Run, cost: NativeCost | None, offline: list[str] | None = None) -> Result:
    """The figures of a run; ``offline``: the same tracks' transcripts, decoded offline."""
    each: list[UtteranceFigures] = []
    gaps_s: list[float] = []
    transcripts: list[str] = []
    messages: Counter[str] = Counter()
    stable = revised = over = 0
    for one in run.conversations:
        received = read_frames(one.recording.frames)
        segments = segments_of(received.captions)
        said = one.script.said
        each += [measure_utterance(a, one.recording.began_s) for a in attribute(segments, said)]
        gaps_s += interim_gaps_s(segments)
        over += len(over_nothing(segments, said))
        these_stable, these_revised = revisions(segments)
        stable, revised = stable + these_stable, revised + these_revised
        messages.update(received.counts)
        transcripts.append(" ".join(caption.text for caption in received.captions if caption.final))
    references = [_reference(one) for one in run.conversations]
    captioned = [one for one in each if one.first_caption_s is not None]
    return Result(
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
        stable=stable,
        revised=revised,
        segments_over_nothing=over,
        word_error_rate=word_error_rate(references, transcripts),
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
