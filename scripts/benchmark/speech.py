"""The speech that the benchmark speaks: FLAC files beside an ``index.json``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wordloop_ml.audio.files import open_audio
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

FULL_SCALE = 32_768


@dataclass(frozen=True, slots=True)
class SpokenText:
    """One utterance by one voice, and when it can truly be heard.

    samples: its audio, with little silence around it.
    onset, end: the first audible sample and one past the last, within ``samples``.
    """

    text: str
    voice: str
    samples: Pcm16
    onset: int
    end: int


def read_speech(folder: Path) -> list[SpokenText]:
    """Every utterance that ``folder/index.json`` names; blocking.

    The index is ``{"sample_rate": 16000, "utterances": [{"file", "offset", "samples", "onset",
    "end", "text", "voice", ...}]}``: offsets within the file, onset and end within the utterance.
    """
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    if index["sample_rate"] != SAMPLE_RATE:
        raise ValueError(f"the index says {index['sample_rate']} Hz, not {SAMPLE_RATE}")
    rows: list[dict[str, Any]] = index["utterances"]
    files = {name: _read_file(folder / name) for name in sorted({row["file"] for row in rows})}
    return [_utterance(row, files[row["file"]]) for row in rows]


def _utterance(row: dict[str, Any], audio: Pcm16) -> SpokenText:
    first, count = int(row["offset"]), int(row["samples"])
    if first + count > len(audio) or not 0 <= row["onset"] < row["end"] <= count:
        raise ValueError(f"{row['file']}: the utterance at {first} lies outside its file")
    samples = audio[first : first + count]
    return SpokenText(row["text"], row["voice"], samples, int(row["onset"]), int(row["end"]))


def _read_file(path: Path) -> Pcm16:
    with open_audio(path) as audio:
        samples = np.concatenate(list(audio))
    scaled = np.rint(samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1)
    whole: Pcm16 = scaled.astype(np.int16)
    return whole
