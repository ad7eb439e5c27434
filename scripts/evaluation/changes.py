"""Makes false sentences of true ones: another speaker, a negation more or less, another number, an invented clause; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from wordloop_ml.synthesis.numbers import numbers_of
from wordloop_ml.synthesis.statements import Names

_NOT = re.compile(
    r"\b(do|does|did|is|are|was|were|wo|would|should|ca|could|has|have|had)n['’]t\b|\b(can)not\b|\b(no)\b|\b()not\s"
)
_CAN_BE_NEGATED = re.compile(
    r"\b(?:is|are|was|were|will|would|should|can|could|has|have|had|must|may|might|does|do|did)\b"
)
_ASKS = re.compile(r"\b(?:asked|asks|asking|whether|question|questioned|if)\b")
_WHOLE = {"wo": "will", "ca": "can", "no": "some"}
_SMALL = 10


@dataclass(frozen=True, slots=True)
class Changed:
    """A sentence that is not true any more; ``end``: where what makes it false ends, in characters."""

    text: str
    end: int

    def survives_in(self, kept: str) -> bool:
        """Whether what makes it false is still there in what was kept of the sentence."""
        return kept[: self.end] == self.text[: self.end]


def other_speaker(text: str, names: Names, voices: Sequence[str], chance: Random) -> list[Changed]:
    """Put another of these voices in the place of the first that a text names."""
    found = names.named(text)
    if not found:
        return []
    start, end, voice = found[0]
    others = [one for one in voices if one != voice]
    if not others:
        return []
    other = chance.choice(others)
    return [Changed(f"{text[:start]}{other}{text[end:]}", start + len(other))]


def other_polarity(text: str) -> list[Changed]:
    """Take the first negation away, or put one behind the first auxiliary verb; what asks is neither true nor false."""
    if _ASKS.search(text):
        return []
    found = _NOT.search(text)
    if found:
        word = next(one for one in found.groups() if one is not None)
        kept = _WHOLE.get(word, word)
        without = f"{text[: found.start()]}{kept}{text[found.end() :]}"
        return [Changed(without, _end_of_clause(without, found.start() + len(kept)))]
    verb = _CAN_BE_NEGATED.search(text)
    if verb is None:
        return []
    longer = f"{text[: verb.end()]} not{text[verb.end() :]}"
    return [Changed(longer, _end_of_clause(longer, verb.end() + len(" not")))]


def other_number(text: str, said: Sequence[float], chance: Random) -> Iterator[Changed]:
    """Put two others in the place of each number: one that was said in the meeting, and one that is near, or a multiple."""
    for number in (one for one in numbers_of(text) if not one.plain):
        others = [one for one in said if one != number.value]
        if number.value > _SMALL:
            near = number.value * chance.choice([0.5, 2, 3])
        else:
            near = number.value + chance.choice([1, 2, 3])
        for value in (*([chance.choice(others)] if others else []), near):
            written = f"{value:,.10g}"
            yield Changed(
                f"{text[: number.start]}{written}{text[number.end :]}", number.start + len(written)
            )


def invented(text: str, clause: str) -> list[Changed]:
    """Append a clause that is from elsewhere."""
    longer = f"{text.rstrip('.')}, and {clause[0].lower()}{clause[1:]}"
    return [Changed(longer, len(longer))]


def _end_of_clause(text: str, start: int) -> int:
    """Return where three more words end: with fewer the negation negates nothing."""
    words = list(re.finditer(r"\S+", text[start:]))[:3]
    return start + (words[-1].end() if words else 0)
