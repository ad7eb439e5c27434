"""Language models through llama.cpp: loaded once, one answer at a time, in steps of a given length.

The loop over a prompt is this project's own (docs/adr/0021): it reads in batches, and a step that is
paused or cancelled ends inside its batch, so that live captions come in between. Calls release the
interpreter's lock.
"""

import threading
import time
from collections.abc import Callable

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary, load_library
from wordloop_ml.engines.llama_cpp_model import MOST_TOKENS, LlamaModel, StopFlag
from wordloop_ml.engines.llama_cpp_tokens import TokenSampler, ends_in_repetition
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
        context_tokens: int = CONTEXT_TOKENS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> "LlamaCppGenerator":
        """Map a GGUF file and read some tokens.

        threads: native threads of one call. The library keeps a map of its own: ``weights`` may be
        closed. Raises ``StartupFailed`` (``engine_incompatible``) for a missing extra, weights
        that llama.cpp cannot run, and a model without a chat template.
        """
        library = load_library()
        model = LlamaModel.load(library, weights, context_tokens=context_tokens, threads=threads)
        generator = cls(library, model, weights, clock)
        try:
            generator._try_out()
        except EngineFailed as error:
            generator.close()
            raise StartupFailed(str(error), code=ErrorCode.ENGINE_INCOMPATIBLE) from error
        return generator

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
        self._stops = tuple(one.encode() for one in options.stop)
        self._closed = False

    def step(self, budget_s: float) -> Generated | None:
        """Generate for ``budget_s`` seconds and the native call in which they end; None while there is more to come.

        At least one call is made, unless it is paused. Raises ``EngineFailed``, and the answer is lost.
        """
        if self._closed:
            raise EngineFailed("the generation is closed")
        ends_s = self._clock() + budget_s
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
        ends = [at for at in map(self._text.find, self._stops) if at >= 0]
        if ends:
            self._text = self._text[: min(ends)]
            return self._generated(Finish.STOP)
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
