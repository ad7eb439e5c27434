"""Whether what is to be loaded fits into the memory that this container may use.

Linux kills a process that grows beyond its control group's limit: no error, no drain, and in the
middle of meetings. So what will surely be needed is added up before anything is loaded.

Source: proc(5) for ``/proc/self/status``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wordloop_ml.cgroup import MemoryLimit
from wordloop_ml.errors import ErrorCode, WeightsUnusable

MEBIBYTE: Final = 1 << 20

MEETINGS_BYTES: Final = 64 * MEBIBYTE
"""Kept free for meetings: some thirty tracks whose rings are full (1.9 MB each), and sockets."""


def resident_bytes(filesystem: Path = Path("/")) -> int:
    """What this process has in memory already; 0 where the kernel does not say."""
    try:
        lines = (filesystem / "proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    sizes = (line.split() for line in lines if line.startswith("VmRSS:"))
    return next((int(size) * 1024 for _, size, *_ in sizes), 0)


def require_memory(
    needs: Mapping[str, int], limit: MemoryLimit | None, *, resident: int = 0
) -> None:
    """Refuse to load what cannot fit; without a limit, everything may be tried.

    needs: bytes by what needs them, the weights and all that is made for them; ``MEETINGS_BYTES``
    comes on top. resident: what the process has already.
    Raises ``WeightsUnusable`` (``weights_too_large``) with the sum and its parts.
    """
    parts = {"the process": resident, **needs, "meetings": MEETINGS_BYTES}
    needed = sum(parts.values())
    if limit is None or needed <= limit.bytes:
        return
    told = ", ".join(f"{_mebibytes(size)} for {what}" for what, size in parts.items())
    raise WeightsUnusable(
        f"the weights do not fit into this container: about {_mebibytes(needed)} MiB are needed "
        f"({told}), {limit.source} allows {_mebibytes(limit.bytes, up=False)} MiB; raise the "
        "limit, or choose fewer workers or a smaller profile",
        code=ErrorCode.WEIGHTS_TOO_LARGE,
    )


def _mebibytes(size: int, *, up: bool = True) -> int:
    return -(-size // MEBIBYTE) if up else size // MEBIBYTE
