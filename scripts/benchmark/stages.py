"""Where the time of a caption went, as the server's debug log tells it; pure.

The server writes a line ``caption_sent`` for each caption, in the order of sending, so that the
n-th line of a track is about the n-th caption that its client received.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.captions import Shown
from scripts.benchmark.figures import UtteranceFigures

EVENT = "caption_sent"
CLOCKED = ("heard", "queued", "ran", "returned", "stabilised", "send")
"""What the server clocks of a caption: the step of the event loop that asked for the decode (voice
detection, mostly), the queue and the run of the job, its way back to the event loop, the step that
made the caption, and the outbox until the socket took it."""

STAGES = ("listening", *CLOCKED, "rest")
"""listening: from the onset to the end of the audio that the caption heard. rest: what nobody
clocked: the sockets, the client, and waiting for a whole window. Both are 0 for captions whose delay
does not count from an onset."""

Timing = tuple[float, ...]
"""Seconds of each stage of ``CLOCKED``; 0 where the server says nothing of it."""

Delay = tuple[float, ...]
"""Seconds of each stage of ``STAGES``; they add up to the caption's delay."""


def read_timings(lines: Iterable[str]) -> Mapping[str, Sequence[Timing]]:
    """Read the timings in a server's log, by meeting as its client calls it, in the order of sending.

    A meeting has one track. Lines of other events and other programs are passed over.
    """
    timings: defaultdict[str, list[Timing]] = defaultdict(list)
    for line in lines:
        if EVENT in line:
            row = json.loads(line)
            meeting = row["meeting"].rpartition("/")[2]  # without its tenant
            timings[meeting].append(tuple(row.get(f"{name}_ms", 0.0) / 1000 for name in CLOCKED))
    return timings


def delays(
    captions: Sequence[Shown],
    timings: Sequence[Timing],
    utterances: Sequence[UtteranceFigures],
    began_s: float,
) -> dict[str, list[Delay]]:
    """The delays of first captions of utterances, of interims and of finals; none without timings.

    began_s: when the track's first sample was spoken, on the captions' clock. Raises
    ``BenchmarkFailed`` when the server timed another number of captions than came.
    """
    if not timings:
        return {}
    if len(timings) != len(captions):
        raise BenchmarkFailed(f"the server timed {len(timings)} captions, {len(captions)} came")
    timed = list(zip(captions, timings, strict=True))
    firsts = []
    for one in utterances:
        if one.first_s is not None:
            # the caption behind a first display is the one that came at that moment
            at_s = began_s + one.onset_s + one.first_s
            shown, timing = min(timed, key=lambda pair: abs(pair[0].at_s - at_s))
            listening_s = shown.end / 1000 - one.onset_s
            firsts.append((listening_s, *timing, one.first_s - listening_s - sum(timing)))
    return {
        "first captions": firsts,
        "interims": [(0.0, *timing, 0.0) for shown, timing in timed if not shown.final],
        "finals": [(0.0, *timing, 0.0) for shown, timing in timed if shown.final],
    }


def mean_cells(found: Sequence[Delay]) -> list[str]:
    """The means of some delays in milliseconds, a cell for each stage."""
    means = 1000 * np.mean(np.array(found), axis=0)
    return [f"{value:.1f}" for value in means]
