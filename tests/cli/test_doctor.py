"""doctor: what it finds wrong is what would stop a start, and it ends with a status for scripts."""

import hashlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.engines.test_catalogue import settings_for
from tests.inference_server import InferenceServer, serving
from wordloop_ml.cgroup import usable_cpus
from wordloop_ml.cli import main
from wordloop_ml.cli.doctor import Finding, State, ctranslate2_kernels, diagnose
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.engines.served_models import Identity, ServedTranscriber
from wordloop_ml.engines.whisper_cpp_library import cpu_instructions

WITH_AVX512 = "model name\t: A CPU\nflags\t\t: avx avx2 fma f16c bmi2 sse4_2 avx512f avx512bw avx512cd avx512dq avx512vl"
WITHOUT = "model name\t: A CPU\nflags\t\t: sse4_2 avx"

ANY_PORT = {"WORDLOOP_PORT": "0"}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A file system with the kernel's files: an AVX-512 CPU, no limits."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text(WITH_AVX512)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "proc/self/status").write_text("VmRSS:\t 1024 kB\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    return tmp_path


def found(
    what: str, environment: Mapping[str, str], machine: Path = Path("/")
) -> tuple[Finding, ...]:
    """The findings of one kind."""
    return tuple(one for one in diagnose({**ANY_PORT, **environment}, machine) if one.what == what)


@pytest.fixture
def scripted(tmp_path: Path) -> dict[str, str]:
    """An environment whose weights are there, and whose engines need nothing."""
    weights = tmp_path / "weights"
    weights.mkdir()
    stock = dict.fromkeys(("transcriber", "voice_detector"), ("scripted", b"any"))
    settings_for(weights, stock)
    return {"WORDLOOP_WEIGHTS": str(weights)}


