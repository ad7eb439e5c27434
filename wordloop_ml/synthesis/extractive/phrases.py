"""Finds the phrases that name a topic, or what a whole meeting is about; pure.

Candidates are runs of content words within a sentence. A phrase weighs by how often it is said here, how
much more often than elsewhere in the meeting, and grows with its length (after C-value: Frantzi, Ananiadou
and Mima, 2000): "remote control" rather than "control". In English the words beside it tell whether it names
anything: "the buttons of it" does, "to change it" does not.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.numbers import numbers_of
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.words import (
    UNSPACED_LANGUAGES,
    WORD,
    bare,
    content_of,
    stems,
    unspaced_runs,
    words_of,
    writes_nouns_with_capitals,
)

_LETTER = re.compile(r"[^\W\d_]")
_FEWEST_LETTERS = 3

_GENERIC_WORDS = """
    meeting review design discussion presentation agenda minutes project group team update status item
    action decision topic session call slide question issue document folder email mail summary report
    point note company member conversation conference recording transcript introduction conclusion
    speaker participant task chat decided decide discuss discussed agreed planned suggested
    hour week month ago end middle couple itself euro cent percent dollar
    system data option form list example result role side front hand space structure information concept situation
    country party location bunch sector concern challenge impact general preference bottom event
    government minister committee institution province product device feature focus process individual
"""
_GENERIC = frozenset(word.removesuffix("s") for word in _GENERIC_WORDS.split())
"""Any meeting could be called by these: "Design review meeting"."""

_BEFORE_NOUNS = (
    "the a an this these those my your his her its our their any each every some no another both"
)
_DETERMINERS = frozenset(_BEFORE_NOUNS.split())
_BETWEEN = "about at between by for from in into of on over through under with within without"
_PREPOSITIONS = frozenset(_BETWEEN.split())
_BEFORE_VERBS = """
    to i you we they he she it who not let's be can could do does did may might must shall should will would
    can't couldn't didn't doesn't don't shouldn't won't wouldn't i'd i'll i've we'd we'll we've you'd you'll
    you've they'd they'll they've
