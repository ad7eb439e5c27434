"""What a command says on standard error beside the captions, and whether anything went wrong."""

import sys

from wordloop_ml.errors import WordloopError
from wordloop_ml.messages import SAMPLE_RATE, SpanLost


def print_error(error: WordloopError) -> None:
    """One line, as for every error of the command line."""
    print(f"wordloop-ml: {error.code}: {error}", file=sys.stderr)


class Notices:
    """Tells what was not written down, track by track; nothing is lost in silence.

    names: to show, by track. failed: an error was told, which the exit status has to say, too.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self.failed = False
        self._names = names
        self._silent = set(names)
        self._told: set[str] = set()

    def heard(self, track: str) -> None:
        """The track has a caption."""
        self._silent.discard(track)

    def lose(self, lost: SpanLost) -> None:
        """A stretch of audio has no text: where, and why. Its words are not known."""
        self._silent.discard(lost.track)
        why = lost.code if lost.reason is None else f"{lost.code} ({lost.reason})"
        span = f"{lost.start / SAMPLE_RATE:.1f} to {lost.end / SAMPLE_RATE:.1f} s"
        print(f"{self._names[lost.track]}: {span}: {why}", file=sys.stderr)

    def fail(self, track: str, error: WordloopError) -> None:
        """An error that ends a track and leaves the others alone; the same one is told once."""
        self.failed = True
        self._silent.discard(track)
        if str(error) not in self._told:
            self._told.add(str(error))
            print_error(error)

    def end(self, track: str) -> None:
        """The track is over."""
        if track in self._silent:
            print(f"{self._names[track]}: no speech found", file=sys.stderr)
