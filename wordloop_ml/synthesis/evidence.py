"""Holds what was written against what was said: finds who said it where, and names what is wrong with it.

A statement is looked for in short stretches of the transcript, because anything has its words somewhere in an hour of talk.
Each clause must have enough of its content words in one stretch, rare ones weighing more; where it names who said it, in that
voice's lines; its numbers must have been said there, and it must not deny what was affirmed there, nor the reverse. Clauses behind one
that fails go with it. The rules for numbers in words, negations and reporting verbs are English; other languages have the rest.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from math import log

from wordloop_ml.languages import scripts_of
from wordloop_ml.synthesis.denials import affirmed_in, all_deny_one, denied_in
from wordloop_ml.synthesis.lines import Line, content_of, key_of, lines_of, stem_of
from wordloop_ml.synthesis.messages import Segment, Transcript
from wordloop_ml.synthesis.numbers import Number, numbers_of
from wordloop_ml.synthesis.polarity import OPPOSITES, negations, says_no
from wordloop_ml.synthesis.statements import (
    Clause,
    Names,
    clauses_of,
    foreign_scripts,
    has_prefix,
    is_cut,
    is_repeated,
    is_tiny,
    sentences_of,
)
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.word_order import common_in_order, subsequence
from wordloop_ml.synthesis.words import FUNCTION_WORDS, tokens

SEGMENTS_A_STRETCH = 60
"""So many segments of some fifteen words are read in about five milliseconds."""


class Reason(StrEnum):
    """Why a clause was refused; the first that applies, in this order."""

    PREFIX = "prefix"
    FOREIGN_SCRIPT = "foreign_script"
    CUT = "cut"
    TINY = "tiny"
    REPEATED = "repeated"
    UNSAID = "unsaid"
    VOICE = "voice"
    NUMBER = "number"
    NEGATION = "negation"


@dataclass(frozen=True, slots=True)
class EvidencePolicy:
    """The numbers that decide what stands; docs/synthesis-quality.md says what they were measured on.

    words: of the stretch in which a clause is looked for.
    said: this share of a clause's content words must be in one, rare ones weighing more.
    voice_said: the share that must be in lines of the voice that it names.
    voice_lead: that share over the best of any other voice, at least.
    as_good: of stretches with this share of what the best one has each may support a clause; most_stretches: so many are tried.
    label_said: the share of a label's words that its segments must have.
    number_reach: lines between a number and other words of its clause, at most.
    near: segments around those that a statement should rest on in which it is looked for, too. voices_near: in which others may
        have said it as well.
    """

    words: int = 80
    said: float = 0.45
    voice_said: float = 0.3
    voice_lead: float = 0.8
    as_good: float = 0.85
    most_stretches: int = 6
    label_said: float = 0.6
    number_reach: int = 2
    near: int = 2
    voices_near: int = 6
    most_citations: int = 4


@dataclass(frozen=True, slots=True)
class Verified:
    """What stands of a statement.

    text: its clauses before the first that failed, ended by a stop; empty where none stood. citations: indices of the
        segments that it rests on, ascending, without ``text`` none. refused: why the first clause failed; None where all stood.
    """

    text: str
    citations: tuple[int, ...]
    refused: Reason | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines that have words of a clause, and the share of its words that they have."""

    share: float
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """A clause, prepared: its content stems with their weights, its words and numbers, and whose words it says they are.

    topic: whether it tells what was spoken of, and nothing of it.
    """

    words: tuple[str, ...]
    weights: dict[str, float]
    numbers: tuple[Number, ...]
    voice: str | None
    topic: bool = False


_TOPIC = re.compile(
    r"\s*(?:(?:they|the(?: \w+){0,3}?)\s+)?(?:also )?(?:discussed|talked about|considered|reviewed|spoke (?:of|about))\b(?! (?:that|whether|if|how)\b)",
    re.IGNORECASE,
)
"""Of a clause without names."""
_REPORTING_WORDS = """
according add agree ally announce answer argue ask assert believe bring call clarify comment complain conclude concern
confirm consider decide decision describe discuss discussion emphasise emphasize explain express feel find finding group
hope idea indicate inform insist introduce issue mate matter meeting member mention note object offer opinion
participant plan point present presentation propose proposal question raise reason recommend regard reiterate remark
reply report respond say see speaker state statement stress suggest suggestion talk team tell thing think topic
understand view want warn wonder also first firstly second secondly third lastly finally therefore however moreover
besides meanwhile furthermore
"""
_REPORTING = frozenset(map(stem_of, _REPORTING_WORDS.split()))
"""Stems of words that tell that something was said, which those who say it seldom use."""
_REPORTED = 0.15
"""What they weigh, over what other words do."""
_BEFORE_OTHERS = "about against at for from in of on than to toward towards with"
_PREPOSITIONS = frozenset(_BEFORE_OTHERS.split())
_OWN_SUBJECTS = "the a an this that these those they it there we group"
_SUBJECTS = frozenset(_OWN_SUBJECTS.split())


