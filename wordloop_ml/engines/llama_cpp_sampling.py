"""Which token comes next: the likeliest, or one of the likelier ones, that the grammar allows.

A grammar looks at every token of the vocabulary, which takes longer than the network for a large
one. So it is asked about the likeliest alone, then about a few, then about all.
"""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary
from wordloop_ml.errors import EngineFailed

Logits = npt.NDArray[np.float32]

SAMPLED_FROM = 40
"""With a temperature, one of so many of the likeliest tokens is taken."""

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's ``llama_token_data``."""


class TokenSampler:
    """Chooses the tokens of one answer.

    grammar: a sampler of the library, its own, freed with it; None for free text.
    """

    def __init__(
        self, library: LlamaLibrary, grammar: Any | None, *, temperature: float, seed: int
    ) -> None:
        self._functions = library.functions
        self._grammar = grammar
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def choose(self, logits: Logits) -> int:
        """The next token, which counts as taken.

        logits: shape (vocabulary,). Raises ``EngineFailed`` when they are no numbers, or when no
        token is allowed.
        """
        likeliest = int(logits.argmax())
        if not np.isfinite(logits[likeliest]):
            raise EngineFailed("the generator gave no numbers")
        for ids in self._candidates(logits, likeliest):
            allowed, values = self._allowed(ids, logits)
            if len(allowed):
                token = self._take(allowed, values)
                self._accept(token)
                return token
        raise EngineFailed("no token that the grammar allows is left")

    def close(self) -> None:
        """Free the grammar; harmless when called twice."""
        grammar, self._grammar = self._grammar, None
        if grammar is not None:
            self._functions.llama_sampler_free(grammar)

    def _candidates(self, logits: Logits, likeliest: int) -> Any:
        """Ever more tokens, by which the grammar is asked."""
        if self._temperature <= 0.0:
            yield np.array([likeliest])
        some = min(SAMPLED_FROM, len(logits))
        yield np.argpartition(logits, -some)[-some:]
        if self._grammar is not None:
            yield np.arange(len(logits))

    def _allowed(self, ids: npt.NDArray[np.intp], logits: Logits) -> tuple[Any, Any]:
        """Those of the tokens that may come next, and their logits."""
        values = logits[ids]
        if self._grammar is not None:
            data = np.zeros(len(ids), _CANDIDATE)
            data["id"] = ids
            data["logit"] = values
            array = self._functions.llama_token_data_array(
                data=data.ctypes.data_as(self._functions.llama_token_data_p),
                size=len(ids),
                selected=-1,
                sorted=False,
            )
            self._functions.llama_sampler_apply(self._grammar, ctypes.byref(array))
            values = data["logit"].copy()
        kept = np.isfinite(values)
        return ids[kept], values[kept]

    def _take(self, ids: Any, values: Any) -> int:
        if self._temperature <= 0.0:
            return int(ids[values.argmax()])
        best = np.argsort(values)[::-1][:SAMPLED_FROM]
        weights = np.exp((values[best] - values[best[0]]) / self._temperature, dtype=np.float64)
        return int(ids[best[self._random.choice(len(best), p=weights / weights.sum())]])

    def _accept(self, token: int) -> None:
        # the end of an answer is the grammar's end too: nothing follows that it could judge
        if self._grammar is not None:
            self._functions.llama_sampler_accept(self._grammar, token)
