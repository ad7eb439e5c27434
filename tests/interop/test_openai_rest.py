"""OpenAI's client in JavaScript transcribes files by address and key alone; tests/web/test_openai.py has Python's."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.page.node import NODE
from tests.web.files import sentences, wav
from tests.web.support import Serving

HERE = Path(__file__).parent
KEY = "secret-of-16-chars"
WITHIN_S = 60.0


@pytest.mark.skipif(
    NODE is None or not (HERE / "node_modules" / "openai").is_dir(),
    reason="there is no node, or no package: npm ci --prefix tests/interop",
)
async def test_the_javascript_client_transcribes_files(serving: Serving, tmp_path: Path) -> None:
    """It sends the file first."""
    assert NODE is not None
    service = await serving(token=KEY)
    audio = tmp_path / "speech.wav"
    audio.write_bytes(wav(sentences([1, 2], [3])))
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        str(HERE / "openai_rest.mjs"),
        env=os.environ | {"BASE_URL": f"{service.url}/v1", "KEY": KEY, "AUDIO": str(audio)},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate()
    assert process.returncode == 0
    told = json.loads(out)
    assert told["json"]["text"] == told["verbose"]["text"] == "w1 w2 w3"
    assert told["srt"].startswith("1\n00:00:00,")
    assert [one["word"] for one in told["verbose"]["words"]] == ["w1", "w2", "w3"]
    assert len(told["verbose"]["segments"]) == 2
    deltas = [one["delta"] for one in told["events"] if one["type"] == "transcript.text.delta"]
    assert "".join(deltas) == told["events"][-1]["text"] == "w1 w2 w3"
    refused = told["refused"]
    assert refused.pop("requestID")
    assert refused == {
        "status": 400,
        "code": "unsupported_task",
        "param": "model",
        "type": "invalid_request_error",
    }
    assert told["models"] == ["scripted"]
