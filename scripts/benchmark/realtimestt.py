"""RealtimeSTT's FastAPI server, spoken to as ours is, so that both are measured in one run.

RealtimeSTT (https://github.com/KoljaB/RealtimeSTT) is not part of this project: a checkout of it and
a Python with what it needs come from whoever compares. Its messages are told as captions of ours:
it names a segment, and when its recording began and ended, on the clock of the machine.
"""

import asyncio
import json
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.results import Beside, Result, result_of
from scripts.benchmark.scenario import Dialect, Plan, run
from scripts.benchmark.server_process import Launch, server_environment
from scripts.benchmark.speaking import (
    FRAME_SAMPLES,
    Recording,
    audio_frames,
    ending,
    listen,
    send_paced,
)
from scripts.benchmark.speech import SpokenText
from scripts.benchmark.subject import Subject
from scripts.benchmark.tracks import Script
from scripts.benchmark.twins import TOKEN_FLOOR
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.settings import read_settings
from wordloop_ml.weights import load_manifest

NAME = "RealtimeSTT"

LAST_FINAL_WITHIN_S = 20.0
"""It says nothing when a stream is over: so long is waited for what still comes, or until every
segment that showed anything has its final."""

AUDIO_CONTEXT = 300
"""Positions that its decodes encode: it cannot fit them to the audio, and nobody speaks longer."""

SESSIONS = 64

_METADATA = json.dumps(
    {"sampleRate": SAMPLE_RATE, "channels": 1, "format": "pcm_s16le", "frames": FRAME_SAMPLES}
).encode()
_HEADER = struct.pack("<I", len(_METADATA)) + _METADATA


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where it lies, and which Python runs it."""

    folder: Path
    python: Path

    def launch(self, weights: Path, port: int, threads: int) -> Launch:
        """Its server with these weights in both of its lanes, and nobody turned away.

        The settings are its own defaults, but for one hypothesis in place of several, decodes of
        exactly ``TOKEN_FLOOR`` tokens, and no second decode at a higher temperature: that is what
        our decodes are, so that what is compared is all that lies around them.
        """
        decode = {
            "model": {"n_threads": threads, "redirect_whispercpp_logs_to": None},
            "transcribe": {
                "audio_ctx": AUDIO_CONTEXT,
                "max_tokens": TOKEN_FLOOR,
                "single_segment": True,
                "no_context": True,
                "temperature_inc": 0.0,
            },
        }
        options = {
            "host": "127.0.0.1",
            "port": port,
            "engine": "whisper_cpp",
            "realtime-engine": "whisper_cpp",
            "model": weights.resolve(),
            "realtime-model": weights.resolve(),
            "engine-options": json.dumps(decode),
            "realtime-engine-options": json.dumps(decode),
            "device": "cpu",
            "language": "en",
            "beam-size": 1,
            "beam-size-realtime": 1,
            "max-sessions": SESSIONS,
            "max-active-speakers": SESSIONS,
            "log-level": "WARNING",
        }
        script = self.folder / "example_fastapi_server" / "server.py"
        arguments = [f"--{name}={value}" for name, value in options.items()]
        command = (str(self.python), str(script), *arguments)
        return Launch(command, ready="/health", ready_text='"ready":true', exits=False)


async def speak(
    http: aiohttp.ClientSession, url: str, track: str, script: Script, began_s: float
) -> Recording:
    """Speak a track as our own servers hear it; its frames are those that ours would have sent."""
    recording = Recording(began_s)
    heard = Recording(began_s)
    clock_s = time.time() - asyncio.get_running_loop().time()
    frames = [_HEADER + frame for frame in audio_frames(script.samples)]
    async with http.ws_connect(url, compress=0, max_msg_size=0) as socket:
        listening = asyncio.create_task(listen(socket, heard), name=f"listen-{track}")
        try:
            await socket.send_str('{"type":"start"}')
            await send_paced(socket, frames, began_s, recording.late_s)
            await _wait_last_final(heard)
        except ConnectionError as error:
            raise BenchmarkFailed(f"{track}: {ending(socket)}") from error
        finally:
            listening.cancel()
    recording.frames = list(as_captions(heard.frames, clock_s + began_s))
    return recording


async def _wait_last_final(heard: Recording) -> None:
    give_up_s = asyncio.get_running_loop().time() + LAST_FINAL_WITHIN_S
    while asyncio.get_running_loop().time() < give_up_s:
        messages = [json.loads(text) for _, text in heard.frames]
        shown = {one["segmentId"] for one in messages if one["type"] == "realtime"}
        if shown <= {one["segmentId"] for one in messages if one["type"] == "final"}:
            return
        await asyncio.sleep(0.5)


def as_captions(frames: Sequence[tuple[float, str]], began_s: float) -> Iterator[tuple[float, str]]:
    """Its messages as ours; pure. began_s: when the track began, on the clock of its timestamps.

    A segment's words are spread evenly over it. Other messages keep their type.
    """
    for at_s, text in frames:
        message = json.loads(text)
        told = message
        if message["type"] in {"realtime", "final"}:
            told = _caption(message, began_s)
        yield at_s, json.dumps(told)


def _caption(message: dict[str, Any], began_s: float) -> dict[str, Any]:
    segment = message.get("segment") or {}
    began = segment.get("recordingStartedAt") or message["timestamp"]
    ended = segment.get("recordingEndedAt") or message["timestamp"]
    start, end = (round(1000 * (one - began_s)) for one in (began, ended))
    texts = message["text"].split()
    width = (end - start) / max(1, len(texts))
    return {
        "type": "caption",
        "segment": str(message["segmentId"]),
        "start": start,
        "end": end,
        "words": [
            {
                "text": word,
                "start": round(start + place * width),
                "end": round(start + (place + 1) * width),
                "stable": False,
            }
            for place, word in enumerate(texts)
        ],
        "final": message["type"] == "final",
        "speech_final": message["type"] == "final",
    }


DIALECT = Dialect("/ws/transcribe", speak)


def measure_other(
    other: Checkout, subject: Subject, plan: Plan, speech: Sequence[SpokenText], log: Path
) -> Result:
    """A run of it with a subject's weights; blocking. Raises ``BenchmarkFailed``.

    How much audio an interim of it transcribes it does not say, so that there is no transcript
    latency.
    """
    environment = server_environment(subject.settings)
    settings = read_settings(environment)
    rows = load_manifest(settings.weights / MANIFEST).profile(settings.profile)
    weights = settings.weights / rows["transcriber"].file
    launch = other.launch(weights, settings.port, settings.threads)
    done = asyncio.run(run(plan, speech, environment, log, launch, DIALECT))
    named = Subject(f"{NAME}, {subject.name}", subject.settings, has_words=False)
    return replace(result_of(named, done, Beside()), transcript_latency=None)
