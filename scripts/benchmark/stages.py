"""Where the time of a caption went, as the server's debug log tells it; pure.

The server writes a line ``caption_sent`` for each caption, in the order of sending, so that the
n-th line of a track is about the n-th caption that its client received.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

EVENT = "caption_sent"


@dataclass(frozen=True, slots=True)
class ServerTiming:
    """One caption on its way through the server; seconds.

    heard_s: the step of the event loop that asked for the decode: voice detection, mostly.
    queued_s, ran_s: of the job. returned_s: from its end to the event loop.
    stabilised_s: the step that made the caption. send_s: in the outbox, and until the socket took it.
    """

    heard_s: float
    queued_s: float
    ran_s: float
    returned_s: float
    stabilised_s: float
    send_s: float


Timings = Mapping[tuple[str, str], Sequence[ServerTiming]]
"""By meeting, as its client calls it, and track; in the order of sending."""

_NAMES = ("heard", "queued", "ran", "returned", "stabilised", "send")


def read_timings(lines: Iterable[str]) -> Timings:
    """The timings in a server's log; lines of other events and other programs are passed over."""
    timings: defaultdict[tuple[str, str], list[ServerTiming]] = defaultdict(list)
    for line in lines:
        if EVENT not in line:
            continue
        row: dict[str, Any] = json.loads(line)
        meeting = row["meeting"].rpartition("/")[2]  # without its tenant
        stages = {f"{name}_s": row.get(f"{name}_ms", 0.0) / 1000 for name in _NAMES}
        timings[meeting, row["track"]].append(ServerTiming(**stages))
    return timings


@dataclass(frozen=True, slots=True)
class Stages:
    """Where the time of some captions went, on average; seconds, so that they add up.

    listening: from the onset to the end of the audio that the caption heard. rest: what nobody
    clocked: the sockets, the client, and waiting for a whole window. Both are 0 for captions whose
    delay does not count from an onset. count: of how many captions.
    """

    listening: float
    heard: float
    queued: float
    ran: float
    returned: float
    stabilised: float
    send: float
    rest: float
    count: int


@dataclass(frozen=True, slots=True)
class Delay:
    """A caption's whole delay and what is known of it; seconds.

    listening_s, total_s: None where the caption's delay does not count from an onset.
    """

    timing: ServerTiming
    listening_s: float | None = None
    total_s: float | None = None


def mean_stages(delays: Sequence[Delay]) -> Stages | None:
    """The averages; None without captions."""
    if not delays:
        return None
    rows = [_split(one) for one in delays]
    means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return Stages(**means, count=len(rows))


def _split(one: Delay) -> dict[str, float]:
    stages = {name: float(getattr(one.timing, f"{name}_s")) for name in _NAMES}
    if one.listening_s is None or one.total_s is None:
        return {"listening": 0.0, **stages, "rest": 0.0}
    rest = one.total_s - one.listening_s - sum(stages.values())
    return {"listening": one.listening_s, **stages, "rest": rest}


def stage_names() -> tuple[str, ...]:
    """The stages in order, without the count."""
    return tuple(one.name for one in fields(Stages) if one.name != "count")
