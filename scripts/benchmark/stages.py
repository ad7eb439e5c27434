"""Where the time of captions went, as the server's debug log tells it; pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

EVENT = "caption_sent"
"""A line of the log for each caption, with milliseconds."""

STAGES = ("audio", "heard", "queued", "ran", "returned", "stabilised", "send")
"""The length of the audio that was decoded; then the step of the event loop that asked for the decode
(voice detection, mostly), the queue and the run of the job, its way back to the event loop, the step
that made the caption, and the outbox until the socket took it."""

Stages = Mapping[str, tuple[int, list[float]]]
"""By what the decode was for (first, interim, final): how many captions, and the mean of each stage."""


def read_stages(lines: Iterable[str]) -> Stages:
    """Read a server's log; lines of other events and other programs are passed over."""
    rows: defaultdict[str, list[list[float]]] = defaultdict(list)
    for line in lines:
        if EVENT in line:
            row = json.loads(line)
            rows[row["decoded_for"]].append([row.get(f"{stage}_ms", 0.0) for stage in STAGES])
    return {kind: (len(found), np.mean(found, axis=0).tolist()) for kind, found in rows.items()}
