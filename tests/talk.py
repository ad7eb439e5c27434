"""Meetings to synthesise: segments from lines, and random talk from a seed."""

import random
from collections.abc import Iterable

from wordloop_ml.synthesis.messages import Segment, Transcript

_LETTERS = "abcdefghiklmnoprstuvw"


def said(*lines: str) -> tuple[Segment, ...]:
    """``Ada: Good morning.`` and so on, two seconds each; the voice is the track, too."""
    found = []
    for at, line in enumerate(lines):
        voice, _, text = line.partition(": ")
        found.append(Segment(f"s{at}", voice, text, 2_000 * at, 2_000 * at + 1_900))
    return tuple(found)


def transcript(segments: Iterable[Segment], language: str | None = None) -> Transcript:
    """These segments as the meeting ``m``."""
    return Transcript("m", tuple(segments), language)


def random_talk(segments: int, seed: int, vocabulary: int = 3_000) -> tuple[Segment, ...]:
    """As many segments of 1 to 30 made-up words; equal for equal seeds."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(3, 9))) for _ in range(vocabulary)]
    return tuple(
        Segment(
            f"t{seed}-{at}",
            chance.choice(("ada", "ben")),
            " ".join(chance.choices(words, k=chance.randint(1, 30))),
            5_000 * at,
            5_000 * at + 4_000,
        )
        for at in range(segments)
    )
