"""Whisper through whisper.cpp: one context per process, one state per worker.

The weights are read-only in the context and shared; all that a decode writes is in its state, so
workers run at the same time on their own threads. Calls release the GIL. An assertion inside the
library ends the process: everything that is known to cause one is refused before the call.

What the library's calls do beyond their names was read in whisper.cpp 1.8.5, and tests hold it to
that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.ggml_file import GgmlHeader, read_header
from wordloop_ml.engines.whisper_cpp_library import (
    EXPECTED_VERSION,
    MOST_BEAMS,
    PyWhisperCpp,
    WhisperBinding,
    ffi,
)
from wordloop_ml.engines.whisper_tokens import (
    SAMPLES_PER_POSITION,
    TextToken,
    Tokeniser,
    with_calibration,
    words_from,
)
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import (
    SAMPLE_RATE,
    AudioContext,
    DecodeOptions,
    Hypothesis,
    Samples,
    Task,
    Utterance,
    Word,
)
from wordloop_ml.ports import TranscriberCapabilities, check_job
from wordloop_ml.weights.manifest import Calibration

_STATE_IS_GONE = -7
"""What the library answers when it could not make room for beams, and has freed the state."""

_ENGLISH = ffi.new("char[]", b"en")


class WhisperState:
    """A ``whisper_state``, which one decode at a time writes, and the calls that use it."""

    def __init__(self, library: Any, context: Any, idle_ms: int) -> None:
        """Open a state; raises ``EngineFailed`` when none can be had.

        idle_ms: how much audio the library looks at without encoding it.
        """
        self._library = library
        self._context = context
        self._idle_ms = idle_ms
        self.handle = ffi.NULL
        self.prepare()

    def prepare(self, *, as_new: bool = False) -> None:
        """Open the state if a failure has closed it; takes some milliseconds. Raises ``EngineFailed``.

        as_new: open it again in any case, since its random numbers begin anew only then.
        """
        if as_new:
            self.close()
        if self.handle == ffi.NULL:
            self.handle = self._library.whisper_init_state(self._context)
        if self.handle == ffi.NULL:
            raise EngineFailed("whisper.cpp cannot make another state")

    def run(self, parameters: Any, data: Any) -> None:
        """Decode in one bounded native call; raises ``EngineFailed``."""
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
        """Return the probability of each language for what was heard: one encode, one step of a decode."""
        count = self._library.whisper_lang_max_id() + 1
        likelihoods = ffi.new("float[]", count)
        status = self._library.whisper_lang_auto_detect_with_state(
            self._context, self.handle, 0, threads, likelihoods
        )
        if status < 0:
            raise EngineFailed(f"whisper.cpp failed to detect a language with status {status}")
        return np.frombuffer(ffi.buffer(likelihoods), np.float32)

    def close(self) -> None:
        """Free the state; harmless when called twice."""
        handle, self.handle = self.handle, ffi.NULL
        self._library.whisper_free_state(handle)


class Untempered:
    """Records a sampled token's probability before the temperature, for one decode of one decoder.

    whisper.cpp divides the logits by the temperature, in (0, 1], and reports the probabilities that
    come of it: at 0.4 a guess among equals looks like a certainty. Guards and confidences need the
    model's own, as in openai/whisper (decoding.py, ``GreedyDecoder.update``). The library shows its
    logits to a callback just before each token is drawn.
    """

    def __init__(self, ffi: Any, temperature: float, vocabulary: int, first_timestamp: int) -> None:
        """Record one decode.

        ffi: declares the tokens of the library that calls back. temperature: in (0, 1].
        vocabulary: how many tokens there are. first_timestamp: where timestamps begin among them.
        """
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


_MINIMUM_TIMESTAMP_MASS = 0.0005
"""Below it a token's timestamp distribution says nothing. whisper.cpp asks for 0.01."""

_IMPOSSIBLE = -100.0
"""The log probability of a token that had none."""


