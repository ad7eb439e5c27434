"""The library of whisper.cpp: its struct layouts, and the CPU it was built for."""

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from wordloop_ml.engines import whisper_cpp_library
from wordloop_ml.engines.whisper_cpp_library import (
    Record,
    missing_instructions,
    read_record,
    write_record,
)
from wordloop_ml.errors import ErrorCode, StartupFailed

SPINNING = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh process: what it loads and prints is this code's doing."""
    inherited = {k: v for k, v in os.environ.items() if k not in SPINNING}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=inherited | environment,
    )


def test_the_wheel_ships_a_library_that_passes_the_check() -> None:
    """And opening it twice is opening it once."""
    first, second = whisper_cpp_library.open_library(), whisper_cpp_library.open_library()
    assert whisper_cpp_library.ffi.string(first.whisper_version()) == b"1.8.5"
    assert first.whisper_full_with_state == second.whisper_full_with_state


def test_another_version_is_refused() -> None:
    """Its structs would be read at wrong offsets."""
    with pytest.raises(StartupFailed) as caught:
        whisper_cpp_library.open_library(expected_version="1.9.0")
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
    assert "1.8.5" in str(caught.value)


@pytest.mark.parametrize("defaults", ["_CONTEXT_DEFAULTS", "_FULL_DEFAULTS"])
def test_a_default_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch, defaults: str) -> None:
    """The last field of each struct: it would move if any field before it had changed."""
    name = {"_CONTEXT_DEFAULTS": "dtw_mem_size", "_FULL_DEFAULTS": "vad_params.samples_overlap"}
    monkeypatch.setitem(getattr(whisper_cpp_library, defaults), name[defaults], 12345)
    with pytest.raises(StartupFailed) as caught:
        whisper_cpp_library.open_library()
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
    assert name[defaults] in str(caught.value)


