"""Where to divide speech that has no pause; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import Utterance, Word

_HOP_SAMPLES = 80
_LISTEN_SAMPLES = 320
"""The quietest 20 ms are looked for, each 5 ms."""

_SAME_LOUDNESS = 1e-3
"""Differences in RMS below this are no reason to move a cut."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The first ``words`` words are final and the segment ends ``at`` this absolute sample."""

    words: int
    at: int


def choose_cut(words: Sequence[Word], heard: Utterance, policy: CaptioningPolicy) -> Cut:
    """Divide an utterance, in which ``words`` were heard, in a gap between two words.

    In the longest gap that lies in the later half and a margin before the end, where words are
    whole; of equals the last. Without a word there, everything is final. Each cut takes at least
    half of the audio with it, so speech cannot outrun its cuts. Nothing but this audio and its
    words decides, so that the same audio is always cut at the same place.
    """
    half = heard.start + (len(heard.samples) + 1) // 2
    possible = [
        index
        for index, word in enumerate(words)
        if word.end <= heard.end - policy.cut_margin_samples
        and _next_start(words, index, heard) >= half
    ]
    if not possible:
        return Cut(len(words), heard.end)
    gaps = {index: _next_start(words, index, heard) - words[index].end for index in possible}
    longest = max(gaps.values())
    best = max(index for index in possible if gaps[index] >= longest - policy.cut_slack_samples)
    return Cut(best + 1, _border(words, best, half, heard, policy))


def _next_start(words: Sequence[Word], index: int, heard: Utterance) -> int:
    """How far the gap after a word reaches; halfway to the end when no other word was heard.

    A word that has just begun at the end of the audio may not have been heard yet.
    """
    if index + 1 < len(words):
        return words[index + 1].start
    return (words[index].end + heard.end) // 2


def _border(
    words: Sequence[Word], index: int, half: int, heard: Utterance, policy: CaptioningPolicy
) -> int:
    """The quietest place in the gap after a word, or around it: word times are heuristic."""
    word_end, next_start = words[index].end, _next_start(words, index, heard)
    if index + 1 < len(words):
        wanted = (word_end + next_start) // 2
    else:
        wanted = min(word_end + policy.cut_slack_samples, next_start)
    first = max(word_end - policy.cut_slack_samples, half)
    last = min(next_start + policy.cut_slack_samples, heard.end)
    places = (max(wanted, half), *range(first, last + 1, _HOP_SAMPLES))
    loudness = {place: _loudness(heard, place) for place in places}
    least = min(loudness.values()) + _SAME_LOUDNESS
    quiet: list[int] = [place for place in loudness if loudness[place] <= least]
    return min(quiet, key=lambda place: abs(place - wanted))


def _loudness(heard: Utterance, place: int) -> float:
    """Root mean square of the 20 ms around an absolute sample."""
    middle = place - heard.start
    around = heard.samples[max(middle - _LISTEN_SAMPLES // 2, 0) : middle + _LISTEN_SAMPLES // 2]
    return float(np.sqrt(np.mean(np.square(around)))) if len(around) else 0.0
