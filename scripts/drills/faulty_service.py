"""``python -m scripts.drills.faulty_service``: the service on scripted engines, with the fault that ``DRILL_FAULT`` names."""

import asyncio
import os
import sys
import threading
import time
from dataclasses import replace
from functools import partial

from scripts.drills.costly_service import job_seconds
from wordloop_ml.cli.serve import run
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Utterance
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.web.serve import serve

SLOW_S, LATE_S = 1.3, 0.3

FAULT = os.environ.get("DRILL_FAULT", "")


def decode(utterance: Utterance) -> Exception | None:
    """Hold the thread as tiny.en would, or longer, or for ever; or fail. Silence is the start's own."""
    if not utterance.samples.any():
        return None
    match FAULT:
        case "failing":
            return EngineFailed("a drill")
        case "stuck":
            threading.Event().wait()
        case "slow":
            time.sleep(SLOW_S)
        case _:
            time.sleep(job_seconds(len(utterance.samples)))
    return None


def open_faulty_engines(settings: Settings) -> Engines:
    """Open the scripted engines of the manifest, with what makes them faulty."""
    engines = open_engines(settings)
    if settings.transcriber_url:  # in another process, which a drill takes away
        return engines
    if FAULT == "twice":
        engines.loaded.count("transcriber", engines.loaded.weights()["transcriber"])
    return replace(engines, transcriber=ScriptedTranscriber(fail=decode))


def ready(port: int) -> None:
    """Block the event loop again and again, if that is the fault."""
    del port
    if FAULT == "late":
        time.sleep(LATE_S)
        asyncio.get_running_loop().call_later(1.0, ready, 0)


if __name__ == "__main__":
    serving = partial(serve, engines=open_faulty_engines, on_ready=ready)
    sys.exit(run(read_settings(os.environ), serving))
