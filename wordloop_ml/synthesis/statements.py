"""A written statement in clauses, and what is wrong with its form; pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wordloop_ml.languages import scripts_of
from wordloop_ml.synthesis.words import UNSPACED, content_words, stems, tokens

FEWEST_CONTENT_WORDS = 3
SAME = 0.8
"""Two sentences with so many of their content words in common (Jaccard) say the same."""

_STOPS = ".?!…。？！"
_SENTENCE = re.compile(r"(?<=[.?!…])[\"'”’)]*\s+(?=[\"'“‘(]*[A-Z\d])|(?<=[。？！])")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|hon|st|vs|etc|e\.g|i\.e|no|inc|ltd|approx|[A-Z])\.$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:[,;:]\s+|\s+[–—-]\s+)(?=(?:and|but|so|because|while|whereas|although|though|which|who|where|when|since|as|or|yet|however|then)\b)"
    r"|;\s+|\s+(?=(?:because|but|whereas|although)\b)"
    r"|\s+(?=and (?:that|the|they|he|she|it|we|there|also|then|will|would|should|could|can|has|have|had|is|are|was|were|"
    r"[a-z]+(?:ed|es))\b)|\s+(?=and [A-Z])|,\s+(?=[a-z]+ing\b)",
)
_UNFINISHED = """
a an the and or but of to for from with by at in on into than that which who whose as if because so
is are was were be been has have had will would should could can may might must not no my your his
her its our their very more most
"""
_DANGLING = frozenset(_UNFINISHED.split())
_PREFIX = re.compile(
    r"^[\s\-*•\d.)\]]*(?:[\[(][^\])]{1,40}[\])]\s*)?(?:[A-Z][\w.'’-]*(?:[ _-][A-Z\d][\w.'’-]*){0,3}|[A-Z_]+ ?\d*)\s?:\s"
)


def sentences_of(text: str) -> list[str]:
    """Divide a text into sentences; joined by blanks they are the text, but for blanks."""
    found: list[str] = []
    for part in filter(None, map(str.strip, _SENTENCE.split(text))):
        if found and _ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence that says one thing; ``end``: where it ends in its sentence, in characters."""

    text: str
    end: int


def clauses_of(sentence: str) -> list[Clause]:
    """Divide a sentence into clauses; one without two content words belongs to its neighbour."""
    borders = [one.start() for one in _CLAUSE.finditer(sentence)]
    clauses: list[Clause] = []
    start = 0
    for end in (*borders, len(sentence)):
        text = sentence[start:end]
        last = end == len(sentence)
        if len(content_words(tokens(text))) < 2 and not (last and not clauses):
            if not last:
                continue
            start = start - len(clauses[-1].text)
            clauses.pop()
            text = sentence[start:end]
        clauses.append(Clause(text, end))
        start = end
    return clauses


def has_prefix(text: str, voices: Collection[str]) -> bool:
    """Whether a text begins with somebody's or something's name and a colon, or as an entry of a list."""
    head, colon, _ = text.partition(":")
    named = bool(colon) and head.strip().casefold() in {one.casefold() for one in voices}
    return named or _PREFIX.match(text) is not None or text.lstrip().startswith(("- ", "* ", "• "))


def is_cut(text: str, vocabulary: Collection[str]) -> bool:
    """Whether a text ends in mid-sentence or in mid-word. vocabulary: the words of the meeting, in lower case.

    A word without a stop behind it that nobody said, and that somebody's word begins with, is half a word.
    """
    bare = text.rstrip().rstrip("\"'”’)]")
    if not bare or bare[-1] in _STOPS:
        return bare.endswith(("...", "…"))
    words = tokens(bare)
    if not bare[-1].isalnum() or (words and words[-1] in _DANGLING):
        return True
    last = words[-1] if words else ""
    return last not in vocabulary and any(one.startswith(last) for one in vocabulary)


def foreign_scripts(text: str, scripts: Collection[str]) -> bool:
    """Whether a text has letters of a script that is none of these; see ``languages.scripts_of``."""
    return not scripts_of(text) <= set(scripts)


def is_tiny(words: Sequence[str]) -> bool:
    """Whether fewer than three content words are left of a statement; two characters of a script without blanks are one."""
    unspaced = sum(UNSPACED.match(word) is not None for word in words)
    return len(content_words(list(words))) - unspaced + unspaced // 2 < FEWEST_CONTENT_WORDS


def is_repeated(text: str, earlier: Collection[str]) -> bool:
    """Whether a sentence has nearly the content words of an earlier one, or says one thing over and over."""
    words = tokens(text)
    mine = _key(words)
    if any(_alike(mine, _key(tokens(one))) for one in earlier):
        return True
    runs = list(zip(*(words[at:] for at in range(4)), strict=False))
    return any(runs.count(run) > 2 for run in set(runs))


def _key(words: list[str]) -> frozenset[str]:
    return stems(content_words(words)) or stems(words)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one & other) and len(one & other) >= SAME * len(one | other)


_TITLES = frozenset(
    ["mr", "mrs", "ms", "dr", "prof", "hon", "right", "sir", "madam", "the", "am", "mp"]
)


class Names:
    """The names of a meeting's voices, and where a text names one of them."""

    def __init__(self, voices: Collection[str]) -> None:
        whole = {one.casefold(): one for one in voices}
        parts: dict[str, set[str]] = {}
        for one in voices:
            names = [part for part in one.split() if part.strip(".").casefold() not in _TITLES]
            for part in {" ".join(names), *names, " ".join(names[-2:])}:
                if len(part) > 2:
                    parts.setdefault(part.casefold(), set()).add(one)
        only = {part: next(iter(them)) for part, them in parts.items() if len(them) == 1}
        self._bearers = {**only, **whole}
        names = sorted(self._bearers, key=len, reverse=True)
        either = "|".join(map(re.escape, names)) if names else "(?!)"
        self._pattern = re.compile(rf"(?<!\w)(?=[^a-z])(?i:{either})(?!\w)")

    def named(self, text: str) -> list[tuple[int, int, str]]:
        """Return the start, end and voice of each place in which a text names a voice.

        A voice is named by its whole name, or by a part of it that no other voice has; both begin with a capital, unless
        they are written without.
        """
        return [
            (*one.span(), self._bearers[one[0].casefold()]) for one in self._pattern.finditer(text)
        ]

    def without(self, text: str) -> str:
        """Return a text without the names in it."""
        for start, end, _ in reversed(self.named(text)):
            text = f"{text[:start]} {text[end:]}"
        return text
