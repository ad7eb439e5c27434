"""Takes out what subtitles say about sounds and speakers: ``[MUSIC]``, ``(laughs)``, ``>>``; pure.

Whisper learned them from subtitles. A caption says what people say.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from wordloop_ml.messages import Word

_OPEN, _CLOSE = "([{（［【", ")]}）］】"
_SIGNS = re.compile("[♪♫♬♩♭♯]+|^(?:>+|[-–—]+)$|^>>+|^\\*+|\\*+$")
_NAMED_SPEAKER = re.compile(r"^\[?(?:SPEAKER|Speaker)[ _]?\d*\]?:$")


def without_annotations(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words that somebody said; a bracket with digits in it, such as (555), is said.

    What a bracket opens is taken out up to its end, in the same word or a later one; a bracket
    that nothing closes takes nothing.
    """
    kept: list[Word] = []
    at = 0
    while at < len(words):
        after = _end_of_bracket(words, at)
        if after is not None:
            at = after
            continue
        text = _SIGNS.sub("", words[at].text).strip()
        if text and not _NAMED_SPEAKER.match(text):
            kept.append(words[at] if text == words[at].text else replace(words[at], text=text))
        at += 1
    return tuple(kept)


def _end_of_bracket(words: Sequence[Word], at: int) -> int | None:
    """The index behind an annotation that begins with this word; None where none does."""
    if not words[at].text.startswith(tuple(_OPEN)):
        return None
    for end in range(at, len(words)):
        inside = words[end].text
        if any(character.isdigit() for character in inside):
            return None
        if inside.rstrip(".,!?:;…").endswith(tuple(_CLOSE)):
            return end + 1
    return None
