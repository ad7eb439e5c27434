"""The command line: help that reads well, errors in one line, statuses that scripts can use."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog

from wordloop_ml import __version__
from wordloop_ml.cli import main, make_parser, serve
from wordloop_ml.engines.catalogue import open_engines
from wordloop_ml.settings import Settings


@pytest.fixture(autouse=True)
def logs_are_configured_for_one_test() -> Iterator[None]:
    """What ``serve`` sets writes to the standard error of its test, from its level on."""
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["transcribe", "--help"]])
def test_help_is_printed_and_ends_well(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command says what it does."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "usage: wordloop-ml" in capsys.readouterr().out


def test_every_command_is_there() -> None:
    """serve, transcribe and weights."""
    text = make_parser().format_help()
    assert all(command in text for command in ("serve", "transcribe", "weights"))


def test_the_service_imports_no_other_command() -> None:
    """Nor what only those need: it would start later."""
    script = """
import sys
from wordloop_ml import cli
cli.parse(["serve"])
print([name for name in ("wordloop_ml.cli.weights", "requests", "shtab") if name in sys.modules])
"""
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert said == "[]\n"


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """For support requests."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert __version__ in capsys.readouterr().out


def test_a_bad_setting_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the variable; there is no traceback."""
    monkeypatch.setenv("WORDLOOP_PORT", "many")
    assert main(["serve"]) == 1
    error = capsys.readouterr().err
    assert error == "wordloop-ml: bad_setting: WORDLOOP_PORT is not a whole number\n"


def test_an_address_beyond_loopback_needs_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service does not start."""
    monkeypatch.setenv("WORDLOOP_HOST", "0.0.0.0")  # noqa: S104 - that is what must be refused
    monkeypatch.delenv("WORDLOOP_TOKEN", raising=False)
    assert main(["serve"]) == 1
    assert "WORDLOOP_TOKEN is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], {"host": "127.0.0.1", "port": 8_000}),
        (["--port", "0"], {"host": "127.0.0.1", "port": 0}),
        (["--host", "::1", "--port", "9000"], {"host": "::1", "port": 9_000}),
    ],
)
def test_options_of_serve_come_before_the_environment(
    arguments: list[str], said: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where to listen."""
    served: list[Settings] = []

    def run(settings: Settings, until_signal: object) -> int:
        del until_signal
        served.append(settings)
        return 0

    monkeypatch.setattr(serve, "run", run)
    monkeypatch.setenv("WORDLOOP_PORT", "8000")
    assert main(["serve", *arguments]) == 0
    assert {"host": served[0].host, "port": served[0].port} == said


@pytest.mark.parametrize("port", ["-1", "65536", "many", "8_000"])
def test_a_port_that_is_none_is_a_mistake(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Said with its rule."""
    with pytest.raises(SystemExit) as ended:
        main(["serve", f"--port={port}"])
    assert ended.value.code == 2
    assert "--port: must be a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("profile", "code"), [("nonsense", "unknown_profile"), ("small", "weights_missing")]
)
def test_unusable_weights_stop_the_start(
    profile: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Named, with the command that mends it."""
    monkeypatch.setenv("WORDLOOP_PROFILE", profile)
    monkeypatch.setenv("WORDLOOP_PORT", "0")
    assert main(["serve"]) == 1
    assert f"wordloop-ml: {code}: " in capsys.readouterr().err


def test_engines_of_a_start_that_fails_are_closed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are opened while the rest is imported; each can be loaded once at a time."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("WORDLOOP_PORT", str(taken.getsockname()[1]))
        assert main(["serve"]) == 1
    assert "wordloop-ml: bad_setting: cannot listen on " in capsys.readouterr().err
    open_engines(Settings()).close()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_no_library_brings_threads_of_its_own() -> None:
    """It would bring one for each core of the machine, whatever a container may use of them."""
    script = """
import os, sys
from wordloop_ml.__main__ import main
sys.argv = ["wordloop-ml", "--version"]
try:
    main()
finally:
    print("numpy" in sys.modules, len(os.listdir("/proc/self/task")))
"""
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert said.splitlines()[-1] == "True 1"


def test_the_page_is_served_and_its_address_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By one option; without a desktop no browser is looked for, and no token is in the address."""
    served: list[Settings] = []

    def run(settings: Settings, until_signal: Callable[..., object]) -> int:
        served.append(settings)
        assert isinstance(until_signal, partial)
        until_signal.keywords["on_ready"](8_123)
        return 0

    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(serve, "run", run)
    monkeypatch.setenv("WORDLOOP_TOKEN", "0123456789abcdef")
    for host in ("127.0.0.1", "0.0.0.0", "::1"):  # noqa: S104
        assert main(["serve", "--page", "--host", host]) == 0
    assert all(one.serves_page for one in served)
    said = capsys.readouterr().out.split()
    assert [word for word in said if word.startswith("http")] == [
        "http://127.0.0.1:8123/",
        "http://localhost:8123/",
        "http://[::1]:8123/",
    ]
