"""Where the time of a caption went, as the server's debug log tells it; pure.

The server writes a line ``caption_sent`` for each caption, in the order of sending, so that the
n-th line of a track is about the n-th caption that its client received.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

EVENT = "caption_sent"


@dataclass(frozen=True, slots=True)
class ServerTiming:
    """One caption on its way through the server; seconds.

    decoded_for: the class of the decode whose answer let it out, or ``none``.
    audio_s: the audio that was decoded.
    heard_s: the step of the event loop that asked for the decode: voice detection, mostly.
    queued_s, ran_s: of the job. returned_s: from its end to the event loop.
    stabilised_s: the step that made the caption. send_s: in the outbox, and until the socket took it.
    """

    decoded_for: str
    audio_s: float
    heard_s: float
    queued_s: float
    ran_s: float
    returned_s: float
    stabilised_s: float
    send_s: float

    @property
    def server_s(self) -> float:
        """From the audio that asked for it to the socket."""
        waited = self.heard_s + self.queued_s + self.ran_s + self.returned_s
        return waited + self.stabilised_s + self.send_s


Timings = Mapping[tuple[str, str], Sequence[ServerTiming]]
"""By meeting, as its client calls it, and track; in the order of sending."""


def read_timings(lines: Iterable[str]) -> Timings:
    """The timings in a server's log; lines of other events and other programs are passed over."""
    timings: defaultdict[tuple[str, str], list[ServerTiming]] = defaultdict(list)
    for line in lines:
        if EVENT not in line:
            continue
        row = json.loads(line)
        meeting = row["meeting"].rpartition("/")[2]  # without its tenant
        timings[meeting, row["track"]].append(_timing(row))
    return timings


def _timing(row: dict[str, Any]) -> ServerTiming:
    names = ("heard", "queued", "ran", "returned", "stabilised", "send")
    stages = {f"{name}_s": row.get(f"{name}_ms", 0.0) / 1000 for name in names}
    return ServerTiming(row["decoded_for"], row["audio_ms"] / 1000, **stages)


@dataclass(frozen=True, slots=True)
class EncodeShare:
    """How much of a job is the encoder's, by the length of its audio; measured beside the runs.

    audio_s: rising. shares: at each of these, in [0, 1]. Between them it is interpolated.
    """

    audio_s: tuple[float, ...]
    shares: tuple[float, ...]

    def at(self, audio_s: float) -> float:
        """The share for so much audio."""
        return float(np.interp(audio_s, self.audio_s, self.shares))


@dataclass(frozen=True, slots=True)
class Stages:
    """Where the time of some captions went, on average; seconds, so that they add up.

    listening: from the onset to the end of the audio that the caption heard; only for captions
        whose delay counts from an onset. vad: the step that asked. loop: waiting for the event
        loop. rest: what nobody clocked: the sockets, the client, and waiting for a whole window.
    count: of how many captions.
    """

    listening: float
    vad: float
    queue: float
    encode: float
    decode: float
    loop: float
    stabilise: float
    send: float
    rest: float
    count: int


@dataclass(frozen=True, slots=True)
class Delay:
    """A caption's whole delay and what is known of it; seconds.

    listening_s, total_s: None where the caption's delay does not count from an onset.
    """

    timing: ServerTiming
    listening_s: float = 0.0
    total_s: float | None = None


def mean_stages(delays: Sequence[Delay], share: EncodeShare | None) -> Stages | None:
    """The averages; None without captions, or where the encoder's share was not measured."""
    if not delays or share is None:
        return None
    rows = [_split(one, share) for one in delays]
    means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    return Stages(**means, count=len(rows))


def _split(one: Delay, share: EncodeShare) -> dict[str, float]:
    timing = one.timing
    encode = timing.ran_s * share.at(timing.audio_s)
    rest = 0.0 if one.total_s is None else one.total_s - one.listening_s - timing.server_s
    return {
        "listening": one.listening_s,
        "vad": timing.heard_s,
        "queue": timing.queued_s,
        "encode": encode,
        "decode": timing.ran_s - encode,
        "loop": timing.returned_s,
        "stabilise": timing.stabilised_s,
        "send": timing.send_s,
        "rest": rest,
    }


def stage_names() -> tuple[str, ...]:
    """The stages in order, without the count."""
    return tuple(one.name for one in fields(Stages) if one.name != "count")
