"""A GGUF model and its one context in memory, and the native calls on them that the engine makes.

A context holds one sequence of tokens. What of it has been read stays there until the next prompt,
which may begin alike; so every call keeps account of what the library holds.
"""

import ctypes
from typing import Any

import numpy as np

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary
from wordloop_ml.engines.llama_cpp_pace import MOST_TOKENS
from wordloop_ml.engines.llama_cpp_sampling import Logits
from wordloop_ml.engines.llama_cpp_vocabulary import LlamaVocabulary
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.weights import MappedWeights

_ABORTED = 2


class StopFlag:
    """One byte that the library looks at between operations; set from any thread."""

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)

    @property
    def address(self) -> int:
        """Where the byte is, for as long as this lives."""
        return ctypes.addressof(self._bytes)

    @property
    def is_set(self) -> bool:
        """Whether the library is to stop."""
        return self._bytes.raw[0] != 0

    def set(self) -> None:
        """Let the library stop."""
        self._bytes[0] = b"\x01"


class LlamaModel:
    """A model, mapped, and its context. Not safe on several threads at once, but on any.

    held: the tokens that the context has read, in order.
    """

    def __init__(self, library: LlamaLibrary, model: Any, context: Any) -> None:
        self._functions = library.functions
        self._is_raised = library.is_raised
        self._model = model
        self._context = context
        self._memory = self._functions.llama_get_memory(context)
        self._flag = StopFlag()
        self._batch: Any = (ctypes.c_int32 * MOST_TOKENS)()
        self.held: list[int] = []
        self.context_tokens: int = self._functions.llama_n_ctx(context)
        self.vocabulary = LlamaVocabulary(library, model)
        self.watch(self._flag)

    @classmethod
    def load(
        cls, library: LlamaLibrary, weights: MappedWeights, *, context_tokens: int, threads: int
    ) -> "LlamaModel":
        """Map the file that was verified; the library keeps a map of its own.

        Raises ``StartupFailed`` (``engine_incompatible``) for what it cannot run.
        """
        functions = library.functions
        with library.log.listening():
            model = _map_model(library, weights)
            if not model:
                raise _incompatible(weights.name, library.log.last_error)
            trained: int = functions.llama_model_n_ctx_train(model)
            parameters = _context_parameters(functions, min(context_tokens, trained), threads)
            context = functions.llama_init_from_model(model, parameters)
            if not context:
                functions.llama_model_free(model)
                raise _incompatible(weights.name, library.log.last_error)
        try:
            return cls(library, model, context)
        except BaseException:
            functions.llama_free(context)
            functions.llama_model_free(model)
            raise

    def watch(self, flag: StopFlag) -> None:
        """From here on it is this flag that stops a call."""
        self._flag = flag  # the library keeps its address
        self._functions.llama_set_abort_callback(
            self._context, self._is_raised, ctypes.c_void_p(flag.address)
        )

    def keep(self, tokens: list[int]) -> int:
        """Drop all but the longest common beginning with these tokens; returns its length.

        The last of the tokens is dropped in any case: what follows it is asked for anew.
        """
        common = 0
        for mine, theirs in zip(self.held, tokens[:-1], strict=False):
            if mine != theirs:
                break
            common += 1
        self._cut(common)
        return len(self.held)

    def read(self, tokens: list[int]) -> bool:
        """Read some more tokens, at most ``MOST_TOKENS``, in one native call; False when stopped.

        What was held before is held still when it was stopped. Raises ``EngineFailed``.
        """
        before = len(self.held)
        self._batch[: len(tokens)] = tokens
        batch = self._functions.llama_batch_get_one(self._batch, len(tokens))
        result: int = self._functions.llama_decode(self._context, batch)
        if result == 0:
            self.held.extend(tokens)
            return True
        self._cut(before)
        if result == _ABORTED:
            return False
        raise EngineFailed(f"llama.cpp cannot go on (llama_decode gave {result})")

    def logits(self) -> Logits:
        """What may follow the last token read: shape (vocabulary,), valid until the next read."""
        pointer = self._functions.llama_get_logits_ith(self._context, -1)
        if not pointer:
            raise EngineFailed("llama.cpp has no logits")
        logits: Logits = np.ctypeslib.as_array(pointer, (self.vocabulary.size,))
        logits[self.vocabulary.unspeakable] = -np.inf
        return logits

    def close(self) -> None:
        """Free context and model; harmless when called twice."""
        context, self._context = self._context, None
        if context is not None:
            self._functions.llama_free(context)
            self._functions.llama_model_free(self._model)

    def _cut(self, length: int) -> None:
        """Hold only so many tokens; none where the library cannot drop a part (recurrent models)."""
        if not self._functions.llama_memory_seq_rm(self._memory, 0, length, -1):
            self._functions.llama_memory_clear(self._memory, False)
            length = 0
        del self.held[length:]


def _map_model(library: LlamaLibrary, weights: MappedWeights) -> Any:
    functions = library.functions
    parameters = functions.llama_model_default_params()
    parameters.load_mode = functions.LLAMA_LOAD_MODE_MMAP
    # Repacked tensors would be copies: the map is used as it is, and shared between containers.
    parameters.use_extra_bufts = False
    parameters.n_gpu_layers = 0
    # The library maps by descriptor, so that it gets the file that was verified and no other.
    file = library.libc.fdopen(weights.open_file(), b"rb")
    try:
        return functions.llama_model_load_from_file_ptr(file, parameters)
    finally:
        library.libc.fclose(file)


def _context_parameters(functions: Any, tokens: int, threads: int) -> Any:
    parameters = functions.llama_context_default_params()
    parameters.n_ctx = tokens
    parameters.n_batch = MOST_TOKENS
    parameters.n_ubatch = MOST_TOKENS  # a batch is stopped as a whole
    parameters.n_seq_max = 1
    parameters.n_threads = threads
    parameters.n_threads_batch = threads
    parameters.no_perf = True
    return parameters


def _incompatible(name: str, said: str) -> StartupFailed:
    reason = f": {said}" if said else ""
    return StartupFailed(
        f"llama.cpp cannot load the weights {name}{reason}", code=ErrorCode.ENGINE_INCOMPATIBLE
    )
