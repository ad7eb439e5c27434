"""Build images with buildah, where no registry is reached on a base that debootstrap makes. Blocking.

Everything that is built lies in ``WORK``, which git ignores: a second run goes on from there.
"""

import ast
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.report import progress

WORK = Path(".cache/image").resolve()
LOG = WORK / "build.log"
SUITE, PACKAGES = "bookworm", "ca-certificates,python3"
BASE = f"localhost/wordloop-base:{SUITE}"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org")
"""With ``debian`` and ``debian-security``."""

LEAN = """path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
"""
"""For dpkg: what Debian's slim images do without."""

UPDATE = """apt-get update --quiet=2 && apt-get upgrade --quiet=2 --yes
rm -rf /var/cache/apt/* /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/*.log /var/log/apt"""

INDEX_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "default-timeout", "proxy")
"""Of pip's configuration, those that mean the same in a build."""


def buildah(*arguments: str) -> str:
    """Run buildah; its standard output. Raises ``BenchmarkFailed``."""
    storage = ["--root", f"{WORK}/storage", "--runroot", f"{WORK}/run", "--storage-driver", "vfs"]
    return run("buildah", *storage, *arguments, env={"BUILDAH_ISOLATION": "chroot"})


def run(*command: str, env: dict[str, str] | None = None) -> str:
    """Run a program with its messages in ``LOG``; its standard output. Raises ``BenchmarkFailed``."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        done = subprocess.run(
            command,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=log,
            check=False,
        )
        log.write(done.stdout)
    if done.returncode:
        tail = "\n".join(LOG.read_text("utf-8", errors="replace").splitlines()[-15:])
        raise BenchmarkFailed(f"{tail}\n{command[0]} failed; all it said is in {LOG}")
    return done.stdout.decode().strip()


def make_base() -> str:
    """Make the base if it is not there yet: Debian with Python and certificates, up to date."""
    if buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        return BASE
    progress(f"making a base of Debian {SUITE} with debootstrap")
    tree = WORK / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    options = ["--variant=minbase", f"--include={PACKAGES}"]
    run("debootstrap", *options, SUITE, str(tree), f"{MIRROR}/debian")
    (tree / "etc/dpkg/dpkg.cfg.d/lean").write_text(LEAN)
    sources = [
        f"deb {MIRROR}/debian {SUITE} main",
        f"deb {MIRROR}/debian {SUITE}-updates main",
        f"deb {MIRROR}/debian-security {SUITE}-security main",
    ]
    (tree / "etc/apt/sources.list").write_text("\n".join([*sources, ""]))
    for folder in ("info", "locale", "man"):
        shutil.rmtree(tree / "usr/share" / folder, ignore_errors=True)
    for path in (tree / "usr/share/doc").rglob("*"):
        if path.name != "copyright" and not path.is_dir():
            path.unlink()
    for name in ("hostname", "resolv.conf"):  # of this machine
        (tree / "etc" / name).unlink(missing_ok=True)
    container = buildah("from", "scratch")
    try:
        buildah("add", "--quiet", container, str(tree), "/")
        buildah(
            "run", "--env", "DEBIAN_FRONTEND=noninteractive", container, "--", "sh", "-ec", UPDATE
        )
        buildah("commit", "--quiet", container, BASE)
    finally:
        buildah("rm", container)
        shutil.rmtree(tree)
    return BASE


def build(base: str, arguments: Sequence[str], tag: str) -> None:
    """Build the Containerfile with ``NAME=VALUE`` arguments on a base, with this machine's index."""
    progress(f"building {tag} on {base}")
    options = [f"--build-arg={one}" for one in (f"BASE={base}", *arguments)]
    with tempfile.TemporaryDirectory(prefix="wordloop-image-") as folder:
        pip = Path(folder, "pip.conf")
        pip.write_text(index_configuration(run(sys.executable, "-m", "pip", "config", "list")))
        options.append(f"--secret=id=pip,src={pip}")
        certificates = ssl.get_default_verify_paths().cafile
        if certificates is not None:
            options.append(f"--secret=id=ca,src={certificates}")
        # neither a history of layers nor an old result: one layer over the base, built anew
        buildah("build", "--layers=false", "--pull=missing", *options, "--tag", tag, ".")
        buildah("rmi", "--prune")


def index_configuration(listed: str) -> str:
    """Write what ``pip config list`` says as a file, without what lies on this machine's disk."""
    lines = ["[global]"]
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        option = name.rpartition(".")[2]
        kept = [one for one in ast.literal_eval(value).split() if not one.startswith("file:")]
        if option in INDEX_OPTIONS and kept:
            lines.append(f"{option} = {' '.join(kept)}")
    return "\n".join([*lines, ""])


def configuration(tag: str) -> dict[str, Any]:
    """Read how containers of an image are started: ``Entrypoint``, ``Env``, ``User``, ``Labels``."""
    told: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", tag))
    found: dict[str, Any] = told["OCIv1"]["config"]
    return found


@contextmanager
def unpacked(tag: str) -> Iterator[Path]:
    """Have the image's root as a folder."""
    container = buildah("from", "--pull-never", tag)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)