class Evidence:
    """A transcript, prepared for looking statements up in it; never changes."""

    def __init__(self, segments: Sequence[Segment], policy: EvidencePolicy | None = None) -> None:
        self._set(segments, lines_of(segments), policy)

    def _set(
        self,
        segments: Sequence[Segment],
        lines: Iterable[list[Line]],
        policy: EvidencePolicy | None,
    ) -> None:
        self._policy = policy or EvidencePolicy()
        self._lines = [line for some in lines for line in some]
        self._with: dict[str, list[int]] = {}
        for at, line in enumerate(self._lines):
            for stem in line.stems:
                self._with.setdefault(stem, []).append(at)
        self._vocabulary = frozenset(word for line in self._lines for word in line.words)
        self._scripts = scripts_of("".join(one.text for one in segments))
        self.voices = frozenset(one.voice for one in segments)
        self._names = Names(self.voices)
        words = sum(len(line.words) for line in self._lines)
        function = sum(word in FUNCTION_WORDS for line in self._lines for word in line.words)
        self._english = function >= 0.2 * words

    def verify(
        self,
        statement: str,
        *,
        near: Collection[int] | None = None,
        earlier: Collection[str] = (),
    ) -> Verified:
        """Return what stands of a statement, and the segments that it rests on.

        near: the indices of segments that it should rest on; None: the whole meeting. earlier: what was kept before, which it may not repeat.
        """
        kept: list[str] = []
        cited: set[int] = set()
        for sentence in sentences_of(statement) or [statement]:
            refused = next(self.faults(sentence, (*earlier, *kept)), None)
            stands = ""
            lines: list[int] = []
            if refused is None:
                stands, lines, refused = self._sentence(sentence, near)
            if stands:
                kept.append(stands)
                cited.update(lines)
            if refused is not None:
                break
        else:
            refused = None
        return Verified(" ".join(kept), tuple(sorted(cited)), refused)

    def quoted(self, text: str, positions: Collection[int]) -> bool:
        """Whether somebody said just this in the segments at these indices, but for words left out that deny and count nothing."""
        return bool(self._quoted(text, frozenset(positions)))

    def cite(self, label: str, *, near: Collection[int] | None = None) -> tuple[int, ...]:
        """Return the segments that have most of a label's words (of a title, say); none where a stretch has too few."""
        claim = self.claim(label, None)
        found = self.stretches(claim, self._allowed(near))
        if not found or found[0].share < self._policy.said:
            return ()
        return tuple(sorted(set(self._cited(claim, found[0]))))

    def share(self, label: str, positions: Collection[int]) -> float:
        """Return the share of a label's content words that was said in these segments or names who speaks there, in [0, 1].

        Rare words weigh more; of a label without content words all count.
        """
        words = tokens(label)
        wanted = [words[at] for at in content_of(words)] or words
        weights = {stem_of(word): self._weight(stem_of(word)) for word in wanted}
        there = {stem for line in self._of(positions) for stem in line.stems}
        there.update(stem_of(word) for line in self._of(positions) for word in tokens(line.voice))
        total = sum(weights.values())
        said = sum(weight for stem, weight in weights.items() if stem in there)
        return said / total if total else 0.0

    def order(self, statement: str, positions: Collection[int]) -> float:
        """Return the share of a statement's content words that were said in its order in these segments and those beside them, in [0, 1]."""
        words = tokens(self._names.without(statement))
        wanted = [stem_of(words[at]) for at in content_of(words)]
        near = {at + k for at in positions for k in (-1, 0, 1)}
        said = [stem_of(word) for line in self._of(near) for word in line.words]
        return common_in_order(said, wanted) / max(1, len(wanted))

    def voices_of(self, statement: str, positions: Collection[int]) -> frozenset[str]:
        """Return the voices that said enough of a statement, in the segments at these indices and around them, for it to be theirs."""
        claim = self.claim(statement, None)
        reach = self._policy.voices_near
        around = frozenset(at + k for at in positions for k in range(-reach, reach + 1))
        return frozenset(
            voice
            for voice in {line.voice for line in self._of(around)}
            for best in self.stretches(claim, around, voice)[:1]
            if best.share >= self._policy.voice_said
        )

    def due_said(self, due: str, positions: Collection[int]) -> bool:
        """Whether all content words and numbers of a due were said in the segments at these indices."""
        return bool(content_of(tokens(due))) and self._all_said(due, positions)

    def owner_said(self, owner: str, positions: Collection[int]) -> str | None:
        """Return the voice that an owner names, if it speaks or is named in these segments, or a name that was said there."""
        named = self._names.named(owner.title() if owner.islower() else owner)
        voice = named[0][2] if named else None
        lines = self._of(positions)
        if voice is not None and (
            any(line.voice == voice for line in lines)
            or any(voice in {one for *_, one in self._names.named(line.text)} for line in lines)
        ):
            return voice
        said = bool(content_of(tokens(owner))) and self._all_said(owner, positions)
        return (voice or owner) if said else None

    def _all_said(self, text: str, positions: Collection[int]) -> bool:
        words = tokens(text)
        lines = self._of(positions)
        heard = {word for line in lines for word in line.words}
        numbers = [one for line in lines for one in line.numbers]
        spelled = numbers_of(text)
        return all(any(one.is_said_by(other) for other in numbers) for one in spelled) and all(
            words[at] in heard for at in content_of(words) if not numbers_of(words[at])
        )

    def _of(self, positions: Collection[int]) -> list[Line]:
        """Return the lines of the segments at these indices."""
        return [line for at in sorted(set(positions)) for line in self._lines_in(at)]

    def _lines_in(self, segment: int) -> Sequence[Line]:
        first = bisect_left(self._lines, segment, key=lambda line: line.segment)
        last = bisect_right(self._lines, segment, key=lambda line: line.segment)
        return self._lines[first:last]

    def faults(self, sentence: str, earlier: Collection[str] = ()) -> Iterator[Reason]:
        """Yield what is wrong with the form of a sentence, whatever it says; earlier: what it may not repeat."""
        if has_prefix(sentence, self.voices):
            yield Reason.PREFIX
        if foreign_scripts(sentence, self._scripts):
            yield Reason.FOREIGN_SCRIPT
        if is_cut(sentence, self._vocabulary):
            yield Reason.CUT
        if is_tiny(tokens(self._names.without(sentence))):
            yield Reason.TINY
        if is_repeated(sentence, earlier):
            yield Reason.REPEATED

    def _sentence(
        self, sentence: str, near: Collection[int] | None
    ) -> tuple[str, list[int], Reason | None]:
        """Return what stands of a sentence, the segments that it rests on, and why the rest does not."""
        allowed = self._allowed(near)
        quoted = self._quoted(sentence, allowed)
        if quoted:
            return sentence, quoted, None
        end = 0
        cited: list[int] = []
        for voice_of, said in groupby(self._claims(sentence), lambda one: one[1].voice):
            together = list(said)
            home = self._home([claim for _, claim in together], voice_of, allowed)
            for clause, claim in together:
                resting, refused = self._held(claim, allowed, home)
                if refused is not None:
                    left = _ended(sentence[:end])
                    if is_tiny(tokens(self._names.without(left))):
                        return "", [], refused
                    return left, cited, refused
                end = clause.end
                for one in resting:
                    cited += self._cited(claim, one)
        return sentence, cited, None

    def _quoted(self, sentence: str, allowed: frozenset[int] | None) -> list[int]:
        """Return the segments in which somebody said just this, but for words left out that deny and count nothing."""
        words = tokens(sentence)
        weights = {stem_of(word): self._weight(stem_of(word)) for word in words}
        for one in self.stretches(Claim((), weights, (), None), allowed)[:3]:
            there = [
                line for line in self._around(one) if allowed is None or line.segment in allowed
            ]
            for speaker in sorted({line.voice for line in there}):
                lines = [line for line in there if line.voice == speaker]
                places = subsequence(words, [word for line in lines for word in line.words])
                if places is not None:
                    segments = [line.segment for line in lines for _ in line.words]
                    return sorted(set(segments[places.start : places.stop]))
        return []

    def _home(
        self, claims: Sequence[Claim], voice: str | None, allowed: frozenset[int] | None
    ) -> range:
        """Return the words of the meeting around where most of some claims was said: they belong together."""
        weights = {stem: weight for one in claims for stem, weight in one.weights.items()}
        found = self.stretches(Claim((), weights, (), voice), allowed, voice)
        if not found:
            return range(0)
        reach = self._policy.words
        first, last = self._lines[found[0].lines[0]], self._lines[found[0].lines[-1]]
        return range(first.start - reach, last.end + reach)

    def _allowed(self, near: Collection[int] | None) -> frozenset[int] | None:
        if near is None:
            return None
        reach = self._policy.near
        return frozenset(at + k for at in near for k in range(-reach, reach + 1))

    def _claims(self, sentence: str) -> Iterator[tuple[Clause, Claim]]:
        """Yield the clauses of a sentence; one that goes on with what somebody said has their voice, too."""
        speaker: str | None = None
        for clause in clauses_of(sentence):
            named = self._names.named(clause.text)
            naming = _speaker(clause.text, named)
            if naming is not None:
                speaker = naming
            elif _has_own_subject(clause.text):
                speaker = None
            yield clause, self.claim(clause.text, speaker)

    def claim(self, text: str, voice: str | None) -> Claim:
        """Prepare a clause; names are none of its words."""
        bare = self._names.without(text)
        words = tokens(bare)
        weights: dict[str, float] = {}
        numbers = tuple(one for one in numbers_of(bare) if not one.plain)
        for at in content_of(words):
            stem = stem_of(words[at])
            if not stem.isdigit() and not numbers_of(words[at]):
                weights[stem] = self._weight(stem)
        weights.update((key_of(one), self._weight(key_of(one))) for one in numbers)
        return Claim(tuple(words), weights, numbers, voice, _TOPIC.match(bare) is not None)

    def _weight(self, stem: str) -> float:
        # inverse document frequency, a line being a document; unheard words weigh most
        rarity = log(1 + (len(self._lines) + 1) / (len(self._with.get(stem, ())) + 0.5))
        return rarity * (_REPORTED if stem in _REPORTING else 1.0)

    def stretches(
        self, claim: Claim, allowed: frozenset[int] | None, voice: str | None = None
    ) -> list[Stretch]:
        """Return the stretches that have words of a claim, the best first. voice: only the lines of this one."""
        hits = sorted(
            {
                at
                for stem in claim.weights
                for at in self._with.get(stem, ())
                if (allowed is None or self._lines[at].segment in allowed)
                and (voice is None or self._lines[at].voice == voice)
            }
        )
        total = sum(claim.weights.values())
        found: list[Stretch] = []
        end = 0
        for begin, first in enumerate(hits):
            reach = self._lines[first].start + self._policy.words
            grown = max(end, begin + 1)
            while grown < len(hits) and self._lines[hits[grown]].end <= reach:
                grown += 1
            if grown == end:
                continue  # no line more than the stretch before has
            end = grown
            lines = tuple(hits[begin:end])
            there = frozenset().union(*(self._lines[at].stems for at in lines))
            share = sum(weight for stem, weight in claim.weights.items() if stem in there)
            found.append(Stretch(share / total if total else 0.0, lines))
        found.sort(key=lambda one: -one.share)
        return found

    def _held(
        self, claim: Claim, allowed: frozenset[int] | None, home: range
    ) -> tuple[list[Stretch], Reason | None]:
        """Return the stretches that a claim rests on, or why there is none.

        home: where the sentence is at home, in words of the meeting; elsewhere is looked only where too little is said there.
        """
        policy = self._policy
        anybodys = self.stretches(claim, allowed)
        if not anybodys or anybodys[0].share < policy.said:
            return [], Reason.UNSAID
        found = anybodys
        if claim.voice is not None:
            found = self.stretches(claim, allowed, claim.voice)
            if not found or self._leads(claim, allowed, anybodys) > found[0].share:
                return [], Reason.VOICE
        at_home = [one for one in found if self._lines[one.lines[0]].start in home]
        if at_home and at_home[0].share >= policy.said:
            found = at_home
        near = [one for one in found if one.share >= policy.as_good * found[0].share]
        near = [one for one in near[: policy.most_stretches] if self._numbers_said(claim, one)]
        if not near:
            return [], Reason.NUMBER
        near = [one for one in near if self._agrees(claim, one)]
        if not near:
            return [], Reason.NEGATION
        # what the others said there is part of it, where the voice alone says too little
        return [near[0], *([anybodys[0]] if near[0].share < policy.said else [])], None

    def _leads(
        self, claim: Claim, allowed: frozenset[int] | None, anybodys: Sequence[Stretch]
    ) -> float:
        """Return the share of a claim that its voice must have said, given who said how much of it."""
        rivals = {self._lines[at].voice for one in anybodys[:8] for at in one.lines}
        best = max(
            (
                one.share
                for rival in rivals - {claim.voice}
                for one in self.stretches(claim, allowed, rival)[:1]
            ),
            default=0.0,
        )
        return max(self._policy.voice_said, self._policy.voice_lead * best)

    def _around(self, stretch: Stretch, lines: int = 2) -> Sequence[Line]:
        """Return the lines of a stretch, those between them, and some on both sides."""
        return self._lines[max(0, stretch.lines[0] - lines) : stretch.lines[-1] + 1 + lines]

    def _numbers_said(self, claim: Claim, stretch: Stretch) -> bool:
        """Whether each number of a claim was said by the voice that it names, near to some of the claim's words in a stretch."""
        others = {stem for stem in claim.weights if not stem.startswith("#")}
        anchors = [at for at in stretch.lines if self._lines[at].stems & others] or stretch.lines
        reach = self._policy.number_reach
        near = {at + k for at in anchors for k in range(-reach, reach + 1)}
        said = [
            one
            for at in near & set(range(len(self._lines)))
            if claim.voice in {None, self._lines[at].voice}
            for one in self._lines[at].numbers
        ]
        return all(any(mine.is_said_by(one) for one in said) for mine in claim.numbers)

    def _agrees(self, claim: Claim, stretch: Stretch) -> bool:
        """Whether a claim denies what the lines of a stretch deny, and nothing else."""
        if not self._english:
            return True
        lines = self._around(stretch, 1)
        there = frozenset().union(*(line.stems for line in lines))
        if any(
            stem not in there and OPPOSITES.get(stem, frozenset()) & there for stem in claim.weights
        ):
            return False
        if claim.topic and next(negations(claim.words), None) is None:
            return True  # what is spoken of may be denied
        weights = {
            stem: weight
            for stem, weight in claim.weights.items()
            if stem in there and stem not in _REPORTING
        }
        denied: set[str] = set()
        for start, end in negations(claim.words):
            reached = [stem_of(claim.words[at]) for at in range(start + 1, end)]
            scope = [one for one in reached if one in weights]
            denied.update(scope or weights)
            # the first word is what is denied: "do not use" of "do not use metal"
            if not denied_in(lines, set(scope[:1] or weights)):
                return False
        rest = {stem: weight for stem, weight in weights.items() if stem not in denied}
        if all_deny_one(lines, rest, undone=not says_no(claim.words)):
            return False
        return affirmed_in([line for line in lines if not line.denied & denied], rest)

    def _cited(self, claim: Claim, stretch: Stretch) -> list[int]:
        """Return the segments of a stretch that together have the words of a claim, the fewest that do."""
        missing = dict(claim.weights)
        total = sum(missing.values())
        chosen: list[int] = []
        for _ in range(self._policy.most_citations):
            gains = [
                (sum(missing.get(stem, 0.0) for stem in self._lines[at].stems), -at)
                for at in stretch.lines
            ]
            gain, at = max(gains, default=(0.0, 0))
            enough = sum(missing.values()) <= (1 - self._policy.said) * total
            if chosen and (gain == 0 or (enough and gain <= 0.1 * total)):
                break
            chosen.append(self._lines[-at].segment)
            for stem in self._lines[-at].stems:
                missing.pop(stem, None)
        return chosen


