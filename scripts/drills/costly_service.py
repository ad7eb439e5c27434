"""``python -m scripts.drills.costly_service``: the service on scripted engines that cost and die.

Each job holds its thread for as long as one of tiny.en does, without using a core: many such
processes share a machine as if each had cores of its own. One word ends the process.
"""

import os
import resource
import sys
import time
from functools import partial

import numpy as np

from wordloop_ml.cli.serve import run
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    BASE_LEVEL,
    HIGHEST_NUMBER,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
)
from wordloop_ml.messages import SAMPLE_RATE, Utterance
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.web.serve import serve

POISON = HIGHEST_NUMBER
"""The number of the word that ends the process which decodes it."""

_FULL_SCALE = 32_768
_LEAST_S, _EACH_S, _PER_AUDIO_S = 0.059, 0.011, 0.022
"""Of a job: at least, and for itself and for each second of audio; tiny.en q8_0 on two threads of
whisper.cpp takes 503 ms for the 1,500 positions of its whole context, and 1.3 ms a token."""


def job_seconds(samples: int) -> float:
    """Return the seconds that tiny.en takes to decode so many samples."""
    return max(_LEAST_S, _EACH_S + _PER_AUDIO_S * samples / SAMPLE_RATE)


def hold(utterance: Utterance) -> None:
    """Block for as long as the native call would, or end the process as a failed assertion does."""
    if np.any(np.rint(utterance.samples * _FULL_SCALE) == BASE_LEVEL + POISON):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.abort()
    time.sleep(job_seconds(len(utterance.samples)))


def open_costly_engines(settings: Settings) -> Engines:
    """Open engines that need no weights."""
    del settings
    return Engines(ScriptedTranscriber(fail=hold), ScriptedVoiceDetector())


if __name__ == "__main__":
    sys.exit(run(read_settings(os.environ), partial(serve, engines=open_costly_engines)))
