"""Human speech for tests: the clips of ``scripts/speech``, and what is said in them; blocking."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jiwer
import numpy as np

from wordloop_ml.audio.files import open_audio
from wordloop_ml.messages import Samples

SPEECH = Path(__file__).resolve().parents[1] / "scripts" / "speech"

_TALK = ("en_read_ls367_2", "en_read_ls1995_1", "en_read_jfk_1")


@cache
def manifest() -> dict[str, dict[str, Any]]:
    """The manifest's rows by file name without suffix."""
    lines = (SPEECH / "manifest.jsonl").read_text("utf-8").splitlines()
    return {Path(row["file"]).stem: row for row in map(json.loads, lines)}


def path_of(clip: str) -> Path:
    """The file of a clip, by its name without suffix."""
    return SPEECH / str(manifest()[clip]["file"])


@cache
def samples_of(clip: str) -> Samples:
    """A clip's samples: float32, 16 kHz, in [-1, 1], read-only."""
    with open_audio(path_of(clip)) as audio:
        samples = np.concatenate(list(audio))
    samples.flags.writeable = False
    return samples


def plain(text: str) -> str:
    """Lower-case words alone: what case and punctuation cannot make different."""
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower()).split())


def word_error_rate(said: str, heard: str) -> float:
    """Words substituted, deleted and inserted, per word that was said."""
    return float(jiwer.wer(plain(said), plain(heard)))


def talk(samples: int) -> Samples:
    """So many samples of speech almost without a pause, by several people."""
    return np.resize(np.concatenate([samples_of(clip) for clip in _TALK]), samples)
