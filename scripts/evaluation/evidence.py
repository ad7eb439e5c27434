"""The check of evidence on true sentences, and on the same made false by ``changes.py``.

Two sets of true sentences. *Written close*: ``statements.csv``, statements as a small model writes them, written by one reader of the meetings,
with the turns that they rest on; looked up in the whole meeting. *References*: sentences of QMSum's answers to specific queries, which annotators
wrote freely; looked up in the turns that the answer rests on, those that begin with a pronoun left out. The check was tuned on meetings
with even numbers; those with odd ones were held out.
"""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from scripts.benchmark import report
from scripts.evaluation import changes
from scripts.evaluation.changes import Changed
from scripts.evaluation.meetings import Meeting
from wordloop_ml.synthesis.evidence import Evidence, EvidencePolicy
from wordloop_ml.synthesis.numbers import numbers_of
from wordloop_ml.synthesis.statements import Names, sentences_of

STATEMENTS = Path(__file__).with_name("statements.csv")
FEWEST_WORDS = 200
"""A voice that said less takes nobody's place."""
KINDS = ("true", "other speaker", "negation", "number", "invented clause")
_PRONOUN = re.compile(r"(?:He|She|It|They|This|That|These|Those|His|Her|Their)\b")
_CHAIR = re.compile(r"chair", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A true sentence of a meeting; near: the turns that it rests on, where it is looked up there alone."""

    meeting: str
    text: str
    near: tuple[int, ...] | None = None


@dataclass(slots=True)
class Score:
    """How many sentences of one kind were kept, or, made false, rejected; and why some were not kept."""

    meetings: set[str] = field(default_factory=set)
    sentences: int = 0
    right: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def table(meetings: Sequence[Meeting], policy: EvidencePolicy) -> str:
    """Shares of true sentences that are kept whole, and of changed ones whose change is gone."""
    rows = []
    for name, sentences in (("written close", written()), ("references", references(meetings))):
        for part, remainder in (("tuning", 0), ("held out", 1)):
            some = [one for one in meetings if one.index % 2 == remainder]
            names = {one.name for one in some}
            chosen = [one for one in sentences if one.meeting in names]
            for kind, score in scores(some, chosen, policy).items():
                share = f"{score.right / score.sentences:.2f}" if score.sentences else ""
                reasons = ", ".join(f"{why} {n}" for why, n in sorted(score.refused.items()))
                row = [f"{name}, {part}", kind, str(len(score.meetings)), str(score.sentences)]
                rows.append([*row, share, reasons])
    head = ["sentences", "kind", "meetings", "number", "right", "refused for"]
    return report.Table(head, rows).text() + "\n"


def scores(
    meetings: Sequence[Meeting], sentences: Sequence[Sentence], policy: EvidencePolicy
) -> dict[str, Score]:
    """Verify each sentence and what it is changed to. Right: a true one is kept whole, of a changed one the change is gone."""
    evidence = {one.name: Evidence(one.transcript.segments, policy) for one in meetings}
    by_name = {one.name: one for one in meetings}
    found = {kind: Score() for kind in KINDS}
    chance = Random(0)
    for sentence in sentences:
        variants = {"true": [Changed(sentence.text, len(sentence.text))]}
        variants |= changed(sentence, by_name[sentence.meeting], sentences, chance)
        for kind, texts in variants.items():
            for one in texts:
                verified = evidence[sentence.meeting].verify(one.text, near=sentence.near)
                score = found[kind]
                score.meetings.add(sentence.meeting)
                score.sentences += 1
                survives = one.survives_in(verified.text)
                score.right += survives if kind == "true" else not survives
                if verified.refused is not None:
                    score.refused[verified.refused] += 1
    return found


def changed(
    sentence: Sentence, meeting: Meeting, others: Sequence[Sentence], chance: Random
) -> dict[str, list[Changed]]:
    """Return the ways in which a sentence is made false, by kind."""
    segments = meeting.transcript.segments
    words: Counter[str] = Counter()
    for segment in segments:
        words[segment.voice] += len(segment.text.split())
    names = Names(words.keys())
    voices = sorted(
        voice
        for voice, count in words.items()
        if count >= FEWEST_WORDS and not _CHAIR.search(voice)
    )
    said = sorted(
        {one.value for segment in segments for one in numbers_of(segment.text) if not one.plain}
    )
    elsewhere = [one for one in others if one.meeting != sentence.meeting]
    clause = chance.choice(elsewhere).text if elsewhere else None
    return {
        "other speaker": changes.other_speaker(sentence.text, names, voices, chance),
        "negation": changes.other_polarity(sentence.text),
        "number": list(changes.other_number(sentence.text, said, chance)),
        "invented clause": changes.invented(sentence.text, clause) if clause else [],
    }


def written() -> list[Sentence]:
    """Read the statements that were written close to what was said."""
    with STATEMENTS.open(encoding="utf-8", newline="") as file:
        return [Sentence(row["meeting"], row["statement"]) for row in csv.DictReader(file)]


def references(meetings: Sequence[Meeting]) -> list[Sentence]:
    """Return the sentences of answers that stand alone."""
    return [
        Sentence(meeting.name, text, tuple(at for a, b in query.spans for at in range(a, b + 1)))
        for meeting in meetings
        for query in meeting.queries
        for text in sentences_of(query.answer)
        if not _PRONOUN.match(text)
    ]
