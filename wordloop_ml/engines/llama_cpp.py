"""Language models through llama.cpp: loaded once, one answer at a time, in steps of a given length.

The loop over a prompt is this project's own (docs/adr/0021): it reads in small batches whose size
follows from their measured cost, so that a step ends on time and live captions come in between,
and a cancelled step ends inside its batch. Calls release the interpreter's lock.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary, load_library
from wordloop_ml.engines.llama_cpp_model import MOST_TOKENS, LlamaModel, Pace, StopFlag
from wordloop_ml.engines.llama_cpp_tokens import TokenSampler
from wordloop_ml.errors import Busy, EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt
from wordloop_ml.ports import GeneratorCapabilities
from wordloop_ml.weights.store import MappedWeights

CONTEXT_TOKENS = 4_096
"""Prompt and answer together; less where the model was trained on less."""

_MOST_GRAMMARS = 16


class LlamaCppGenerator:
    """A model, its context, and the grammars that were asked for."""

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
        self._pace = Pace()
        self._grammars: dict[str, Any] = {}
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
        schemas: Sequence[Mapping[str, Any]] = (),
        threads: int = 1,
        context_tokens: int = CONTEXT_TOKENS,
        clock: Callable[[], float] = time.perf_counter,
    ) -> "LlamaCppGenerator":
        """Map a GGUF file, make the grammars of these schemas, and measure some tokens.

        threads: native threads of one call. The library keeps a map of its own: ``weights`` may be
        closed. Raises ``StartupFailed`` (``engine_incompatible``) for a missing extra, weights
        that llama.cpp cannot run, a model without a chat template, and a schema that has no
        grammar.
        """
        library = load_library()
        model = LlamaModel.load(library, weights, context_tokens=context_tokens, threads=threads)
        generator = cls(library, model, weights, clock)
        try:
            for schema in schemas:
                generator._grammar(schema)
            generator._measure()
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
            sampler = TokenSampler(
                self._library,
                self._new_grammar(options.schema),
                temperature=options.temperature,
                seed=options.seed,
            )
            return LlamaCppGeneration(self, tokens, sampler, options.longest_tokens)
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
        for grammar in self._grammars.values():
            self._library.functions.llama_sampler_free(grammar)
        self._grammars.clear()
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

    def _new_grammar(self, schema: Mapping[str, Any] | None) -> Any | None:
        """Make a grammar sampler at its beginning; the caller frees it."""
        if schema is None:
            return None
        return self._library.functions.llama_sampler_clone(self._grammar(schema))

    def _grammar(self, schema: Mapping[str, Any]) -> Any:
        """Return the grammar of a schema, made once; raises ``EngineFailed`` when it has none."""
        text = json.dumps(schema)
        if text not in self._grammars:
            functions = self._library.functions
            try:
                rules = self._library.grammar_of(text)
            except Exception as error:  # the converter's own errors have no common class
                raise EngineFailed("a schema cannot be made a grammar") from error
            made = functions.llama_sampler_init_grammar(
                self._model.vocabulary.native, rules.encode(), b"root"
            )
            if not made:
                raise EngineFailed("llama.cpp refuses the grammar of a schema")
            if len(self._grammars) >= _MOST_GRAMMARS:
                functions.llama_sampler_free(self._grammars.pop(next(iter(self._grammars))))
            self._grammars[text] = made
        return self._grammars[text]

    def _measure(self) -> None:
        """Read some tokens, to measure their cost and to fail before readiness is told."""
        token = self._model.vocabulary.prompt_tokens(Prompt("a", "a"))[0]
        for count in (1, 1, min(MOST_TOKENS, 16)):  # the first call makes buffers, and counts less
            self._read([token] * count)
        self._model.logits()
        self._model.keep([])

    def _read(self, tokens: list[int]) -> bool:
        """Read a batch and note what it took; False when stopped."""
        began_s = self._clock()
        done = self._model.read(tokens)
        if done:
            self._pace.note(len(tokens), self._clock() - began_s)
        return done


class LlamaCppGeneration:
    """A generation that is stepped by one thread at a time, not always the same one."""

    def __init__(
        self,
        generator: LlamaCppGenerator,
        prompt: list[int],
        sampler: TokenSampler,
        longest_tokens: int,
    ) -> None:
        self._generator = generator
        self._model = generator._model
        self._pace = generator._pace
        self._clock = generator._clock
        self._sampler = sampler
        self._longest_tokens = longest_tokens
        self._flag = StopFlag()
        self._model.watch(self._flag)
        self._reused = self._model.keep(prompt)
        self._prompt_tokens = len(prompt)
        self._unread = prompt[self._reused :]
        self._answer: list[int] = []
        self._closed = False

    def step(self, budget_s: float) -> Generated | None:
        """Generate for about ``budget_s`` seconds, in bounded native calls; None while there is more to come.

        At least one call is made. Raises ``EngineFailed``, and the answer is lost.
        """
        if self._closed:
            raise EngineFailed("the generation is closed")
        ends_s = self._clock() + budget_s
        while True:
            left_s = ends_s - self._clock()
            count = self._pace.fit(left_s, len(self._unread))
            if self._flag.is_set or not self._generator._read(self._unread[:count]):
                raise EngineFailed("the generation was cancelled")
            del self._unread[:count]
            if not self._unread:
                generated = self._say_one()
                if generated is not None:
                    return generated
            if not self._pace.fits_one(ends_s - self._clock()):
                return None

    def cancel(self) -> None:
        """Stop a step that runs on another thread, within one operation of the library."""
        self._flag.set()

    def close(self) -> None:
        """Let the next generation begin; harmless when called twice."""
        if not self._closed:
            self._closed = True
            self._sampler.close()
            self._generator._release()

    def _say_one(self) -> Generated | None:
        """Choose the next token, to be read by the next call; the answer when it is over."""
        token = self._sampler.choose(self._model.logits())
        if self._model.vocabulary.ends(token):
            return self._generated(Finish.STOP)
        self._answer.append(token)
        if len(self._answer) >= self._longest_tokens:
            return self._generated(Finish.LENGTH)
        self._unread = [token]
        return None

    def _generated(self, finish: Finish) -> Generated:
        pieces = b"".join(map(self._model.vocabulary.piece, self._answer))
        return Generated(
            text=pieces.decode("utf-8", "replace"),
            finish=finish,
            prompt_tokens=self._prompt_tokens,
            reused_tokens=self._reused,
            tokens=len(self._answer),
        )
