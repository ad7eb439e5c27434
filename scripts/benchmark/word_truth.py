"""Finals against speech whose every word has a known time: which words are right, and when."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark.listening import Span
from scripts.benchmark.speech import FULL_SCALE, read_speech
from scripts.benchmark.tracks import LONGEST_PAUSE_S, NOISE_RMS, SHORTEST_PAUSE_S
from scripts.nano.score import aligned
from wordloop_ml.captioning.stabiliser import normalised
from wordloop_ml.messages import SAMPLE_RATE, Caption, CaptionWord, Samples

SLACK_SAMPLES = SAMPLE_RATE // 4


@dataclass(frozen=True, slots=True)
class Told:
    """One utterance on a track: its words and their spans, in samples of the track."""

    voice: str
    words: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """One word of a final.

    confidence: as the service gives it. right: it was said there. start_error, end_error: in
    samples, late is positive; None for a word that was not said.
    """

    confidence: float
    right: bool
    start_error: int | None
    end_error: int | None


def compose_told(folder: Path, seed: int) -> tuple[Samples, list[Told]]:
    """Every utterance of ``folder/index.json`` once, in its order, with pauses of low noise.

    Each row of the index has ``words``: ``[{"text", "start", "end"}, ...]``, samples of the file.
    """
    rows = json.loads((folder / "index.json").read_text(encoding="utf-8"))["utterances"]
    rng = np.random.default_rng(seed)
    parts, told, at = [], [], 0
    for one, row in zip(read_speech(folder), rows, strict=True):
        pause = round(rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S) * SAMPLE_RATE)
        at += pause
        told.append(_told(row, at - int(row["first"])))
        parts += [np.zeros(pause, np.int16), one.samples]
        at += len(one.samples)
    parts.append(np.zeros(2 * SAMPLE_RATE, np.int16))
    whole = np.concatenate(parts)
    noisy: Samples = (whole + rng.normal(0.0, NOISE_RMS, len(whole))).astype(np.float32)
    return noisy / np.float32(FULL_SCALE), told


def _told(row: dict[str, Any], shift: int) -> Told:
    words = row["words"]
    return Told(
        voice=row["voice"],
        words=tuple(normalised(word["text"]) for word in words),
        spans=tuple((int(word["start"]) + shift, int(word["end"]) + shift) for word in words),
    )


def score(told: Sequence[Told], finals: Iterable[Caption]) -> list[list[Scored]]:
    """The words of the finals, by the utterance that their middle lies in (or within 0.25 s of).

    A word is right when it is in the common part of a least-edits alignment with what was said.
    """
    heard: list[list[CaptionWord]] = [[] for _ in told]
    for final in finals:
        for word in final.words:
            place = _place(told, (word.start + word.end) // 2)
            if place is not None:
                heard[place].append(word)
    return [_scored(one, words) for one, words in zip(told, heard, strict=True)]


def _place(told: Sequence[Told], middle: int) -> int | None:
    for place, one in enumerate(told):
        if one.spans[0][0] - SLACK_SAMPLES <= middle < one.spans[-1][1] + SLACK_SAMPLES:
            return place
    return None


def _scored(told: Told, words: Sequence[CaptionWord]) -> list[Scored]:
    _, pairs = aligned(told.words, [normalised(word.text) for word in words])
    said_at = {there: here for here, there in pairs}
    scored = []
    for place, word in enumerate(words):
        here = said_at.get(place)
        if here is None:
            scored.append(Scored(word.confidence, False, None, None))
        else:
            start, end = told.spans[here]
            scored.append(Scored(word.confidence, True, word.start - start, word.end - end))
    return scored
