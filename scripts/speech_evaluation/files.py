"""Clips through the file path: one call of ``wordloop-ml transcribe`` for all of them."""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.speech_evaluation.clips import Clip
from scripts.speech_evaluation.heard import Heard
from wordloop_ml.errors import EngineFailed


def through_files(clips: Sequence[Clip], environment: Mapping[str, str]) -> dict[str, Heard]:
    """By the name of the clip; blocking. A transcript says neither languages nor what was refused.

    Each clip is a track of one "meeting", which has no effect on the others. Raises
    ``EngineFailed`` when the command fails.
    """
    finals: defaultdict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "clips.json"
        command = [sys.executable, "-m", "wordloop_ml", "transcribe", "--output", str(output)]
        done = subprocess.run(
            [*command, *(str(one.path) for one in clips)],
            env={**environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise EngineFailed(f"wordloop-ml transcribe: {done.stderr[-500:]}")
        transcript = json.loads(output.read_text(encoding="utf-8"))
    for segment in transcript["segments"]:  # by time, so that each track's are in order
        finals[segment.get("speaker", clips[0].name)].append(segment["text"])
    return {one.name: Heard(tuple(finals[one.name])) for one in clips}
