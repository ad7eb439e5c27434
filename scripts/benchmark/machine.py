"""What the figures were measured on, and a run of a tool that states it."""

import os
import platform
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.report import Report, command_line
from scripts.benchmark.server_process import server_environment
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.errors import WordloopError
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.weights.manifest import load_manifest

LIBRARIES = ("aiohttp", "ctranslate2", "pywhispercpp", "onnxruntime")
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni")


def run_tool(
    program: str,
    arguments: Sequence[str],
    options: Namespace,
    measure: Callable[[Namespace], Report],
) -> int:
    """Measure, print and write what was found, and say on what; return the exit status.

    options: with ``profile``, ``json`` and ``publish``. What fails is printed, and the status is 1.
    """
    status = 0
    options.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        report = measure(options)
        report.document["machine"] = machine = describe_machine(settings_of(options.profile))
        report.notes.append(" · ".join(f"{name}: {value}" for name, value in machine.items()))
        report.write(options.json, options.publish, command_line(program, arguments))
    except* (BenchmarkFailed, WordloopError, OSError) as failed:
        print(*(f"{program}: {one}" for one in failed.exceptions), sep="\n", file=sys.stderr)
        status = 1
    return status


def settings_of(profile: str) -> Settings:
    """Read the settings of a server that is started with this profile."""
    return read_settings(server_environment({"WORDLOOP_PROFILE": profile}))


def describe_machine(settings: Settings) -> dict[str, Any]:
    """The CPU, the software and the models, for the report."""
    rows = load_manifest(settings.weights / MANIFEST).profile(settings.profile)
    transcriber, flags = rows["transcriber"], _cpuinfo("flags").split()
    return {
        "CPU": processor(),
        "with": " ".join(one for one in INSTRUCTIONS if one in flags) or "nothing known",
        "cores": os.cpu_count(),
        "workers x threads": f"{settings.workers} x {settings.threads}",
        "transcriber": f"{transcriber.name} ({transcriber.sha256[:8]}) on {transcriber.engine}",
        "Python": platform.python_version(),
        **{one: version(one) for one in LIBRARIES},
    }


def processor() -> str:
    """As Linux names it."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _cpuinfo(field: str) -> str:
    """Of the first core; empty where Linux does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in pairs if name.strip() == field), "")
