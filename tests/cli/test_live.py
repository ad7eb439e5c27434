"""Live captions in a terminal."""

import io
import re

from rich.console import Console

from wordloop_ml.cli.live import LiveView
from wordloop_ml.messages import Caption, CaptionWord

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SAID = (
    "He was not an ill-disposed young man, unless to be rather cold-hearted is to be ill-disposed."
)


def final(text: str) -> Caption:
    """A final on track ``a``, six seconds in."""
    words = tuple(
        CaptionWord(word, 96_000 + 1_000 * at, 96_900 + 1_000 * at, 0.9, stable=True)
        for at, word in enumerate(text.split())
    )
    return Caption("a-96000", "a", 96_000, words[-1].end, words, final=True)


def shown(width: int, *, terminal: bool) -> list[str]:
    """The lines that one final takes."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False
    )
    with LiveView({"a": "austen"}, console) as view:
        view.show(final(SAID))
    assert isinstance(console.file, io.StringIO)
    lines = CONTROL.sub("", console.file.getvalue()).replace("\r", "\n").splitlines()
    return [line.rstrip() for line in lines if "ill" in line or "cold" in line]


def test_words_keep_to_their_column_in_a_terminal() -> None:
    """Long lines go on below the words, not below the time."""
    first, *others = shown(50, terminal=True)
    assert first.startswith("00:06  austen  He was not")
    assert others
    assert all(line.startswith(" " * 15) and len(line) <= 50 for line in others)


def test_a_file_gets_a_line_for_each_caption() -> None:
    """However wide its reader is."""
    assert shown(50, terminal=False) == [f"00:06  austen  {SAID}"]
