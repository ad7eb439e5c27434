"""The voice detector's segments against speech whose borders are known; pure but for one file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmark.listening import Span
from wordloop_ml.messages import SAMPLE_RATE

MARKS = Path(__file__).with_name("human_speech.json")


@dataclass(frozen=True, slots=True)
class Compared:
    """How segments lie to marks, in samples; an error is positive when the detector is late.

    onset_errors, end_errors: of each mark that was found, at its two ends.
    missed: marks that no segment touches. false: segments that touch no mark.
    divided: marks that several segments touch. joined: segments that touch several marks.
    """

    marks: int
    segments: int
    onset_errors: tuple[int, ...]
    end_errors: tuple[int, ...]
    missed: int
    false: int
    divided: int
    joined: int


def read_marks(path: Path = MARKS) -> tuple[str, list[Span]]:
    """The name of the marked file, and its speech in samples."""
    marked = json.loads(path.read_text(encoding="utf-8"))
    per_ms = SAMPLE_RATE // 1000
    return marked["file"], [(start * per_ms, end * per_ms) for start, end in marked["speech_ms"]]


def joined_across(pause: int, marks: Sequence[Span]) -> list[Span]:
    """Marks with shorter pauses than ``pause`` between them become one."""
    whole: list[Span] = []
    for start, end in sorted(marks):
        if whole and start - whole[-1][1] < pause:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return whole


def compare(marks: Sequence[Span], segments: Sequence[Span]) -> Compared:
    """Which segment belongs to which mark is a matter of overlap alone."""
    touching = [[s for s in segments if _overlap(s, mark)] for mark in marks]
    found = [(mark, own) for mark, own in zip(marks, touching, strict=True) if own]
    reached = [sum(_overlap(segment, mark) for mark in marks) for segment in segments]
    return Compared(
        marks=len(marks),
        segments=len(segments),
        onset_errors=tuple(min(own)[0] - mark[0] for mark, own in found),
        end_errors=tuple(max(end for _, end in own) - mark[1] for mark, own in found),
        missed=sum(not own for own in touching),
        false=reached.count(0),
        divided=sum(len(own) > 1 for own in touching),
        joined=sum(count > 1 for count in reached),
    )


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]
