"""A pseudo-terminal with a screen (pyte), for the tests of what people see."""

import errno
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TextIO

import pyte
from rich.console import Console

WAIT_S = 30


class Terminal(AbstractContextManager["Terminal"]):
    """A terminal of so many columns and rows.

    screens: each state of the screen in which it was seen, as lines without blanks at their ends.
    written: every byte that was sent to it. stream: for programs, or parts of one, to write to.
    """

    def __init__(self, columns: int = 60, rows: int = 12) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.stream: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000)
        self._feed = pyte.ByteStream(self._screen)
        self.screens: list[list[str]] = []
        self.written = b""

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        os.close(self._master)

    def console(self) -> Console:
        """A console of its size; rich by itself asks the streams of the process for theirs."""
        width, height = self._screen.columns, self._screen.lines
        return Console(
            file=self.stream, force_terminal=True, width=width, height=height, highlight=False
        )

    @property
    def lines(self) -> list[str]:
        """What the screen shows, down to the last line that is not empty."""
        shown = [line.rstrip() for line in self._screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def scrolled(self) -> list[str]:
        """What has scrolled off the screen, and what it shows."""
        blank = self._screen.default_char
        return [
            *(
                "".join(row.get(at, blank).data for at in range(self._screen.columns)).rstrip()
                for row in self._screen.history.top
            ),
            *self.lines,
        ]

    @property
    def shows_cursor(self) -> bool:
        return not self._screen.cursor.hidden

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], **places: Any
    ) -> "subprocess.Popen[bytes]":
        """Start ``wordloop-ml`` here. places: what goes elsewhere, as ``Popen`` takes it."""
        return subprocess.Popen(
            [sys.executable, "-m", "wordloop_ml", *arguments],
            **{"stdin": self.stream, "stdout": self.stream, "stderr": self.stream, **places},
            env={**os.environ, "TERM": "xterm-256color", **environment},
            start_new_session=True,
        )

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], **places: Any
    ) -> tuple[int, bytes]:
        """Run ``wordloop-ml`` to its end: its exit status, and what it wrote to a pipe of ``places``."""
        process = self.start(arguments, environment, **places)
        self.stream.close()
        while self.read():
            pass
        out, err = process.communicate(timeout=WAIT_S)
        return process.returncode, (out or b"") + (err or b"")

    def catch_up(self) -> list[str]:
        """Show what has been written so far; returns the lines of the screen."""
        self.stream.flush()
        while select.select([self._master], [], [], 0)[0]:
            self.read()
        return self.lines

    def read(self) -> bool:
        """Wait for more to be written, and show it; False when nobody will write any more."""
        try:
            content = os.read(self._master, 65_536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.written += content
        self._feed.feed(content)
        self.screens.append(self.lines)
        return bool(content)
