"""The benchmark's own speech."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from scripts.benchmark.speech import read_speech

RAMP = np.arange(-2_000, 2_000, dtype=np.int16)
ROW: dict[str, Any] = {
    "first": 1_000,
    "last": 3_000,
    "onset": 1_010,
    "end": 2_990,
    "text": "Hello.",
    "voice": "a voice",
    "words": [],
}


def write(folder: Path, *, rate: int = 16_000, **fields: Any) -> None:
    """A folder with one file and one utterance."""
    with av.open(str(folder / "one.flac"), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(RAMP[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    index = {"file": "one.flac", "sample_rate": rate, "utterances": [ROW | fields]}
    (folder / "index.json").write_text(json.dumps(index))


def test_an_utterance_is_cut_from_its_file_sample_by_sample(tmp_path: Path) -> None:
    """FLAC loses nothing."""
    write(tmp_path)
    [one] = read_speech(tmp_path)
    assert np.array_equal(one.samples, RAMP[1_000:3_000])
    assert (one.text, one.voice, one.onset, one.end) == ("Hello.", "a voice", 10, 1_990)


@pytest.mark.parametrize("fields", [{"last": 4_001}, {"end": 3_001}, {"onset": 2_990}])
def test_an_utterance_outside_its_file_is_refused(tmp_path: Path, fields: dict[str, int]) -> None:
    """An index that does not fit its audio would move every onset."""
    write(tmp_path, **fields)
    with pytest.raises(ValueError, match="lies outside"):
        read_speech(tmp_path)


def test_another_sample_rate_is_refused(tmp_path: Path) -> None:
    """Offsets would mean something else."""
    write(tmp_path, rate=48_000)
    with pytest.raises(ValueError, match="48000"):
        read_speech(tmp_path)
