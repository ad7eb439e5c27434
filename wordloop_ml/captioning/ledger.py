"""What a track has told its listeners: captions, lost spans, and how far it is committed; pure."""

from dataclasses import replace

from wordloop_ml.captioning.segment import NoFinal
from wordloop_ml.messages import Caption, CaptionWord, Committed, SpanLost, Word


class Ledger:
    """Numbers the finals of one track and carries ``committed`` with each of them."""

    def __init__(self, track: str, first_sample: int, last_seq: int, live_from: int) -> None:
        self._track = track
        self._live_from = live_from
        self._told = first_sample
        self.committed = first_sample
        self.next_seq = last_seq + 1

    def advance(self, quiet: int) -> None:
        """Everything before this quiet point is resolved; never moves back."""
        self.committed = max(self.committed, quiet)

    def untold(self, step: int) -> list[Committed]:
        """``committed`` by itself, when it moved so far since it was last told."""
        if self.committed - self._told < step:
            return []
        self._told = self.committed
        return [Committed(self._track, self.committed)]

    def interim(
        self, start: int, end: int, words: tuple[CaptionWord, ...], language: str
    ) -> Caption:
        """The text of a segment so far."""
        segment, replay = f"{self._track}-{start}", start < self._live_from
        return Caption(segment, self._track, start, end, words, language=language, replay=replay)

    def final(
        self, start: int, end: int, words: tuple[Word, ...], language: str, *, speech_final: bool
    ) -> Caption:
        """The text of a segment, for good; call ``advance`` past it first."""
        shown = tuple(CaptionWord(w.text, w.start, w.end, w.confidence, True) for w in words)
        self._told = self.committed
        self.next_seq += 1
        return replace(
            self.interim(start, end, shown, language),
            final=True,
            speech_final=speech_final,
            seq=self.next_seq - 1,
            committed=self.committed,
        )

    def lost(self, start: int, end: int, why: NoFinal) -> SpanLost:
        """A segment without text; call ``advance`` past it first."""
        self._told = self.committed
        return SpanLost(self._track, why.code, start, end, self.committed, why.reason)
