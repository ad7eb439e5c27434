"""``python -m tests.hung_service decode | load``: the service, with a call that never returns.

``decode``: every job that holds speech. ``load``: the opening of the engines.
"""

import os
import sys
import threading
from functools import partial

from wordloop_ml.cli.serve import run
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.messages import Utterance
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.web.serve import serve


def hang(utterance: Utterance) -> None:
    """Hold the thread for ever, as a native call can."""
    if utterance.samples.any():
        threading.Event().wait()


def open_hung_decoder(settings: Settings) -> Engines:
    """Engines that load."""
    del settings
    return Engines(ScriptedTranscriber(fail=hang), ScriptedVoiceDetector())


def open_nothing(settings: Settings) -> Engines:
    """Engines that never load."""
    del settings
    threading.Event().wait()
    raise AssertionError


if __name__ == "__main__":
    engines = {"decode": open_hung_decoder, "load": open_nothing}[sys.argv[1]]
    sys.exit(run(read_settings(os.environ), partial(serve, engines=engines)))
