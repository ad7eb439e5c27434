"""Whisper through whisper.cpp: one context per process, one state per worker.

The weights are read-only in the context and shared; all that a decode writes is in its state, so
workers run at the same time on their own threads. Calls release the GIL. An assertion inside the
library ends the process: everything that is known to cause one is refused before the call.
"""

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wordloop_ml.engines.ggml_file import GgmlHeader, read_header
from wordloop_ml.engines.whisper_abi import EXPECTED_VERSION, ffi, open_library
from wordloop_ml.engines.whisper_words import SAMPLES_PER_POSITION, TextToken, words_from
from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import SAMPLE_RATE, DecodeOptions, Hypothesis, Samples, Utterance, Word
from wordloop_ml.ports import TranscriberCapabilities

SHORTEST_SAMPLES = 1_800
"""Below 112.5 ms whisper.cpp decodes nothing, and far below it reads past the end of the audio."""

_LONGEST_PROMPT = 2_000
"""Characters, from the end; the model takes some 220 tokens of it."""

_PROMPT_PARTS = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\s\w]+|[\s_]+")
"""Words, numbers, marks and blanks: no token spans two of them."""

_MINIMUM_TIMESTAMP_MASS = 0.0005
"""Below it a token's timestamp distribution says nothing. whisper.cpp asks for 0.01; nano keeps about
0.004 there, and with more would end sentences early wherever it is unsure of the next word."""

_IMPOSSIBLE = -100.0
"""The log probability of a token that had none."""

_NEVER = 2.0
"""A no-speech threshold that no probability exceeds."""


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """How this process runs the model.

    threads: native threads inside one decode. Two workers with one thread each do more work than
        one worker with two, and one decode is short; so more workers come first.
    audio_context_floor: positions of 20 ms that are encoded at least. Real models loop when it is
        too small; nano was trained down to 128.
    audio_context_margin: positions beyond the end of the audio.
    token_floor, token_base, tokens_per_second: a decode has at most ``base + per_second x
        seconds of audio`` tokens, and never less than the floor. Fast speech is some 5 tokens a
        second: what goes on longer than the defaults is a loop.
    """

    threads: int = 1
    audio_context_floor: int = 128
    audio_context_margin: int = 32
    token_floor: int = 2
    token_base: int = 13
    tokens_per_second: int = 8


class WhisperCppTranscriber:
    """A Whisper model, loaded once.

    Each instance holds its own copy of the weights; a process that serves needs one.
    """

    def __init__(
        self, name: str, library: Any, context: Any, header: GgmlHeader, options: WhisperOptions
    ) -> None:
        self._library = library
        self._context = context
        self._header = header
        self._options = options
        self._lock = threading.Lock()
        self._open_workers = 0
        self._closing = False
        self._vocabulary = _Vocabulary(library, context, header)
        self._capabilities = TranscriberCapabilities(
            name="whisper_cpp",
            model=name,
            languages=self._vocabulary.languages,
            shortest_samples=SHORTEST_SAMPLES,
            longest_samples=header.audio_context * SAMPLES_PER_POSITION,
            # whisper.cpp takes any model with two decoder layers for an early distilled one and
            # switches its timestamps off
            word_times=header.text_layers != 2,
        )

    @classmethod
    def open(
        cls,
        name: str,
        buffer: memoryview,
        options: WhisperOptions | None = None,
        *,
        library: Path | None = None,
        expected_version: str = EXPECTED_VERSION,
    ) -> "WhisperCppTranscriber":
        """Load weights from memory.

        name: what the capabilities call the model. buffer: a whole whisper.cpp file; the library
        copies the tensors out of it once, so it may be released afterwards.
        library: another libwhisper than the wheel's, of the expected version.
        Raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``.
        """
        header = read_header(buffer)
        native = open_library(library, expected_version)
        defaults = native.whisper_context_default_params_by_ref()
        parameters = ffi.new("struct whisper_context_params *", defaults[0])
        native.whisper_free_context_params(defaults)
        parameters.use_gpu = False
        # With flash attention, whisper.cpp reads keys and values up to the next multiple of 256
        # positions without a mask: rows that an earlier job of this state, another speaker's, left
        # there. Without it the rows are exactly those of this job.
        parameters.flash_attn = False
        data = ffi.from_buffer(buffer)
        context = native.whisper_init_from_buffer_with_params_no_state(
            data, len(data), parameters[0]
        )
        ffi.release(data)
        if context == ffi.NULL:
            raise StartupFailed(
                f"whisper.cpp cannot load the weights {name}", code=ErrorCode.ENGINE_INCOMPATIBLE
            )
        return cls(name, native, context, header, options or WhisperOptions())

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        return self._capabilities

    def open_worker(self) -> "WhisperCppWorker":
        """A state for one more thread; raises ``EngineFailed`` when none can be had."""
        with self._lock:
            if self._context == ffi.NULL or self._closing:
                raise EngineFailed("the transcriber is closed")
            state = self._library.whisper_init_state(self._context)
            if state == ffi.NULL:
                raise EngineFailed("whisper.cpp cannot make another state")
            self._open_workers += 1
        return WhisperCppWorker(self, state)

    def close(self) -> None:
        """Free the weights, at once or with the last worker; harmless when called twice."""
        with self._lock:
            self._closing = True
            self._free_if_unused()

    def _release(self, state: Any) -> None:
        """A worker is done with its state."""
        with self._lock:
            self._library.whisper_free_state(state)
            self._open_workers -= 1
            self._free_if_unused()

    def _free_if_unused(self) -> None:
        # A state points into its context, so the context goes last whatever the order of closing.
        if self._closing and self._open_workers == 0 and self._context != ffi.NULL:
            context, self._context = self._context, ffi.NULL
            self._library.whisper_free(context)


