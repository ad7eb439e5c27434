"""A summary in a model's words: of each part of a meeting it writes a passage, and what holds best of all is chosen; pure.

A small model that reads an hour at once makes one thing of two. So it reads what was found in some 2,500
words, with what was said around it. Of what it wrote those sentences are true most often that are short, rest on one
segment and tell a fact, with the words in the order in which they were said (docs/synthesis-quality.md).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.messages import Generated
from wordloop_ml.synthesis.evidence import Evidence, Reason, Verified
from wordloop_ml.synthesis.extractive.sentences import without_fillers
from wordloop_ml.synthesis.generative.answers import options_for, sentences_in
from wordloop_ml.synthesis.generative.claims import (
    attributed,
    beginning,
    claims_agreement,
    claims_need,
    claims_question,
    is_garbled,
    matter_of,
    names_a_matter,
    names_another,
    points_elsewhere,
    says_little,
    shorter,
    tells_a_condition,
    tells_a_question,
    tells_an_opinion,
    tells_for_all,
    unnamed,
    weakened,
    without_appendage,
)
from wordloop_ml.synthesis.generative.prompts import line_of, summary_prompt
from wordloop_ml.synthesis.messages import Segment, Statement
from wordloop_ml.synthesis.steps import Generate, Pause, Steps
from wordloop_ml.synthesis.words import count_words

PASSAGE_WORDS: Final = 200
"""That the model reads of a part: the segments of the found sentences, and those around them."""
LONG_SEGMENT: Final = 80
"""Of a segment with more words, only the found sentences are read."""
AROUND: Final = 3
"""Segments before and behind a found one that are read, as far as there is room."""
PASSAGE_TOKENS: Final = 92
"""Room for most of the five sentences that are asked for; what a word takes is 1.3 in English. The last ones are true least often."""

FEWEST_LEFT: Final = 8
"""Words of a sentence that are left of it where a clause was dropped, but for one that names what was discussed."""
DOUBTFUL: Final = "doubtful"
IN_ORDER: Final = 0.7
"""The share of a sentence's words that were said in its order; of 22 judged ones with less 7 were true."""
MOST_WORDS: Final = 15
"""Of a sentence that is not doubted for its length."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What the model wrote of some segments, by their positions, ascending."""

    positions: tuple[int, ...] = ()
    sentences: tuple[str, ...] = ()


def write_passage(
    segments: Sequence[Segment],
    found: Sequence[Statement],
    language: str | None,
) -> Steps[Passage]:
    """Let the model write short sentences of found ones; none where these do not fit its context.

    Raises ``EngineFailed``.
    """
    texts = _texts(segments, found)
    if not texts:
        return Passage()
    english = language in {None, "en"}
    lines = [
        line_of(segments[at].voice, _fluent(texts[at]) if english else texts[at])
        for at in sorted(texts)
    ]
    prompt = summary_prompt(lines, language)
    try:
        answer: Generated = yield Generate(prompt, options_for(prompt, PASSAGE_TOKENS))
    except EngineFailed as error:
        if error.code is not ErrorCode.TOO_LARGE:
            raise
        return Passage()
    return Passage(tuple(sorted(texts)), tuple(sentences_in(answer)))


_CUT_OFF = re.compile(r"\b([b-df-hj-np-tv-z]{1,2})[,-]? (?=\1)", re.IGNORECASE)
"""The beginning of a word that is begun again."""


def _fluent(text: str) -> str:
    """Return what was said without fillers and stammers, which the model would copy."""
    return without_fillers(_CUT_OFF.sub("", text))


def _texts(segments: Sequence[Segment], found: Sequence[Statement]) -> dict[int, str]:
    """Return what is read of segments, by their positions: of long ones what was found, of others all, and some around them."""
    places = {one.id: at for at, one in enumerate(segments)}
    said: dict[int, list[str]] = {}
    for one in found:
        if one.segments:
            said.setdefault(places[one.segments[0]], []).append(one.text)
    texts = {
        at: " ".join(some) if count_words(segments[at].text) > LONG_SEGMENT else segments[at].text
        for at, some in said.items()
    }
    room = PASSAGE_WORDS - sum(map(count_words, texts.values()))
    for step in range(1, AROUND + 1):
        for at in (near for one in sorted(said) for near in (one - step, one + step)):
            if 0 <= at < len(segments) and at not in texts:
                words = count_words(segments[at].text)
                if words <= room:
                    texts[at] = segments[at].text
                    room -= words
    return texts


@dataclass(frozen=True, slots=True)
class _Held:
    """A sentence that holds. place: the number of its passage among those of its part, and its own in that. doubted: long,
    or resting on several segments. matter: its stems."""

    statement: Statement
    words: int
    place: tuple[int, int]
    doubted: bool
    matter: frozenset[str]

    @property
    def rambles(self) -> bool:
        """Whether it names one matter after the other: of 33 judged ones 12 were true, of 121 short ones 77."""
        return self.words > MOST_WORDS and names_a_matter(self.statement.text)


