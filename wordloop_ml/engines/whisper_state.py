"""What one decode at a time writes, and the calls of whisper.cpp that use it.

What these calls do beyond their names was read in whisper.cpp 1.8.5, and tests hold it to that.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.whisper_abi import ffi
from wordloop_ml.errors import EngineFailed

_STATE_IS_GONE = -7
"""What the library answers when it could not make room for beams, and has freed the state."""

_ENGLISH = ffi.new("char[]", b"en")


class WhisperState:
    """What one decode at a time writes: a ``whisper_state``, and the calls that use it."""

    def __init__(self, library: Any, context: Any, idle_ms: int) -> None:
        """Raises ``EngineFailed`` when none can be had.

        idle_ms: how much audio the library looks at without encoding it.
        """
        self._library = library
        self._context = context
        self._idle_ms = idle_ms
        self.handle = ffi.NULL
        self.prepare()

    def prepare(self, *, as_new: bool = False) -> None:
        """Open it where a failure has closed it, or again, to be as new; takes some milliseconds.

        Its random numbers begin anew, and nothing else makes them. Raises ``EngineFailed``.
        """
        if as_new:
            self.close()
        if self.handle == ffi.NULL:
            self.handle = self._library.whisper_init_state(self._context)
        if self.handle == ffi.NULL:
            raise EngineFailed("whisper.cpp cannot make another state")

    def run(self, parameters: Any, data: Any) -> None:
        """One bounded native call; raises ``EngineFailed``."""
        status = self._library.whisper_full_with_state(
            self._context, self.handle, parameters[0], data, len(data)
        )
        if status == _STATE_IS_GONE:
            self.handle = ffi.NULL
        if status != 0:
            raise EngineFailed(f"whisper.cpp failed with status {status}")

    def hear(self, parameters: Any, data: Any) -> None:
        """Compute the spectrogram and set the audio context; neither encodes nor decodes."""
        parameters.language = _ENGLISH  # none at all would be detected
        parameters.duration_ms = self._idle_ms
        try:
            self.run(parameters, data)
        finally:
            parameters.language = ffi.NULL
            parameters.duration_ms = 0

    def languages(self, threads: int) -> npt.NDArray[np.float32]:
        """How likely each language is for what was heard: one encode, one step of a decode."""
        count = self._library.whisper_lang_max_id() + 1
        likelihoods = ffi.new("float[]", count)
        status = self._library.whisper_lang_auto_detect_with_state(
            self._context, self.handle, 0, threads, likelihoods
        )
        if status < 0:
            raise EngineFailed(f"whisper.cpp failed to detect a language with status {status}")
        return np.frombuffer(ffi.buffer(likelihoods), np.float32)

    def close(self) -> None:
        """Free it; harmless when called twice."""
        handle, self.handle = self.handle, ffi.NULL
        self._library.whisper_free_state(handle)
