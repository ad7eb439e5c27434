"""What the commands share: options about speech and output, errors, notices and documents written."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from wordloop_ml.errors import BadInput, WordloopError
from wordloop_ml.languages import language_of
from wordloop_ml.messages import SAMPLE_RATE, SpanLost, Task
from wordloop_ml.wire.json_fields import plain_terms

EXIT_FAILED = 1
"""Something could not be read or done; what could is written all the same."""


@dataclass(frozen=True, slots=True)
class Hints:
    """The language, task and vocabulary of every file, as the fields of ``start``."""

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()


NO_HINTS = Hints()


def add_hints_to(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``hints_of`` reads."""
    parser.add_argument(
        "--language",
        metavar="L",
        help="language of the speech, such as en, pt-BR or yue (default: auto, as the model hears)",
    )
    parser.add_argument(
        "--task",
        type=Task,
        choices=list(Task),
        default=Task.TRANSCRIBE,
        help="translate writes English, if the model can (default: transcribe)",
    )
    parser.add_argument(
        "--vocabulary",
        metavar="TERMS",
        default="",
        help="names and terms to expect, with commas between them",
    )


def hints_of(arguments: argparse.Namespace) -> Hints:
    """Read the options; raises ``BadInput`` for a tag or a term that breaks its rule."""
    terms = (
        [term.strip() for term in arguments.vocabulary.split(",")] if arguments.vocabulary else []
    )
    try:
        vocabulary = plain_terms(terms)
    except ValueError as error:
        raise BadInput(f"--vocabulary {error}") from None
    return Hints(spoken(arguments.language), arguments.task, vocabulary)


def spoken(tag: str | None) -> str | None:
    """Parse ``--language``; None where it leaves the language open or is not given. Raises ``BadInput``."""
    try:
        return None if tag is None else language_of(tag)
    except ValueError as error:
        raise BadInput(f"--language {error}") from None


def print_error(error: WordloopError) -> None:
    """Print an error in one line on standard error."""
    print(f"wordloop-ml: {error.code}: {error}", file=sys.stderr)


def console_on(stream: TextIO, *, width: int | None = None) -> Console:
    """Make a console that has colours, and moves the cursor, on a terminal only.

    With ``NO_COLOR`` (no-color.org) bold, dim and italic stay. width: in columns, the terminal's when None.
    """
    return Console(file=stream, force_terminal=stream.isatty(), highlight=False, width=width)


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
