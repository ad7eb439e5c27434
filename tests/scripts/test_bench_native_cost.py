"""The cost of the native calls."""

import numpy as np
import pytest

from scripts.benchmark import native_cost
from scripts.benchmark.native_cost import as_floats, measure_native_cost
from scripts.benchmark.tracks import Said, Script
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector

SCRIPT = Script(np.full(32_000, 16_384, np.int16), (Said("hello there", "a voice", 8_000, 24_000),))


def test_jobs_and_windows_are_clocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is not whisper.cpp has no long call to clock."""
    monkeypatch.setattr(native_cost, "JOBS", 3)
    monkeypatch.setattr(native_cost, "JOB_PAUSE_S", 0.0)
    monkeypatch.setattr(native_cost, "WINDOWS", 2)
    engines = Engines(ScriptedTranscriber(cost=lambda _: 0.01), ScriptedVoiceDetector())
    cost = measure_native_cost(engines, SCRIPT)
    assert cost.python_share is None
    assert 0.01 <= cost.job_s < 0.1
    assert 0.0 < cost.voice_detection_warm < 1.0


def test_audio_is_what_the_wire_makes_of_it() -> None:
    """Full scale is one."""
    floats = as_floats(SCRIPT)
    assert floats.dtype == np.float32
    assert floats[0] == 0.5
