"""The JavaScript client answers what the Python client answers: in its tests, and over random faults."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from tests.captioning.choices import Choices
from tests.page.node import needs_node, run_node
from tests.page.recording import RecordingSession, judged
from tests.replay import simulation as simulated
from tests.replay import talking, test_breaks, test_session, test_together
from wordloop_ml.replay.breaks import Break, Closed, Lost, Refused
from wordloop_ml.replay.session import ReplayPolicy, ReplaySession
from wordloop_ml.wire.close_codes import CLIENT_ACTIONS, OUTCOMES

SIMULATIONS = 30
STATUSES = sorted({outcome.http for outcome in OUTCOMES.values()} | {404, 418, 502})

pytestmark = needs_node


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that these modules make are recorded."""
    RecordingSession.recorded.clear()
    for module in (talking, test_session, simulated):
        monkeypatch.setattr(module, ReplaySession.__name__, RecordingSession)


def calls(function: FunctionType) -> Iterator[dict[str, Any]]:
    """The arguments with which pytest calls a test of that module."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    if not marks:
        yield {}
    for mark in marks:
        names, values = mark.args
        for one in values:
            given = [one] if isinstance(names, str) else one
            yield dict(zip([names] if isinstance(names, str) else names, given, strict=True))


def breaks() -> list[Break]:
    codes = [*map(int, CLIENT_ACTIONS), 1001, 4999]
    marks = test_breaks.test_only_a_process_that_may_have_died_makes_audio_suspicious
    tested = [why for [mark] in [getattr(marks, "pytestmark", [])] for why, _ in mark.args[1]]
    return [*tested, *map(Closed, codes), *map(Refused, STATUSES), Lost(silent=True)]


def play(tmp_path: Path) -> str:
    recorded = tmp_path / "recorded.json"
    document = {
        "sessions": RecordingSession.recorded,
        "breaks": [judged(why) for why in breaks()],
        "actions": {int(code): action for code, action in CLIENT_ACTIONS.items()},
    }
    recorded.write_text(json.dumps(document))
    return run_node("replay.test.mjs", RECORDED=str(recorded))


@pytest.mark.usefixtures("recording")
def test_it_answers_as_the_python_client_does_in_each_of_its_tests(tmp_path: Path) -> None:
    """Every session of ``tests/replay/test_session.py``, step by step; and the tables of breaks."""
    for name, function in vars(test_session).items():
        if name.startswith("test_") and not hasattr(function, "hypothesis"):
            for arguments in calls(function):
                function(**arguments)
    assert len(RecordingSession.recorded) > 40
    assert f"# pass {len(RecordingSession.recorded) + len(breaks()) + 1}\n" in play(tmp_path)


@pytest.mark.usefixtures("recording")
def test_it_answers_as_the_python_client_does_over_random_faults(tmp_path: Path) -> None:
    """Drops, duplicates, late frames, crashes on both sides, failed decodes, too small buffers."""
    for seed in range(SIMULATIONS):
        chosen = random.Random(seed)
        said = simulated.talk([chosen.choice([0, 0, 4, 12, 30, 90, 200]) for _ in range(30)])
        policy = ReplayPolicy(
            replay_s=chosen.choice([300, 600, 4_000]) / simulated.RATE,
            in_flight_s=300 / simulated.RATE,
        )
        one = simulated.Simulation(said.audio, policy)
        events = chosen.randbytes(600)
        test_together.play(one, Choices(events), len(events) // 2, gentle=False)
        one.finish()
    play(tmp_path)
