"""What the native calls cost, measured beside a run: the rest is the service's own.

The kernel's accounts split the server by thread. The main thread is the event loop and calls
only the voice detector; the others run jobs, which are a native call and some Python around it.
Here the same engines run the same kind of jobs through the same executor, with a clock around the
library's one long call: that gives the share of an inference thread that is Python.

All is paced as in a live meeting. Work that comes every few milliseconds finds the caches cold
and costs two or three times what it costs back to back.
"""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scripts.benchmark.speech import FULL_SCALE
from scripts.benchmark.tracks import Script
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.whisper_cpp import WhisperCppWorker
from wordloop_ml.executor import Executor, Job, JobFailed, Outcome
from wordloop_ml.messages import (
    SAMPLE_RATE,
    DecodeOptions,
    Hypothesis,
    JobClass,
    Samples,
    Utterance,
)
from wordloop_ml.ports import TranscriberWorker, VoiceDetector

JOBS, JOB_PAUSE_S = 80, 0.05
WINDOWS = 150
STEP_SAMPLES = 4_000
"""An utterance is decoded again after so much new audio, as live interims are."""

PRE_ROLL_SAMPLES = 4_000


@dataclass(frozen=True, slots=True)
class NativeCost:
    """voice_detection: of one track, as a share of one core, its Python included.
    voice_detection_warm: the same from windows back to back, as such costs are often quoted.
    python_share: of an inference thread's CPU, what is spent outside the library's long call;
    None for engines that are not whisper.cpp. job_s: CPU of one job, on average.
    """

    voice_detection: float
    voice_detection_warm: float
    python_share: float | None
    job_s: float


def measure_native_cost(engines: Engines, script: Script) -> NativeCost:
    """Blocking; takes some seconds."""
    python_share, job_s = _jobs_cost(engines, _utterances(script))
    samples = as_floats(script)
    return NativeCost(
        voice_detection=_voice_detection_share(engines.voice_detector, samples, paced=True),
        voice_detection_warm=_voice_detection_share(engines.voice_detector, samples, paced=False),
        python_share=python_share,
        job_s=job_s,
    )


def as_floats(script: Script) -> Samples:
    """The track's audio as the server decodes it from the wire."""
    samples: Samples = script.samples * np.float32(1 / FULL_SCALE)
    return samples


def _voice_detection_share(detector: VoiceDetector, samples: Samples, *, paced: bool) -> float:
    size = detector.window_samples
    window_s = size / SAMPLE_RATE
    stream = detector.open_stream()
    windows = [samples[at : at + size] for at in range(0, len(samples) - size + 1, size)][:WINDOWS]
    used_s = 0.0
    for window in windows:
        if paced:
            time.sleep(window_s)
        began_s = time.thread_time()
        stream.probability(window)
        used_s += time.thread_time() - began_s
    return used_s / len(windows) / window_s


def _utterances(script: Script) -> Iterator[Utterance]:
    """Jobs like those of a live meeting, again and again: each utterance as it grows."""
    samples = as_floats(script)
    while True:
        for said in script.said:
            start = max(0, said.onset - PRE_ROLL_SAMPLES)
            for end in range(said.onset + STEP_SAMPLES, said.end, STEP_SAMPLES):
                yield Utterance(start, samples[start:end])


def _jobs_cost(engines: Engines, utterances: Iterator[Utterance]) -> tuple[float | None, float]:
    """The Python share of an inference thread, and the CPU seconds of one job."""
    libraries: list[_TimedLibrary] = []

    def open_worker() -> TranscriberWorker:
        worker = engines.transcriber.open_worker()
        if isinstance(worker, WhisperCppWorker) and worker._state is not None:
            libraries.append(_TimedLibrary(worker._state._library))
            worker._state._library = libraries[-1]
        return worker

    executor = Executor(open_worker, workers=1)
    try:
        thread = _Thread(executor)
        thread.run_job(next(utterances))
        native_before_s = sum(one.native_s for one in libraries)
        before_s = thread.cpu_s()
        for _ in range(JOBS):
            time.sleep(JOB_PAUSE_S)
            thread.run_job(next(utterances))
        used_s = thread.cpu_s() - before_s
        native_s = sum(one.native_s for one in libraries) - native_before_s
    finally:
        executor.close(10.0)
    return (1 - native_s / used_s if libraries else None), used_s / JOBS


class _Thread:
    """The one thread of an executor, given a job at a time."""

    def __init__(self, executor: Executor[TranscriberWorker]) -> None:
        self._executor = executor
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._clock = 0

    def run_job(self, utterance: Utterance) -> None:
        """Blocking; raises what the job raises."""

        def run(worker: TranscriberWorker) -> Hypothesis:
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
            return worker.transcribe(utterance, DecodeOptions(language="en"))

        self._executor.submit(
            Job(
                job_class=JobClass.FINAL,
                owner=("bench", "t0"),
                deadline_s=0.0,
                run=run,
                deliver=self._outcomes.put,
            )
        )
        outcome = self._outcomes.get()
        if isinstance(outcome, JobFailed):
            raise outcome.error

    def cpu_s(self) -> float:
        """What the thread has used, once it has run a job."""
        return time.clock_gettime(self._clock)


class _TimedLibrary:
    """whisper.cpp's library, and the CPU time of the calling thread inside its one long call."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.native_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def whisper_full_with_state(self, *arguments: Any) -> Any:
        """The call itself."""
        began_s = time.thread_time()
        try:
            return self._library.whisper_full_with_state(*arguments)
        finally:
            self.native_s += time.thread_time() - began_s
