"""The speech that a benchmark speaks: recordings of people, and tracks composed of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.benchmark import BenchmarkFailed
from scripts.evaluation.clips import Clip, chosen, read_clips, read_samples
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.messages import SAMPLE_RATE, Pcm16, Samples
from wordloop_ml.ports import VoiceDetector
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.weights.store import open_mapped

KINDS = ("read",)
"""Of clips that are one utterance of clear text."""

FULL_SCALE = 32_768
FRAME = SAMPLE_RATE // 100
SPEAKS = 0.5
"""Probability from which the detector hears a voice."""

BEFORE_S, AFTER_S = 0.1, 0.05
"""How far outside what the detector hears the voice may still be."""

BELOW_DB, ABOVE_DB = 25.0, 8.0
"""A voice lies less below the clip's loudest parts, and more above its quietest."""

MARGIN_S = 0.1
"""Of the recording's own room, kept around the voice."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.2, 2.5
"""Between two utterances."""

TAIL_S = 1.5
"""Silence behind the last utterance: its final comes by the endpoint, not by ``stop``."""

NOISE_RMS = 10.0
"""Of a 16-bit sample: -70 dBFS, a quiet room, under everything."""


@dataclass(frozen=True, slots=True)
class SpokenText:
    """One utterance, and when it can be heard.

    samples: its audio, with little silence around it.
    onset, end: the first audible sample and one past the last, within ``samples``.
    """

    text: str
    voice: str
    samples: Pcm16
    onset: int
    end: int


def read_speech(
    folder: Path, settings: Settings, kinds: Collection[str] = KINDS
) -> list[SpokenText]:
    """The English clips of these kinds; blocking, a second or two.

    settings: whose weights hold the voice detector. Raises ``BadInput`` for a bad manifest,
    ``BenchmarkFailed`` without a clip.
    """
    clips = chosen(read_clips(folder), kinds=kinds, languages=("en",))
    spoken = [one for one in clips if one.language is not None]
    if not spoken:
        raise BenchmarkFailed(f"{folder} has no English clip of the kinds {', '.join(kinds)}")
    entry = load_manifest(settings.weights / MANIFEST).profile(settings.profile)["voice_detector"]
    with open_mapped(entry, settings.weights) as weights:
        detector = SileroVoiceDetector.open(weights.buffer)
    return [_spoken(one, detector) for one in spoken]


def _spoken(clip: Clip, detector: VoiceDetector) -> SpokenText:
    samples = read_samples(clip.path)
    onset, end = voiced(samples, _heard(samples, detector))
    margin = round(MARGIN_S * SAMPLE_RATE)
    first, last = max(0, onset - margin), min(len(samples), end + margin)
    return SpokenText(
        clip.text, clip.speaker, as_pcm(samples[first:last]), onset - first, end - first
    )


def _heard(samples: Samples, detector: VoiceDetector) -> tuple[int, int]:
    """From the first to the last window in which a detector, fresh from silence, hears a voice."""
    size = detector.window_samples
    stream = detector.open_stream()
    for _ in range(10):
        stream.probability(np.zeros(size, np.float32))
    padded = np.pad(samples, (0, -len(samples) % size))
    speaks = [
        at
        for at in range(0, len(padded), size)
        if stream.probability(padded[at : at + size]) > SPEAKS
    ]
    if not speaks:
        return 0, len(samples)
    return speaks[0], min(len(samples), speaks[-1] + size)


def voiced(samples: Samples, heard: tuple[int, int]) -> tuple[int, int]:
    """The first audible sample of a voice and one past the last, to 10 ms; pure.

    heard: what a voice detector says, which is late at both ends. Around it the level decides.
    """
    count = len(samples) // FRAME
    power = np.square(samples[: count * FRAME].reshape(count, FRAME)).mean(axis=1)
    level = 10 * np.log10(power + 1e-12)
    quiet, loud = np.percentile(level, [5, 95])
    threshold = min(max(loud - BELOW_DB, quiet + ABOVE_DB), loud - ABOVE_DB)
    start, stop = heard
    first = max(0, (start - round(BEFORE_S * SAMPLE_RATE)) // FRAME)
    last = (stop + round(AFTER_S * SAMPLE_RATE)) // FRAME + 1
    audible = np.flatnonzero(level[first:last] > threshold)
    if not len(audible) or loud - quiet < ABOVE_DB:
        return heard
    return int(first + audible[0]) * FRAME, int(first + audible[-1] + 1) * FRAME


def as_pcm(samples: Samples) -> Pcm16:
    """Samples in [-1, 1] as the wire carries them."""
    scaled = np.rint(samples * FULL_SCALE).clip(-FULL_SCALE, FULL_SCALE - 1)
    pcm: Pcm16 = scaled.astype(np.int16)
    return pcm


@dataclass(frozen=True, slots=True)
class Said:
    """One utterance on a track: what was said, and its true span in samples of the track."""

    text: str
    voice: str
    onset: int
    end: int


@dataclass(frozen=True, slots=True)
class Script:
    """A track's audio and all that is said on it, in order."""

    samples: Pcm16
    said: tuple[Said, ...]

    @property
    def seconds(self) -> float:
        """How long the track is."""
        return len(self.samples) / SAMPLE_RATE


def compose(speech: Sequence[SpokenText], seconds: float, rng: np.random.Generator) -> Script:
    """Compose a track of utterances in random order with random pauses; pure.

    The last utterance begins before ``seconds``. Every one comes once before any comes again. A
    track always says something.
    """
    said: list[tuple[float, SpokenText]] = []
    deck: list[int] = []
    length = 0
    while not said or length < seconds * SAMPLE_RATE:
        pause_s = rng.uniform(SHORTEST_PAUSE_S, LONGEST_PAUSE_S)
        deck = deck or [int(index) for index in rng.permutation(len(speech))]
        said.append((pause_s, speech[deck.pop()]))
        length += round(pause_s * SAMPLE_RATE) + len(said[-1][1].samples)
    return script_of(said, rng)


def script_of(utterances: Sequence[tuple[float, SpokenText]], rng: np.random.Generator) -> Script:
    """Put utterances one after the other, each behind a pause of its own in seconds; pure."""
    said: list[Said] = []
    parts: list[Pcm16] = []
    length = 0
    for pause_s, one in utterances:
        pause = np.zeros(round(pause_s * SAMPLE_RATE), np.int16)
        begins = length + len(pause)
        said.append(Said(one.text, one.voice, begins + one.onset, begins + one.end))
        parts += [pause, one.samples]
        length = begins + len(one.samples)
    silent = np.concatenate([*parts, np.zeros(round(TAIL_S * SAMPLE_RATE), np.int16)])
    noisy = silent + rng.normal(0.0, NOISE_RMS, len(silent)).round()
    return Script(noisy.clip(-32_768, 32_767).astype(np.int16), tuple(said))
