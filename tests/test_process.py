"""The service as its operators run it: a process of its own, signals, an exit status, its logs."""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from resource import RLIMIT_NOFILE, setrlimit

import aiohttp
import numpy as np
import pytest

from tests.speech import samples_of
from tests.web.support import WAIT_S, Client
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

ROOT = Path(__file__).resolve().parents[1]

MANIFEST = """
format = 1
[profiles.embedded]
transcriber = "scripted"
voice_detector = "scripted"
[weights.scripted]
file = "scripted.bin"
bytes = {bytes}
sha256 = "{sha256}"
licence = "MIT"
engine = "scripted"
sources = [{{ repository = "scripted.bin" }}]
"""


@dataclass
class Process:
    """A serving process and a session towards it."""

    child: asyncio.subprocess.Process
    port: int
    session: aiohttp.ClientSession

    async def connect(self, meeting: str) -> Client:
        url = f"http://127.0.0.1:{self.port}/v1/meetings/{meeting}/audio"
        return Client(await self.session.ws_connect(url))

    async def ended(self) -> tuple[int, str]:
        """The exit status and everything the process logged."""
        async with asyncio.timeout(WAIT_S):
            _, logs = await self.child.communicate()
        assert self.child.returncode is not None
        return self.child.returncode, logs.decode()


@asynccontextmanager
async def serving(
    weights: Path, *, files: int | None = None, token: str = ""
) -> AsyncIterator[Process]:
    """``wordloop-ml serve`` on a folder of weights, ready. files: how many it may have open."""
    environment = os.environ | {
        "WORDLOOP_WEIGHTS": str(weights),
        "WORDLOOP_PORT": "0",
        "WORDLOOP_TOKEN": token,
        "WORDLOOP_DRAIN_LISTEN_S": "0.1",
        "WORDLOOP_LOG_LEVEL": "debug",
        # these tests speak faster than people, on machines that are as busy as they are
        "WORDLOOP_NEW_MEETING_LOAD": "1000",
        "WORDLOOP_RESUME_LOAD": "1000",
        "WORDLOOP_AUDIO_FRAMES_PER_S": "1000",
        "WORDLOOP_REALTIME_FACTOR": "100",
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wordloop_ml", "serve"),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=None if files is None else lambda: setrlimit(RLIMIT_NOFILE, (files, files)),
    )
    try:
        async with aiohttp.ClientSession() as session:
            yield Process(child, await _ready_port(child), session)
    finally:
        if child.returncode is None:
            child.kill()
            await child.communicate()


@pytest.fixture
def scripted(tmp_path: Path) -> Path:
    """A folder of weights whose profile is scripted engines."""
    weights = b"read by nobody"
    (tmp_path / "scripted.bin").write_bytes(weights)
    (tmp_path / "manifest.toml").write_text(
        MANIFEST.format(bytes=len(weights), sha256=hashlib.sha256(weights).hexdigest())
    )
    return tmp_path


@pytest.fixture
async def process(scripted: Path) -> AsyncIterator[Process]:
    """A process with scripted engines."""
    async with serving(scripted) as one:
        yield one


async def _ready_port(child: asyncio.subprocess.Process) -> int:
    """Read the log up to the event that says that the service is ready."""
    assert child.stderr is not None
    async with asyncio.timeout(WAIT_S):
        while line := await child.stderr.readline():
            event = json.loads(line)
            if event["event"] == "ready":
                return int(event["port"])
    raise AssertionError("the service ended before it was ready")


async def test_sigterm_sends_every_final_closes_every_socket_and_exits_0(process: Process) -> None:
    """Ten live tracks, one signal."""
    clients = [await process.connect(f"meeting-{index % 4}") for index in range(10)]
    for index, client in enumerate(clients):
        await client.start(track=f"t{index}")
        await client.speak(np.concatenate([spoken([index + 1, 90]), silence(16_000)]))
        await client.speak(spoken([index + 101, 91]))
        # audio that has not been heard is the next server's, after a resume
        while f"w{index + 101}" not in (await client.until("caption"))["text"]:
            pass
    process.child.send_signal(signal.SIGTERM)
    await asyncio.gather(*(client.drained() for client in clients))
    for index, client in enumerate(clients):
        assert client.words == [f"w{index + 1}", "w90", f"w{index + 101}", "w91"]
        assert client.code == 1012
    status, logs = await process.ended()
    assert status == 0
    assert "Traceback" not in logs


async def test_ctrl_c_ends_it_at_once(process: Process) -> None:
    """A person at a terminal waits for nobody."""
    process.child.send_signal(signal.SIGINT)
    status, logs = await process.ended()
    assert status == 0
    assert json.loads(logs.splitlines()[-1])["event"] == "drain_ended"


