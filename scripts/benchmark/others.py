"""Other servers, each spoken to in its own protocol and measured as ours is.

None of them is part of this project: a checkout, and a ``.venv`` in it with what it needs, come from
whoever compares (docs/benchmarks.md says how).
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from scripts.benchmark.realtimestt import RealtimeStt
from scripts.benchmark.scenario import Plan, Run, run
from scripts.benchmark.server_process import server_environment
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.whisperlive import WhisperLive

OTHERS: dict[str, type[RealtimeStt | WhisperLive]] = {
    "realtimestt": RealtimeStt,
    "whisperlive": WhisperLive,
}


def measure_other(
    name: str, folder: Path, model: Path, plan: Plan, speech: Sequence[SpokenText], log: Path
) -> Run:
    """A run of it; blocking. Raises ``BenchmarkFailed``.

    model: the weights, in a folder as faster-whisper wants it.
    """
    environment = server_environment({})
    other = OTHERS[name](folder.resolve(), model.resolve())
    launch, dialect = other.launch(int(environment["WORDLOOP_PORT"])), other.dialect()
    return asyncio.run(run(plan, speech, environment, log, launch, dialect))