def test_a_missing_or_wrong_library_is_refused(tmp_path: Path) -> None:
    """No file, no library, and a library of something else."""
    (tmp_path / "libtext.so").write_text("not a library")
    siblings = sorted(whisper_cpp_library.find_library().parent.glob("libggml-base*"))
    for path in (tmp_path / "libnone.so", tmp_path / "libtext.so", siblings[0]):
        with pytest.raises(StartupFailed) as caught:
            whisper_cpp_library.open_library(path)
        assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def test_a_missing_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, so that the operator knows what to install."""
    monkeypatch.setattr(whisper_cpp_library, "_DISTRIBUTION", "no-such-package")
    with pytest.raises(StartupFailed, match="no-such-package"):
        whisper_cpp_library.find_library()


def test_the_pinned_package_is_the_one_that_is_installed() -> None:
    """The pin in setup.cfg and the version in the code move together."""
    assert metadata.version("pywhispercpp") == "1.5.1"


LOAD = """
from wordloop_ml.engines import whisper_cpp_library
import os, sys
library = whisper_cpp_library.open_library()
context = whisper_cpp_library.ffi.new("struct whisper_context_params *")
assert not library.whisper_init_from_buffer_with_params_no_state(b"junk" * 9, 36, context[0])
print(os.environ["OMP_WAIT_POLICY"], os.environ.get("GOMP_SPINCOUNT"))
print("pywhispercpp" in sys.modules)
print(open("/proc/self/maps").read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_each_native_library_is_loaded_once() -> None:
    """The wheel has two copies of libwhisper; two of ggml in one process would be two worlds."""
    maps = run(LOAD).stdout
    native = read_record(whisper_cpp_library.find_library()) is not None
    for name in ("libwhisper", "libggml", "libggml-base", "libggml-cpu", "libgomp"):
        bundled = set(re.findall(rf"/{name}-[0-9a-f]+\.so\S*", maps))
        plain = set(re.findall(rf"/{name}\.so\S*", maps))
        assert len(bundled) == (0 if native else 1)
        assert len(plain) == (1 if native and name != "libgomp" else 0)


def test_the_library_prints_nothing_and_imports_nothing() -> None:
    """Even where it fails: our logs are the only ones."""
    done = run(LOAD)
    assert done.stderr == ""
    assert done.stdout.startswith("passive 1000\nFalse\n")


def test_the_environment_may_choose_another_wait_policy() -> None:
    """Ours is a default."""
    assert run(LOAD, OMP_WAIT_POLICY="active").stdout.startswith("active None\n")
    assert run(LOAD, GOMP_SPINCOUNT="7").stdout.startswith("passive 7\n")


RICH = "processor\t: 0\nflags\t\t: fpu sse4_2 avx bmi2 f16c fma avx2 avx512f avx512_vnni sha_ni\n"
PLAIN = "processor\t: 0\nflags\t\t: fpu sse4_2 avx bmi2 f16c fma avx2\n"
OLD = "processor\t: 0\nflags\t\t: fpu sse4_2 avx\n"
OTHER = "processor\t: 0\nFeatures\t: fp asimd\n"


def cpu(folder: Path, text: str) -> Path:
    """A /proc/cpuinfo."""
    path = folder / "cpuinfo"
    path.write_text(text)
    return path


def test_a_record_says_what_the_cpu_had_and_with_what_was_built(tmp_path: Path) -> None:
    """What no compiler uses on its own is left out: another CPU may lack it."""
    library = tmp_path / "libwhisper.so"
    assert read_record(library) is None
    write_record(library, "-DX=ON", cpu(tmp_path, RICH))
    had = {"sse4_2", "avx", "bmi2", "f16c", "fma", "avx2", "avx512f", "avx512_vnni"}
    assert read_record(library) == Record("-DX=ON", frozenset(had))


def test_what_a_cpu_lacks_is_named(tmp_path: Path) -> None:
    """In order, so that the message is the same each time."""
    needed = frozenset({"avx2", "avx512_vnni", "avx512f"})
    assert missing_instructions(needed, cpu(tmp_path, PLAIN)) == ("avx512_vnni", "avx512f")
    assert missing_instructions(needed, cpu(tmp_path, RICH)) == ()


def test_where_the_kernel_does_not_tell_nothing_is_refused(tmp_path: Path) -> None:
    """Another architecture, and no /proc."""
    needed = frozenset({"avx2"})
    assert missing_instructions(needed, cpu(tmp_path, OTHER)) == ()
    assert missing_instructions(needed, tmp_path / "none") == ()


def refusal(monkeypatch: pytest.MonkeyPatch, library: Path, cpuinfo: Path) -> str:
    """What opening the library says on such a CPU."""
    there = whisper_cpp_library.cpu_instructions(cpuinfo)
    monkeypatch.setattr(whisper_cpp_library, "cpu_instructions", lambda _source: there)
    with pytest.raises(StartupFailed) as caught:
        whisper_cpp_library.open_library(library)
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
    return str(caught.value)


def test_a_build_for_another_cpu_is_refused_by_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file is no library at all: it is never loaded."""
    library = tmp_path / "libwhisper.so"
    library.write_text("would end the process")
    write_record(library, "-DX=ON", cpu(tmp_path, RICH))
    said = refusal(monkeypatch, library, cpu(tmp_path, PLAIN))
    assert "avx512_vnni, avx512f" in said
    assert "scripts/setup --native" in said


def test_the_wheel_is_refused_without_avx2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It was compiled for it, and has no record."""
    library = tmp_path / "pywhispercpp.libs" / "libwhisper-1.so"
    library.parent.mkdir()
    library.write_text("would end the process")
    assert "avx2, bmi2, f16c, fma" in refusal(monkeypatch, library, cpu(tmp_path, OLD))


def test_a_native_build_runs_here() -> None:
    """The installed one, where scripts/setup --native has made one."""
    library = whisper_cpp_library.find_library()
    record = read_record(library)
    if record is None:
        pytest.skip("the installed whisper.cpp is the wheel's: scripts/setup --native")
    assert missing_instructions(record.instructions) == ()
    opened = whisper_cpp_library.open_library()
    assert (
        whisper_cpp_library.ffi.string(opened.whisper_version()).decode()
        == whisper_cpp_library.EXPECTED_VERSION
    )
