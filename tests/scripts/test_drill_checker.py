"""What the checker of the drills calls lost, doubled, out of order and unexpected."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from scripts.benchmark.speech import Said
from scripts.drills.checker import Shown, Verdict, after_fault_s, check_utterances, check_words
from scripts.drills.talk import NumberedTalk, SaidWord, word_ranges
from wordloop_ml.engines.scripted import hear
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.server_messages import (
    CaptionMessage,
    CaptionMessageWord,
    NoticeCode,
    NoticeMessage,
)

SAID = [SaidWord(number, at * 4_000, (at + 1) * 4_000) for at, number in enumerate((5, 6, 7, 8))]
"""Words of 250 ms from the first sample on."""


def final(seq: int, *numbers: int) -> CaptionMessage:
    """With times that are wrong: the checker must not look at them."""
    words = tuple(CaptionMessageWord(f"w{number}", 0, 1, 0.9, stable=True) for number in numbers)
    return CaptionMessage(
        "s", 1, "t", 0, 1, "", words, True, True, False, "en", seq=seq, committed=seq
    )


def gap(start_ms: int, end_ms: int) -> NoticeMessage:
    return NoticeMessage(NoticeCode.GAP, start=start_ms, end=end_ms)


@pytest.mark.parametrize(
    ("finals", "notices", "expected"),
    [
        ([final(1, 5, 6), final(2, 7, 8)], [], Verdict(4, 4)),
        ([final(1, 5, 6)], [], Verdict(4, 2, lost=2)),
        ([final(1, 5, 6, 7, 8), final(2, 8)], [], Verdict(4, 5, doubled=1)),
        ([final(1, 6, 5, 7, 8)], [], Verdict(4, 4, out_of_order=1)),
        ([final(1, 5, 6, 7, 8, 9)], [], Verdict(4, 5, unexpected=1)),
        ([final(1, 5, 6), final(3, 7, 8)], [], Verdict(4, 4, misnumbered=1)),
        ([final(1, 5, 8)], [gap(300, 700)], Verdict(4, 2, named=2)),
        ([final(1, 5, 6, 8)], [gap(300, 700)], Verdict(4, 3, named=1)),
        ([final(1, 5, 6, 7, 8)], [gap(0, 300)], Verdict(4, 4, unexpected=1)),
    ],
)
def test_a_track_is_judged(
    finals: list[CaptionMessage], notices: list[NoticeMessage], expected: Verdict
) -> None:
    """By words and named gaps, whatever the times say."""
    expected.gaps.update(str(one.code) for one in notices)
    assert check_words(SAID, finals, notices) == expected


def test_what_a_guard_rejected_is_lost() -> None:
    """A notice that nobody spoke does not excuse it."""
    notice = NoticeMessage(NoticeCode.REJECTED, start=0, end=1_000, reason=RejectReason.REPETITION)
    assert check_words(SAID, [], [notice]).lost == 4


def test_utterances_are_lost_or_doubled_as_the_benchmarks_have_it() -> None:
    """With a third of its words, one is not lost; a phrase twice is doubled."""
    said = [Said("we ship on friday", "a", 0, 16_000), Said("who tells them", "a", 32_000, 48_000)]
    one, other = (replace(final(seq), text=text) for seq, text in ((1, "We ship."), (2, "Hm.")))
    assert check_utterances(said, [one, other], []) == Verdict(2, 1, lost=1)
    assert check_utterances(said, [one, other], [gap(1_900, 3_100)]).named == 1
    twice = replace(one, text="We ship on Friday. We ship on Friday.")
    assert check_utterances(said, [twice], []).doubled == 1


def test_verdicts_add_up() -> None:
    """Over tracks."""
    one = check_words(SAID, [final(1, 5, 6)], [])
    whole = one + check_words(SAID, [final(1, 5, 8, 8)], [gap(300, 700)])
    assert (whole.said, whole.heard, whole.lost, whole.named, whole.doubled) == (8, 5, 2, 2, 1)
    assert whole.gaps == {"gap": 1}


def test_talk_says_what_it_says_it_said() -> None:
    """Read off the samples; and no two tracks have a word in common."""
    one, other = word_ranges(2)
    assert not set(one) & set(other)
    talk = NumberedTalk(Random(1), one)
    position = 0
    for count, audio in enumerate(talk.utterances()):
        said = [word for word in talk.said if word.onset >= position]
        heard = hear(audio.astype(np.float32) / np.float32(32_768))
        assert [block.number for block in heard] == [word.number for word in said]
        assert [block.start + position for block in heard] == [word.onset for word in said]
        position += len(audio)
        if count == 20:
            talk.end()
    numbers = [word.number for word in talk.said]
    assert numbers == list(one[: len(numbers)])


def test_delays_count_from_when_there_was_something_to_show() -> None:
    """The fault comes in the middle of the second word; captions end at words."""
    shown = [Shown(10.6, 250), Shown(11.5, 250), Shown(11.9, 500)]
    assert after_fault_s(10.4, 10.0, SAID, shown) == pytest.approx(1.5)
    # in the pause behind everything that was said there is nothing to wait for
    assert after_fault_s(12.0, 10.0, SAID, shown) is None
    # a fault before the first word: from that word on
    assert after_fault_s(9.0, 10.0, SAID, shown) == pytest.approx(0.6)
