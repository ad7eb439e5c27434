"""Other servers, each spoken to in its own protocol and measured as ours is, in the same run.

None of them is part of this project: a checkout, and a ``.venv`` in it with what it needs, come from
whoever compares. They run with their own defaults (faster-whisper), but for a CPU, the weights given
(``model.bin``, ``vocabulary.txt``, ``config.json``, ``tokenizer.json``), the language, and nobody
turned away. In each checkout:

RealtimeSTT: ``pip install faster-whisper webrtcvad-wheels torch scipy soundfile
'silero-vad[onnx-cpu]' 'uvicorn[standard]' fastapi halo websockets websocket-client requests``, then
``pip install --no-deps -e .``

WhisperLive: ``pip install faster-whisper==1.2.0 torch websockets onnxruntime soundfile scipy fastapi
uvicorn python-multipart numba requests``, and ``silero_vad.onnx`` in ``~/.cache/whisper-live``. It
loads its model for its first client, so that one comes and goes before the run.
"""

import asyncio
import json
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import aiohttp
import numpy as np

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.captions import Frames, Part, Screen
from scripts.benchmark.scenario import Dialect, Plan, Run, run
from scripts.benchmark.server_process import Launch, server_environment
from scripts.benchmark.speaking import FRAME_SAMPLES, Recording, audio_frames, connect
from scripts.benchmark.speech import FULL_SCALE, SpokenText
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

CLIENTS, CONNECTED_S = 64, 3_600
READY_WITHIN_S = 60.0


def measure_other(
    name: str, folder: Path, model: Path, plan: Plan, speech: Sequence[SpokenText], log: Path
) -> Run:
    """Run a plan against another server; blocking. Raises ``BenchmarkFailed``.

    folder: its checkout. model: the weights, in a folder as faster-whisper wants it.
    """
    environment = server_environment({})
    launch_of, dialect = OTHERS[name]
    launch = launch_of(folder.resolve(), model.resolve(), int(environment["WORDLOOP_PORT"]))
    return asyncio.run(run(plan, speech, environment, log, launch, dialect))


def realtimestt(folder: Path, model: Path, port: int) -> Launch:
    """How RealtimeSTT's FastAPI server is started, with the weights in both of its lanes."""
    options = {
        "host": "127.0.0.1",
        "port": port,
        "model": model,
        "realtime-model": model,
        "device": "cpu",
        "language": "en",
        "max-sessions": CLIENTS,
        "max-active-speakers": CLIENTS,
        "log-level": "WARNING",
    }
    command = (
        str(folder / ".venv" / "bin" / "python"),
        str(folder / "example_fastapi_server" / "server.py"),
        *(f"--{name}={value}" for name, value in options.items()),
    )
    return Launch(command, ready="/health", ready_text='"ready":true', folder=folder, exits=False)


_METADATA = json.dumps(
    {"sampleRate": SAMPLE_RATE, "channels": 1, "format": "pcm_s16le", "frames": FRAME_SAMPLES}
).encode()
_HEADER = struct.pack("<I", len(_METADATA)) + _METADATA


async def speak_realtimestt(
    http: aiohttp.ClientSession, url: str, track: str, samples: Pcm16, began_s: float
) -> Recording:
    """Speak a track in RealtimeSTT's packets."""
    frames = [_HEADER + frame for frame in audio_frames(samples)]
    async with connect(http, url, track, began_s) as one:
        one.listen()
        await one.socket.send_str('{"type":"start"}')
        await one.send_paced(frames, began_s)
        await one.wait_settled(display_realtimestt)
    return one.recording


def display_realtimestt(frames: Frames) -> Iterator[Screen]:
    """Its segments, each replaced by its next text and settled by its final; pure."""
    parts: dict[int, Part] = {}
    for at_s, text in frames:
        message = json.loads(text)
        if message["type"] in {"realtime", "final"}:
            segment = int(message["segmentId"])
            parts[segment] = Part(str(segment), message["text"], message["type"] == "final")
            yield Screen(at_s, tuple(parts[one] for one in sorted(parts)))


def whisperlive(folder: Path, model: Path, port: int) -> Launch:
    """How WhisperLive's server is started: int8, one model for all."""
    command = (
        str(folder / ".venv" / "bin" / "python"),
        "run_server.py",
        f"--port={port}",
        "--backend=faster_whisper",
        f"--faster_whisper_custom_model_path={model}",
        f"--max_clients={CLIENTS}",
        f"--max_connection_time={CONNECTED_S}",
    )
    upgrade_required = 426  # what it answers to HTTP
    return Launch(command, ready="/", ready_status=upgrade_required, folder=folder, exits=False)


_FLOATS_S = 0.1
_OPTIONS = {"language": "en", "task": "transcribe", "model": "tiny.en", "use_vad": True}
"""As its own client sends them; the weights on its command line stand above ``model``."""


async def warm_whisperlive(http: aiohttp.ClientSession, base: str) -> None:
    """Let it load its model, which it does for its first client."""
    async with http.ws_connect(base, compress=0) as socket:
        await _begin(socket, "warm")


async def speak_whisperlive(
    http: aiohttp.ClientSession, url: str, track: str, samples: Pcm16, began_s: float
) -> Recording:
    """Speak a track once the server is ready for it, in 32-bit floats, as its own client does."""
    size = round(_FLOATS_S * SAMPLE_RATE)
    padded = np.pad(samples, (0, -len(samples) % size))
    floats = (padded / FULL_SCALE).astype("<f4").reshape(-1, size)
    async with connect(http, url, track, began_s) as one:
        await _begin(one.socket, f"{track}-{began_s}")
        one.listen()
        await one.send_paced([row.tobytes() for row in floats], began_s, _FLOATS_S)
        await one.wait_settled(display_whisperlive)
        await one.socket.send_bytes(b"END_OF_AUDIO")
    return one.recording


async def _begin(socket: aiohttp.ClientWebSocketResponse, uid: str) -> None:
    await socket.send_json({"uid": uid, **_OPTIONS})
    async with asyncio.timeout(READY_WITHIN_S):
        message = await socket.receive_json()
    if message.get("message") != "SERVER_READY":
        raise BenchmarkFailed(f"WhisperLive was not ready: {message}")


def display_whisperlive(frames: Frames) -> Iterator[Screen]:
    """Completed segments stay, in order of their beginning; the open one behind them is replaced.

    Pure. A message holds the last ten completed segments and, last, the open one.
    """
    completed: dict[float, Part] = {}
    for at_s, text in frames:
        segments = json.loads(text).get("segments")
        if segments is None:
            continue
        opened: tuple[Part, ...] = ()
        for one in segments:
            start = float(one["start"])
            if one["completed"]:
                completed[start] = Part(f"{start}", one["text"].strip(), final=True)
            else:
                opened = (Part(f"open {start}", one["text"].strip(), final=False),)
        yield Screen(at_s, (*(completed[start] for start in sorted(completed)), *opened))


OTHERS: dict[str, tuple[Callable[[Path, Path, int], Launch], Dialect]] = {
    "realtimestt": (
        realtimestt,
        Dialect("/ws/transcribe", speak_realtimestt, display_realtimestt),
    ),
    "whisperlive": (
        whisperlive,
        Dialect("/", speak_whisperlive, display_whisperlive, warm=warm_whisperlive),
    ),
}
"""By name: how each is started from its checkout, its weights and a port, and how it is spoken to."""
