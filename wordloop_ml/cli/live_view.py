"""Live captions in a terminal: what is final scrolls up, what may still change stays below."""

from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from wordloop_ml.messages import SAMPLE_RATE, Caption

_NARROWEST = 20
"""Columns that words have in the narrowest terminal."""

STYLES = ("cyan", "magenta", "green", "yellow", "blue")


class LiveView(AbstractContextManager["LiveView"]):
    """Shows the captions of several tracks; on a plain stream, only what is final.

    speakers: the name to show, by track.
    """

    def __init__(self, speakers: dict[str, str], console: Console | None = None) -> None:
        self._speakers = speakers
        self._styles = {track: STYLES[index % len(STYLES)] for index, track in enumerate(speakers)}
        self._width = max((len(name) for name in speakers.values()), default=0)
        self._console = console if console is not None else Console(highlight=False)
        self._open: dict[str, Caption] = {}
        self._live = (
            Live(console=self._console, refresh_per_second=12, transient=True)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> "LiveView":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, caption: Caption) -> None:
        """A caption came: final text scrolls, an interim replaces the one before it."""
        if caption.final:
            self._open.pop(caption.track, None)
            self._console.print(self._line(caption), soft_wrap=self._live is None)
        else:
            self._open[caption.track] = caption
        self._refresh()

    def forget(self, track: str) -> None:
        """What is not final has no text, or comes again when the connection to a server broke."""
        self._open.pop(track, None)
        self._refresh()

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(Group(*(self._line(one) for one in self._open.values())))

    def _line(self, caption: Caption) -> Text:
        """Time, speaker, words; those that may still change are dim. In a terminal words keep to their column."""
        speaker = self._speakers[caption.track].ljust(self._width)
        first = caption.words[0].start if caption.words else caption.start
        line = Text(f"{_clock(first)}  ", style="dim")
        line.append(speaker + "  ", style=f"not dim bold {self._styles[caption.track]}")
        words = Text(style="not dim")
        for word in caption.words:
            settled = caption.final or word.stable
            words.append(word.text + " ", style="" if settled else "dim italic")
        if self._live is None:
            words.rstrip()
            return line.append_text(words)
        column = len(line)
        room = max(self._console.width - column, _NARROWEST)
        return line.append_text(Text("\n" + " " * column).join(words.wrap(self._console, room)))


def _clock(sample: int) -> str:
    seconds = sample // SAMPLE_RATE
    return f"{seconds // 60:02d}:{seconds % 60:02d}"
