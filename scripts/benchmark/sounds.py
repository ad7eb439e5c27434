"""What the guards are measured on: sounds without words, faint other speakers, speech that loops."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark.listening import Span
from scripts.nano import noise
from wordloop_ml.audio.files import open_audio
from wordloop_ml.messages import SAMPLE_RATE, Samples

MEETING = Path("scripts/sample_meeting")
LEVELS_DB = (-60, -40, -20)
CROSSTALK_DB = (-35, -40, -45)
"""How far the other speaker lies below the one whose microphone it is."""

FLOOR_DB = -78.0
"""A quiet microphone: digital silence would flatter everybody."""

LOOPS = 12
MAIN, OTHER = "ada", "ben"


@dataclass(frozen=True, slots=True)
class Sound:
    """One row of the table.

    samples: float32, 16 kHz. speech: where the words of the microphone's owner belong.
    wordless: nobody speaks at all, so that every word is invented.
    """

    name: str
    samples: Samples
    speech: tuple[Span, ...] = ()
    wordless: bool = False


def wordless(seconds: float, levels: tuple[int, ...] = LEVELS_DB) -> Iterator[Sound]:
    """Every kind of noise that nano is trained to be silent on, drawn anew, at each level."""
    rng = np.random.default_rng(7)
    size = round(seconds * SAMPLE_RATE)
    for kind, generate in noise.KINDS.items():
        # a fresh draw every few seconds: another pitch, another rhythm
        parts = [
            generate(min(size, 5 * SAMPLE_RATE), rng) for _ in range(-(-size // (5 * SAMPLE_RATE)))
        ]
        whole = np.concatenate(parts)[:size]
        loud = [noise.at_level(whole, level) for level in levels]
        yield Sound(kind, np.clip(np.concatenate(loud), -1, 1).astype(np.float32), wordless=True)


def crosstalk() -> Iterator[Sound]:
    """The other speaker of the sample meeting, faint on a microphone: alone, and under its owner."""
    script = json.loads((MEETING / "script.json").read_text(encoding="utf-8"))
    own, faint = _track(MAIN), _track(OTHER)
    speech = _spans(script, MAIN)
    floor = noise.at_level(noise.white(len(own), np.random.default_rng(8)), FLOOR_DB)
    yield Sound("the owner alone", own + floor, speech)
    for level in CROSSTALK_DB:
        other = faint * np.float32(10 ** (level / 20))
        yield Sound(f"crosstalk alone, {level} dB", other + floor)
        yield Sound(f"crosstalk and the owner, {level} dB", own + other + floor, speech)


def looped() -> Iterator[Sound]:
    """The same words again and again: as a stuck buffer gives them, and as a person might."""
    script = json.loads((MEETING / "script.json").read_text(encoding="utf-8"))
    first = next(one for one in script["utterances"] if one["track"] == MAIN)
    own = _track(MAIN)
    two = own[_sample(first["words"][0]["start_ms"]) : _sample(first["words"][1]["end_ms"])]
    sentence = own[_sample(first["start_ms"]) : _sample(first["end_ms"])]
    pause = np.zeros(round(0.8 * SAMPLE_RATE), np.float32)
    for name, piece in (
        ("two words looped without a pause", two),
        ("a sentence looped without a pause", sentence),
        ("a sentence repeated with pauses", np.concatenate([sentence, pause])),
    ):
        whole = np.concatenate([pause, *[piece] * LOOPS, pause])
        yield Sound(name, _with_floor(whole), ((0, len(whole)),))


def _track(name: str) -> Samples:
    with open_audio(MEETING / f"{name}.flac") as audio:
        return np.concatenate(list(audio))


def _with_floor(samples: Samples) -> Samples:
    floor = noise.at_level(noise.white(len(samples), np.random.default_rng(9)), FLOOR_DB)
    mixed: Samples = samples + floor
    return mixed


def _spans(script: dict[str, Any], track: str) -> tuple[Span, ...]:
    return tuple(
        (_sample(one["start_ms"]), _sample(one["end_ms"]))
        for one in script["utterances"]
        if one["track"] == track
    )


def _sample(milliseconds: int) -> int:
    return milliseconds * SAMPLE_RATE // 1000
