"""Decides where speech begins and ends on a track; pure.

``Endpointer`` decides from probabilities alone and is tested without audio; ``SpeechDetector``
holds the audio, levels each window and asks the voice detector for its probability.

A segment opens on a window at or above the threshold that a second window, at or above the
negative threshold, confirms within the pre-roll. So one burst (a click) opens nothing and costs
nothing: it counts as silence. No word is lost by that, because a confirmed segment reaches back
by the pre-roll from its *first* window, and because audio only counts as proven silence when no
later window can reach it any more. At the end of the audio, where nothing can confirm it, a burst
counts as speech.
"""

from dataclasses import dataclass

import numpy as np

from wordloop_ml.captioning.audio_buffer import AudioBuffer
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import SAMPLE_RATE, Samples, Utterance
from wordloop_ml.ports import VoiceStream


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """A segment opened. start: its first sample, pre-roll included. onset: where the voice began."""

    start: int
    onset: int


@dataclass(frozen=True, slots=True)
class SilenceBegan:
    """The speaker may have stopped: the window that begins at ``at`` is silent."""

    at: int


@dataclass(frozen=True, slots=True)
class SpeechResumed:
    """The speaker went on before the silence was long enough to end the segment."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The segment is over; its audio ends at ``end``."""

    end: int


EndpointerEvent = SpeechBegan | SilenceBegan | SpeechResumed | SpeechEnded


class Endpointer:
    """Opens and closes the segments of one track from the probabilities of its windows."""

    def __init__(self, policy: CaptioningPolicy, first_sample: int) -> None:
        self._policy = policy
        self._position = first_sample
        self._floor = first_sample  # no segment starts before: the end of the one before
        self._burst: int | None = None  # start of a window that waits for its confirmation
        self._speaking = False
        self._silence: int | None = None

    @property
    def position(self) -> int:
        """Absolute index one past the last window."""
        return self._position

    @property
    def idle(self) -> bool:
        """Whether there is neither speech nor a burst that may become speech."""
        return not self._speaking and self._burst is None

    @property
    def silence(self) -> int | None:
        """Where silence began inside the open segment; None while the speaker speaks."""
        return self._silence

    @property
    def proven_silence_until(self) -> int:
        """Absolute index before which no segment can open any more; meaningless while one is open."""
        heard = self._position if self._burst is None else self._burst
        return max(self._floor, heard - self._policy.quiet_lag_samples)

    def step(self, probability: float, samples: int) -> EndpointerEvent | None:
        """Take one window of ``samples`` samples; return what begins or ends with it, if anything.

        probability: that the window holds speech, in [0, 1].
        """
        at = self._position
        self._position += samples
        if self._speaking:
            return self._step_in_speech(at, probability)
        return self._step_in_silence(at, probability)

    def close(self, end: int, *, last: bool) -> list[EndpointerEvent]:
        """End what is open, at ``end`` at the latest, without waiting for silence; return the events.

        last: no audio follows that could confirm a burst, so it counts as speech.
        """
        events: list[EndpointerEvent] = []
        if last and self._burst is not None and end > self._floor:
            events.append(self._begin(self._burst))
        if self._speaking:
            events.append(self._finish(self._end_of_speech(end)))
        return events

    def jump(self, position: int) -> None:
        """Move to a later absolute index; no segment that follows starts before it."""
        self._position = self._floor = position

    def _step_in_silence(self, at: int, probability: float) -> EndpointerEvent | None:
        if self._burst is not None and at - self._burst > self._policy.pre_roll_samples:
            self._burst = None
        if self._burst is not None and probability >= self._policy.neg_threshold:
            return self._begin(self._burst)
        if self._burst is None and probability >= self._policy.threshold:
            self._burst = at
        return None

    def _step_in_speech(self, at: int, probability: float) -> EndpointerEvent | None:
        if self._silence is None:
            if probability < self._policy.neg_threshold:
                self._silence = at
                return SilenceBegan(at)
            return None
        if probability >= self._policy.threshold:
            self._silence = None
            return SpeechResumed()
        if self._position - self._silence >= self._policy.min_silence_samples:
            return self._finish(self._end_of_speech(self._position))
        return None

    def _begin(self, burst: int) -> SpeechBegan:
        onset = max(self._floor, burst - self._policy.onset_lead_samples)
        start = max(self._floor, onset - self._policy.pre_roll_samples)
        self._burst, self._speaking, self._silence = None, True, None
        return SpeechBegan(start, onset)

    def _finish(self, end: int) -> SpeechEnded:
        self._floor, self._speaking, self._silence = end, False, None
        return SpeechEnded(end)

    def _end_of_speech(self, latest: int) -> int:
        if self._silence is None:
            return latest
        return min(latest, self._silence + self._policy.speculate_samples)


