"""Files of strangers on disk, while they arrive and are read; blocking.

A spooled file has no name: whatever becomes of the process, nothing of it stays behind.
"""

import tempfile
from pathlib import Path

_OPEN_FILES = Path("/proc/self/fd")


class SpooledFile:
    """A file that grows, is read by its ``path``, and is gone once it is closed.

    folder: on the disk that takes it; None for the system's own. Raises ``OSError``, as every
    method does but ``close``.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by its owner

    @property
    def path(self) -> Path:
        """Where this process may open it, any number of times, until it is closed."""
        return _OPEN_FILES / str(self._file.fileno())

    def write(self, content: bytes) -> None:
        """Append all of the content."""
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        """Give its room back; harmless when called twice."""
        self._file.close()
