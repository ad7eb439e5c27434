"""Captions, which replace one another, as text that only grows; pure.

For clients that append what they are sent and can take nothing back: they get each word when it is stable.
"""

from wordloop_ml.messages import Caption


class AppendedText:
    """The text of consecutive segments of one track.

    What was appended may differ from ``text`` in words that their final revised.
    """

    def __init__(self) -> None:
        self._settled: dict[int, list[str]] = {}  # words that will stay, by their segment's start
        self._final: set[int] = set()
        self._appended = 0  # words of the oldest segment
        self._begun = False
        self._texts: list[str] = []
        self.characters = 0

    @property
    def text(self) -> str:
        """What the finals say, joined by blanks."""
        return " ".join(self._texts)

    def take(self, caption: Caption) -> str:
        """Take the next caption of any segment; return what is to be appended, which may be nothing.

        A segment's words wait until the segments before it have their finals.
        """
        words = caption.words
        if not caption.final:
            unstable = (index for index, word in enumerate(words) if not word.stable)
            words = words[: next(unstable, len(words))]
        self._settled[caption.start] = [word.text for word in words]
        if caption.final:
            self._forget_before(caption.start)
            self._final.add(caption.start)
            if caption.text:
                self._texts.append(caption.text)
                self.characters += len(caption.text) + 1
        return self._append()

    def lose(self, start: int) -> str:
        """Note that the segment that starts here gets no final; return what is to be appended."""
        self._forget_before(start + 1)
        return self._append()

    def _forget_before(self, start: int) -> None:
        """Forget segments that got no final: finals come in order."""
        for one in [one for one in self._settled if one < start]:
            if one == min(self._settled):
                self._appended = 0
            del self._settled[one]
            self._final.discard(one)

    def _append(self) -> str:
        fresh: list[str] = []
        while self._settled:
            oldest = min(self._settled)
            words = self._settled[oldest]
            fresh += words[self._appended :]
            self._appended = max(self._appended, len(words))
            if oldest not in self._final:
                break
            self._forget_before(oldest + 1)
        text = " ".join(fresh)
        if not text:
            return ""
        text, self._begun = (f" {text}" if self._begun else text), True
        return text
