"""``python -m tests.hung_service decode | load | try``: the service, with a call that never returns.

``decode``: every job that holds speech. ``load``: the opening of the engines. ``try``: the first
inference, which the start does not wait for longer than a moment.
"""

import atexit
import os
import sys
import threading
from functools import partial

from wordloop_ml.cli.serve import run
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.messages import Utterance
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.web import serve as serving


def hang(utterance: Utterance) -> None:
    """Hold the thread for ever, as a native call can."""
    if utterance.samples.any():
        threading.Event().wait()


def open_hung_decoder(settings: Settings) -> Engines:
    """Engines that load."""
    del settings
    return Engines(ScriptedTranscriber(fail=hang), ScriptedVoiceDetector())


def hang_at_once(utterance: Utterance) -> None:
    """Hold the thread for ever, whatever is heard."""
    del utterance
    threading.Event().wait()


def open_hung_start(settings: Settings) -> Engines:
    """Engines that load, and do nothing."""
    del settings
    atexit.register(print, "the interpreter was finalised beside a native call", file=sys.stderr)
    serving.TRY_WITHIN_S = serving.CLOSE_S = 0.1
    return Engines(ScriptedTranscriber(fail=hang_at_once), ScriptedVoiceDetector())


def open_nothing(settings: Settings) -> Engines:
    """Engines that never load."""
    del settings
    threading.Event().wait()
    raise AssertionError


if __name__ == "__main__":
    engines = {"decode": open_hung_decoder, "load": open_nothing, "try": open_hung_start}
    until_signal = partial(serving.serve, engines=engines[sys.argv[1]])
    sys.exit(run(read_settings(os.environ), until_signal))
