"""The service with a sampling profiler inside: ``python -m scripts.benchmark.sampled_server F serve``.

A thread of its own looks at what every other thread is executing, some two hundred times a second,
and writes the counts to the file when the service ends. It needs no permission and no library.
What it sees is Python: a native call is the line that made it.
"""

import json
import sys
import threading
import time
from collections import Counter
from functools import cache
from pathlib import Path
from types import FrameType

from wordloop_ml.__main__ import main

EVERY_S = 0.005
DEEPEST = 100

OURS = "wordloop_ml"

Stack = tuple[str, ...]


class Sampler:
    """Counts stacks, innermost function first, by the name of their thread."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Stack]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """One look at every thread but its own."""
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():
            name = names.get(ident)
            if name is not None and ident != threading.get_ident():
                self.counts.setdefault(name, Counter())[_stack(frame)] += 1

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.look()


def _stack(frame: FrameType | None) -> Stack:
    stack: list[str] = []
    while frame is not None and len(stack) < DEEPEST:
        code = frame.f_code
        stack.append(f"{_place(code.co_filename)}:{code.co_qualname}")
        frame = frame.f_back
    return tuple(stack)


@cache
def _place(path: str) -> str:
    """A file of ours from the package on, another by its folder and name."""
    parts = Path(path).parts
    ours = OURS in parts and "site-packages" not in parts
    return "/".join(parts[parts.index(OURS) :] if ours else parts[-2:])


def serve_sampled(target: Path) -> int:
    """Run the command line that is left, and write ``{thread: [[stack, count], ...]}``."""
    sampler = Sampler()
    sampler.start()
    began_s = time.monotonic()
    try:
        return main()
    finally:
        sampler.stop()
        counts = {name: [[s, n] for s, n in each.items()] for name, each in sampler.counts.items()}
        document = {"seconds": time.monotonic() - began_s, "threads": counts}
        target.write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    del sys.argv[0]
    sys.exit(serve_sampled(Path(sys.argv[0])))
