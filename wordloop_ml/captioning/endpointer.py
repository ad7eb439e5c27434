"""Where speech begins and ends, from probabilities alone; pure, and tested without audio.

A segment opens on a window at or above the threshold that a second window, at or above the
negative threshold, confirms within the pre-roll. So one burst (a click) opens nothing and costs
nothing: it counts as silence. No word is lost by that, because a confirmed segment reaches back
by the pre-roll from its *first* window, and because audio only counts as proven silence when no
later window can reach it any more. At the end of the audio, where nothing can confirm it, a burst
counts as speech.
"""

from dataclasses import dataclass

from wordloop_ml.captioning.policy import CaptioningPolicy


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """A segment opened at ``start``, pre-roll included; the voice itself began at ``onset``."""

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
    """Follows one track, window by window."""

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
        """Neither speech nor a burst that may become speech."""
        return not self._speaking and self._burst is None

    @property
    def silence(self) -> int | None:
        """Where silence began inside the open segment, unless the speaker speaks."""
        return self._silence

    @property
    def proven_silence_until(self) -> int:
        """No segment that is still to open can start before; meaningless while one is open."""
        heard = self._position if self._burst is None else self._burst
        return max(self._floor, heard - self._policy.quiet_lag_samples)

    def step(self, probability: float, samples: int) -> EndpointerEvent | None:
        """One window of so many samples, and the probability that it holds speech."""
        at = self._position
        self._position += samples
        if self._speaking:
            return self._step_in_speech(at, probability)
        return self._step_in_silence(at, probability)

    def close(self, end: int, *, last: bool) -> list[EndpointerEvent]:
        """Border drawn from outside: end what is open, at the latest at ``end``.

        last: no audio follows that could confirm a burst, so it counts as speech.
        """
        events: list[EndpointerEvent] = []
        if last and self._burst is not None and end > self._floor:
            events.append(self._begin(self._burst))
        if self._speaking:
            events.append(self._finish(self._end_of_speech(end)))
        return events

    def jump(self, position: int) -> None:
        """Go on at a later position; nothing that follows reaches behind it."""
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