def _speaker(text: str, named: Sequence[tuple[int, int, str]]) -> str | None:
    """Return whose words a clause says they are: of the voices that it names, the first one that it does not say them to or of."""
    for start, _, voice in named:
        before = tokens(text[:start])
        if before and before[-1] == "the":
            before.pop()
        if before[-2:] == ["according", "to"] or not before or before[-1] not in _PREPOSITIONS:
            return voice
    return None


def _has_own_subject(text: str) -> bool:
    """Whether a clause behind "and" or "but" has a subject that is no person named before."""
    words = tokens(text)
    return (
        len(words) > 1 and words[0] in {"and", "but", "while", "whereas"} and words[1] in _SUBJECTS
    )


def _ended(text: str) -> str:
    """End a text whose end was taken off by a stop."""
    bare = text.rstrip(" ,;:-–—")
    return f"{bare}." if bare else ""


def prepare(transcript: Transcript, policy: EvidencePolicy | None = None) -> Steps[Evidence]:
    """Read a whole transcript, with pauses."""
    evidence = object.__new__(Evidence)
    lines: list[list[Line]] = []
    for at, some in enumerate(lines_of(transcript.segments), start=1):
        lines.append(some)
        if at % SEGMENTS_A_STRETCH == 0:
            yield Pause()
    evidence._set(transcript.segments, lines, policy)
    return evidence
