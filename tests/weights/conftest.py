"""A web server on loopback that answers by script, well or badly, and a pull that never sleeps."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wordloop_ml.weights.download import PullPhase, PullPolicy, PullProgress
from wordloop_ml.weights.manifest import HttpsSource, WeightsEntry
from wordloop_ml.weights.pull import pull

BODY = bytes(range(256)) * 40
"""What the weights of these tests hold: 10,240 bytes."""


class Exchange(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    server: Listener
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Note the request and answer it by script; a single answer left over repeats."""
        self.close_connection = True
        origin = self.server.origin
        origin.asked.append((self.path, self.headers.get("Range")))
        if self.path in origin.files:
            origin.whole(origin.files[self.path])(self)
        elif not origin.script:
            self.send_error(404)
        else:
            (origin.script.pop(0) if len(origin.script) > 1 else origin.script[0])(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    @property
    def offset(self) -> int:
        """Where the asked range begins; 0 without one."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(asked[1]) if asked else 0

    def head(self, status: int, **headers: object) -> None:
        """Send a status line and headers, underscores for hyphens."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def ranged_head(self, body: bytes) -> None:
        """The right head for this request: 206 from its offset, 416 beyond, else 200."""
        if not self.offset:
            self.head(200, Content_Length=len(body))
        elif self.offset >= len(body):
            self.head(416, Content_Range=f"bytes */{len(body)}", Content_Length=0)
        else:
            last = len(body) - 1
            stated = f"bytes {self.offset}-{last}/{len(body)}"
            self.head(206, Content_Range=stated, Content_Length=len(body) - self.offset)


Answer = Callable[[Exchange], None]


class Listener(ThreadingHTTPServer):
    """The socket of an origin; a client that goes away is no error here."""

    daemon_threads = True
    block_on_close = True
    origin: Origin

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients cut and drop connections on purpose in these tests."""


@dataclass
class Origin:
    """Where weights come from.

    script: an answer for each request to come; the last one repeats.
    files: paths that are always answered, whole.
    asked: path and Range header of every request so far.
    """

    port: int
    body: bytes = BODY
    script: list[Answer] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/weights.bin") -> str:
        """A URL of this server."""
        return f"http://127.0.0.1:{self.port}{path}"

    def play(self, *script: Answer) -> None:
        """Answer by this script from now on."""
        self.script = list(script)
        self.asked.clear()

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [asked for _, asked in self.asked]

    def whole(self, body: bytes | None = None) -> Answer:
        """200 with everything, whatever range was asked for."""
        sent = self.body if body is None else body

        def answer(exchange: Exchange) -> None:
            # What pip asks of an index page.
            kind = "text/html" if "/simple/" in exchange.path else "application/octet-stream"
            exchange.head(200, Content_Length=len(sent), Content_Type=kind)
            exchange.wfile.write(sent)

        return answer

    def ranged(self, body: bytes | None = None) -> Answer:
        """What an honest server does."""
        sent = self.body if body is None else body

        def answer(exchange: Exchange) -> None:
            exchange.ranged_head(sent)
            exchange.wfile.write(sent[exchange.offset :])

        return answer

    def drops_at(self, position: int) -> Answer:
        """Honest up to this absolute position, then the connection ends."""

        def answer(exchange: Exchange) -> None:
            exchange.ranged_head(self.body)
            exchange.wfile.write(self.body[exchange.offset : position])

        return answer

    def resets_at(self, position: int) -> Answer:
        """Honest up to this absolute position, then the connection is reset."""

        def answer(exchange: Exchange) -> None:
            self.drops_at(position)(exchange)
            exchange.wfile.flush()
            linger = struct.pack("ii", 1, 0)
            exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            exchange.connection.close()

        return answer

    def stalls_at(self, position: int) -> Answer:
        """Honest up to this absolute position, then silent with the connection open."""

        def answer(exchange: Exchange) -> None:
            self.drops_at(position)(exchange)
            exchange.wfile.flush()
            self.closing.wait()

        return answer

    def says(self, status: int, body: bytes = b"", **headers: object) -> Answer:
        """This status, these headers (underscores for hyphens), this body."""

        def answer(exchange: Exchange) -> None:
            exchange.head(status, **headers)
            exchange.wfile.write(body)

        return answer

    def writes(self, raw: bytes) -> Answer:
        """These bytes, in place of HTTP."""

        def answer(exchange: Exchange) -> None:
            exchange.wfile.write(raw)

        return answer

    def says_nothing(self, exchange: Exchange) -> None:
        """Hear the request, and be silent with the connection open."""
        self.closing.wait()


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """A server of weights, with nothing to serve yet."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Listener(("127.0.0.1", 0), Exchange) as server:
        server.origin = Origin(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="origin")
        thread.start()
        try:
            yield server.origin
        finally:
            server.origin.closing.set()
            server.shutdown()
            thread.join()


@dataclass
class Puller:
    """Pulls with time under control.

    waits: each back-off that was slept, in seconds.
    said: every progress report.
    """

    directory: Path
    waits: list[float] = field(default_factory=list)
    said: list[PullProgress] = field(default_factory=list)
    policy: PullPolicy = field(default_factory=PullPolicy)

    def __post_init__(self) -> None:
        """Replace the clock, the dice and the patience of the defaults."""
        self.policy = replace(
            self.policy,
            connect_timeout_s=5.0,
            read_timeout_s=5.0,
            lock_wait_s=0.0,
            spare_bytes=0,
            sleep=self.waits.append,
            jitter=lambda: 1.0,
            now=lambda: 1_700_000_000.0,
        )

    def pull(self, entry: WeightsEntry, **changes: object) -> Path:
        """Pull under this policy, with these changes to it."""
        policy = replace(self.policy, **changes)  # type: ignore[arg-type]  # fields by name
        return pull(entry, self.directory, self.said.append, policy=policy)

    @property
    def phases(self) -> list[PullPhase]:
        """The phases reported, without repetition."""
        phases: list[PullPhase] = []
        for one in self.said:
            if not phases or phases[-1] != one.phase:
                phases.append(one.phase)
        return phases

    @property
    def part(self) -> Path:
        """The partial file."""
        return self.directory / "weights.bin.part"


@pytest.fixture
def puller(tmp_path: Path) -> Puller:
    """A puller into a directory that is not there yet."""
    return Puller(tmp_path / "weights")


@pytest.fixture
def entry(origin: Origin) -> WeightsEntry:
    """The weights that the origin has."""
    return WeightsEntry(
        name="test-weights",
        file="weights.bin",
        bytes=len(BODY),
        sha256=hashlib.sha256(BODY).hexdigest(),
        licence="MIT",
        engine="scripted",
        sources=(HttpsSource(origin.url()),),
    )


@pytest.fixture
def own_index(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip know the origin as its only index, whatever this machine's settings are."""
    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", origin.url("/simple"))
