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

    The index is ``{"file", "sample_rate": 16000, "utterances": [{"voice", "text", "first", "last",
    "onset", "end", ...}]}``, all of them samples of the one file: where the utterance's audio
    begins and ends, and its first audible sample and one past the last.
    """
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    if index["sample_rate"] != SAMPLE_RATE:
        raise ValueError(f"the index says {index['sample_rate']} Hz, not {SAMPLE_RATE}")
    audio = _read_file(folder / index["file"])
    return [_utterance(row, audio) for row in index["utterances"]]


def _utterance(row: dict[str, Any], audio: Pcm16) -> SpokenText:
    first, last, onset, end = (int(row[name]) for name in ("first", "last", "onset", "end"))
    if not 0 <= first <= onset < end <= last <= len(audio):
        raise ValueError(
            f"the utterance at {first} lies outside its file, or its speech outside it"
        )
    return SpokenText(row["text"], row["voice"], audio[first:last], onset - first, end - first)


def _read_file(path: Path) -> Pcm16:
    with open_audio(path) as audio:
        samples = np.concatenate(list(audio))
    scaled = np.rint(samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1)
    whole: Pcm16 = scaled.astype(np.int16)
    return whole
