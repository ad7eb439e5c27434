"""A server with the page, and Debian's Chromium with a microphone that hears real speech."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import wave
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from tests.speech import manifest, plain, samples_of
from wordloop_ml.messages import SAMPLE_RATE

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium")
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "0123456789/+abcdef="  # noqa: S105 - with letters that no subprotocol may have
WAIT_MS = 90_000.0
CLIPS = ("en_read_ls367_2", "en_read_jfk_1", "en_read_ls1272_1")
SAID = plain(" ".join(manifest()[clip]["text"] for clip in CLIPS))

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="there is no axe-core: npm ci")


def write_talk(path: Path) -> None:
    """Write what the microphone hears: its first moments are lost, its last are repeated for ever."""
    pause = np.zeros(SAMPLE_RATE, np.float32)
    parts = [pause, *(part for clip in CLIPS for part in (samples_of(clip), pause))]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.concatenate(parts) * 32_767).astype("<i2").tobytes())


class Server:
    """``wordloop-ml serve --page`` on a port that stays the same when it is started again."""

    def __init__(self, *, token: str = TOKEN) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = int(listening.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/"
        self._token = token
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        environment = os.environ | {
            "WORDLOOP_PORT": str(self.port),
            "WORDLOOP_PAGE": "on",
            "WORDLOOP_TOKEN": self._token,
            "WORDLOOP_DRAIN_LISTEN_S": "0",
            # a machine that runs tests is busy: nothing is refused for that
            "WORDLOOP_STRETCH_LOAD": "1000",
            "WORDLOOP_DROP_LOAD": "1000",
            "WORDLOOP_NEW_MEETING_LOAD": "1000",
            "WORDLOOP_RESUME_LOAD": "1000",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "wordloop_ml", "serve"],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if json.loads(line)["event"] == "ready":
                # what it goes on to log is read, so that it never waits for a reader
                threading.Thread(target=_drain, args=(self._process.stderr,), daemon=True).start()
                return
        raise AssertionError("the service ended before it was ready")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _drain(stream: IO[str]) -> None:
    with stream:
        deque(stream, 0)


@contextmanager
def chromium(
    playwright: Any, talk: Path, *, allowed: bool = True, more: Sequence[str] = ()
) -> Iterator[Any]:
    """Open a browser whose microphone hears ``talk``. allowed: pages may use it. more: options."""
    arguments = [
        *more,
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={talk}%noloop",
    ]
    if allowed:
        arguments.append("--use-fake-ui-for-media-stream")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield browser
    browser.close()


class Tab:
    """One page, and what its console said that is wrong."""

    def __init__(self, context: Any, url: str) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.errors: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} ({message.location['url']})")

    def wait_for(self, selector: str, text: str | None = None) -> Any:
        """Wait until an element is seen, perhaps one with a text; return it."""
        found = self.page.locator(selector, has_text=text).first
        found.wait_for()
        return found

    @property
    def words(self) -> str:
        """What the log has, without case and punctuation."""
        return plain(" ".join(self.page.locator("#log .text").all_inner_texts()))

    def violations(self, *but: str) -> list[str]:
        """Ask axe what is wrong with the page as it is now. but: rules that do not apply."""
        self.page.evaluate(AXE.read_text("utf-8"))
        rules = {rule: {"enabled": False} for rule in but}
        found = self.page.evaluate("(rules) => axe.run(document, {rules})", rules)
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]
