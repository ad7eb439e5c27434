"""Silero VAD (versions 5 and 6) through ONNX Runtime: windows of 512 samples in, probabilities out.

The network sees each window after the last 64 samples of the one before, and carries a recurrent
state. Both belong to a stream; the session is shared, and calls on it release the GIL.
"""

import math
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import SAMPLE_RATE, Samples

WINDOW_SAMPLES = 512
_CONTEXT_SAMPLES = 64
_STATE_SHAPE = (2, 1, 128)
_INPUTS = ("input", "state", "sr")
_OUTPUTS = ("output", "stateN")
_REFUSALS = (
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NotImplemented,
    native.RuntimeException,
    ValueError,  # of the Python layer: inputs that are not those of the file
)


class SileroVoiceDetector:
    """The detector, loaded once per process."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session: ort.InferenceSession | None = session

    @classmethod
    def open(cls, buffer: memoryview) -> "SileroVoiceDetector":
        """Load the ONNX file from memory and hear one window of silence.

        buffer: the file; ONNX Runtime takes ``bytes``, so it is copied once (2 MB).
        Raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``.
        """
        options = ort.SessionOptions()
        # One window costs a fraction of a millisecond: a second thread would cost more to wake
        # than it could do, and a spinning one would take a core from the decoders.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4  # fatal: errors come back as exceptions
        try:
            session = ort.InferenceSession(
                bytes(buffer), options, providers=["CPUExecutionProvider"]
            )
            inputs = {one.name for one in session.get_inputs()}
            outputs = {one.name for one in session.get_outputs()}
            detector = cls(session)
            if inputs == set(_INPUTS) and outputs == set(_OUTPUTS):
                detector.open_stream().probability(np.zeros(WINDOW_SAMPLES, np.float32))
                return detector
        except (EngineFailed, *_REFUSALS) as error:
            raise _incompatible(f"{type(error).__name__} while it was tried") from error
        raise _incompatible(f"it takes {sorted(inputs)} and gives {sorted(outputs)}")

    @property
    def window_samples(self) -> int:
        """How many samples at 16 kHz one window holds."""
        return WINDOW_SAMPLES

    def open_stream(self) -> "SileroVoiceStream":
        """Open a state for one track; raises ``EngineFailed`` once closed."""
        if self._session is None:
            raise EngineFailed("the voice detector is closed")
        return SileroVoiceStream(self._session)

    def close(self) -> None:
        """Release the model, which lives until its last stream goes; harmless when repeated."""
        self._session = None


class SileroVoiceStream:
    """One track's memory. The arrays are made once and filled in place for each window."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._run = session.run
        self._heard = np.zeros((1, _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self._context = self._heard[0, :_CONTEXT_SAMPLES]
        self._window = self._heard[0, _CONTEXT_SAMPLES:]
        self._last = self._heard[0, WINDOW_SAMPLES:]
        self._feed: dict[str, Any] = {
            "input": self._heard,
            "state": np.zeros(_STATE_SHAPE, np.float32),
            "sr": np.array(SAMPLE_RATE, np.int64),
        }

    def probability(self, window: Samples) -> float:
        """Return the probability, in [0, 1], that this window holds speech.

        window: float32, shape (512,). Raises ``EngineFailed`` for another shape, or samples that
        are no numbers: those would stay in the state for good.
        """
        # the energy is a number if and only if the samples are, and is the cheapest way to know
        if window.shape != (WINDOW_SAMPLES,) or not math.isfinite(window.dot(window)):
            raise EngineFailed(f"a window has shape {window.shape}, or holds no numbers")
        self._context[:] = self._last
        self._window[:] = window
        output, state = self._run(_OUTPUTS, self._feed)
        if output.shape != (1, 1) or state.shape != _STATE_SHAPE:
            raise EngineFailed(f"the voice detector gave shapes {output.shape} and {state.shape}")
        probability = float(output[0, 0])
        if not 0.0 <= probability <= 1.0:
            raise EngineFailed("the voice detector gave no probability")
        self._feed["state"] = state
        return probability


def _incompatible(message: str) -> StartupFailed:
    return StartupFailed(
        f"the weights are no Silero VAD that this engine can run: {message}",
        code=ErrorCode.ENGINE_INCOMPATIBLE,
    )
