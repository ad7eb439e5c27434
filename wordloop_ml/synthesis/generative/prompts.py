"""Fills the prompts in ``prompts/`` with material that cannot leave its place.

Whatever has a meaning in a prompt is taken from the material: the marks around it are made of
characters that no material holds, a line stays one line, and characters that nobody can see are
removed. The texts are read with this module, as its code is.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from wordloop_ml.messages import Prompt

LONGEST_NAME = 40
LONGEST_WORD = 100

_JOINERS = "\u200c\u200d"
"""Invisible, but part of how several languages are written."""

_MARKS = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "\uff1c": "‹",
        "\uff1e": "›",
        "[": "(",
        "]": ")",
        "\uff3b": "(",
        "\uff3d": ")",
        "{": "(",
        "}": ")",
        "`": "'",
    }
)
"""Brackets of special tokens, of our marks and numbers, of JSON, and fences."""

_ROLES = frozenset({"system", "assistant", "user", "tool", "developer", "human", "model", "ai"})
"""What a model may take for a turn in the conversation with it."""

_LONG_WORD = re.compile(rf"[!-~\u00a1-\u024f]{{{LONGEST_WORD + 1},}}")
"""No word of a language that puts blanks between its words; others have no words to measure."""


def visible(text: str) -> str:
    """The text on one line: no control or format characters (bidirectional ones, tags, those of
    zero width), no unassigned or private ones, no surrogates, single blanks.
    """
    kept = (
        " " if character.isspace() else character
        for character in text
        if character in _JOINERS
        or character.isspace()
        or unicodedata.category(character) not in {"Cc", "Cf", "Cn", "Co", "Cs"}
    )
    return " ".join("".join(kept).split())


def as_material(text: str) -> str:
    """Make what was said fit for one line of a prompt."""
    shown = visible(text).translate(_MARKS)
    return _LONG_WORD.sub(lambda match: match[0][:LONGEST_WORD] + "…", shown)


def as_name(voice: str) -> str:
    """Make a speaker's name fit to stand before a colon; never that of a role in a conversation."""
    name = as_material(voice).replace(":", " ")
    name = " ".join(name[:LONGEST_NAME].split())
    if not any(character.isalnum() for character in name):
        return "somebody"
    if name.strip("#*_-. ").casefold() in _ROLES:
        return f"the speaker {name}"
    return name


_FOLDER = Path(__file__).parent / "prompts"


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").strip()


_SYSTEM = _text("system")
_SUMMARY = _text("summary")


def line_of(voice: str, text: str) -> str:
    """Write what somebody said as one line."""
    return f"{as_name(voice)}: {as_material(text)}"


def summary_prompt(lines: Sequence[str], language: str | None) -> Prompt:
    """Ask for what all lines say, in one sentence and four short ones.

    What was said is filled in last: nothing in it is taken for a place to fill.
    """
    known = language is not None and language.isascii() and language.isalpha()
    told = f" in the language with the code {language}" if known and language != "en" else ""
    question = _SUMMARY.replace("{language}", told)
    said = "\n".join(lines)
    return Prompt(_SYSTEM, f"<transcript>\n{said}\n</transcript>\n\n{question}")
