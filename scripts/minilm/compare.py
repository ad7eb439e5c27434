"""``scripts/check_minilm``: the engine's vectors against the reference in PyTorch.

``--write`` keeps the vectors of a few texts for the tests, which need
no PyTorch.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import numpy as np

from scripts.minilm.reference import embed, read_weights
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.settings import Settings

FIXTURE = Path(__file__).resolve().parents[2] / "tests/engines/minilm_reference.json"

LEAST_COSINE = 0.9999

KEPT = (
    "The weather is lovely today.",
    "It's so sunny outside!",
    "He drove to the stadium.",
    "Who takes the notes?",
    "Übermorgen früh: Zürich, São Paulo, 東京, and naïve café owners.",
    "a",
    "Numbers: 1,234.56 €, 10:30, C-3PO, https://example.org/path?x=1 #42 @home ([{}]) %$^&*",
    "unbelievably antidisestablishmentarianism",
    " ".join(f"The {nth} item was moved to the next meeting." for nth in range(60)),
)
"""Short and long, plain and odd; the last is longer than what the model reads."""

_WORDS = (
    "budget release friday customer remote control design meeting decide agree question maybe "
    "price market screen button battery voice the of and to we should not will can it that is"
)


def texts(count: int) -> list[str]:
    """The kept ones, and sentences of random words, of many lengths."""
    chance = random.Random(19)
    words = _WORDS.split()
    made = [
        " ".join(chance.choice(words) for _ in range(chance.randint(1, 240)))
        for _ in range(count - len(KEPT))
    ]
    return [*KEPT, *made]


def main() -> int:
    """Print the least cosine; 1 when it is too small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--write", action="store_true", help=f"write {FIXTURE.name} anew")
    options = parser.parse_args()
    settings = Settings()
    weights = read_weights(settings.weights / "all-minilm-l6-v2.safetensors")
    checked = texts(options.texts)
    with open_embedder(settings) as embedder:
        read = embedder.tokenise(checked)
        ours = np.concatenate([embedder.embed(read[at : at + 8]) for at in range(0, len(read), 8)])
        digest = embedder.capabilities.digest
    reference = np.stack([embed(weights, one.ids) for one in read])
    cosines = (ours * reference).sum(axis=1) / np.linalg.norm(ours, axis=1)
    furthest = np.abs(ours - reference).max()
    print(f"{len(checked)} texts of {min(len(one.ids) for one in read)} to ", end="")
    print(f"{max(len(one.ids) for one in read)} tokens: ", end="")
    print(f"least cosine {cosines.min():.9f}, largest difference of a value {furthest:.1e}")
    if options.write:
        kept = [
            {"text": text, "ids": one.ids, "vector": [float(f"{value:.8g}") for value in vector]}
            for text, one, vector in zip(KEPT, read, reference, strict=False)
        ]
        FIXTURE.write_text(json.dumps({"digest": digest, "kept": kept}) + "\n", encoding="utf-8")
    return 0 if cosines.min() >= LEAST_COSINE else 1


if __name__ == "__main__":
    sys.exit(main())
