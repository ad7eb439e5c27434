"""Whether this CPU has the instructions that a native library was built with.

A library that was compiled for one CPU ends the process on another, by SIGILL, at its first decode
or as it is loaded. So a build for one CPU leaves a record beside the library of what that CPU had
(scripts/native_whisper), and the record is read before the library is. Only x86 is compared: there
the kernel names the instruction sets, and only there has it been tried.
"""

import json
from dataclasses import dataclass
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")

# fmt: off
COMPILED_FOR = frozenset({
    "pni", "ssse3", "sse4_1", "sse4_2", "popcnt", "movbe", "abm", "bmi1", "bmi2", "f16c", "fma",
    "fma4", "xop", "adx", "avx", "avx2", "avx_vnni", "avx_ifma", "avx_vnni_int8",
    "avx_ne_convert", "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512ifma",
    "avx512vbmi", "avx512_vbmi2", "avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq",
    "avx512_bf16", "avx512_fp16", "gfni", "amx_tile", "amx_int8", "amx_bf16",
})
# fmt: on
"""What a compiler uses on its own or ggml has code for, as Linux spells it in ``flags``."""

_RECORD = "libwhisper.built-for.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What a library was built for: its options, in words, and the instruction sets of its CPU."""

    options: str
    instructions: frozenset[str]


def cpu_instructions(source: Path = CPU_INFO) -> frozenset[str] | None:
    """Those of ``COMPILED_FOR`` that the CPU has; None where the kernel does not say."""
    try:
        lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, values = line.partition(":")
        if name.strip() == "flags":
            return COMPILED_FOR.intersection(values.split())
    return None


def read_record(library: Path) -> Record | None:
    """What lies beside the library; None for one that was built for no CPU in particular."""
    try:
        stored = json.loads((library.parent / _RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Record(str(stored["options"]), frozenset(stored["instructions"]))


def write_record(library: Path, options: str, source: Path = CPU_INFO) -> None:
    """Note beside the library that it was built with these options, on and for this CPU."""
    stored = {"options": options, "instructions": sorted(cpu_instructions(source) or ())}
    (library.parent / _RECORD).write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def missing_instructions(needed: frozenset[str], source: Path = CPU_INFO) -> tuple[str, ...]:
    """What this CPU lacks of it, in order; nothing where that cannot be known."""
    there = cpu_instructions(source)
    return () if there is None else tuple(sorted(needed - there))
