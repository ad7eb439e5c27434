"""What an idle process's memory is made of: run by itself, it loads the service step by step.

``python -m scripts.benchmark.memory_parts`` prints JSON: pairs of what was added and the resident
bytes after it. Nothing may be imported above that the first step should not count.
"""

# ruff: noqa: PLC0415 - the imports are what is measured

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

Resident = Callable[[], int]


def resident_bytes() -> int:
    """Of this process, now."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def steps() -> Iterator[str]:
    """Loads one part after another, and names each when it is there."""
    kept: list[Any] = []
    yield "the interpreter"
    import numpy as np

    yield "numpy"
    import onnxruntime  # noqa: F401

    yield "ONNX Runtime, imported"
    import wordloop_ml.web.serve

    kept.append(wordloop_ml.web.serve)
    yield "the service and its other libraries, imported"
    from wordloop_ml.engines.catalogue import MANIFEST, open_embedder
    from wordloop_ml.engines.loads import LoadedModels
    from wordloop_ml.engines.silero_vad import SileroVoiceDetector
    from wordloop_ml.engines.whisper_abi import open_library
    from wordloop_ml.engines.whisper_cpp import WhisperCppTranscriber
    from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Utterance
    from wordloop_ml.settings import read_settings
    from wordloop_ml.weights import load_manifest, open_mapped

    settings = read_settings(os.environ)
    entries = load_manifest(settings.weights / MANIFEST).profile(settings.profile)
    with ExitStack() as maps:
        weights = maps.enter_context(open_mapped(entries["voice_detector"], settings.weights))
        detector = SileroVoiceDetector.open(weights.buffer)
    kept.append(detector)
    detector.open_stream().probability(np.zeros(detector.window_samples, np.float32))
    yield "Silero VAD, loaded and run once"
    open_library()
    yield "whisper.cpp's library"
    with ExitStack() as maps:
        weights = maps.enter_context(open_mapped(entries["transcriber"], settings.weights))
        transcriber = WhisperCppTranscriber.open(weights.name, weights.buffer)
    yield "whisper.cpp's context: the weights, the vocabulary"
    for number in range(1, settings.workers + 1):
        worker = transcriber.open_worker()
        worker.transcribe(Utterance(0, np.zeros(SAMPLE_RATE, np.float32)), DecodeOptions("en"))
        kept.append(worker)
        yield f"worker {number}: its state, and one decode"
    if "embedder" in entries:
        with open_embedder(settings, loaded=LoadedModels()) as embedder:
            embedder.embed(embedder.tokenise(["one two three"]))
            yield "MiniLM: packed matrices, mapped weights, vocabulary"


def main() -> None:
    """Print them all."""
    rows = []
    for name in steps():
        gc.collect()
        rows.append((name, resident_bytes()))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
