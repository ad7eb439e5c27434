"""Containers of an unpacked image by runc, as a cluster that trusts nobody would run them."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NOBODY = 31_337
"""A user that the image does not know."""

LIMIT = 1_000
"""Of processes and threads of that user, and of file descriptors of each process."""

MEMORY = 1 << 30
"""What deploy/base gives a container."""

MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {
        "destination": "/dev",
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "noexec", "strictatime", "mode=755", "size=64k"],
    },
    {
        "destination": "/sys",
        "type": "sysfs",
        "source": "sysfs",
        "options": ["nosuid", "noexec", "nodev", "ro"],
    },
    {
        "destination": "/sys/fs/cgroup",
        "type": "cgroup",
        "source": "cgroup",
        "options": ["nosuid", "noexec", "nodev", "ro"],
    },
]
"""What every container has; nothing in it can be written to, not even a /tmp."""


def command(
    folder: Path,
    root: Path,
    image: Mapping[str, Any],
    settings: Mapping[str, str],
    arguments: list[str] | None = None,
) -> tuple[str, ...]:
    """Write a bundle into a folder, and return the command that runs it in the foreground.

    Signals reach the container's first process, and its exit status is the command's. The root is
    read-only, there are no capabilities and no new privileges; the network is the machine's. image:
    its configuration. settings: variables on top. arguments: what runs in place of its entry point.
    """
    folder.mkdir(parents=True)
    variables = {**dict(one.split("=", 1) for one in image["Env"]), **settings}
    limits = [
        {"type": f"RLIMIT_{name}", "hard": LIMIT, "soft": LIMIT} for name in ("NPROC", "NOFILE")
    ]
    namespaces = [{"type": name} for name in ("pid", "ipc", "uts", "mount", "cgroup")]
    specification = {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": NOBODY, "gid": 0},
            "args": arguments or image["Entrypoint"],
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": "/",
            "capabilities": {},
            "rlimits": limits,
            "noNewPrivileges": True,
        },
        "root": {"path": str(root), "readonly": True},
        "mounts": MOUNTS,
        "linux": {"namespaces": namespaces, "resources": {"memory": {"limit": MEMORY}}},
    }
    (folder / "config.json").write_text(json.dumps(specification), encoding="utf-8")
    runc = shutil.which("runc") or "runc"
    return (
        runc,
        "--root",
        f"{folder}/state",
        "run",
        "--bundle",
        str(folder),
        f"wordloop-{folder.name}",
    )
