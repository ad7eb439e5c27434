"""What was said, line by line: short stretches of one voice, with their stems and what they deny; pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.numbers import Number, numbers_of
from wordloop_ml.synthesis.polarity import answers_no, denied, negated, negated_heads, undone_heads
from wordloop_ml.synthesis.words import FUNCTION_WORDS, stem, tokens

MOST_WORDS = 25
"""A line has no more words: a stretch without a stop says several things."""

_SENTENCE = re.compile(r"(?<=[.?!;。？！])\s+|(?<=[。？！])")
_IRREGULAR_VERBS = """
be was were been; begin began begun; break broke broken; bring brought; build built; buy bought; catch caught; choose chose chosen;
come came; cost cost; do did done; draw drew drawn; drive drove driven; eat ate eaten; fall fell fallen; feel felt; fight fought;
find found; fly flew flown; forget forgot forgotten; get got gotten; give gave given; go went gone; grow grew grown; hear heard; hide hid
hidden; hold held; keep kept; know knew known; lead led; leave left; lend lent; lose lost; make made; mean meant; meet met;
pay paid; put; ride rode ridden; ring rang rung; rise rose risen; run ran; say said; see saw seen; sell sold; send sent; shake shook
shaken; shoot shot; show shown; sing sang sung; sit sat; sleep slept; speak spoke spoken; spend spent; stand stood; steal stole stolen;
stick stuck; strike struck; swim swam swum; take took taken; teach taught; tell told; think thought; throw threw thrown;
understand understood; wake woke woken; wear wore worn; win won; write wrote written; person people; child children; man men;
woman women; foot feet; good better best; bad worse worst; easy easily easier easiest; cheap cheaper cheapest
"""
_IRREGULAR = {
    form: forms[0] for forms in map(str.split, _IRREGULAR_VERBS.split(";")) for form in forms[1:]
}


def stem_of(word: str) -> str:
    """Return the stem by which words of statements and of lines are compared."""
    return stem(_IRREGULAR.get(word, word))


@dataclass(frozen=True, slots=True)
class Line:
    """Words that somebody said without a stop.

    segment: the index of the segment that it is in. start: words of the meeting before it. stems: of all its words, and keys of its
        numbers (``key_of``). negated, negated_heads, undone_heads, denied: stems of content words that a negation reaches, at all or first, that
        "refuse" reaches first, or any denial; see ``polarity``.
        answers_no: whether it begins with a no.
    """

    segment: int
    voice: str
    text: str
    start: int
    words: tuple[str, ...]
    stems: frozenset[str]
    numbers: tuple[Number, ...]
    negated: frozenset[str]
    negated_heads: frozenset[str]
    undone_heads: frozenset[str]
    denied: frozenset[str]
    answers_no: bool

    @property
    def end(self) -> int:
        """Words of the meeting up to its last."""
        return self.start + len(self.words)


def key_of(number: Number) -> str:
    """Return what a number is compared by where stems are: its value."""
    return f"#{number.value:g}"


def lines_of(segments: Iterable[Segment]) -> Iterator[list[Line]]:
    """Yield the lines of each segment, in order; a segment without words has none."""
    start = 0
    for at, segment in enumerate(segments):
        lines: list[Line] = []
        for sentence in _SENTENCE.split(segment.text):
            for text in _pieces(sentence):
                line = _line(at, segment.voice, text, start)
                start = line.end
                lines.append(line)
        yield lines


def content_of(words: Sequence[str]) -> list[int]:
    """Return the places of the words that are no function words."""
    return [at for at, word in enumerate(words) if word not in FUNCTION_WORDS]


def _pieces(sentence: str) -> Iterator[str]:
    """Yield a sentence, or pieces of a long one, each with its words; nothing without words."""
    waiting: list[str] = []
    words = 0
    for part in sentence.split():
        more = len(tokens(part))
        if words and words + more > MOST_WORDS:
            yield " ".join(waiting)
            waiting, words = [], 0
        waiting.append(part)
        words += more
    if words:
        yield " ".join(waiting)


def _line(segment: int, voice: str, text: str, start: int) -> Line:
    words = tokens(text)
    content = content_of(words)
    numbers = tuple(numbers_of(text))
    by_negation, by_any = negated(words), denied(words)
    heads = negated_heads(words)
    return Line(
        segment,
        voice,
        text,
        start,
        tuple(words),
        frozenset(map(stem_of, words)).union(map(key_of, numbers)),
        numbers,
        frozenset(stem_of(words[at]) for at in content if at in by_negation),
        frozenset(stem_of(words[at]) for at in heads),
        frozenset(stem_of(words[at]) for at in undone_heads(words)),
        frozenset(stem_of(words[at]) for at in content if at in by_any),
        answers_no(words),
    )
