"""Writes what a command has to say: errors and notices on standard error, a document to its file."""

import sys
from pathlib import Path

from wordloop_ml.errors import BadInput, WordloopError
from wordloop_ml.messages import SAMPLE_RATE, SpanLost


def print_error(error: WordloopError) -> None:
    """Print an error in one line on standard error."""
    print(f"wordloop-ml: {error.code}: {error}", file=sys.stderr)


class Notices:
    """Prints what was not transcribed, track by track.

    names: to show, by track. failed: an error was told, which the exit status has to say, too.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self.failed = False
        self._names = names
        self._silent = set(names)
        self._told: set[str] = set()

    def heard(self, track: str) -> None:
        """Record that the track has a caption."""
        self._silent.discard(track)

    def lose(self, lost: SpanLost) -> None:
        """Print where audio has no text, and why."""
        self._silent.discard(lost.track)
        why = lost.code if lost.reason is None else f"{lost.code} ({lost.reason})"
        span = f"{lost.start / SAMPLE_RATE:.1f} to {lost.end / SAMPLE_RATE:.1f} s"
        print(f"{self._names[lost.track]}: {span}: {why}", file=sys.stderr)

    def fail(self, track: str, error: WordloopError) -> None:
        """Print an error that ends a track and leaves the others alone; the same one once."""
        self.failed = True
        self._silent.discard(track)
        if str(error) not in self._told:
            self._told.add(str(error))
            print_error(error)

    def end(self, track: str) -> None:
        """End a track: print that no speech was found if nothing else was said of it."""
        if track in self._silent:
            print(f"{self._names[track]}: no speech found", file=sys.stderr)


def check_output(path: Path | None) -> Path | None:
    """Refuse a place that cannot be written before hours of work, not after; ``BadInput``."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise BadInput("--output is not a file in an existing directory")
    return path


def write_output(path: Path, document: str) -> None:
    """Write the whole file, in UTF-8. Raises ``BadInput``."""
    try:
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--output cannot be written: {error.strerror}") from error
