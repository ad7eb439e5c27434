"""Programs that check ``deploy/``; a test without its program skips, and says so."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
HERE = Path(__file__).parent
MONITORING = DEPLOY / "monitoring"
OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())


def program(name: str, *, package: str) -> str:
    """Return the path of a program, of this environment first; skips the test without it."""
    ours = Path(sys.executable).parent / name
    found = str(ours) if ours.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} (from {package}; .ci/run installs it)")
    return found


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a program and return its standard output; fails the test with all that it said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def documents(text: str) -> Iterator[dict[str, Any]]:
    """Read the YAML documents of a text that are not empty."""
    yield from (one for one in yaml.safe_load_all(text) if one is not None)


def rendered(overlay: str) -> list[dict[str, Any]]:
    """Render an overlay as ``kubectl apply --kustomize`` would."""
    kubectl = program("kubectl", package="Debian's kubernetes-client")
    return list(documents(run(kubectl, "kustomize", DEPLOY / "overlays" / overlay)))


def rules() -> dict[str, Any]:
    """Read the groups of rules as Prometheus takes them, out of the operator's object."""
    (rule,) = documents((MONITORING / "prometheusrule.yaml").read_text(encoding="utf-8"))
    spec: dict[str, Any] = rule["spec"]
    return spec