def test_a_service_that_would_start_is_well(
    scripted: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line says a state, and the last one the outcome."""
    for name, value in {**ANY_PORT, **scripted}.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 0
    *lines, outcome = capsys.readouterr().out.splitlines()
    assert outcome == "It would start."
    assert {line.split()[0] for line in lines} <= {"ok", "change"}
    assert {"version", "cpu", "settings", "threads", "weights", "memory", "port"} <= {
        line.split()[1] for line in lines
    }


def test_one_that_would_not_has_the_status_of_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do: here the command that fetches the weights."""
    monkeypatch.setenv("WORDLOOP_PORT", "0")
    monkeypatch.setenv("WORDLOOP_PROFILE", "small")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^fails   weights .*run: wordloop-ml weights pull", out, re.MULTILINE)
    assert out.splitlines()[-1].startswith("It would not start: ")


@pytest.mark.parametrize(
    ("environment", "what"),
    [
        ({"WORDLOOP_WORKERS": "many"}, "settings"),
        ({"WORDLOOP_HOST": "0.0.0.0"}, "settings"),  # noqa: S104 - that is what must be refused
        ({"WORDLOOP_TOKENS_FILE": "/nowhere"}, "settings"),
        ({"WORDLOOP_PROFILE": "nonsense"}, "weights"),
        ({"WORDLOOP_WEIGHTS": "/nowhere"}, "weights"),
    ],
)
def test_what_stops_a_start_fails(environment: dict[str, str], what: str) -> None:
    """Before anything is loaded."""
    assert [one.state for one in found(what, environment)] == [State.FAILS]


def test_files_that_are_not_what_the_manifest_says_are_found(scripted: dict[str, str]) -> None:
    """And nothing is said of memory then."""
    (Path(scripted["WORDLOOP_WEIGHTS"]) / "transcriber.bin").write_bytes(b"and")
    assert [one.state for one in found("weights", scripted)] == [State.FAILS, State.OK]
    assert found("memory", scripted) == ()


def test_an_engine_elsewhere_is_asked_and_needs_no_weights_here(scripted: dict[str, str]) -> None:
    """It must be there, and what the manifest names."""
    weights = Path(scripted["WORDLOOP_WEIGHTS"])
    (weights / "transcriber.bin").unlink()
    served = ServedTranscriber(
        ScriptedTranscriber(),
        Identity("transcriber", "transcriber", hashlib.sha256(b"any").hexdigest()),
    )
    with serving(InferenceServer({"t": served})) as port:
        url = f"http://127.0.0.1:{port}/v2/models/t"
        environment = {**scripted, "WORDLOOP_TRANSCRIBER_URL": url}
        assert [one.state for one in found("engine", environment)] == [State.OK]
        assert {one.state for one in found("weights", environment)} == {State.OK}
    assert [one.state for one in found("engine", environment)] == [State.FAILS]


@pytest.mark.parametrize(
    ("limit", "state"), [("max", State.OK), ("1073741824", State.OK), ("67108864", State.FAILS)]
)
def test_memory_is_compared_with_the_limit(
    limit: str, state: State, scripted: dict[str, str], machine: Path
) -> None:
    """64 MiB are kept for meetings, and the process has one already."""
    (machine / "sys/fs/cgroup/memory.max").write_text(limit)
    (one,) = found("memory", scripted, machine)
    assert one.state is state
    assert one.found.startswith("about 65 MiB needed")


@pytest.mark.parametrize(
    ("workers", "quota", "state"),
    [
        ("", "max", State.OK),
        ("64", "max", State.CHANGE),
        ("1", "150000", State.CHANGE if usable_cpus() > 1 else State.OK),
    ],
)
def test_threads_are_compared_with_the_cpus(
    workers: str, quota: str, state: State, scripted: dict[str, str], machine: Path
) -> None:
    """Too many, too few, or one that is throttled."""
    (machine / "sys/fs/cgroup/cpu.max").write_text(f"{quota} 100000")
    (one,) = found("threads", {**scripted, "WORDLOOP_WORKERS": workers}, machine)
    assert one.state is state
    assert bool(one.cure) is (state is State.CHANGE)


def test_a_port_that_somebody_has_is_found(scripted: dict[str, str]) -> None:
    """The service could not listen there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        (one,) = found("port", {**scripted, "WORDLOOP_PORT": port})
        assert one.state is State.FAILS
        assert f"127.0.0.1:{port}" in one.found
        _, one = found("port", {**scripted, "WORDLOOP_METRICS_PORT": port})
        assert one.state is State.FAILS
    (one,) = found("port", {**scripted, "WORDLOOP_PORT": port})
    assert one.state is State.OK


def test_what_a_build_leaves_unused_is_named(machine: Path) -> None:
    """The wheel of whisper.cpp has no AVX-512; the default profile does not use it."""
    (one,) = found("whisper.cpp", {"WORDLOOP_PROFILE": "embedded-whisper-cpp"}, machine)
    if "wheel" in one.found:
        assert one.state is State.CHANGE
        assert "avx512f unused" in one.cure
    assert found("whisper.cpp", {}, machine) == ()


@pytest.mark.parametrize(
    ("cpu", "environment", "state", "said"),
    [
        (WITH_AVX512, {}, State.OK, "kernels AVX2,"),
        (WITH_AVX512, {"CT2_FORCE_CPU_ISA": "AVX512"}, State.OK, "kernels AVX512,"),
        (WITH_AVX512, {"CT2_FORCE_CPU_ISA": "GENERIC"}, State.CHANGE, "unset CT2_FORCE_CPU_ISA"),
        (WITH_AVX512, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, State.CHANGE, "ONEDNN_MAX_CPU_ISA forbids"),
        (WITHOUT, {}, State.CHANGE, "take a CPU with AVX2"),
    ],
)
def test_what_holds_ctranslate2_back_is_named(
    cpu: str, environment: dict[str, str], state: State, said: str, machine: Path
) -> None:
    """A variable that somebody forgot, or an old CPU."""
    (machine / "proc/cpuinfo").write_text(cpu)
    (one,) = found("ctranslate2", environment, machine)
    assert one.state is state
    assert said in str(one)


def test_ctranslate2_chooses_as_is_said() -> None:
    """By its own log, of a real model."""
    script = """
from wordloop_ml.cli import main
main(["transcribe", "scripts/speech/en_read_jfk_1.flac"])
"""
    environment = {**os.environ, "CT2_VERBOSE": "1"}
    said = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    ).stderr
    chosen = re.search(r"Selected ISA: (\w+)", said)
    assert chosen is not None
    assert chosen[1] == ctranslate2_kernels(cpu_instructions(), environment)


def test_traces_need_their_extra(scripted: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they are wanted."""
    assert not found("traces", scripted)
    wanted = scripted | {"WORDLOOP_TRACES": "on"}
    [there] = found("traces", wanted)
    assert there.state is State.OK
    monkeypatch.setattr("wordloop_ml.cli.doctor.OPENTELEMETRY", ("no-such-package",))
    [missing] = found("traces", wanted)
    assert missing.state is State.FAILS
    assert "wordloop-ml[tracing]" in missing.cure
