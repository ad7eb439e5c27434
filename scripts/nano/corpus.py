"""Speak sentences into shards on disk: what training and measuring read.

A shard is `<name>.pcm` (int16, 16 kHz mono, sentences end to end) beside `<name>.json` (per
sentence: text, voice, offset and length in samples; from its own beginning, the words' starts and
ends, and the sounds as starts and classes).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from scripts.nano.grammar import is_held_out, normalised, scrambled, sentences
from scripts.nano.voices import (
    KNOWN,
    SAMPLE_RATE,
    UNHEARD,
    Spoken,
    Voice,
    Word,
    random_voice,
    speak,
)

SHARD_SENTENCES = 1000
_LONGEST_S = 12.0
_SCRAMBLED_SHARE = 0.15
SCRAMBLED = "scrambled"  # the shard of held-out texts that make no sentence


def write_shard(path: Path, spoken: Iterable[Spoken]) -> float:
    """Write one shard as `path`.pcm and `path`.json; return its hours of speech."""
    rows: list[dict[str, object]] = []
    offset = 0
    with path.with_suffix(".pcm").open("wb") as pcm:
        for one in spoken:
            pcm.write(one.samples.tobytes())
            spans = [[word.start, word.end] for word in one.words]
            row = {"text": one.text, "voice": one.voice, "offset": offset}
            rows.append({**row, "samples": len(one.samples), "spans": spans, "sounds": one.sounds})
            offset += len(one.samples)
    # The index comes last and by rename: a reader never sees half a shard.
    draft = path.with_suffix(".json.part")
    draft.write_text(json.dumps(rows))
    draft.rename(path.with_suffix(".json"))
    return offset / SAMPLE_RATE / 3600


def read_shard(path: Path) -> Iterator[Spoken]:
    """Yield the sentences of the shard whose index is `path`; samples are read-only views."""
    pcm = np.memmap(path.with_suffix(".pcm"), dtype=np.int16, mode="r")
    for row in json.loads(path.read_text()):
        words = tuple(
            Word(text, start, end)
            for text, (start, end) in zip(row["text"].split(), row["spans"], strict=True)
        )
        samples = pcm[row["offset"] : row["offset"] + row["samples"]]
        sounds = tuple((start, sound) for start, sound in row["sounds"])
        yield Spoken(row["text"], row["voice"], samples, words, sounds)


def _spoken(texts: Iterable[str], voices: Iterator[Voice]) -> Iterator[Spoken]:
    """Speak each text with the next voice; what an engine cannot time, or drags out, is left out."""
    for text, voice in zip(texts, voices, strict=False):
        try:
            one = speak(text, voice)
        except ValueError:
            continue
        if len(one.samples) <= _LONGEST_S * SAMPLE_RATE:
            yield one


def _training_texts(seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    plain, mixed = sentences(seed), scrambled(seed)
    while True:
        yield next(mixed if rng.random() < _SCRAMBLED_SHARE else plain)


def write_training(folder: Path, seed: int, shards: int) -> None:
    """Write `shards` shards of training sentences by random voices, named after `seed`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    texts = (text for text in _training_texts(seed) if not is_held_out(text))
    voices = iter(lambda: random_voice(rng), None)
    hours = 0.0
    for shard in range(shards):
        hours += write_shard(
            folder / f"{seed:03}-{shard:03}", _spoken(islice(texts, SHARD_SENTENCES), voices)
        )
        print(f"seed {seed}: shard {shard + 1}/{shards}, {hours:.2f} h", flush=True)


def held_out_texts(texts: Iterable[str], count: int) -> list[str]:
    """The first `count` different ones of `texts` that are never in training."""
    seen: dict[str, str] = {}
    for text in texts:
        if is_held_out(text):
            seen.setdefault(normalised(text), text)
        if len(seen) == count:
            break
    return list(seen.values())


def write_held_out(folder: Path, seed: int, each: int, voices: Sequence[str] = ()) -> None:
    """Write one shard of `each` held-out sentences for every measured voice, and one of words in no
    order that all trained voices speak in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(voices) or [*KNOWN, *UNHEARD]
    texts = held_out_texts(sentences(seed), each * len(names))
    for index, name in enumerate(names):
        chosen = texts[index * each : (index + 1) * each]
        # A measured voice speaks at its own pace; flite's diphone voices are slow by nature.
        voice = iter(lambda name=name: Voice(name), None)  # type: ignore[misc]
        write_shard(folder / name.replace("/", "-"), _spoken(chosen, voice))
    turns = (Voice(name) for name in cycle(KNOWN))
    mixed = held_out_texts(scrambled(seed), 2 * each)
    write_shard(folder / SCRAMBLED, _spoken(mixed, turns))
