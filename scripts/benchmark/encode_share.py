"""How much of a job is the encoder's: measured beside the runs, on audio of several lengths.

whisper.cpp 1.8.5 keeps such times for the state of its context only, and the service gives each
worker a state of its own. So the bench decodes utterances as the service does, and then encodes
the same audio in the same state, with the same audio context, once more by itself.
"""

import statistics
import time
from collections.abc import Callable

import cffi

from scripts.benchmark.native_cost import as_floats
from scripts.benchmark.stages import EncodeShare
from scripts.benchmark.tracks import Script
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.whisper_abi import ffi as engine_ffi
from wordloop_ml.engines.whisper_abi import find_library
from wordloop_ml.engines.whisper_cpp import WhisperCppWorker
from wordloop_ml.engines.whisper_state import WhisperState
from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Utterance

LENGTHS_S = (0.5, 1.0, 2.0, 4.0)
TIMES = 2


def measure_encode_share(engines: Engines, script: Script, threads: int) -> EncodeShare | None:
    """Blocking; takes a second or two. None for engines that are not whisper.cpp.

    threads: native threads of one encode, as the service has them.
    """
    worker = engines.transcriber.open_worker()
    try:
        if not isinstance(worker, WhisperCppWorker) or worker._state is None:
            return None
        encode = _encoder(worker._state, threads)
        samples = as_floats(script)[script.said[0].onset :]
        lengths_s = [one for one in LENGTHS_S if one * SAMPLE_RATE <= len(samples)]
        shares = []
        for length_s in lengths_s:
            heard = Utterance(0, samples[: round(length_s * SAMPLE_RATE)])
            shares.append(_share(worker, heard, encode))
        return EncodeShare(tuple(lengths_s), tuple(shares))
    finally:
        worker.close()


def _share(worker: WhisperCppWorker, heard: Utterance, encode: Callable[[], None]) -> float:
    options = DecodeOptions(language="en")
    worker.transcribe(heard, options)
    wholes_s = [_seconds(lambda: worker.transcribe(heard, options)) for _ in range(TIMES)]
    encodes_s = [_seconds(encode) for _ in range(TIMES)]
    return min(1.0, statistics.median(encodes_s) / statistics.median(wholes_s))


def _encoder(heard: WhisperState, threads: int) -> Callable[[], None]:
    """Encodes what the state heard last, as it heard it."""
    ffi = cffi.FFI()
    ffi.cdef("int whisper_encode_with_state(void *, void *, int, int);")
    library = ffi.dlopen(str(find_library()))
    context, state = (
        ffi.cast("void *", int(engine_ffi.cast("intptr_t", pointer)))
        for pointer in (heard._context, heard.handle)
    )

    def encode() -> None:
        if library.whisper_encode_with_state(context, state, 0, threads) != 0:
            raise RuntimeError("whisper.cpp failed to encode")

    return encode


def _seconds(call: Callable[[], object]) -> float:
    """CPU of this thread: what else runs meanwhile does not count. Helpers, if there are any, work
    for encode and decode alike."""
    began_s = time.thread_time()
    call()
    return time.thread_time() - began_s
