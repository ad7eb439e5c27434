"""Where to divide speech that has no pause; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.stabiliser import normalised
from wordloop_ml.messages import CaptionWord, Word


@dataclass(frozen=True, slots=True)
class Cut:
    """The first ``words`` words are final and the segment ends ``at`` this absolute sample."""

    words: int
    at: int


def choose_cut(
    words: Sequence[Word],
    previous: Sequence[CaptionWord],
    start: int,
    end: int,
    policy: CaptioningPolicy,
) -> Cut:
    """Divide [start, end), in which ``words`` were heard, in the middle of a gap between words.

    After the last word that ``previous`` has too, at about the same time, and that ends a margin
    before ``end``, so that it is whole. Without such a word, after the last one that keeps the
    margin. Without that, everything up to ``end`` is final. Only cuts in the later half count:
    each one takes at least half of the audio with it, so speech cannot outrun its cuts.
    """
    borders = [
        (word.end + (words[index + 1].start if index + 1 < len(words) else end)) // 2
        for index, word in enumerate(words)
    ]
    possible = [
        index
        for index, word in enumerate(words)
        if word.end <= end - policy.cut_margin_samples
        and borders[index] >= start + (end - start + 1) // 2
    ]
    agreed = [index for index in possible if _agrees(words[index], previous, policy)]
    for indexes in (agreed, possible):
        if indexes:
            return Cut(indexes[-1] + 1, borders[indexes[-1]])
    return Cut(len(words), end)


def _agrees(word: Word, previous: Sequence[CaptionWord], policy: CaptioningPolicy) -> bool:
    """Whether the hypothesis before heard the same word at about the same time."""
    text = normalised(word.text)
    return any(
        abs(other.start + other.end - word.start - word.end) <= 2 * policy.cut_tolerance_samples
        and normalised(other.text) == text
        for other in previous
    )
