"""haproxy with the configuration of ``deploy/``, in front of three stand-ins for containers."""

import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.tools import DEPLOY, program, run

CONFIGURATION = DEPLOY / "haproxy.cfg"
PROBES = ("/livez", "/readyz", "/startupz")


class Container(ThreadingHTTPServer):
    """Answers every request with its name; ``full`` refuses all but probes with 503.

    ready: what ``/readyz`` says. checked: it has said that it is not. A path that ends in ``/hold``
    is answered once ``release`` is set; ``held``: one such waits.
    """

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.name = name
        self.full = False
        self.ready = True
        self.checked, self.held, self.release = (threading.Event() for _ in range(3))
        self.asked: Counter[str] = Counter()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a check that hangs up once it knows the status."""


class Answer(BaseHTTPRequestHandler):
    """One request to a ``Container``."""

    server: Container

    def do_GET(self) -> None:
        """Answer, and count the path."""
        self.server.asked[self.path] += 1
        probed = self.path in PROBES
        refused = not self.server.ready if probed else self.server.full
        body = self.server.name.encode()
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path.endswith("/hold"):
            self.server.held.set()
            self.server.release.wait(30.0)
        self.wfile.write(body)
        if probed and refused:
            self.server.checked.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Fleet:
    """Three containers behind haproxy."""

    def __init__(self, containers: list[Container], port: int) -> None:
        self.containers = containers
        self._port = port

    def get(self, path: str) -> tuple[int, str]:
        """Ask haproxy for a path; returns the status and who answered."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as told:
                return told.status, told.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Start the containers, then haproxy with their addresses in the place of the names."""
    haproxy = program("haproxy", package="Debian's haproxy")
    with ExitStack() as stack:
        containers = [stack.enter_context(Container(f"ml-{number}")) for number in (1, 2, 3)]
        for one in containers:
            thread = threading.Thread(target=one.serve_forever, args=(0.05,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(one.shutdown)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.set_inheritable(True)
        text = CONFIGURATION.read_text(encoding="utf-8")
        text, bound = re.subn(r"bind :8080", f"bind fd@{listener.fileno()}", text)
        text, named = re.subn(
            r"wordloop-ml-(\d):8090",
            lambda found: f"127.0.0.1:{containers[int(found[1]) - 1].server_port}",
            text,
        )
        assert (bound, named) == (1, 6)
        path = tmp_path / "haproxy.cfg"
        path.write_text(text, encoding="utf-8")
        process = stack.enter_context(
            subprocess.Popen(
                [haproxy, "-db", "-f", path],
                pass_fds=[listener.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        stack.callback(process.terminate)
        yield Fleet(containers, listener.getsockname()[1])


def test_the_configuration_is_valid() -> None:
    """Names that are not known here are no mistake."""
    run(program("haproxy", package="Debian's haproxy"), "-c", "-f", CONFIGURATION)


def test_the_tracks_of_a_meeting_meet_in_one_container(fleet: Fleet) -> None:
    """And meetings are spread over all."""
    places = {}
    for meeting in range(90):
        tracks = {
            fleet.get(f"/v1/meetings/m{meeting}/audio?track={track}") for track in ("a", "b", "c")
        }
        ((status, places[meeting]),) = tracks
        assert status == 200
    shares = Counter(places.values())
    assert len(shares) == 3
    assert min(shares.values()) > 15


def test_a_meeting_that_a_full_container_refuses_is_offered_to_another(fleet: Fleet) -> None:
    """When all are full, the refusal is passed on."""
    path = "/v1/meetings/m1/audio"
    _, first = fleet.get(path)
    next(one for one in fleet.containers if one.name == first).full = True
    status, second = fleet.get(path)
    assert status == 200
    assert second != first
    for one in fleet.containers:
        one.full = True
    assert fleet.get(path)[0] == 503


def test_a_container_that_drains_keeps_what_it_has_and_gets_nothing_new(fleet: Fleet) -> None:
    """From the next check of its readiness on."""
    _, first = fleet.get("/v1/meetings/m1/audio")
    (draining,) = (one for one in fleet.containers if one.name == first)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(fleet.get, "/v1/meetings/m1/hold")
        try:
            assert draining.held.wait(10.0)
            draining.ready = False
            assert draining.checked.wait(10.0)
            until_s = time.monotonic() + 10.0
            while fleet.get("/v1/meetings/m1/audio")[1] == first:
                assert time.monotonic() < until_s
        finally:
            draining.release.set()
        assert held.result(10.0) == (200, first)


@pytest.mark.parametrize("probe", PROBES)
def test_probes_are_not_for_clients(probe: str, fleet: Fleet) -> None:
    """They answer balancers, without a token."""
    assert fleet.get(probe)[0] == 404


def test_nobody_is_asked_but_for_readiness(fleet: Fleet) -> None:
    """Checks run no inference."""
    assert fleet.get("/v1/models")[0] == 200
    asked = {path for one in fleet.containers for path in one.asked}
    assert asked <= {"/readyz", "/v1/models"}
