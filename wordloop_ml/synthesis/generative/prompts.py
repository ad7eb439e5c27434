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
from wordloop_ml.synthesis.messages import Segment

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


_NOTES_SYSTEM, _NOTES_USER = _text("notes_system"), _text("notes_user")
_MERGE_SYSTEM, _MERGE_USER = _text("merge_system"), _text("merge_user")


def notes_prompt(segments: Sequence[Segment], language: str | None) -> Prompt:
    """Write the prompt for notes; line n is the n-th segment, whatever its id is."""
    lines = [
        f"[{number}] {as_name(segment.voice)}: {as_material(segment.text)}"
        for number, segment in enumerate(segments, 1)
    ]
    user = _filled(_NOTES_USER, lines, language)
    return Prompt(_NOTES_SYSTEM, user)


def merge_prompt(notes: Sequence[str], words: int, sentences: int, language: str | None) -> Prompt:
    """Write the prompt for a title and a summary; line n is the n-th of the notes."""
    lines = [f"[{number}] {as_material(note)}" for number, note in enumerate(notes, 1)]
    template = _MERGE_USER.replace("{words}", str(words)).replace("{sentences}", str(sentences))
    return Prompt(_MERGE_SYSTEM, _filled(template, lines, language))


def _filled(template: str, lines: Sequence[str], language: str | None) -> str:
    """Fill a template, the material last, so that nothing in it is taken for a place to fill."""
    known = language is not None and language.isascii() and language.isalpha()
    told = f", in the language with the code {language}" if known else ", in their language"
    filled = template.replace("{last}", str(len(lines))).replace("{language}", told)
    return filled.replace("{lines}", "\n".join(lines))