class WhisperCppWorker:
    """One whisper.cpp state, for one thread."""

    def __init__(self, transcriber: WhisperCppTranscriber, state: Any) -> None:
        self._transcriber = transcriber
        self._library = transcriber._library
        self._context = transcriber._context
        self._vocabulary = transcriber._vocabulary
        self._state = state
        self._parameters = _fixed_parameters(self._library, transcriber._options.threads)
        self._full_context = transcriber._header.audio_context
        # whisper.cpp drops the text when its own loop ends before the token limit does
        self._most_tokens = transcriber._header.text_context // 2 - 5

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Decode one utterance: one encode, one decode.

        A multilingual model that is given no language encodes once more to detect it.
        Raises ``EngineFailed``, or ``BadInput`` for audio that is too long or a language that the
        model does not know.
        """
        if self._state is None:
            raise EngineFailed("the worker is closed")
        samples = np.ascontiguousarray(utterance.samples, dtype=np.float32)
        self._refuse(samples, options)
        if len(samples) < SHORTEST_SAMPLES:
            return Hypothesis(utterance.start, utterance.end, (), no_speech_probability=1.0)
        parameters = self._parameters
        parameters.audio_ctx = self._audio_context(len(samples), options.careful)
        # whisper.cpp stops after the token whose index, from 0, reaches its limit
        parameters.max_tokens = self._token_limit(len(samples)) - 1
        parameters.max_initial_ts = _latest_first_timestamp(len(samples))
        parameters.temperature = options.temperature
        language = ffi.new("char[]", self._language(options).encode())
        prompt = ffi.new("whisper_token[]", self._vocabulary.tokens_of(options.prompt))
        parameters.language = language
        parameters.prompt_tokens = prompt
        parameters.prompt_n_tokens = len(prompt)
        data = ffi.from_buffer("float[]", samples)
        status = self._library.whisper_full_with_state(
            self._context, self._state, parameters[0], data, len(samples)
        )
        # the struct must not outlive what it points to
        parameters.language = parameters.prompt_tokens = ffi.NULL
        parameters.prompt_n_tokens = 0
        if status != 0:
            raise EngineFailed(f"whisper.cpp failed with status {status}")
        return self._read(utterance)

    def close(self) -> None:
        """Free the state; harmless when called twice."""
        state, self._state = self._state, None
        if state is not None:
            self._transcriber._release(state)

    def _refuse(self, samples: Samples, options: DecodeOptions) -> None:
        capabilities = self._transcriber.capabilities
        if samples.ndim != 1 or len(samples) > capabilities.longest_samples:
            raise BadInput(
                f"{samples.size} samples, one job holds {capabilities.longest_samples}",
                code=ErrorCode.TOO_LARGE,
            )
        if options.language is not None and options.language not in capabilities.languages:
            raise BadInput("the model does not know the language")
        if not np.isfinite(samples).all():  # a NaN would spread through the whole decode
            raise EngineFailed("the audio holds samples that are no numbers")

    def _audio_context(self, samples: int, careful: bool) -> int:
        """How many positions are encoded: the audio and a margin, not whisper's 30 s."""
        if careful:
            return self._full_context
        options = self._transcriber._options
        heard = -(-samples // SAMPLES_PER_POSITION) + options.audio_context_margin
        return min(self._full_context, max(heard, options.audio_context_floor))

    def _token_limit(self, samples: int) -> int:
        """How many tokens a decode may have, the timestamp that it opens with included."""
        options = self._transcriber._options
        wanted = options.token_base + samples * options.tokens_per_second // SAMPLE_RATE
        return min(max(wanted, options.token_floor), self._most_tokens)

    def _language(self, options: DecodeOptions) -> str:
        if options.language is not None:
            return options.language
        return "auto" if self._vocabulary.multilingual else "en"

    def _read(self, utterance: Utterance) -> Hypothesis:
        """The result that the state holds, as a hypothesis."""
        library, state = self._library, self._state
        language = "en"
        if self._vocabulary.multilingual:
            code = library.whisper_lang_str(library.whisper_full_lang_id_from_state(state))
            language = ffi.string(code).decode()
        segments = library.whisper_full_n_segments_from_state(state)
        if segments == 0:  # nothing was said; the library then keeps its probability to itself
            return Hypothesis(utterance.start, utterance.end, (), language, 1.0)
        tokens = [
            library.whisper_full_get_token_data_from_state(state, segment, index)
            for segment in range(segments)
            for index in range(library.whisper_full_n_tokens_from_state(state, segment))
        ]
        no_speech = library.whisper_full_get_segment_no_speech_prob_from_state(state, 0)
        words, log_probability = self._vocabulary.read(tokens, utterance)
        return Hypothesis(
            utterance.start,
            utterance.end,
            words,
            language=language,
            no_speech_probability=min(max(float(no_speech), 0.0), 1.0),
            average_log_probability=log_probability,
        )


class _Vocabulary:
    """What the model's token numbers mean."""

    def __init__(self, library: Any, context: Any, header: GgmlHeader) -> None:
        self.multilingual = header.languages > 1
        self._end_of_text = library.whisper_token_eot(context)
        self._first_timestamp = library.whisper_token_beg(context)
        self._pieces = [
            ffi.string(library.whisper_token_to_str(context, token))
            for token in range(self._end_of_text)
        ]
        self._numbers = {piece: token for token, piece in enumerate(self._pieces) if piece}
        self._longest_piece = max(map(len, self._numbers))
        self._longest_prompt = header.text_context // 2 - 1
        self.languages: tuple[str, ...] = ("en",)
        if self.multilingual:
            codes = (library.whisper_lang_str(i) for i in range(header.languages))
            self.languages = tuple(ffi.string(code).decode() for code in codes)

    def tokens_of(self, prompt: str) -> list[int]:
        """A prompt's tokens: the longest piece first, part by part.

        whisper.cpp would do the same behind a regular expression that recurses once per character:
        slow, and a long prompt overflows the stack.
        """
        tokens = []
        for part in _PROMPT_PARTS.findall(prompt[-_LONGEST_PROMPT:]):
            rest = part.encode("utf-8", "replace")
            while rest:
                size = min(len(rest), self._longest_piece)
                while size > 1 and rest[:size] not in self._numbers:
                    size -= 1
                token = self._numbers.get(rest[:size])
                tokens += [] if token is None else [token]
                rest = rest[size:]
        return tokens[-self._longest_prompt :]

    def read(self, tokens: Sequence[Any], utterance: Utterance) -> tuple[tuple[Word, ...], float]:
        """The words, and the mean log probability of the text tokens (0.0 without any)."""
        at = [i for i, token in enumerate(tokens) if token.id < self._end_of_text]
        if not at:
            return (), 0.0
        text = [tokens[i] for i in at]
        pieces = [
            TextToken(self._pieces[token.id], token.p, self._position(token)) for token in text
        ]
        after = [self._timestamp(token) for token in tokens[at[-1] + 1 :]]
        words = words_from(
            pieces,
            utterance.start,
            len(utterance.samples),
            opening=self._timestamp(tokens[0]),
            closing=after[0] if after else None,
        )
        mean = float(sum(token.plog for token in text) / len(text))
        return words, mean if math.isfinite(mean) else _IMPOSSIBLE

    def _timestamp(self, token: Any) -> int | None:
        """What a timestamp token says, in positions; None for another token."""
        return token.id - self._first_timestamp if token.id >= self._first_timestamp else None

    def _position(self, token: Any) -> int | None:
        if token.tid < self._first_timestamp or token.ptsum < _MINIMUM_TIMESTAMP_MASS:
            return None
        return int(token.tid - self._first_timestamp)


def _fixed_parameters(library: Any, threads: int) -> Any:
    """What is the same for every decode: a ``whisper_full_params``, owned by the caller."""
    defaults = library.whisper_full_default_params_by_ref(0)
    parameters = ffi.new("struct whisper_full_params *", defaults[0])
    library.whisper_free_params(defaults)
    parameters.n_threads = threads
    parameters.no_context = True
    parameters.single_segment = True
    parameters.print_progress = False
    parameters.print_timestamps = False
    parameters.greedy.best_of = 1
    # One decode, never a retry, and nothing dropped: captioning/guards.py judges the text. With
    # no increment the library never retries, and the last two thresholds together would drop the
    # text of what it takes for silence.
    parameters.temperature_inc = 0.0
    parameters.entropy_thold = -1.0
    parameters.logprob_thold = -float("inf")
    parameters.no_speech_thold = _NEVER
    return parameters


def _latest_first_timestamp(samples: int) -> float:
    """Seconds; the library stops at once when the first timestamp is near the end of the audio."""
    return max(0.001, min(1.0, samples / SAMPLE_RATE - 0.2))  # 0 would lift the bound
