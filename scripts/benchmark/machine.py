"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest

LIBRARIES = ("aiohttp", "ctranslate2", "pywhispercpp", "onnxruntime")
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni")


def describe_machine(settings: Settings) -> dict[str, Any]:
    """The CPU, the software and the models, for the report."""
    transcriber = load_manifest(settings.weights / MANIFEST).profile(settings.profile)[
        "transcriber"
    ]
    flags = _cpuinfo("flags").split()
    return {
        "CPU": processor(),
        "with": " ".join(one for one in INSTRUCTIONS if one in flags) or "nothing known",
        "cores": os.cpu_count(),
        "workers x threads": f"{settings.workers} x {settings.threads}",
        "transcriber": f"{transcriber.name} ({transcriber.sha256[:8]}) on {transcriber.engine}",
        "Python": platform.python_version(),
        **{one: version(one) for one in LIBRARIES},
    }


def machine_line(machine: dict[str, Any]) -> str:
    """Return the description as one line."""
    return " · ".join(f"{name}: {value}" for name, value in machine.items())


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
