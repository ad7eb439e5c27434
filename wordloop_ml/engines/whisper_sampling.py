"""What a sampled token was worth before the temperature.

whisper.cpp divides the logits by the temperature and reports the probabilities that come of it: at
0.4 a guess among equals looks like a certainty. Guards and confidences need the model's own, as in
openai/whisper (decoding.py, ``GreedyDecoder.update``). The library shows its logits to a callback
just before each token is drawn.
"""

from typing import Any

import numpy as np
import numpy.typing as npt


class Untempered:
    """Follows one decode, of one decoder, at one temperature in (0, 1]."""

    def __init__(self, ffi: Any, temperature: float, vocabulary: int, first_timestamp: int) -> None:
        """ffi: declares the tokens of the library that calls back."""
        self._ffi = ffi
        self._temperature = np.float32(temperature)
        self._bytes = 4 * vocabulary
        self._first_timestamp = first_timestamp
        self._log_probabilities: list[float] = []  # of every token but the newest
        self._distribution: npt.NDArray[np.float32] | None = None  # the newest is drawn from it
        # kept here, because the library keeps no reference
        self._callable = ffi.callback(
            "void(void *, void *, const whisper_token_data *, int, float *, void *)", self._see
        )

    @property
    def callback(self) -> Any:
        """The ``logits_filter_callback``; valid while this object lives."""
        return self._ffi.cast("void *", self._callable)

    def correct(self, tokens: list[Any]) -> None:
        """Write the model's own probabilities into the tokens of the result, in order.

        The timestamps' share has been through the temperature as well, and gets its root back
        approximately: it orders nothing, it is only compared with a threshold.
        """
        known = list(self._log_probabilities)
        if self._distribution is not None and len(tokens) > len(known):
            known.append(float(self._distribution[tokens[len(known)].id]))
        self._distribution = None  # the callback is a cycle, and this is what weighs in it
        for token, plog in zip(tokens, known, strict=False):
            token.plog = plog
            token.p = np.exp(plog)
            token.ptsum = token.ptsum**self._temperature

    def _see(
        self, _context: Any, _state: Any, tokens: Any, count: int, logits: Any, _user_data: Any
    ) -> None:
        if self._distribution is not None and count > 0:
            self._log_probabilities.append(float(self._distribution[tokens[count - 1].id]))
        tempered = np.frombuffer(self._ffi.buffer(logits, self._bytes), np.float32)
        own = tempered * self._temperature
        if self._opens_text(tokens, count):  # the library rules these out a moment later
            own[self._first_timestamp :] = -np.inf
        own -= own.max()
        own -= np.log(np.exp(own).sum())
        self._distribution = own

    def _opens_text(self, tokens: Any, count: int) -> bool:
        """Whether the newest token is a timestamp that does not end a segment."""
        newest = [tokens[at].id >= self._first_timestamp for at in range(max(count - 2, 0), count)]
        return bool(newest) and all(newest)