class Summary:
    """Takes passages in, verifies each sentence, and chooses.

    refused: why clauses were dropped.
    """

    def __init__(
        self, evidence: Evidence, segments: Sequence[Segment], language: str | None
    ) -> None:
        self.refused: list[str] = []
        self._evidence = evidence
        self._segments = segments
        self._english = language in {None, "en"}
        self._held: list[_Held] = []

    @property
    def words(self) -> int:
        """How many words there are to choose from."""
        return sum(one.words for one in self._held)

    def take(self, passage: Passage, start: int = 0, number: int = 0) -> Steps[int]:
        """Verify the sentences of a passage; returns how many words hold.

        start: position in the meeting of its segment 0. number: of passages of the same part before it.
        """
        before = self.words
        near = [start + at for at in passage.positions]
        for at, sentence in enumerate(passage.sentences):
            held, why = self._hold(sentence, near, (number, at))
            if held is not None:
                self._held.append(held)
            if why is not None:
                self.refused.append(why)
            yield Pause()
        return self.words - before

    def _hold(
        self, sentence: str, near: Sequence[int], place: tuple[int, int]
    ) -> tuple[_Held | None, str | None]:
        """Return what holds of a sentence, if enough does, and why some of it was dropped.

        Less is tried where it fails: nobody is named, or what stands behind a border of an English sentence is left out; the
        latter also where it rambles.
        """
        tried = weakened(sentence, self._evidence.voices)
        held, why = self._verify(tried, near, place)
        if held is None and why == Reason.VOICE:
            tried = unnamed(tried, self._evidence.voices)
            held, why = self._verify(tried, near, place)
        for left in shorter(tried) if self._english else ():
            enough = held is not None and not held.rambles
            if enough or count_words(left) < FEWEST_LEFT:
                break
            held = self._verify(left, near, place)[0] or held
        return held, why

    def _verify(
        self, sentence: str, near: Sequence[int], place: tuple[int, int]
    ) -> tuple[_Held | None, str | None]:
        earlier = [one.statement.text for one in self._held]
        bare = without_appendage(sentence)
        verified = self._evidence.verify(bare, near=near, earlier=earlier)
        if verified.text and verified.refused is not None:
            verified = replace(verified, text=beginning(bare, verified.text))
        why = DOUBTFUL if bare != sentence else None
        if verified.refused is not None:
            why = str(verified.refused)
        fewest = FEWEST_LEFT if why is not None and not names_a_matter(verified.text) else 1
        if count_words(verified.text) < fewest:
            return None, why
        beyond = self._beyond(verified)
        if beyond is not None:
            return None, beyond
        told = replace(verified, text=self._attributed(verified))
        words, several = count_words(told.text), len(told.citations) > 1
        if self._is_doubtful(told) or (several and words > MOST_WORDS):
            return None, DOUBTFUL
        cited = tuple(self._segments[at].id for at in told.citations)
        doubted = several or words > MOST_WORDS
        matter = matter_of(told.text)
        return _Held(Statement(told.text, cited), words, place, doubted, matter), why

    def _is_doubtful(self, verified: Verified) -> bool:
        """Whether a sentence that holds is of a kind that is seldom true.

        It tells of a condition or, but for what was talked of, what "they" did, what somebody thinks or wants, or in another order.
        """
        text = verified.text
        if tells_a_condition(text):
            return True
        return not names_a_matter(text) and (
            tells_for_all(text)
            or tells_an_opinion(text)
            or self._evidence.order(text, verified.citations) < IN_ORDER
        )

    def _attributed(self, verified: Verified) -> str:
        """Return the text with who said it in place of the group, where it was one alone of several who speak."""
        text, evidence = verified.text, self._evidence
        cited = {self._segments[at].voice for at in verified.citations}
        if not self._english or len(cited) != 1 or len(evidence.voices) == 1:
            return text
        if not evidence.voices_of(text, verified.citations) <= cited:
            return text
        told = attributed(text, *cited)
        holds = evidence.verify(told, near=verified.citations).refused is None
        return told if holds else text

    def _beyond(self, verified: Verified) -> str | None:
        """Return why a sentence says more than what it rests on; None where it does not."""
        segments, cited = self._segments, verified.citations
        voices = {segments[at].voice for at in cited}
        if names_another(verified.text, self._evidence.voices, voices):
            return str(Reason.VOICE)
        if not self._english:  # the other rules are about English words
            return None
        if any(fails(verified.text) for fails in (is_garbled, points_elsewhere, says_little)):
            return "garbled"
        if claims_agreement(verified.text):  # what was decided has its own list, by rules
            return "overstated"
        if tells_a_question(verified.text, [segments[at].text for at in cited]):
            return "overstated"
        around = {at for one in cited for at in range(max(0, one - 1), min(len(segments), one + 2))}
        said = " ".join(segments[at].text for at in sorted(around))
        overstated = claims_need(verified.text, said) or claims_question(verified.text, said)
        return "overstated" if overstated else None

    def choose(self, words: int, places: Mapping[str, int]) -> tuple[Statement, ...]:
        """Choose sentences of about so many words, by where they rest: the doubted ones last, first passages first, and of each its first.

        One that says no more than another, or only adds to it, is not chosen beside it. places: of the segments, by their ids.
        """
        chosen: list[_Held] = []
        for one in sorted(self._held, key=lambda one: (one.doubted, one.place)):
            if words > 0 and not any(
                one.matter <= other.matter or one.matter >= other.matter for other in chosen
            ):
                chosen.append(one)
                words -= one.words
        return tuple(
            sorted((one.statement for one in chosen), key=lambda one: places[one.segments[0]])
        )
