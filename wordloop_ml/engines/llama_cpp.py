"""Language models through llama.cpp: loaded once, one answer at a time, in steps of a given length.

The loop over a prompt is this project's own (docs/adr/0021): it reads in batches, and a step that is
paused or cancelled ends inside its batch, so that live captions come in between. Calls release the
interpreter's lock.

A context holds one sequence of tokens. What of it has been read stays there until the next prompt,
which may begin alike; so every call keeps account of what the library holds.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary, load_library
from wordloop_ml.engines.llama_cpp_tokens import (
    LlamaVocabulary,
    Logits,
    TokenSampler,
    ends_in_repetition,
)
from wordloop_ml.errors import Busy, EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt
from wordloop_ml.ports import GeneratorCapabilities
from wordloop_ml.weights.store import MappedWeights

CONTEXT_TOKENS = 4_096
"""Prompt and answer together; less where the model was trained on less."""

FEWEST_TOKENS = 8
"""Of a batch, however often it is stopped: beside people who speak all the time, it still gets on."""

REPEATED_TOKENS = 12
"""So many tokens in a row that stood in the answer before: it goes round in circles."""


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

    threads, cores: native threads of a call, and the most that it may be given. held: the tokens that the context has read, in order.
    """

    def __init__(
        self, library: LlamaLibrary, model: Any, context: Any, *, threads: int, cores: int
    ) -> None:
        self._functions = library.functions
        self._is_raised = library.is_raised
        self._model = model
        self._context = context
        self._threads, self._cores = threads, cores
        self._memory = self._functions.llama_get_memory(context)
        self._flag = StopFlag()
        self._batch: Any = (ctypes.c_int32 * MOST_TOKENS)()
        self.held: list[int] = []
        self.context_tokens: int = self._functions.llama_n_ctx(context)
        self.vocabulary = LlamaVocabulary(library, model)
        self.watch(self._flag)

    @classmethod
    def load(
        cls,
        library: LlamaLibrary,
        weights: MappedWeights,
        *,
        context_tokens: int,
        threads: int,
        cores: int,
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
            return cls(library, model, context, threads=threads, cores=cores)
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

    def set_threads(self, threads: int) -> None:
        """Let the calls from now on have the native threads of so many inference threads, as far as there are cores."""
        count = max(self._threads, min(threads * self._threads, self._cores))
        self._functions.llama_set_n_threads(self._context, count, count)

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


class LlamaCppGenerator:
    """A model and its context."""

    def __init__(
        self,
        library: LlamaLibrary,
        model: LlamaModel,
        weights: MappedWeights,
        clock: Callable[[], float],
    ) -> None:
        self._library = library
        self._model = model
        self._clock = clock
        self._batch_tokens = MOST_TOKENS
        self._lock = threading.Lock()
        self._in_use = False
        self._closing = False
        self._capabilities = GeneratorCapabilities(
            name="llama_cpp",
            model=weights.name,
            digest=weights.entry.sha256,
            context_tokens=model.context_tokens,
        )

    @classmethod
    def open(
        cls,
        weights: MappedWeights,
        *,
        threads: int = 1,
        cores: int = 1,
        context_tokens: int = CONTEXT_TOKENS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> "LlamaCppGenerator":
        """Map a GGUF file and read some tokens.

        threads: native threads of a call, for each inference thread that lends it its cores; with several of
            these no more than cores. The library keeps a map of its own: ``weights`` may be
        closed. Raises ``StartupFailed`` (``engine_incompatible``) for a missing extra, weights
        that llama.cpp cannot run, and a model without a chat template.
        """
        library = load_library()
        model = LlamaModel.load(
            library, weights, context_tokens=context_tokens, threads=threads, cores=cores
        )
        generator = cls(library, model, weights, clock)
        try:
            generator._try_out()
        except EngineFailed as error:
            generator.close()
            raise StartupFailed(str(error), code=ErrorCode.ENGINE_INCOMPATIBLE) from error
        return generator

    @property
    def local(self) -> bool:
        """It runs here."""
        return True

    @property
    def capabilities(self) -> GeneratorCapabilities:
        """What it can do."""
        return self._capabilities

    def count_tokens(self, text: str) -> int:
        """How many tokens the text would take."""
        return len(self._model.vocabulary.tokens(text))

    def begin(self, prompt: Prompt, options: GenerationOptions) -> "LlamaCppGeneration":
        """Start an answer; returns at once, ``Generation.step`` does the work.

        Raises ``EngineFailed`` (``too_large``) when the prompt and the answer do not fit the
        context, and ``Busy`` while another generation is not closed.
        """
        with self._lock:
            if self._closing:
                raise EngineFailed("the generator is closed")
            if self._in_use:
                raise Busy("the generator gives another answer")
            self._in_use = True
        try:
            tokens = self._prompt_tokens(prompt, options.longest_tokens)
            banned = (
                None
                if options.scripts is None
                else self._model.vocabulary.tokens_of_other_scripts(options.scripts)
            )
            sampler = TokenSampler(
                temperature=options.temperature, seed=options.seed, banned=banned
            )
            return LlamaCppGeneration(self, tokens, sampler, options)
        except BaseException:
            self._release()
            raise

    def close(self) -> None:
        """Free the model, at once or with the last generation; harmless when called twice."""
        with self._lock:
            self._closing = True
            if not self._in_use:
                self._free()

    def _release(self) -> None:
        """Let the next generation begin, and free the model if it is closed."""
        with self._lock:
            self._in_use = False
            if self._closing:
                self._free()

    def _free(self) -> None:
        self._model.close()

    def _prompt_tokens(self, prompt: Prompt, longest_tokens: int) -> list[int]:
        tokens = self._model.vocabulary.prompt_tokens(prompt)
        if len(tokens) + longest_tokens > self._model.context_tokens:
            raise EngineFailed(
                f"a prompt of {len(tokens)} tokens and an answer of {longest_tokens} do not fit "
                f"into {self._model.context_tokens}",
                code=ErrorCode.TOO_LARGE,
            )
        return tokens

    def _try_out(self) -> None:
        """Read some tokens, to fail before readiness is told."""
        token = self._model.vocabulary.prompt_tokens(Prompt("a", "a"))[0]
        self._model.read([token] * min(MOST_TOKENS, 16))
        self._model.logits()
        self._model.keep([])

    def _read(self, tokens: list[int]) -> bool:
        """Read a batch; False when stopped. Batches are halved when one is, for it was read in vain."""
        done = self._model.read(tokens)
        if len(tokens) == self._batch_tokens:
            size = 2 * len(tokens) if done else len(tokens) // 2
            self._batch_tokens = min(max(size, FEWEST_TOKENS), MOST_TOKENS)
        return done


class LlamaCppGeneration:
    """A generation that is stepped by one thread at a time, not always the same one."""

    def __init__(
        self,
        generator: LlamaCppGenerator,
        prompt: list[int],
        sampler: TokenSampler,
        options: GenerationOptions,
    ) -> None:
        self._generator = generator
        self._model = generator._model
        self._clock = generator._clock
        self._sampler = sampler
        self._options = options
        self._flag = StopFlag()
        self._cancelled = False
        self._model.watch(self._flag)
        self._reused = self._model.keep(prompt)
        self._prompt_tokens = len(prompt)
        self._unread = prompt[self._reused :]
        self._answer: list[int] = []
        self._text = b""
        self._closed = False

    def step(self, budget_s: float, threads: int = 1) -> Generated | None:
        """Generate for ``budget_s`` seconds and the native call in which they end; None while there is more to come.

        threads: how many inference threads lend it their cores, its own among them. At least one call is made, unless it is paused. Raises ``EngineFailed``, and the answer is lost.
        """
        if self._closed:
            raise EngineFailed("the generation is closed")
        ends_s = self._clock() + budget_s
        self._model.set_threads(threads)
        while True:
            count = min(self._generator._batch_tokens, len(self._unread))
            if self._flag.is_set or not self._generator._read(self._unread[:count]):
                if self._cancelled:
                    raise EngineFailed("the generation was cancelled")
                self._flag.clear()
                return None
            del self._unread[:count]
            if not self._unread:
                generated = self._say_one()
                if generated is not None:
                    return generated
            if self._clock() >= ends_s:
                return None

    def pause(self) -> None:
        """Let the step that runs, or the next one, return within one operation of the library."""
        self._flag.set()

    def cancel(self) -> None:
        """Stop a step that runs on another thread, within one operation of the library."""
        self._cancelled = True
        self._flag.set()

    def close(self) -> None:
        """Let the next generation begin; harmless when called twice."""
        if not self._closed:
            self._closed = True
            self._generator._release()

    def _say_one(self) -> Generated | None:
        """Choose the next token, to be read by the next call; the answer when it is over."""
        token = self._sampler.choose(self._model.logits())
        if self._model.vocabulary.ends(token):
            return self._generated(Finish.STOP)
        self._answer.append(token)
        self._text += self._model.vocabulary.piece(token)
        if ends_in_repetition(self._answer, REPEATED_TOKENS):
            return self._generated(Finish.REPETITION)
        if len(self._answer) >= self._options.longest_tokens:
            return self._generated(Finish.LENGTH)
        self._unread = [token]
        return None

    def _generated(self, finish: Finish) -> Generated:
        return Generated(
            text=self._text.decode("utf-8", "replace"),
            finish=finish,
            prompt_tokens=self._prompt_tokens,
            reused_tokens=self._reused,
            tokens=len(self._answer),
        )
