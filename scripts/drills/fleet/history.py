"""What a client was shown and has stored, and when: the record that everything is judged by."""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from structlog.testing import capture_logs

from wordloop_ml.replay.session import Record, Standing
from wordloop_ml.wire.server_messages import Caption, Notice


@dataclass(frozen=True, slots=True)
class Shown:
    """A caption with words arrived: when, and where on the track its last word ends."""

    at_s: float
    end_ms: int


@dataclass(frozen=True, slots=True)
class Broke:
    """A connection ended before its track did: when, and how the client describes it."""

    at_s: float
    why: str


class History:
    """The listener of one track; its store is this process's memory, on a monotonic clock."""

    def __init__(self, track: str) -> None:
        self.track = track
        self.records: list[tuple[float, Record, Standing]] = []
        self.shown: list[Shown] = []
        self.forgotten_s: list[float] = []

    async def store(self, record: Record, standing: Standing) -> None:
        """Keep it; a caption that is stored is shown as well."""
        self.records.append((time.monotonic(), record, standing))
        if isinstance(record, Caption):
            self.show(record)

    def show(self, caption: Caption) -> None:
        """Note when it came."""
        if caption.words:
            self.shown.append(Shown(time.monotonic(), caption.words[-1].end))

    def forget(self) -> None:
        """Note when it broke."""
        self.forgotten_s.append(time.monotonic())

    @property
    def finals(self) -> list[Caption]:
        """Every final, in the order of its storing."""
        return [record for _, record, _ in self.records if isinstance(record, Caption)]

    @property
    def notices(self) -> list[Notice]:
        """Every named hole, likewise."""
        return [record for _, record, _ in self.records if isinstance(record, Notice)]


class Breaks:
    """Why connections broke, by track: the client says so in its log."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def of(self, history: History) -> list[Broke]:
        """Every break of a track, the times from its history."""
        whys = self._by_track()[history.track]
        return [Broke(at, why) for at, why in zip(history.forgotten_s, whys, strict=True)]

    def promises(self) -> int:
        """How often a client saw the server break a promise of the protocol."""
        return sum(one["event"] == "promise_broken" for one in self._entries)

    def _by_track(self) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for one in self._entries:
            if one["event"] == "connection_broke":
                found[one["track"]].append(one["why"])
        return found


@contextmanager
def breaks_noted() -> Iterator[Breaks]:
    """The clients of this process log here, at any level; nothing of it is printed."""
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        with capture_logs() as entries:
            yield Breaks(entries)
    finally:
        structlog.configure(wrapper_class=before)


def write_histories(histories: list[History], path: Path) -> None:
    """Every record that was stored, a JSON line each: what the verdict can be checked against."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for history in histories:
            for at_s, record, standing in history.records:
                file.write(json.dumps(_line(history.track, at_s, record, standing)) + "\n")


def _line(track: str, at_s: float, record: Record, standing: Standing) -> dict[str, Any]:
    line: dict[str, Any] = {
        "track": track,
        "at_s": round(at_s, 4),
        "committed": standing.committed,
        "epoch": standing.epoch,
        "start": record.start,
        "end": record.end,
    }
    if isinstance(record, Caption):
        words = [word.text for word in record.words]
        return line | {"seq": record.seq, "replay": record.replay, "words": words}
    return line | {"notice": record.code, "reason": record.reason}
