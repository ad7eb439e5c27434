"""Measure a model file through the service's own whisper.cpp engine.

Everything goes through `wordloop_ml.engines.whisper_cpp`, so these are the numbers of the service:
quantised weights, its decoding rules, its audio contexts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from scripts.nano import noise
from scripts.nano.corpus import SCRAMBLED, read_shard
from scripts.nano.grammar import normalised
from scripts.nano.mel import SAMPLE_RATE, FloatArray
from scripts.nano.score import aligned, percentile
from scripts.nano.voices import UNHEARD, Spoken
from wordloop_ml.engines.whisper_cpp import (
    WhisperCppTranscriber,
    WhisperCppWorker,
    WhisperOptions,
)
from wordloop_ml.messages import DecodeOptions, Hypothesis, Utterance

# The contexts to measure with, in positions of 20 ms: the service's (what is needed and 32, at
# least 128), and two fixed ones.
CONTEXTS = {"service": 128, "300": 300, "1500": 1500}
_PRE_ROLL = SAMPLE_RATE // 4
_TAIL = SAMPLE_RATE * 3 // 10
_CUTS_MS = (300, 400, 500, 700, 1000)
_NOISE_S = 60


@dataclass(slots=True)
class VoiceScore:
    """Word errors of one voice, in one audio context."""

    words: int = 0
    errors: int = 0

    @property
    def rate(self) -> float:
        """Word error rate, in per cent."""
        return 100 * self.errors / max(1, self.words)


@dataclass(slots=True)
class FirstCaption:
    """What the first decodes of growing segments say, cut some time after the onset."""

    decodes: int = 0
    empty: int = 0
    right: int = 0
    wrong: int = 0


@dataclass(slots=True)
class Findings:
    """All that the model card tells."""

    wer: dict[str, dict[str, VoiceScore]] = field(default_factory=dict)
    scrambled: VoiceScore = field(default_factory=VoiceScore)
    first: dict[str, FirstCaption] = field(default_factory=dict)
    noise_words: dict[str, int] = field(default_factory=dict)
    noise_decodes: dict[str, int] = field(default_factory=dict)
    start_median_ms: float = 0.0
    start_p95_ms: float = 0.0
    end_median_ms: float = 0.0
    end_p95_ms: float = 0.0
    confidence_right: float = 0.0
    confidence_wrong: float = 0.0

    def save(self, path: Path) -> None:
        """Write all figures as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Findings:
        """Read what `save` wrote."""
        figures = json.loads(path.read_text())
        figures["wer"] = {
            context: {voice: VoiceScore(**score) for voice, score in scores.items()}
            for context, scores in figures["wer"].items()
        }
        figures["scrambled"] = VoiceScore(**figures["scrambled"])
        figures["first"] = {cut: FirstCaption(**one) for cut, one in figures["first"].items()}
        return cls(**figures)


class Ear:
    """One worker of the engine, at one audio context."""

    def __init__(self, model: Path, floor: int) -> None:
        data = memoryview(model.read_bytes())
        options = WhisperOptions(threads=1, audio_context_floor=floor, audio_context_margin=32)
        self._transcriber = WhisperCppTranscriber.open("wordloop-nano", data, options)
        self._worker: WhisperCppWorker = self._transcriber.open_worker()

    def hear(self, samples: FloatArray) -> Hypothesis:
        """Decode `samples` as one segment."""
        return self._worker.transcribe(Utterance(0, samples), DecodeOptions(language="en"))

    def close(self) -> None:
        """Free the model."""
        self._worker.close()
        self._transcriber.close()


