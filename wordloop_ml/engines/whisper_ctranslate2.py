"""Whisper through CTranslate2: one model per process, int8, as many decodes at once as workers.

The model is quantised when it is loaded and shared by all workers; each call runs on one thread of
the library, without the GIL. The encoder takes features of any length, so that a decode pays for
its own audio and not for Whisper's 30 s. A running call cannot be aborted: every one is bounded.

Source of the spectrograms: openai/whisper, audio.py: frames of 25 ms every 10 ms under a Hann
window, Slaney's mel triangles, base-10 logarithms clamped to 8 below the loudest and scaled to
about [-1, 1].
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.ctranslate2_files import BANDS, TokenTable, check_files
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
from wordloop_ml.weights import conversion
from wordloop_ml.weights.conversion import Unconvertible
from wordloop_ml.weights.manifest import Calibration
from wordloop_ml.weights.store import MappedWeights

Floats = npt.NDArray[np.float32]

HOP_SAMPLES = 160
FRAME_SAMPLES = 400

POSITIONS = 1_500
"""What the encoder takes at most: 30 s in steps of 20 ms."""

TEXT_CONTEXT = 448
"""Tokens that the decoder takes, prompt and answer together."""

SHORTEST_SAMPLES = 1_600
"""Shorter audio gets no decode: a tenth of a second holds no word."""

MOST_BEAMS = 8

_FLOORS = {AudioContext.SHORT: 384, AudioContext.LONG: 640, AudioContext.FULL: POSITIONS}
_MARGINS = {AudioContext.SHORT: 192, AudioContext.LONG: 512, AudioContext.FULL: POSITIONS}
"""Positions that are encoded at least, and behind the audio (docs/adr/0025 and 0031)."""

_TOKEN_BASE = {AudioContext.SHORT: 10, AudioContext.LONG: 20, AudioContext.FULL: 20}
_TOKENS_PER_SECOND = {AudioContext.SHORT: 8, AudioContext.LONG: 14, AudioContext.FULL: 14}
"""A decode has at most so many tokens. Fast speech has some 8 a second, timestamps included; a loop
takes all there are, which an interim is not worth."""

_FINAL_BEAMS = 5
"""Costs half as much again as one, and hears more words right (docs/adr/0025)."""

_SHORT_SAMPLES = 96_000
"""Hypotheses of shorter audio compare by their likelihood alone: per token, as Whisper has it, one that
says its end twice wins over the one that stops. In longer audio likelihood alone would prefer those
that leave a sentence out (docs/adr/0031)."""

_UNSURE = 0.5
"""A language that was detected with less is not taken where another was spoken before."""

_POSITIONS_STEP = 16
"""Positions are rounded up to multiples of this: fewer shapes, fewer buffers."""

_FEWEST_ALIGNED = 8


def log_mel(samples: Samples, frames: int, bands: int = BANDS) -> Floats:
    """Compute the spectrogram of ``samples`` with silence behind them; float32 (bands, frames).

    samples: float32, shape (n,), at most ``frames * HOP_SAMPLES``.
    """
    half = FRAME_SAMPLES // 2
    padded = np.zeros(frames * HOP_SAMPLES + 2 * half, np.float32)
    padded[half : half + len(samples)] = samples
    # the first frames see the audio mirrored at its start, as torch.stft pads it
    mirrored = samples[1 : half + 1][::-1]
    padded[half - len(mirrored) : half] = mirrored
    # every frame behind the audio is silent: not worth a transform
    heard = min(frames, -(-(len(samples) + half) // HOP_SAMPLES) + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES][:heard]
    spectra = np.fft.rfft(windows * _hann(), axis=1)
    power = np.square(spectra.real) + np.square(spectra.imag)
    mels = np.full((bands, frames), 1e-10, np.float32)
    np.maximum(mel_filters(bands) @ power.astype(np.float32).T, 1e-10, out=mels[:, :heard])
    logs = np.log10(mels)
    np.maximum(logs, logs.max() - 8.0, out=logs)
    logs += 4.0
    logs /= 4.0
    return logs


@cache
def mel_filters(bands: int) -> Floats:
    """Return the filters that Whisper's files carry; float32, shape (bands, 201), read-only and shared."""
    filters: Floats = conversion.mel_filters(bands)
    filters.flags.writeable = False
    return filters


@cache
def _hann() -> Floats:
    window: Floats = (
        0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_SAMPLES) / FRAME_SAMPLES)
    ).astype(np.float32)
    window.flags.writeable = False
    return window


@dataclass(frozen=True, slots=True)
class CTranslate2Options:
    """How this process runs the model.

    workers: decodes at once. threads: native threads inside one decode.
    calibration: of the words' confidences.
    """

    workers: int = 1
    threads: int = 1
    calibration: Calibration = Calibration()


