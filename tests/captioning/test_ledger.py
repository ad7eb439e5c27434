"""Finals are counted, and ``committed`` is told with them or by itself."""

from wordloop_ml.captioning.segment import NoFinal
from wordloop_ml.captioning.track import Ledger
from wordloop_ml.messages import Committed, RejectReason, Word

HELLO = (Word("hello", 100, 200, 0.9),)


def test_finals_are_counted_on_and_carry_the_commit() -> None:
    """Text and acknowledgement cannot tear apart."""
    ledger = Ledger("ana", first_sample=50, last_seq=7, live_from=0)
    ledger.advance(300)
    final = ledger.final(100, 300, HELLO, "en", speech_final=True)
    assert (final.final, final.speech_final, final.seq, final.committed) == (True, True, 8, 300)
    assert ledger.next_seq == 9
    assert all(word.stable for word in final.words)


def test_a_commit_never_moves_back() -> None:
    """What the client trimmed is gone."""
    ledger = Ledger("ana", first_sample=50, last_seq=0, live_from=0)
    ledger.advance(300)
    ledger.advance(200)
    assert ledger.committed == 300


def test_through_silence_a_commit_is_told_in_steps() -> None:
    """And not again when a final or a lost span has told it."""
    ledger = Ledger("ana", first_sample=0, last_seq=0, live_from=0)
    ledger.advance(90)
    assert ledger.untold(100) == []
    ledger.advance(100)
    assert ledger.untold(100) == [Committed("ana", 100)]
    ledger.advance(200)
    lost = ledger.lost(120, 180, NoFinal("rejected", RejectReason.NO_WORDS))
    assert (lost.committed, lost.reason) == (200, RejectReason.NO_WORDS)
    assert ledger.untold(1) == []


def test_a_segment_is_named_after_its_track_and_first_sample() -> None:
    """The same name in whichever container; and replay is what starts before the live edge."""
    ledger = Ledger("ana", first_sample=0, last_seq=0, live_from=150)
    assert ledger.interim(100, 300, (), "en").segment == "ana-100"
    assert ledger.interim(100, 300, (), "en").replay
    assert not ledger.interim(150, 300, (), "en").replay
