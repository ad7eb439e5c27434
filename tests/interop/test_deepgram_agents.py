"""Frameworks of voice agents hear speech through their own plugins for Deepgram, by address and key alone."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.interop.test_deepgram import KEY, as_wav, check, engines, speech
from tests.web.support import Serving

HERE = Path(__file__).parent / "agents"
PYTHON = HERE / ".venv" / "bin" / "python"
WITHIN_S = 120.0

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="there is no tests/interop/agents/.venv: see its requirements.txt"
)


async def told_by(serving: Serving, script: str, tmp_path: Path) -> dict[str, Any]:
    """Run a script of the frameworks' own environment against a service; what it printed last."""
    service = await serving(engines=engines(), token=KEY)
    audio = tmp_path / "speech.wav"
    audio.write_bytes(as_wav(speech()))
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        HERE / script,
        env={**os.environ, "URL": service.url, "KEY": KEY, "AUDIO": str(audio)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-2_000:]
    told: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return told


async def test_livekit_hears_results_turns_and_files(serving: Serving, tmp_path: Path) -> None:
    """``STT``, ``STTv2`` and ``recognize``."""
    told = await told_by(serving, "livekit_deepgram.py", tmp_path)
    for texts in told.values():
        check(texts)


async def test_pipecat_hears_results_and_turns(serving: Serving, tmp_path: Path) -> None:
    """And the text that answers its ``Finalize`` is told as finalized."""
    told = await told_by(serving, "pipecat_deepgram.py", tmp_path)
    check(told["results"])
    check(told["turns"])
    assert told["finalized"][-1]
