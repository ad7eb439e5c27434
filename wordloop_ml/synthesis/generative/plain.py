"""Texts that nobody here wrote, made fit to stand inside a prompt, or inside a result.

Whatever has a meaning in a prompt is taken from them: the marks around the material are made of
characters that no material holds, a line stays one line, and what nobody can see is gone.
"""

import re
import unicodedata

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
    """What was said, fit for one line of a prompt."""
    shown = visible(text).translate(_MARKS)
    return _LONG_WORD.sub(lambda match: match[0][:LONGEST_WORD] + "…", shown)


def as_name(voice: str) -> str:
    """A speaker's name, fit to stand before a colon; never that of a role in a conversation."""
    name = as_material(voice).replace(":", " ")
    name = " ".join(name[:LONGEST_NAME].split())
    if not any(character.isalnum() for character in name):
        return "somebody"
    if name.strip("#*_-. ").casefold() in _ROLES:
        return f"the speaker {name}"
    return name
