"""OpenAI's clients transcribe files by address and key alone; tests/web/test_openai.py has Python's other examples."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soxr
from openai import AsyncOpenAI

from tests.page.node import NODE
from tests.speech import manifest, samples_of, word_error_rate
from tests.web.files import sentences, wav
from tests.web.support import Serving
from wordloop_ml.engines.catalogue import open_engines
from wordloop_ml.settings import Settings

HERE = Path(__file__).parent
CLIP = "en_read_ls1272_1"
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


async def test_the_python_client_transcribes_real_speech(serving: Serving, tmp_path: Path) -> None:
    """Of a file that no model reads as it is: FLAC at another rate, on the embedded weights."""
    service = await serving(engines=open_engines(replace(Settings(), workers=2)), token=KEY)
    path = tmp_path / "speech.flac"
    await asyncio.to_thread(write_flac, path)
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=KEY) as client:
        answer = await client.audio.transcriptions.create(model="whisper-1", file=path)
    assert word_error_rate(manifest()[CLIP]["text"], answer.text) < 0.2


def write_flac(path: Path) -> None:
    """The clip at 44.1 kHz, on two channels."""
    samples = soxr.resample(samples_of(CLIP), 16_000, 44_100)
    both = np.repeat(np.rint(np.clip(samples, -1, 1) * 32_767).astype(np.int16), 2)[None]
    with av.open(str(path), "w", format="flac") as container:
        stream = container.add_stream("flac", rate=44_100)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate = 44_100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