"""
_VERBS_FOLLOW = frozenset(_BEFORE_VERBS.split())
_BEHIND_VERBS = "a an her him his it me my our the their them us you your"
_OBJECTS = frozenset(_BEHIND_VERBS.split())
"""Behind a verb; a noun has none of these behind it."""

MEETING_PARTS: Final = 8
"""Of equal numbers of sentences; what a meeting is about is said in several."""

Phrase = tuple[str, ...]


@dataclass(slots=True)
class _Usage:
    """How an English phrase is used.

    said: how often. done: like a verb. closed: with no further content word behind it; named: that, and behind a determiner or
    a preposition; determined: that, and behind a determiner. parts: one bit for each of ``MEETING_PARTS`` in which it is said.
    """

    said: int = 0
    done: int = 0
    closed: int = 0
    named: int = 0
    determined: int = 0
    parts: int = 0

    def add(self, one: "_Candidate", part: int) -> None:
        determined = one.closed and one.before in _DETERMINERS
        self.said += 1
        self.done += (one.before in _VERBS_FOLLOW) + (one.behind in _OBJECTS)
        self.closed += one.closed
        self.named += determined or (one.closed and one.before in _PREPOSITIONS)
        self.determined += determined
        self.parts |= 1 << part

    def names(self, words: int, policy: ExtractivePolicy) -> bool:
        """Whether a phrase of so many words names something; what one word names has had a determiner."""
        share = policy.named_share[words > 1]
        return (
            2 * self.closed >= self.said
            and self.named >= max(1.0, share * self.said)
            and self.named > policy.named_over_done * self.done
            and (words > 1 or self.determined > 0)
        )


@dataclass(frozen=True, slots=True)
class _Run:
    """Content words with nothing but blanks and hyphens between them, each with the one before it, and the words beside them, in lower case.

    cut: whether a hyphen joins it to the word behind it.
    """

    words: list[tuple[str, str]]
    before: str | None = None
    behind: str | None = None
    cut: bool = False


class _Candidate(NamedTuple):
    """A phrase as it was said once, and the words beside it, unless they are content, too. closed: no further content word is behind it."""

    phrase: Phrase
    said: str
    before: str | None = None
    behind: str | None = None
    closed: bool = False


class Phrases:
    """The phrases of each stretch of a meeting."""

    def __init__(
        self,
        counts: Sequence[Counter[Phrase]],
        shown: dict[Phrase, Counter[str]],
        usages: dict[Phrase, _Usage],
        words: float,
    ) -> None:
        self._words = words
        self._counts = counts
        self._all: Counter[Phrase] = Counter()
        for count in counts:
            self._all.update(count)
        self._shown = shown
        self._usages = usages

    def best(self, stretch: int | None, policy: ExtractivePolicy) -> list[str]:
        """The phrases that name this stretch best (None: the whole meeting), as they were said."""
        ranked = self._ranked(stretch, policy)
        chosen = self._chosen([one for one in ranked if self._names(one, policy)], policy)
        return [self._said(phrase) for phrase in chosen or self._chosen(ranked, policy)]

    def matters(self, policy: ExtractivePolicy) -> list[tuple[str, str]]:
        """The phrases that name best what an English meeting is about, as they were said, and with their articles; none where little is said often."""
        often = [
            one
            for one, usage in self._usages.items()
            if usage.parts.bit_count() >= policy.matter_parts[len(one) > 1]
            and usage.said >= policy.matter_share[len(one) > 1] * self._words
            and self._names(one, policy)
            and not _is_proper(self._said(one))
        ]
        often.sort(key=lambda one: (-_worth(one, self._all[one], policy), one))
        chosen = self._chosen(often, policy)
        return [(self._said(one), self._with_article(one)) for one in chosen]

    def _ranked(self, stretch: int | None, policy: ExtractivePolicy) -> list[Phrase]:
        counts = self._all if stretch is None else self._counts[stretch]
        return sorted(counts, key=lambda phrase: (-self._weight(phrase, stretch, policy), phrase))

    def _chosen(self, ranked: Sequence[Phrase], policy: ExtractivePolicy) -> list[Phrase]:
        chosen: list[Phrase] = []
        taken: set[str] = set()
        for phrase in ranked:
            if len(chosen) == policy.title_phrases:
                break
            # "control" says nothing beside "remote control"
            if stems(list(phrase)) & taken or _GENERIC.issuperset(phrase):
                continue
            chosen.append(phrase)
            taken |= stems(list(phrase))
        return chosen

    def _weight(self, phrase: Phrase, stretch: int | None, policy: ExtractivePolicy) -> float:
        here = self._all[phrase] if stretch is None else self._counts[stretch][phrase]
        if here < policy.title_times and (len(phrase) > 1 or stretch is None):
            return 0.0
        weight = _worth(phrase, here, policy)
        if stretch is None:
            spread = sum(phrase in count for count in self._counts) / len(self._counts)
            return weight * (0.5 + spread)
        share = here / self._all[phrase]
        return weight * (policy.title_everywhere + share)

    def _names(self, phrase: Phrase, policy: ExtractivePolicy) -> bool:
        usage = self._usages.get(phrase)
        if usage is None:  # of other languages nothing is known
            return True
        unnamed = numbers_of(self._said(phrase)) or any("'" in word for word in phrase)
        return not unnamed and usage.names(len(phrase), policy)

    def _said(self, phrase: Phrase) -> str:
        return self._shown[phrase].most_common(1)[0][0]

    def _with_article(self, phrase: Phrase) -> str:
        usage = self._usages[phrase]
        the = "the " if 2 * usage.determined >= usage.named else ""
        return the + self._said(phrase)


def _is_proper(said: str) -> bool:
    """Whether a phrase is the name of a person, a body or a place, who take part rather than are talked of."""
    return not said.isupper() and all(word[0].isupper() for word in said.split())


def _worth(phrase: Phrase, times: int, policy: ExtractivePolicy) -> float:
    return math.log1p(times) * (1.0 + policy.title_length * (len(phrase) - 1))


def phrases_of(
    meeting: Gathered, parts: Sequence[tuple[int, int]], policy: ExtractivePolicy
) -> Steps[Phrases]:
    """Count the phrases of each part."""
    counts: list[Counter[Phrase]] = []
    shown: dict[Phrase, Counter[str]] = {}
    usages: dict[Phrase, _Usage] = defaultdict(_Usage)
    # whoever speaks is no topic
    names = frozenset(word for one in meeting.sentences for word in words_of(one.voice))
    done = 0
    for begin, end in parts:
        count: Counter[Phrase] = Counter()
        for at in range(begin, end):
            # short answers hold no phrase
            if meeting.row[at] < 0:
                continue
            text = meeting.sentences[at].text
            for one in _candidates(text, names, meeting.language, policy):
                count[one.phrase] += 1
                shown.setdefault(one.phrase, Counter())[one.said] += 1
                if meeting.language == "en":
                    usages[one.phrase].add(one, at * MEETING_PARTS // len(meeting.sentences))
            done += 1
            if done % policy.pause_sentences == 0:
                yield Pause()
        counts.append(count)
    return Phrases(counts, shown, dict(usages), float(meeting.words.sum()))


def title_of(phrases: Sequence[str], language: str | None = "en") -> str:
    """The phrases as one title; empty when there are none."""
    text = listed(phrases, language)
    return text[:1].upper() + text[1:]


def listed(phrases: Sequence[str], language: str | None = "en") -> str:
    """The phrases as one list; empty when there are none."""
    if language == "en" and len(phrases) > 1:
        return f"{', '.join(phrases[:-1])} and {phrases[-1]}"
    return ("、" if language in UNSPACED_LANGUAGES else ", ").join(phrases)


def _candidates(
    text: str, names: frozenset[str], language: str | None, policy: ExtractivePolicy
) -> Iterator[_Candidate]:
    """Every run of content words that is not too long."""
    if language in UNSPACED_LANGUAGES:
        for unspaced in unspaced_runs(text, language):
            yield from _unspaced(unspaced, names, policy)
    else:
        for run in _spaced_runs(text, names, language):
            for length in range(1, policy.title_words + 1):
                for at in range(len(run.words) - length + 1):
                    words = run.words[at : at + length]
                    key = tuple(word.lower().removesuffix("s") for _, word in words)
                    said = "".join(f"{gap}{word}" for gap, word in words).strip(" -")
                    last = at + length == len(run.words)
                    before, behind = run.before if at == 0 else None, run.behind if last else None
                    yield _Candidate(key, said, before, behind, last and not run.cut)


def _spaced_runs(text: str, names: frozenset[str], language: str | None) -> Iterator[_Run]:
    content = frozenset(content_of(text, language)) - names
    if language == "en":  # "within" is none of its stop words
        content -= _PREPOSITIONS
    nouns_alone = writes_nouns_with_capitals(language)
    run: list[tuple[str, str]] = []
    before: str | None = None
    near: str | None = None
    last = 0
    for found in WORD.finditer(text) if content else ():
        whole = found.group(0)
        word = bare(whole, language)
        gap = text[last : found.start()]
        apart = gap.strip(" -") != ""
        last = found.end()
        lower = word.lower().replace("’", "'")
        plain = (
            lower in content
            and len(_LETTER.findall(word)) >= _FEWEST_LETTERS
            and (word[0].isupper() or not nouns_alone)
        )
        if run and (apart or not plain or not whole.startswith(word)):
            yield _Run(run, before, None if apart else lower, cut=gap == "-")
            run = []
        if plain:
            if not run:
                before = None if apart or gap == "-" else near
            run.append(("-" if gap == "-" else " ", word))
        near = lower
    yield _Run(run, before)


def _unspaced(
    run: Sequence[str], names: frozenset[str], policy: ExtractivePolicy
) -> Iterator[_Candidate]:
    """Words side by side; of Chinese, whose characters are told apart by nothing, two at least."""
    fewest = 2 if run and len(run[0]) == 1 else 1
    for length in range(fewest, fewest + policy.title_words):
        for at in range(len(run) - length + 1):
            phrase = "".join(run[at : at + length])
            if not any(phrase in name for name in names):
                yield _Candidate(tuple(word.lower() for word in run[at : at + length]), phrase)
