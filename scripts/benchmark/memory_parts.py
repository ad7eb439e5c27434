"""What an idle process's memory is made of: run by itself, it loads the service step by step.

``python -m scripts.benchmark.memory_parts`` prints JSON: pairs of what was added and the resident
bytes after it. Nothing may be imported above that the first step should not count.
"""

# ruff: noqa: PLC0415 - the imports are what is measured

import gc
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path


def resident_bytes() -> int:
    """Of this process, now."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def steps() -> Iterator[str]:
    """Loads one part after another, and names each when it is there."""
    yield "the interpreter"
    import numpy as np

    yield "numpy"
    import onnxruntime  # noqa: F401

    yield "ONNX Runtime, imported"
    import wordloop_ml.web.serve  # noqa: F401

    yield "the service and its other libraries, imported"
    from wordloop_ml.engines.catalogue import open_embedder, open_engines
    from wordloop_ml.engines.loaded_models import LoadedModels
    from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Utterance
    from wordloop_ml.settings import read_settings

    settings = read_settings(os.environ)
    with ExitStack() as opened:
        engines = open_engines(settings, texts=False, loaded=LoadedModels())
        opened.callback(engines.close)
        yield "the voice detector and the transcriber, loaded"
        for number in range(1, settings.workers + 1):
            worker = engines.transcriber.open_worker()
            opened.callback(worker.close)
            worker.transcribe(Utterance(0, np.zeros(SAMPLE_RATE, np.float32)), DecodeOptions("en"))
            yield f"worker {number}: its state, and one decode"
        with open_embedder(settings, loaded=LoadedModels()) as embedder:
            embedder.embed(embedder.tokenise(["one two three"]))
            yield "the embedder"


def main() -> None:
    """Print them all."""
    rows = []
    for name in steps():
        gc.collect()
        rows.append((name, resident_bytes()))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