class Vocabulary:
    """Turns prompts into a model's tokens, and its tokens into words."""

    def __init__(self, library: Any, context: Any, header: GgmlHeader) -> None:
        self.multilingual = header.languages > 1
        self.size = header.vocabulary
        self._end_of_text = library.whisper_token_eot(context)
        self.first_timestamp = library.whisper_token_beg(context)
        self._pieces = [
            ffi.string(library.whisper_token_to_str(context, token))
            for token in range(self._end_of_text)
        ]
        self._tokeniser = Tokeniser(self._pieces, header.text_context // 2 - 1)
        self.languages: tuple[str, ...] = ("en",)
        if self.multilingual:
            codes = (library.whisper_lang_str(i) for i in range(header.languages))
            self.languages = tuple(ffi.string(code).decode() for code in codes)

    def tokens_of(self, prompt: str) -> list[int]:
        """Tokenise a prompt.

        whisper.cpp would find them behind a regular expression that recurses once per character:
        slow, and a long prompt overflows the stack.
        """
        return self._tokeniser.tokens_of(prompt)

    def read(self, tokens: Sequence[Any], utterance: Utterance) -> tuple[tuple[Word, ...], float]:
        """Return the words, and the mean log probability of the text tokens (0.0 without any)."""
        at = self._within(tokens, len(utterance.samples) // SAMPLES_PER_POSITION)
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

    def _within(self, tokens: Sequence[Any], last: int) -> list[int]:
        """Return the indices of the text tokens that do not open at the end of the audio or behind it.

        Text that opens there is a second copy of what was said, or nothing that was.
        """
        kept: list[int] = []
        position = 0
        for index, token in enumerate(tokens):
            if (timestamp := self._timestamp(token)) is not None:
                position = timestamp
            elif token.id < self._end_of_text and position < max(last, 1):
                kept.append(index)
        return kept

    def _timestamp(self, token: Any) -> int | None:
        """Return what a timestamp token says, in positions; None for another token."""
        return token.id - self.first_timestamp if token.id >= self.first_timestamp else None

    def _position(self, token: Any) -> int | None:
        if token.tid < self.first_timestamp or token.ptsum < _MINIMUM_TIMESTAMP_MASS:
            return None
        return int(token.tid - self.first_timestamp)


SHORTEST_SAMPLES = 1_800
"""Below 112.5 ms whisper.cpp decodes nothing, and far below it reads past the end of the audio."""

HELPED_FROM_WIDTH = 768
"""Encoders from this width on (small) are divided among the cores of idle workers. In smaller ones
waiting for each other costs what it saves (docs/adr/0018)."""

MOST_HELPERS = 3
"""Workers that are idle now may be wanted a moment later."""

_FLOORS = {AudioContext.SHORT: 256, AudioContext.LONG: 512}
_MARGINS = {AudioContext.SHORT: 64, AudioContext.LONG: 256}
"""Positions that are encoded at least, and behind the audio (docs/adr/0025 has what was measured)."""

_TOKEN_BASE, _TOKENS_PER_SECOND = 20, 14
"""A decode has at most so many tokens: fast speech has some 8 a second, timestamps included."""

_UNSURE = 0.5
"""A language that was detected with less is not taken where another was spoken before."""

_GREEDY, _BEAM_SEARCH = 0, 1

_NEVER = 2.0
"""A no-speech threshold that no probability exceeds."""


@dataclass(frozen=True, slots=True)
class WhisperOptions:
    """How this process runs the model.

    threads: native threads inside one decode. Two workers with one thread each do more work than
        one worker with two, and one decode is short; so more workers come first.
    calibration: of the words' confidences.
    """

    threads: int = 1
    calibration: Calibration = Calibration()


class WhisperCppTranscriber:
    """A Whisper model, loaded once.

    Each instance holds its own copy of the weights; a process that serves needs one.
    """

    def __init__(
        self,
        name: str,
        binding: WhisperBinding,
        context: Any,
        header: GgmlHeader,
        options: WhisperOptions,
    ) -> None:
        self._binding = binding
        self._library = binding.library
        # A state points into its context and refers to it: whatever is closed first, the context is
        # freed with the last reference.
        self._context = binding.ffi.gc(context, binding.library.whisper_free)
        self._header = header
        self._options = options
        self._vocabulary = Vocabulary(binding.library, context, header)
        self._capabilities = TranscriberCapabilities(
            name=binding.name,
            model=name,
            languages=self._vocabulary.languages,
            shortest_samples=SHORTEST_SAMPLES,
            longest_samples=header.audio_context * SAMPLES_PER_POSITION,
            # whisper.cpp takes any model with two decoder layers for an early distilled one and
            # switches its timestamps off
            word_times=header.text_layers != binding.distilled_layers,
            translates=self._vocabulary.multilingual,
        )

    @classmethod
    def open(
        cls,
        name: str,
        buffer: memoryview,
        options: WhisperOptions | None = None,
        *,
        binding: WhisperBinding | None = None,
        library: Path | None = None,
        expected_version: str = EXPECTED_VERSION,
    ) -> "WhisperCppTranscriber":
        """Load weights from memory.

        name: what the capabilities call the model. buffer: a whole whisper.cpp file; the library
        copies the tensors out of it once, so it may be released afterwards.
        binding: another than that over the wheel's library; then the rest says nothing.
        library: another libwhisper than the wheel's, of the expected version.
        Raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``.
        """
        header = read_header(buffer)
        binding = binding or PyWhisperCpp(library, expected_version)
        binding.check(header)
        data = ffi.from_buffer(buffer)
        context = binding.open_context(data)
        ffi.release(data)
        if context == ffi.NULL:
            raise StartupFailed(
                f"whisper.cpp cannot load the weights {name}", code=ErrorCode.ENGINE_INCOMPATIBLE
            )
        return cls(name, binding, context, header, options or WhisperOptions())

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        return self._capabilities

    def open_worker(self) -> "WhisperCppWorker":
        """Open a state for one more thread; raises ``EngineFailed`` when none can be had."""
        if self._context is None:
            raise EngineFailed("the transcriber is closed")
        state = WhisperState(self._library, self._context, self._binding.idle_ms)
        return WhisperCppWorker(self, state)

    def close(self) -> None:
        """Free the weights, at once or with the last worker; harmless when called twice."""
        self._context = None


class WhisperCppWorker:
    """A whisper.cpp state, for one thread."""

    def __init__(self, transcriber: WhisperCppTranscriber, state: WhisperState) -> None:
        self._transcriber = transcriber
        self._library = transcriber._library
        self._vocabulary = transcriber._vocabulary
        self._state: WhisperState | None = state
        self._binding = transcriber._binding
        self._threads = transcriber._options.threads
        self._helped = transcriber._header.audio_width >= HELPED_FROM_WIDTH
        self._parameters = _fixed_parameters(self._binding)
        self._full_context = transcriber._header.audio_context
        # whisper.cpp drops the text when its own loop ends before the token limit does
        self._most_tokens = transcriber._header.text_context // 2 - 5

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Decode one utterance: one encode, one decode.

        A multilingual model that is given no language encodes once more to detect it. Beams and
        temperatures draw random numbers from the state, which is opened anew for them, so that the
        same audio always gives the same words.
        Raises ``EngineFailed``, or ``BadInput`` for audio that is too long, a language or a task
        that the model does not know, or too many beams.
        """
        if self._state is None:
            raise EngineFailed("the worker is closed")
        samples = np.ascontiguousarray(utterance.samples, dtype=np.float32)
        check_job(self._transcriber.capabilities, samples, options, MOST_BEAMS)
        if len(samples) < SHORTEST_SAMPLES:
            return Hypothesis(utterance.start, utterance.end, (), no_speech_probability=1.0)
        draws = options.temperature > 0.0 or options.beams > 1
        self._state.prepare(as_new=draws or not self._binding.keeps_to_its_job)
        return self._decode(self._state, utterance, samples, options)

    def close(self) -> None:
        """Free the state; harmless when called twice."""
        state, self._state = self._state, None
        if state is not None:
            state.close()

    def _decode(
        self, state: WhisperState, utterance: Utterance, samples: Samples, options: DecodeOptions
    ) -> Hypothesis:
        parameters = self._parameters
        helpers = min(options.spare_workers, MOST_HELPERS) if self._helped else 0
        parameters.n_threads = self._threads * (1 + helpers)
        parameters.audio_ctx = self._audio_context(len(samples), options.context)
        # whisper.cpp stops after the token whose index, from 0, reaches its limit
        parameters.max_tokens = self._token_limit(len(samples)) - 1
        parameters.max_initial_ts = _latest_first_timestamp(len(samples))
        parameters.translate = options.task is Task.TRANSLATE
        parameters.temperature = options.temperature
        # at a temperature the library's beams are samples too, of which it would keep one
        beams = min(options.beams, self._binding.most_beams) if options.temperature == 0.0 else 1
        parameters.strategy = _BEAM_SEARCH if beams > 1 else _GREEDY
        parameters.beam_search.beam_size = beams
        appended = self._binding.appended_samples
        data = ffi.from_buffer("float[]", np.pad(samples, (0, appended)) if appended else samples)
        language, certainty = self._language(state, data, options)
        code = ffi.new("char[]", language.encode())
        prompt = ffi.new("whisper_token[]", self._vocabulary.tokens_of(options.prompt))
        untempered = None
        if options.temperature > 0.0:
            vocabulary = self._vocabulary
            untempered = Untempered(
                self._binding.ffi,
                options.temperature,
                vocabulary.size,
                vocabulary.first_timestamp,
            )
        try:
            parameters.language = code
            parameters.prompt_tokens = prompt
            parameters.prompt_n_tokens = len(prompt)
            if untempered is not None:
                parameters.logits_filter_callback = untempered.callback
            state.run(parameters, data)
        finally:  # the struct must not outlive what it points to
            parameters.language = parameters.prompt_tokens = ffi.NULL
            parameters.logits_filter_callback = ffi.NULL
            parameters.prompt_n_tokens = 0
        return self._read(state, utterance, language, certainty, untempered)

    def _audio_context(self, samples: int, context: AudioContext) -> int:
        """Return the positions to encode: the audio and a margin, not Whisper's 30 s."""
        if context is AudioContext.FULL:
            return self._full_context
        heard = -(-samples // SAMPLES_PER_POSITION) + _MARGINS[context]
        return min(self._full_context, max(heard, _FLOORS[context]))

    def _token_limit(self, samples: int) -> int:
        """Return the most tokens of a decode, the timestamp that it opens with included."""
        wanted = _TOKEN_BASE + samples * _TOKENS_PER_SECOND // SAMPLE_RATE
        return min(wanted, self._most_tokens)

    def _language(
        self, state: WhisperState, data: Any, options: DecodeOptions
    ) -> tuple[str, float]:
        """Return the language and its probability: 1.0 when it was given or is the only one.

        The library can detect it inside a decode, but then with the audio context of the job
        before, and with a task's token among the languages.
        """
        if options.language is not None:
            return options.language, 1.0
        if not self._vocabulary.multilingual:
            return "en", 1.0
        state.hear(self._parameters, data)
        likelihoods = state.languages(self._parameters.n_threads)
        likelihoods = likelihoods[: len(self._vocabulary.languages)]
        best = int(likelihoods.argmax())
        share = float(likelihoods[best] / likelihoods.sum())
        if share < _UNSURE and options.expected_language in self._vocabulary.languages:
            return options.expected_language, 0.0
        return self._vocabulary.languages[best], min(max(share, 0.0), 1.0)

    def _read(
        self,
        state: WhisperState,
        utterance: Utterance,
        language: str,
        certainty: float,
        untempered: Untempered | None,
    ) -> Hypothesis:
        """Read the state's result as a hypothesis."""
        library, handle = self._library, state.handle
        start, end = utterance.start, utterance.end
        segments = library.whisper_full_n_segments_from_state(handle)
        if segments == 0:  # nothing was said; the library then keeps its probability to itself
            return Hypothesis(start, end, (), language, 1.0, language_probability=certainty)
        tokens = [
            library.whisper_full_get_token_data_from_state(handle, segment, index)
            for segment in range(segments)
            for index in range(library.whisper_full_n_tokens_from_state(handle, segment))
        ]
        if untempered is not None:
            untempered.correct(tokens)
        no_speech = self._binding.no_speech_probability(handle)
        words, log_probability = self._vocabulary.read(tokens, utterance)
        return Hypothesis(
            start,
            end,
            with_calibration(words, self._transcriber._options.calibration),
            language=language,
            no_speech_probability=min(max(no_speech, 0.0), 1.0),
            average_log_probability=log_probability,
            language_probability=certainty,
            unfinished=len(tokens) >= self._token_limit(len(utterance.samples)) - 1,
        )


def _fixed_parameters(binding: WhisperBinding) -> Any:
    """Make the ``whisper_full_params`` that every decode shares, owned by the caller."""
    parameters = binding.new_parameters()
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
    """Return the latest time, in seconds, of the first timestamp.

    The library stops at once when that is near the end of the audio.
    """
    return max(0.001, min(1.0, samples / SAMPLE_RATE - 0.2))  # 0 would lift the bound
