"""Captions in a terminal: finals scroll up, and what is still open is redrawn in place below them.

Anywhere else, such as in a file or a pipe, each final is a line and nothing is redrawn.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from wordloop_ml.cli.options import console_on
from wordloop_ml.messages import SAMPLE_RATE, Caption, CaptionWord

STYLES = ("cyan", "magenta", "green", "yellow", "blue")

MAY_CHANGE = "┊"
"""Stands in every open caption, before the words that may still change; a final has none."""

_MAY_CHANGE_ASCII = "|"
_NARROWEST = 20
"""Columns that words need beside their speaker; with fewer they stand below."""
_GAP = "  "


class LiveView(AbstractContextManager["LiveView"]):
    """Shows the captions of several tracks; on a plain stream, only what is final.

    speakers: the name to show, by track. console: standard output's when None.
    """

    def __init__(self, speakers: Mapping[str, str], console: Console | None = None) -> None:
        self._console = console if console is not None else console_on(sys.stdout)
        self._names = {track: _printable(name) for track, name in speakers.items()}
        self._styles = {track: STYLES[index % len(STYLES)] for index, track in enumerate(speakers)}
        self._width = max((cell_len(name) for name in self._names.values()), default=0)
        self._open: dict[str, Caption] = {}
        self._live: Live | None = None
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                self,
                console=self._console,
                auto_refresh=False,
                transient=True,
                # what goes to a file must not land in the terminal
                redirect_stdout=sys.stdout.isatty(),
                redirect_stderr=sys.stderr.isatty(),
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
            self._open.clear()
            self._live.stop()

    def show(self, caption: Caption) -> None:
        """Show a caption: final text scrolls, an interim replaces the one before it."""
        if not caption.final:
            self._open[caption.track] = caption
            self._redraw()
            return
        self._open.pop(caption.track, None)
        if self._live is None:
            line = self._heading(caption).append(_GAP).append_text(self._words(caption))
            self._console.print(line, soft_wrap=True)
        else:
            # printing redraws what is open below
            self._console.print(Group(*self._lines(caption, self._console.width)), no_wrap=True)

    def forget(self, track: str) -> None:
        """Remove a track's interim caption: its audio has no text, or its text comes again."""
        if self._open.pop(track, None) is not None:
            self._redraw()

    def __rich__(self) -> Group:
        """Render the open captions, for rich: of long ones the ends, so that all fit into the terminal."""
        width, height = self._console.size
        free = max(height - 1, 1)
        shown = list(self._open.values())[-free:]
        rows = free // max(len(shown), 1)
        return Group(*(line for one in shown for line in self._lines(one, width, rows)))

    def _redraw(self) -> None:
        if self._live is not None:
            self._live.refresh()

    def _lines(self, caption: Caption, width: int, rows: int | None = None) -> list[Text]:
        """Lay a caption out in lines of ``width`` columns: the words in a column behind time and speaker.

        In a narrow terminal time and speaker have a line of their own. rows: the most lines; None
        for all that it takes.
        """
        heading, words = self._heading(caption), self._words(caption)
        column = heading.cell_len + len(_GAP)
        if width - column >= _NARROWEST:
            first, *others = words.wrap(self._console, width - column)[-(rows or 0) :]
            heading.append(_GAP).append_text(first)
            return [heading, *(Text(" " * column).append_text(line) for line in others)]
        heading.truncate(width, overflow="ellipsis")
        lines = [Text(" ").append_text(line) for line in words.wrap(self._console, width - 1)]
        return [heading, *lines] if rows is None else [heading, *lines][-rows:]

    def _heading(self, caption: Caption) -> Text:
        first = caption.words[0].start if caption.words else caption.start
        heading = Text(f"{_clock(first)}{_GAP}", style="dim")
        name = set_cell_size(self._names[caption.track], self._width)
        return heading.append(name, style=f"not dim bold {self._styles[caption.track]}")

    def _words(self, caption: Caption) -> Text:
        """Join the words; in an open caption those that may still change stand behind a mark."""
        if caption.final:
            return _joined(caption.words)
        words = caption.words
        settled = next((at for at, word in enumerate(words) if not word.stable), len(words))
        mark = _MAY_CHANGE_ASCII if self._console.options.ascii_only else MAY_CHANGE
        said = _joined(words[:settled]).append(" " if settled else "").append(mark, style="dim")
        if settled < len(words):
            said.append(" ").append_text(_joined(words[settled:], "dim italic"))
        return said


def _joined(words: Sequence[CaptionWord], style: str = "") -> Text:
    return Text(" ".join(_printable(word.text) for word in words), style=style)


def _printable(text: str) -> str:
    """Replace what would move the cursor, or worse: neither a server nor a file steers the terminal."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _clock(sample: int) -> str:
    seconds = sample // SAMPLE_RATE
    return f"{seconds // 60:02d}:{seconds % 60:02d}"
