"""Which functions the server's time goes to, while meetings talk: a sampling profile, as a table."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.benchmark.report import table
from scripts.benchmark.scenario import Plan, run
from scripts.benchmark.server_process import Launch, server_environment
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.subject import Subject

LOOP, INFERENCE = "MainThread", "inference-"
SERVING = {LOOP: "BaseEventLoop._run_once", INFERENCE: "Executor._work"}
"""What a thread has called while it serves; before, it imports."""

LEAVING = "wordloop_ml/drain.py"
IDLE = ("EpollSelector.select", "Condition.wait")
SHOWN = 25


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of thread.

    busy: the share of the looks at which it did something, which is the share of a core when it is
    not kept waiting for one. itself, within: functions and the share of the busy looks at which
    they were executing, or were executing or had called what was; the most first.
    """

    thread: str
    looks: int
    busy: float
    itself: tuple[tuple[str, float], ...]
    within: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class HotPath:
    """The event loop's profile and that of all inference threads together."""

    title: str
    profiles: tuple[Profile, ...]

    def markdown(self) -> str:
        """Both, the most first."""
        parts = []
        for one in self.profiles:
            head = (
                f"{self.title}, {one.thread}: busy at {100 * one.busy:.1f} % of {one.looks} looks"
            )
            parts.append(table([head, "itself"], _shares(one.itself)))
            parts.append(table(["with what it calls, ours only", "within"], _shares(one.within)))
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The same."""
        return asdict(self)


def measure_hot_path(
    subject: Subject, plan: Plan, speech: Sequence[SpokenText], log: Path
) -> HotPath:
    """Run a plan with the profiler inside the server. Raises ``BenchmarkFailed``."""
    counts = log.with_suffix(".json").absolute()
    command = (sys.executable, "-m", "scripts.benchmark.sampled_server", str(counts), "serve")
    environment = server_environment(subject.settings)
    asyncio.run(run(plan, speech, environment, log, Launch(command)))
    threads = json.loads(counts.read_text(encoding="utf-8"))["threads"]
    meetings = f"{plan.meetings} meeting{'s' * (plan.meetings > 1)}"
    profiles = tuple(
        profile(
            kind, [row for name, rows in threads.items() if name.startswith(kind) for row in rows]
        )
        for kind in (LOOP, INFERENCE)
    )
    return HotPath(f"{subject.name}, {meetings}", profiles)


def profile(kind: str, stacks: Iterable[tuple[Sequence[str], int]]) -> Profile:
    """A thread's stacks, innermost first, and how often each was seen."""
    itself: Counter[str] = Counter()
    within: Counter[str] = Counter()
    looks = busy = 0
    for stack, times in stacks:
        if not _serves(kind, stack):
            continue
        looks += times
        if stack[0].endswith(IDLE):
            continue
        busy += times
        itself[stack[0]] += times
        for place in {one for one in stack if one.startswith("wordloop_ml/")}:
            within[place] += times
    return Profile(
        kind.rstrip("-"), looks, busy / max(looks, 1), _most(itself, busy), _most(within, busy)
    )


def _serves(kind: str, stack: Sequence[str]) -> bool:
    """Neither importing nor leaving."""
    leaves = any(place.startswith(LEAVING) for place in stack)
    return not leaves and any(place.endswith(SERVING[kind]) for place in stack)


def _most(counts: Counter[str], busy: int) -> tuple[tuple[str, float], ...]:
    """Without what is there at every look: the functions that everything is called from."""
    return tuple(
        (name, times / busy)
        for name, times in counts.most_common(SHOWN)
        if times < busy or len(counts) == 1
    )


def _shares(rows: Sequence[tuple[str, float]]) -> list[list[str]]:
    return [[f"`{name}`", f"{100 * share:.1f} %"] for name, share in rows]
