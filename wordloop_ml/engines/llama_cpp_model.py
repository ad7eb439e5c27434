"""A GGUF model and its one context: what they need, and the calls on them.

The head of a file is read before anything is loaded, for the memory that its context will take. The
layout is that of ggml's docs/gguf.md, version 3: magic, version, counts, then keys with typed
values. The keys of the architecture come first; tokens, of which there are many, are not read.

A context holds one sequence of tokens. What of it has been read stays there until the next prompt,
which may begin alike; so every call keeps account of what the library holds.
"""

import ctypes
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary
from wordloop_ml.engines.llama_cpp_tokens import LlamaVocabulary, Logits
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.weights.store import MappedWeights

_MAGIC = b"GGUF"
_VERSION = 3
_STRING, _ARRAY = 8, 9
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_MOST_KEYS = 4_096
_LONGEST_STRING = 1 << 20

_HALF_BYTES = 2
_BUFFERS_BYTES = 192 << 20
"""What llama.cpp computes in, for batches of 128 tokens with 152 thousand tokens to choose from."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """The shape of a model, as far as it decides the size of its context.

    trained_tokens: the longest context that it was trained on.
    """

    architecture: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    key_width: int
    value_width: int
    trained_tokens: int

    def context_bytes(self, tokens: int) -> int:
        """The bytes that a context of so many tokens takes beside the weights: keys and values as f16."""
        held = min(tokens, self.trained_tokens) * self.layers * self.kv_heads
        return held * (self.key_width + self.value_width) * _HALF_BYTES + _BUFFERS_BYTES


def read_gguf_header(buffer: memoryview) -> GgufHeader:
    """Read the head of a file; raises ``StartupFailed`` (``engine_incompatible``) for anything but GGUF 3."""
    try:
        return _header(_keys(_Cursor(buffer)))
    except (struct.error, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise StartupFailed(
            "the generator's weights are no GGUF file that this engine knows",
            code=ErrorCode.ENGINE_INCOMPATIBLE,
        ) from error


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, buffer: memoryview) -> None:
        self._buffer = buffer
        self._at = 0

    def take(self, code: str) -> Any:
        (value,) = struct.unpack_from("<" + code, self._buffer, self._at)
        self._at += struct.calcsize("<" + code)
        return value

    def bytes(self, count: int) -> bytes:
        taken = bytes(self._buffer[self._at : self._at + count])
        if len(taken) != count:
            raise ValueError("the file ends in the middle of a value")
        self._at += count
        return taken

    def string(self) -> str:
        length = self.take("Q")
        if length > _LONGEST_STRING:
            raise ValueError("a string is too long")
        return self.bytes(length).decode("utf-8")


def _keys(cursor: _Cursor) -> dict[str, Any]:
    """Read the keys that stand before the tokens; the architecture's are among them."""
    if cursor.bytes(4) != _MAGIC or cursor.take("I") != _VERSION:
        raise ValueError("another file, or another version")
    cursor.take("Q")  # tensors
    values: dict[str, Any] = {}
    for _ in range(min(cursor.take("Q"), _MOST_KEYS)):
        key, kind = cursor.string(), cursor.take("I")
        if kind == _STRING:
            values[key] = cursor.string()
        elif kind == _ARRAY:
            inner, count = cursor.take("I"), cursor.take("Q")
            if count > _MOST_KEYS:  # the tokens
                break
            values[key] = [
                cursor.string() if inner == _STRING else cursor.take(_SCALARS[inner])
                for _ in range(count)
            ]
        else:
            values[key] = cursor.take(_SCALARS[kind])
    return values


def _header(values: dict[str, Any]) -> GgufHeader:
    architecture = values["general.architecture"]

    def number(key: str, default: int | None = None) -> int:
        value = values.get(f"{architecture}.{key}", default)
        if isinstance(value, list):  # one for each layer
            value = max(value)
        if not isinstance(value, int) or not 0 <= value < 1 << 31:
            raise ValueError(key)
        return value

    width, heads = number("embedding_length"), number("attention.head_count")
    of_a_head = width // max(heads, 1)
    return GgufHeader(
        architecture=architecture,
        layers=number("block_count"),
        width=width,
        heads=heads,
        kv_heads=number("attention.head_count_kv", heads),
        key_width=number("attention.key_length", of_a_head),
        value_width=number("attention.value_length", of_a_head),
        trained_tokens=number("context_length"),
    )


MOST_TOKENS = 128
"""In one native call. From some 32 on a further token costs a third of what it does in a batch of 8."""

_ABORTED = 2


class StopFlag:
    """One byte that the library looks at between operations; set from any thread."""

    def __init__(self) -> None:
        self._bytes = ctypes.create_string_buffer(2)

    @property
    def address(self) -> int:
        """The address of the byte, valid while this object lives."""
        return ctypes.addressof(self._bytes)

    @property
    def is_set(self) -> bool:
        """Whether the library is to stop."""
        return self._bytes.raw[0] != 0

    def set(self) -> None:
        """Let the library stop."""
        self._bytes[0] = b"\x01"

    def clear(self) -> None:
        """Let the next call go on."""
        self._bytes[0] = b"\x00"


class LlamaModel:
    """A mapped model and its context. For one thread at a time, not always the same one.

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
        """Let this flag stop the calls from now on."""
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
        """The logits of the next token: float32, shape (vocabulary,), valid until the next read."""
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
        """Drop all but the first tokens; all of them where the library cannot drop a part (recurrent models)."""
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