class CTranslate2Transcriber:
    """A Whisper model, loaded once."""

    def __init__(
        self, name: str, model: Any, table: TokenTable, options: CTranslate2Options
    ) -> None:
        self._model = model
        self._table = table
        self._options = options
        self._tokeniser = Tokeniser(table.pieces, TEXT_CONTEXT // 2 - 1)
        self._capabilities = TranscriberCapabilities(
            name="ctranslate2",
            model=name,
            languages=table.languages,
            shortest_samples=SHORTEST_SAMPLES,
            longest_samples=POSITIONS * SAMPLES_PER_POSITION,
            word_times=True,
            translates=table.multilingual,
            final_beams=_FINAL_BEAMS,
        )

    @classmethod
    def open(
        cls,
        weights: MappedWeights,
        vocabulary: MappedWeights,
        config: MappedWeights,
        options: CTranslate2Options | None = None,
    ) -> "CTranslate2Transcriber":
        """Load ``model.bin``, ``vocabulary.txt`` and ``config.json`` of one folder.

        The library reads them itself and needs them no more afterwards. What it is given as bytes
        it keeps beside the model for as long as that lives.
        Raises ``StartupFailed`` with ``ENGINE_INCOMPATIBLE``; ``WeightsUnusable`` when a file has
        changed since it was verified.
        """
        options = options or CTranslate2Options()
        name, folder = weights.name, weights.path.parent
        files = {"model.bin": weights, "vocabulary.txt": vocabulary, "config.json": config}
        for file, mapped in files.items():
            if mapped.path != folder / file:
                raise _incompatible(name, f"{mapped.path} is no {file} beside the others")
        try:
            text = str(vocabulary.buffer, "utf-8")
        except UnicodeDecodeError as error:
            raise _incompatible(name, "its vocabulary is not UTF-8") from error
        table = TokenTable(text)
        try:
            check_files(weights.buffer, table.size, config.buffer)
        except Unconvertible as error:
            raise _incompatible(name, str(error)) from error
        try:
            model = ctranslate2.models.Whisper(
                os.fsencode(folder),
                device="cpu",
                compute_type="int8",
                inter_threads=options.workers,
                intra_threads=options.threads,
            )
        except (RuntimeError, ValueError, TypeError, IndexError, MemoryError) as error:
            raise _incompatible(name, type(error).__name__) from error
        # They were read by their names: those must still be the names of what was verified.
        for mapped in files.values():
            os.close(mapped.open_file())
        return cls(name, model, table, options)

    @property
    def capabilities(self) -> TranscriberCapabilities:
        """What it can do."""
        return self._capabilities

    def open_worker(self) -> "CTranslate2Worker":
        """Open a worker for one more thread; raises ``EngineFailed`` when none can be had."""
        if self._model is None:
            raise EngineFailed("the transcriber is closed")
        return CTranslate2Worker(self, self._model)

    def close(self) -> None:
        """Free the weights, at once or with the last worker; harmless when called twice."""
        self._model = None


class CTranslate2Worker:
    """One thread's access to the model; it has no state of its own."""

    def __init__(self, transcriber: CTranslate2Transcriber, model: Any) -> None:
        self._transcriber = transcriber
        self._options = transcriber._options
        self._table = transcriber._table
        self._model: Any = model

    def transcribe(self, utterance: Utterance, options: DecodeOptions) -> Hypothesis:
        """Decode one utterance: one encode, one decode, one alignment for the times of words.

        A multilingual model that is given no language detects it from the same encode.
        A temperature above 0 asks for another text than the likeliest: here that is beams which
        may say no three tokens twice, so that the same audio always gives the same words.
        Raises ``EngineFailed``, or ``BadInput`` for audio that is too long, a language or a task
        that the model does not know, or too many beams.
        """
        if self._model is None:
            raise EngineFailed("the worker is closed")
        samples = np.ascontiguousarray(utterance.samples, dtype=np.float32)
        check_job(self._transcriber.capabilities, samples, options, MOST_BEAMS)
        if len(samples) < SHORTEST_SAMPLES:
            return Hypothesis(utterance.start, utterance.end, (), no_speech_probability=1.0)
        try:
            return self._decode(self._model, utterance, samples, options)
        except (RuntimeError, ValueError) as error:
            raise EngineFailed(f"CTranslate2 failed with {type(error).__name__}") from error

    def close(self) -> None:
        """Release the model; harmless when called twice."""
        self._model = None

    def _decode(
        self, model: Any, utterance: Utterance, samples: Samples, options: DecodeOptions
    ) -> Hypothesis:
        positions = _positions(len(samples), options.context)
        frames = positions * SAMPLES_PER_POSITION // HOP_SAMPLES
        features = ctranslate2.StorageView.from_array(log_mel(samples, frames)[np.newaxis])
        encoded = model.encode(features)
        language, certainty = self._language(model, encoded, options)
        opening = self._opening(language, options.task)
        prompt = self._transcriber._tokeniser.tokens_of(options.prompt)
        before = [self._table.previous, *prompt] if prompt else []
        asked = len(before) + len(opening)
        wanted = _TOKEN_BASE[options.context] + (
            len(samples) * _TOKENS_PER_SECOND[options.context] // SAMPLE_RATE
        )
        most = min(wanted, TEXT_CONTEXT // 2, TEXT_CONTEXT - asked)
        sampled = options.temperature > 0.0
        penalty = 0 if len(samples) < _SHORT_SAMPLES else 1
        result = model.generate(
            encoded,
            [[*before, *opening]],
            beam_size=max(options.beams, 5) if sampled else options.beams,
            length_penalty=penalty,
            no_repeat_ngram_size=3 if sampled else 0,
            # an answer gets half of this at most, and no more than the prompt leaves of it
            max_length=max(2 * most, asked + most),
            max_initial_timestamp_index=_latest_first_timestamp(len(samples)),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = result.sequences_ids[0]
        text, closing = self._within(tokens, len(samples))
        words: tuple[Word, ...] = ()
        log_probability = 0.0
        if text:
            words = self._words(model, encoded, opening, text, closing, utterance)
            # the sum over tokens, divided by their number to the power of the penalty
            log_probability = min(float(result.scores[0]) / len(tokens) ** (1 - penalty), 0.0)
        return Hypothesis(
            utterance.start,
            utterance.end,
            with_calibration(words, self._options.calibration),
            language=language,
            no_speech_probability=min(max(float(result.no_speech_prob), 0.0), 1.0),
            average_log_probability=log_probability,
            language_probability=certainty,
            unfinished=len(tokens) >= most,
        )

    def _language(self, model: Any, encoded: Any, options: DecodeOptions) -> tuple[str, float]:
        """Return the language and its probability: 1.0 when it was given or is the only one."""
        if options.language is not None:
            return options.language, 1.0
        if not self._table.multilingual:
            return "en", 1.0
        token, probability = model.detect_language(encoded)[0][0]
        expected = options.expected_language
        if probability < _UNSURE and expected is not None and expected in self._table.languages:
            return expected, 0.0
        return token.strip("<|>"), min(max(float(probability), 0.0), 1.0)

    def _opening(self, language: str, task: Task) -> list[int]:
        table = self._table
        if not table.multilingual:
            return [table.start]
        what = table.translate if task is Task.TRANSLATE else table.transcribe
        return [table.start, table.language(language), what]

    def _within(self, tokens: Sequence[int], samples: int) -> tuple[list[int], int | None]:
        """Return the text tokens up to the end of the audio, and the timestamp behind the last of them.

        A text that opens at the end of the audio or behind it is a second copy of what was said,
        or nothing that was.
        """
        first, last = self._table.first_timestamp, samples // SAMPLES_PER_POSITION
        text: list[int] = []
        opened: list[int] = []
        closing: int | None = None
        at = 0
        for token in tokens:
            if token >= first:
                if opened:
                    text += opened
                    opened = []
                    closing = token - first
                at = token - first
            elif token < self._table.end_of_text and at < last:
                opened.append(token)
                closing = None
        return text + opened, closing

    def _words(
        self,
        model: Any,
        encoded: Any,
        opening: list[int],
        text: list[int],
        closing: int | None,
        utterance: Utterance,
    ) -> tuple[Word, ...]:
        """Align these tokens in one more pass; returns words with times and confidences."""
        samples = len(utterance.samples)
        frames = max(-(-samples // HOP_SAMPLES), 2 * _FEWEST_ALIGNED)
        aligned = model.align(encoded, opening, [text], frames)[0]
        began: dict[int, int] = {}
        for token, position in aligned.alignments:
            began.setdefault(token, position)
        pieces = [
            TextToken(self._table.pieces[token], float(probability), began.get(index))
            for index, (token, probability) in enumerate(
                zip(text, aligned.text_token_probs, strict=True)
            )
        ]
        return words_from(pieces, utterance.start, samples, closing=closing)


def _positions(samples: int, context: AudioContext) -> int:
    """Return the positions to encode: the audio and a margin, not Whisper's 30 s."""
    heard = -(-samples // SAMPLES_PER_POSITION) + _MARGINS[context]
    rounded = -(-heard // _POSITIONS_STEP) * _POSITIONS_STEP
    return min(POSITIONS, max(rounded, _FLOORS[context]))


def _latest_first_timestamp(samples: int) -> int:
    """Return the latest position at which a text may begin: not near the end of the audio."""
    return max(1, min(50, samples // SAMPLES_PER_POSITION - 10))


def _incompatible(name: str, why: str) -> StartupFailed:
    return StartupFailed(
        f"CTranslate2 cannot load the weights {name}: {why}", code=ErrorCode.ENGINE_INCOMPATIBLE
    )
