"""Prompts: what stands in ``prompts/``, around material that cannot leave its place.

The texts are read with this module, as its code is.
"""

from collections.abc import Sequence
from pathlib import Path

from wordloop_ml.messages import Prompt
from wordloop_ml.synthesis.generative.plain import as_material, as_name
from wordloop_ml.synthesis.messages import Segment

_FOLDER = Path(__file__).parent / "prompts"


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").strip()


_NOTES_SYSTEM, _NOTES_USER = _text("notes_system"), _text("notes_user")
_MERGE_SYSTEM, _MERGE_USER = _text("merge_system"), _text("merge_user")


def notes_prompt(segments: Sequence[Segment], language: str | None) -> Prompt:
    """Asks for notes; line n is the n-th segment, whatever its id is."""
    lines = [
        f"[{number}] {as_name(segment.voice)}: {as_material(segment.text)}"
        for number, segment in enumerate(segments, 1)
    ]
    user = _filled(_NOTES_USER, lines, language)
    return Prompt(_NOTES_SYSTEM, user)


def merge_prompt(notes: Sequence[str], words: int, sentences: int, language: str | None) -> Prompt:
    """Asks for a title and a summary; line n is the n-th of the notes."""
    lines = [f"[{number}] {as_material(note)}" for number, note in enumerate(notes, 1)]
    template = _MERGE_USER.replace("{words}", str(words)).replace("{sentences}", str(sentences))
    return Prompt(_MERGE_SYSTEM, _filled(template, lines, language))


def _filled(template: str, lines: Sequence[str], language: str | None) -> str:
    """The material last, so that nothing in it is taken for a place to fill."""
    known = language is not None and language.isascii() and language.isalpha()
    told = f", in the language with the code {language}" if known else ", in their language"
    filled = template.replace("{last}", str(len(lines))).replace("{language}", told)
    return filled.replace("{lines}", "\n".join(lines))
