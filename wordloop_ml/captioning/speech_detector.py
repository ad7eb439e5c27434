"""Detects speech in a track's audio, window by window; pure."""

import numpy as np

from wordloop_ml.captioning.audio_buffer import AudioBuffer
from wordloop_ml.captioning.endpointer import Endpointer, EndpointerEvent
from wordloop_ml.captioning.level import LevelNormaliser
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Samples, Utterance
from wordloop_ml.ports import VoiceStream


class SpeechDetector:
    """One track's audio that is still needed, and what the voice detector makes of it.

    voice: the voice detector's memory of this track.
    failures: windows that the voice detector failed on; each counts as the one before it.
    """

    def __init__(self, voice: VoiceStream, policy: CaptioningPolicy, first_sample: int) -> None:
        self._voice = voice
        self._policy = policy
        self._buffer = AudioBuffer(first_sample, policy.buffer_samples)
        self._endpointer = Endpointer(policy, first_sample)
        self._level = LevelNormaliser()
        self._probability = 0.0
        self.failures = 0

    @property
    def received(self) -> int:
        """Absolute index one past the last sample appended or skipped."""
        return self._buffer.end

    @property
    def held_from(self) -> int:
        """Absolute index of the first sample that is kept."""
        return self._buffer.start

    @property
    def room(self) -> int:
        """How many samples may be appended now."""
        return self._buffer.room

    @property
    def position(self) -> int:
        """Absolute index one past the last window that was judged."""
        return self._endpointer.position

    @property
    def pending_samples(self) -> int:
        """How many samples wait to be judged."""
        return self.received - self.position

    @property
    def silence(self) -> int | None:
        """Where silence began inside the open segment, unless the speaker speaks."""
        return self._endpointer.silence

    @property
    def proven_silence_until(self) -> int:
        """No segment that is still to open can start before; meaningless while one is open."""
        return self._endpointer.proven_silence_until

    def append(self, samples: Samples) -> None:
        """Keep audio; ValueError when it exceeds ``room``."""
        self._buffer.append(samples)

    def process_window(self, samples: int) -> EndpointerEvent | None:
        """Judge the next window, or the part of one that is left, of so many samples."""
        at = self.position
        window = self._buffer.copy(at, at + samples)
        if samples < self._policy.window_samples:
            window = np.pad(window, (0, self._policy.window_samples - samples))
        # Most tracks of a meeting are silent most of the time, and a call of the detector into cold
        # caches is the dearest step of the loop. So quiet a window holds no speech at any gain.
        energy = self._policy.silent_rms**2 * self._policy.window_samples
        if self._endpointer.idle and window.dot(window) < energy:
            self._probability = 0.0
        else:
            self._ask_voice(self._level.normalise(window))
        return self._endpointer.step(self._probability, samples)

    def close(self, *, last: bool) -> list[EndpointerEvent]:
        """Border drawn from outside, at the newest sample; last: no audio follows."""
        return self._endpointer.close(self.received, last=last)

    def skip(self, samples: int) -> None:
        """Go on so many samples later, without audio; nothing that follows reaches behind."""
        if samples:
            self._buffer.skip(samples)
        self._endpointer.jump(self.received)

    def audio(self, start: int, end: int) -> Utterance:
        """An own copy of [start, end), which must be held."""
        return Utterance(start, self._buffer.copy(start, end))

    def release_before(self, index: int) -> None:
        """Audio before this absolute index is no longer needed."""
        self._buffer.release_before(index)

    def _ask_voice(self, window: Samples) -> None:
        try:
            self._probability = self._voice.probability(window)
        except EngineFailed:
            self.failures += 1