def segment(one: Spoken, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """A held-out sentence as the service would cut it, and where in it the sentence begins.

    Half a second of room around it, a level like a microphone's, and faint noise.
    """
    speech = (one.samples / 32768).astype(np.float32)
    sound = np.zeros(_PRE_ROLL + len(speech) + _TAIL, np.float32)
    sound[_PRE_ROLL : _PRE_ROLL + len(speech)] = noise.at_level(speech, -24)
    sound += noise.at_level(noise.white(len(sound), rng), -66)
    return np.clip(sound, -1, 1), _PRE_ROLL


def _texts(words: Sequence[str]) -> list[str]:
    return normalised(" ".join(words)).split()


def _score_voice(
    ear: Ear,
    spoken: Sequence[Spoken],
    timing: list[tuple[float, float]],
    sure: dict[bool, list[float]],
) -> VoiceScore:
    score = VoiceScore()
    rng = np.random.default_rng(5)
    for one in spoken:
        sound, lead = segment(one, rng)
        hypothesis = ear.hear(sound)
        said, heard = normalised(one.text).split(), _texts([w.text for w in hypothesis.words])
        edits, pairs = aligned(said, heard)
        score.words += len(said)
        score.errors += edits
        if len(heard) != len(hypothesis.words) or len(said) != len(one.words):
            continue
        right = {there for _, there in pairs}
        for place, word in enumerate(hypothesis.words):
            sure[place in right].append(word.confidence)
        for here, there in pairs:
            start = abs(hypothesis.words[there].start - one.words[here].start - lead)
            end = abs(hypothesis.words[there].end - one.words[here].end - lead)
            timing.append((start / 16, end / 16))
    return score


def _score_first(ear: Ear, spoken: Sequence[Spoken], cut_ms: int) -> FirstCaption:
    out = FirstCaption()
    rng = np.random.default_rng(6)
    for one in spoken:
        sound, lead = segment(one, rng)
        cut = lead + one.words[0].start + cut_ms * 16
        hypothesis = ear.hear(sound[: min(cut, len(sound))])
        heard = _texts([w.text for w in hypothesis.words])
        out.decodes += 1
        if not heard:
            out.empty += 1
        elif heard[0] == normalised(one.text).split()[0]:
            out.right += 1
        else:
            out.wrong += 1
    return out


def _windows(sound: FloatArray, rng: np.random.Generator) -> Iterator[FloatArray]:
    at = 0
    while at < len(sound):
        size = int(rng.uniform(2, 5) * SAMPLE_RATE)
        if len(sound) - at >= SAMPLE_RATE // 2:
            yield sound[at : at + size]
        at += size


def _score_noise(ear: Ear, kind: str) -> tuple[int, int]:
    """Words heard in a minute of `kind` at three levels, in windows of 2 to 5 s and in one of 30 s."""
    rng = np.random.default_rng(11)
    words = decodes = 0
    for level in (-60, -40, -20):
        sound = np.concatenate(
            [noise.KINDS[kind](6 * SAMPLE_RATE, rng) for _ in range(_NOISE_S // 6)]
        )
        sound = np.clip(noise.at_level(sound, level), -1, 1).astype(np.float32)
        pieces = [*_windows(sound, rng), sound[: 30 * SAMPLE_RATE], sound[30 * SAMPLE_RATE :]]
        for piece in pieces:
            words += len(_texts([w.text for w in ear.hear(piece).words]))
            decodes += 1
    return words, decodes


@dataclass(frozen=True, slots=True)
class _Job:
    """What one process measures: a model at one context, on at most `most` sentences a voice."""

    model: Path
    held_out: Path
    context: str
    most: int


def _measure(job: _Job) -> Findings:
    """The word errors at one context; for the service's own, all the rest as well."""
    shards = {
        spoken[0].voice: spoken[: job.most]
        for spoken in (
            list(read_shard(path))
            for path in sorted(job.held_out.glob("*.json"))
            if path.stem != SCRAMBLED
        )
    }
    known = [one for voice, spoken in shards.items() if voice not in UNHEARD for one in spoken]
    findings = Findings()
    ear = Ear(job.model, CONTEXTS[job.context])
    timing: list[tuple[float, float]] = []
    sure: dict[bool, list[float]] = {True: [], False: []}
    findings.wer[job.context] = {
        voice: _score_voice(ear, spoken, [] if voice in UNHEARD else timing, sure)
        for voice, spoken in shards.items()
    }
    if job.context == "service":
        mixed = list(read_shard(job.held_out / f"{SCRAMBLED}.json"))[: 2 * job.most]
        findings.scrambled = _score_voice(ear, mixed, [], {True: [], False: []})
        starts, ends = [s for s, _ in timing], [e for _, e in timing]
        findings.start_median_ms = percentile(starts, 0.5)
        findings.start_p95_ms = percentile(starts, 0.95)
        findings.end_median_ms = percentile(ends, 0.5)
        findings.end_p95_ms = percentile(ends, 0.95)
        findings.confidence_right = float(np.mean(sure[True] or [0.0]))
        findings.confidence_wrong = float(np.mean(sure[False] or [0.0]))
        for cut_ms in _CUTS_MS:
            findings.first[str(cut_ms)] = _score_first(ear, known, cut_ms)
        for kind in noise.KINDS:
            words, decodes = _score_noise(ear, kind)
            findings.noise_words[kind], findings.noise_decodes[kind] = words, decodes
    ear.close()
    return findings


def evaluate(model: Path, held_out: Path, processes: int, most: int) -> Findings:
    """Measure `model` on the shards under `held_out` (`most` sentences a voice) and on noise.

    The full context costs ten times as much as the others and is measured on a third of them.
    """
    jobs = [
        _Job(model, held_out, name, -(-most // 3) if name == "1500" else most) for name in CONTEXTS
    ]
    with Pool(processes) as pool:
        parts = pool.map(_measure, jobs, chunksize=1)
    whole = parts[0]
    for part in parts[1:]:
        whole.wer |= part.wer
    return whole


def pooled(scores: dict[str, VoiceScore], unheard: bool) -> VoiceScore:
    """All known voices together, or all that were never trained on."""
    chosen = [score for voice, score in scores.items() if (voice in UNHEARD) == unheard]
    return VoiceScore(sum(s.words for s in chosen), sum(s.errors for s in chosen))