_TARGET_RMS = 0.05
"""Speech at this level is normal speech; louder windows are left as they are."""

_MOST_GAIN = 31.6
"""30 dB: noise at rest stays far below speech."""

_FIRST_LEVEL = _TARGET_RMS / 10.0
"""The first words of a track may be quiet ones: 20 dB, until its level is known."""

_RELEASE_DB_PER_S = 3.0
"""How fast the level is forgotten after a loud window: a pause between sentences moves little."""


@dataclass(slots=True)
class LevelNormaliser:
    """Amplifies quiet tracks, by a gain that follows their loudest windows: down at once, up slowly.

    The gain depends on the audio alone, so that the same audio gives the same speech at any load.
    """

    level: float = _FIRST_LEVEL

    def normalise(self, window: Samples) -> Samples:
        """Return the window, amplified by at most 30 dB and clipped to [-1, 1]; float32, same shape."""
        rms = float(np.sqrt(window.dot(window) / max(len(window), 1)))
        released = self.level * 10.0 ** (-_RELEASE_DB_PER_S * len(window) / SAMPLE_RATE / 20.0)
        self.level = max(rms, released, _TARGET_RMS / _MOST_GAIN)
        gain = _TARGET_RMS / self.level
        if gain <= 1.0:
            return window
        louder: Samples = np.clip(window * np.float32(gain), -1.0, 1.0)
        return louder


class SpeechDetector:
    """Stores one track's audio, and finds the speech in it by the voice detector.

    voice: the voice detector's memory of this track.
    buffer: the audio that is still needed. endpointer: where speech begins and ends in it.
    failures: windows that the voice detector failed on; each counts as the one before it.
    """

    def __init__(self, voice: VoiceStream, policy: CaptioningPolicy, first_sample: int) -> None:
        self._voice = voice
        self._policy = policy
        self.buffer = AudioBuffer(first_sample, policy.buffer_samples)
        self.endpointer = Endpointer(policy, first_sample)
        self._level = LevelNormaliser()
        self._probability = 0.0
        self.failures = 0

    @property
    def pending_samples(self) -> int:
        """How many samples no window has covered yet."""
        return self.buffer.end - self.endpointer.position

    def process_window(self, samples: int) -> EndpointerEvent | None:
        """Judge the next window, of ``samples`` samples; a shorter one is padded with silence.

        Returns what begins or ends with it, if anything.
        """
        at = self.endpointer.position
        window = self.buffer.copy(at, at + samples)
        if samples < self._policy.window_samples:
            window = np.pad(window, (0, self._policy.window_samples - samples))
        # Most tracks of a meeting are silent most of the time, and a call of the detector into cold
        # caches is the dearest step of the event loop: a window too quiet for any gain is not judged.
        energy = self._policy.silent_rms**2 * self._policy.window_samples
        if self.endpointer.idle and window.dot(window) < energy:
            self._probability = 0.0
        else:
            self._ask_voice(self._level.normalise(window))
        return self.endpointer.step(self._probability, samples)

    def close(self, *, last: bool) -> list[EndpointerEvent]:
        """End what is open at the newest sample; last: no audio follows."""
        return self.endpointer.close(self.buffer.end, last=last)

    def skip(self, samples: int) -> None:
        """Skip positions that have no audio; no segment that follows starts before the new end."""
        if samples:
            self.buffer.skip(samples)
        self.endpointer.jump(self.buffer.end)

    def audio(self, start: int, end: int) -> Utterance:
        """Copy [start, end) of the buffer. Raises ``ValueError`` when any of it is not held."""
        return Utterance(start, self.buffer.copy(start, end))

    def _ask_voice(self, window: Samples) -> None:
        try:
            self._probability = self._voice.probability(window)
        except EngineFailed:
            self.failures += 1
