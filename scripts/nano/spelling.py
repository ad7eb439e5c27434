"""How tokens and words sound, as features that rows of a table share.

A word that is rarely spoken would need many hearings to get a row of its own in the decoder's token
table. Here each row is a free part and the sum of learned vectors for its sounds, their pairs and
their places, so that a rare word is found by its sounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import Tensor, nn

from scripts.nano.voices import phonemes

_PLAIN = re.compile(r" ?[A-Za-z']*[A-Za-z]")


def _features(text: str, sounds: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for place, sound in enumerate(sounds[:4]):
        yield ("first", str(place), sound)
    for place, sound in enumerate(sounds[:-4:-1]):
        yield ("last", str(place), sound)
    for sound in sounds:
        yield ("any", sound)
    for pair in pairwise(sounds):
        yield ("pair", *pair)
    yield ("length", str(min(len(sounds), 9)))
    yield ("begins", str(text.startswith(" ")), str(text.strip()[:1].isupper()))


class Spelled(nn.Module):  # type: ignore[misc, unused-ignore]
    """Vectors for texts from their sounds: call it for a table of shape (texts, width)."""

    def __init__(self, texts: Sequence[str], width: int) -> None:
        super().__init__()
        plain = sorted({t.strip().lower() for t in texts if _PLAIN.fullmatch(t)})
        sounds = phonemes(plain)
        numbers: dict[tuple[str, ...], int] = {}
        rows: list[list[int]] = []
        for text in texts:
            spelled = sounds.get(text.strip().lower(), ()) if _PLAIN.fullmatch(text) else ()
            found = list(_features(text, spelled)) if spelled else []
            rows.append([numbers.setdefault(feature, len(numbers)) for feature in found])
        flat = [number for row in rows for number in row]
        weights = [len(row) ** -0.5 for row in rows for _ in row]
        starts = torch.tensor([0, *[len(row) for row in rows[:-1]]]).cumsum(0)
        self.register_buffer("numbers", torch.tensor(flat), persistent=False)
        self.register_buffer("shares", torch.tensor(weights), persistent=False)
        self.register_buffer("starts", starts, persistent=False)
        self.vectors = nn.Parameter(torch.zeros(len(numbers), width))

    def forward(self) -> Tensor:
        """The table; a text without sounds has a row of zeros."""
        numbers, starts = self.get_buffer("numbers"), self.get_buffer("starts")
        return F.embedding_bag(
            numbers, self.vectors, starts, mode="sum", per_sample_weights=self.get_buffer("shares")
        )