async def test_what_was_said_and_by_whom_is_in_no_log(process: Process) -> None:
    """Canaries in words, names and audio, at debug level, through success and failure."""
    client = await process.connect("standup")
    await client.start(speaker="Canary McFeather")
    await client.speak(np.concatenate([spoken([12_321, 23_432]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert client.words == ["w12321", "w23432"]
    broken = await process.connect("standup")
    await broken.start(speaker="Canary McFeather", sample_rate="Canary")
    await broken.drained()
    process.child.send_signal(signal.SIGTERM)
    _, logs = await process.ended()
    assert "meeting_ended" in logs
    for canary in ("Canary", "12321", "23432", "13321"):
        assert canary not in logs


async def test_when_files_are_used_up_meetings_go_on_and_the_log_says_so_once(
    scripted: Path,
) -> None:
    """Whoever waits at the door comes in as soon as others have gone."""
    async with serving(scripted, files=40) as process:
        before = await process.connect("before")
        await before.start()
        await before.until("ready")
        idle = [await asyncio.open_connection("127.0.0.1", process.port) for _ in range(60)]
        await before.speak(np.concatenate([spoken([1, 2]), silence(16_000)]))
        await before.until("caption", final=True)
        late = asyncio.create_task(process.connect("late"))
        await before.speak(np.concatenate([spoken([3, 4]), silence(16_000)]))
        await before.send(type="stop")
        await before.drained()
        assert before.words == ["w1", "w2", "w3", "w4"]
        assert not late.done()
        for _, writer in idle:
            writer.close()
            await writer.wait_closed()
        client = await late
        await client.start()
        await client.until("ready")
        process.child.send_signal(signal.SIGTERM)
        await client.drained()
        status, logs = await process.ended()
    assert status == 0
    events = [json.loads(line) for line in logs.splitlines()]
    told = [one for one in events if one["event"] == "accept_failed"]
    assert [(one["errno"], one["times"]) for one in told] == [("EMFILE", 1)]
    assert not [one for one in events if one["event"] == "library_log"]


async def test_meetings_with_reconnects_need_no_weight_file(tmp_path: Path) -> None:
    """The embedded profile, whose folder is deleted as soon as the service is ready."""
    folder = _copied_weights(tmp_path)
    audio = _said_twice()
    async with serving(folder) as process:
        shutil.rmtree(folder)
        _has_nothing_open_below(folder, process.child.pid)
        texts = await asyncio.gather(
            *(_meet_with_a_reconnect(process, f"meeting-{index}", audio) for index in range(20))
        )
        assert len(set(texts)) == 1
        assert "fellow" in texts[0]
        async with process.session.get(f"http://127.0.0.1:{process.port}/startupz") as answer:
            loads = (await answer.json())["model_loads"]
        assert {(one["model"], one["loads"]) for one in loads} == {
            ("silero-vad", 1),
            ("tiny.en", 1),
            ("all-minilm-l6-v2", 1),
        }
        where = f"http://127.0.0.1:{process.port}/v1/embeddings"
        async with process.session.post(where, json={"input": "What was said."}) as answer:
            assert answer.status == 200
        process.child.send_signal(signal.SIGTERM)
        status, logs = await process.ended()
    assert status == 0
    assert "Traceback" not in logs


async def _meet_with_a_reconnect(process: Process, meeting: str, audio: Pcm16) -> str:
    """Speak up to the first final, lose the connection, and resume behind it; what was said."""
    first = await process.connect(meeting)
    await first.start(epoch=1)
    await first.speak(audio[: len(audio) * 2 // 3], frame_samples=1_600)
    final = await first.until("caption", final=True)
    await first.socket.close()
    second = await process.connect(meeting)
    committed, seq = final["committed"], final["seq"]
    await second.start(epoch=2, first_sample=committed, resume_from=committed, last_seq=seq)
    await second.speak(audio[committed:], frame_samples=1_600)
    await second.send(type="stop")
    ended = (await second.drained())[-1]
    assert (ended["type"], ended["committed"], second.code) == ("ended", len(audio), 1000)
    return " ".join([*first.words, *second.words])


def _copied_weights(folder: Path) -> Path:
    """The embedded profile's files in a folder of their own, or a visible skip."""
    copied = folder / "weights"
    copied.mkdir()
    for name in (
        "manifest.toml",
        *(
            f"faster-whisper-tiny.en/{part}"
            for part in ("model.bin", "vocabulary.txt", "config.json")
        ),
        "silero_vad.onnx",
        *(f"all-minilm-l6-v2.{kind}" for kind in ("safetensors", "onnx", "tokenizer.json")),
    ):
        if not (ROOT / "weights" / name).is_file():
            pytest.skip(f"weights/{name} is not there: wordloop-ml weights pull")
        (copied / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "weights" / name, copied / name)
    return copied


def _said_twice() -> Pcm16:
    """ "And so, my fellow Americans", with a second of silence behind it, and once more."""
    samples = np.concatenate(
        [samples_of("en_read_jfk_1")[: 11 * SAMPLE_RATE // 5], np.zeros(SAMPLE_RATE)]
    )
    whole: Pcm16 = np.tile(np.rint(samples * 32_767).astype(np.int16), 2)
    return whole


def _has_nothing_open_below(folder: Path, process: int) -> None:
    """By the kernel's lists of maps and open files, where there are such lists.

    The embedder's weights are used where they were mapped: that needs no name in any folder.
    """
    facts = Path(f"/proc/{process}")
    if facts.is_dir():
        mapped = [line for line in (facts / "maps").read_text().splitlines() if str(folder) in line]
        assert all("all-minilm-l6-v2.safetensors" in line for line in mapped)
        assert not [one for one in (facts / "fd").iterdir() if str(folder) in str(one.readlink())]
