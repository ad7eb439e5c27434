"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.settings import Settings
from wordloop_ml.weights import load_manifest


def describe_machine(settings: Settings) -> dict[str, Any]:
    """The CPU, the software and the models, for the report."""
    weights = load_manifest(settings.weights / MANIFEST).profile(settings.profile)
    return {
        "CPU": processor(),
        "cores": os.cpu_count(),
        "workers x threads": f"{settings.workers} x {settings.threads}",
        "transcriber": f"{weights['transcriber'].name} ({weights['transcriber'].sha256[:8]})",
        "Python": platform.python_version(),
        "aiohttp": version("aiohttp"),
        "pywhispercpp": version("pywhispercpp"),
        "onnxruntime": version("onnxruntime"),
    }


def processor() -> str:
    """As Linux names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
