"""A library for another CPU is refused before it is loaded."""

from pathlib import Path

import pytest

from wordloop_ml.engines import cpu_instructions, whisper_abi
from wordloop_ml.engines.cpu_instructions import (
    Record,
    missing_instructions,
    read_record,
    write_record,
)
from wordloop_ml.errors import ErrorCode, StartupFailed

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
    there = cpu_instructions.cpu_instructions(cpuinfo)
    monkeypatch.setattr(cpu_instructions, "cpu_instructions", lambda _source: there)
    with pytest.raises(StartupFailed) as caught:
        whisper_abi.open_library(library)
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
    library = whisper_abi.find_library()
    record = read_record(library)
    if record is None:
        pytest.skip("the installed whisper.cpp is the wheel's: scripts/setup --native")
    assert missing_instructions(record.instructions) == ()
    opened = whisper_abi.open_library()
    assert whisper_abi.ffi.string(opened.whisper_version()).decode() == whisper_abi.EXPECTED_VERSION
