"""Recordings of people, with what was said in them: a folder with a ``manifest.jsonl``."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wordloop_ml.audio.files import open_audio
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import Samples

MANIFEST = "manifest.jsonl"
KEYS = ("file", "language", "kind", "speaker", "text")
NO_LANGUAGE = "none"
"""How a manifest names the language of a clip in which nobody speaks."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording. language: ISO 639-1, None where nobody speaks, and then ``text`` is empty."""

    path: Path
    seconds: float
    language: str | None
    kind: str
    speaker: str
    text: str

    @property
    def name(self) -> str:
        """Of the file, without its suffix."""
        return self.path.stem


def read_clips(folder: Path) -> list[Clip]:
    """Every clip of the manifest, in its order; blocking.

    A line is JSON: ``file``, ``seconds``, ``language``, ``kind``, ``speaker``, ``text``; further keys
    are for people. Raises ``BadInput`` without a manifest, or for a line that lacks one of these.
    """
    path = folder / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    return [_clip(folder, f"{path}:{at}", line) for at, line in enumerate(lines, 1) if line.strip()]


def _clip(folder: Path, where: str, line: str) -> Clip:
    try:
        row: dict[str, Any] = json.loads(line)
        file, language, kind, speaker, text = (str(row[one]) for one in KEYS)
        seconds = float(row["seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{where} is no clip: {error}") from error
    if not (folder / file).is_file():
        raise BadInput(f"{where} names a file that is not there")
    spoken = None if language == NO_LANGUAGE else language
    return Clip(folder / file, seconds, spoken, kind, speaker, text)


def chosen(
    clips: Iterable[Clip], *, kinds: Collection[str] = (), languages: Collection[str] = ()
) -> list[Clip]:
    """Those of these kinds and languages, all where none is named; clips without speech count as
    of every language."""
    return [
        one
        for one in clips
        if (not kinds or one.kind in kinds)
        and (not languages or one.language is None or one.language in languages)
    ]


def read_samples(path: Path) -> Samples:
    """A file's audio: float32, 16 kHz, mono; blocking."""
    with open_audio(path) as audio:
        samples: Samples = np.concatenate(list(audio))
    return samples
