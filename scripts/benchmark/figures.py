"""The published figures of a track, from what was said when and what was displayed when; pure.

Words belong to utterances by an alignment of the texts (Levenshtein's, jiwer's): the words of a
whole track on the screen are aligned with the words of all utterances that have begun. A word that
stands in both is right and belongs to its utterance. A wrong word belongs where the next right word
of its part does, else where the one before does; and in a part without a right word, to the
utterance that began last when it appeared.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

from scripts.benchmark.captions import Part, Screen
from scripts.benchmark.speech import Said
from scripts.evaluation.words import Errors, compare, equal_words, normal_words
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.wire.server_messages import CaptionMessage

LOST_BELOW = 1 / 3
"""Of an utterance's words: with fewer of them right in the end it is lost."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A word on the screen. utterance: its place in the script, None before the first began."""

    word: str
    utterance: int | None
    right: bool


class Attribution:
    """Places the words of one track's screens, given in order.

    began_s: when the track's first sample was spoken, on the screens' clock.
    """

    def __init__(self, said: Sequence[Said], began_s: float) -> None:
        self._onsets_s = [began_s + one.onset / SAMPLE_RATE for one in said]
        self._said = [words_of(one.text) for one in said]
        self._appeared: dict[str, int] = {}

    def place(self, screen: Screen) -> list[list[Placed]]:
        """The words of each part."""
        begun = bisect_right(self._onsets_s, screen.at_s)
        reference = [(word, at) for at, words in enumerate(self._said[:begun]) for word in words]
        texts = [words_of(part.text) for part in screen.parts]
        right = equal_words([word for word, _ in reference], [*chain.from_iterable(texts)])
        owners = {shown: reference[said][1] for said, shown in right}
        placed, first = [], 0
        for part, text in zip(screen.parts, texts, strict=True):
            own = [owners.get(first + at) for at in range(len(text))]
            placed.append(list(self._part(part, text, own, begun)))
            first += len(text)
        there = {part.key for part, text in zip(screen.parts, texts, strict=True) if text}
        self._appeared = {key: at for key, at in self._appeared.items() if key in there}
        return placed

    def _part(
        self, part: Part, text: Sequence[str], owners: Sequence[int | None], begun: int
    ) -> Iterator[Placed]:
        if text:
            self._appeared.setdefault(part.key, begun)
        latest = self._appeared.get(part.key, begun) - 1
        last = next((one for one in reversed(owners) if one is not None), None)
        fallback = last if last is not None else (latest if latest >= 0 else None)
        following: list[int | None] = []
        after = fallback
        for owner in reversed(owners):
            after = owner if owner is not None else after
            following.append(after)
        for word, owner, near in zip(text, owners, reversed(following), strict=True):
            yield Placed(word, near, owner is not None)


@lru_cache(maxsize=100_000)
def words_of(text: str) -> tuple[str, ...]:
    """Return its words in normal form."""
    return tuple(normal_words(text, "en"))


@dataclass(frozen=True, slots=True)
class UtteranceFigures:
    """One utterance; times in seconds, None where the thing never came.

    onset_s: where on its track. first_s, right_s count from the onset: to the first display with a
    word of it (said there, or there in the end), to the first text whose first word is that in the
    end. final_s counts from the end of its speech.
    first_wrong: the first words displayed begin with another than in the end; None without any.
    share_right: of its words, in the end.
    said, first_text, text: what was said, displayed first, and displayed in the end.
    """

    onset_s: float
    first_s: float | None
    right_s: float | None
    first_wrong: bool | None
    final_s: float | None
    share_right: float
    said: str
    first_text: str
    text: str

    @property
    def lost(self) -> bool:
        """Too little of it is right in the end."""
        return self.share_right < LOST_BELOW


@dataclass(frozen=True, slots=True)
class TrackFigures:
    """A track: its utterances, its words, and its interims with those that say no word of theirs."""

    utterances: tuple[UtteranceFigures, ...]
    errors: Errors
    interims: int
    wordless: int


@dataclass(slots=True)
class _Told:
    """What was displayed for an utterance so far: each text and when it appeared, and when its last
    final came; on the screens' clock."""

    versions: list[tuple[float, list[Placed]]] = field(default_factory=list)
    final_s: float | None = None

    def show(self, at_s: float, placed: list[Placed]) -> None:
        """Its words on the next screen."""
        if _texts(placed) != _texts(self.end):
            self.versions.append((at_s, placed))
        elif placed:
            # the same words, but perhaps others of them are right now
            self.versions[-1] = (self.versions[-1][0], placed)

    @property
    def end(self) -> list[Placed]:
        """The words in the end."""
        return self.versions[-1][1] if self.versions else []

    @property
    def words(self) -> frozenset[str]:
        """The same, without order."""
        return frozenset(one.word for one in self.end)


def measure_track(said: Sequence[Said], screens: Iterable[Screen], began_s: float) -> TrackFigures:
    """The figures of one track.

    began_s: when its first sample was spoken, on the clock of the screens, which come in order.
    """
    track = _Track(said, began_s)
    for screen in screens:
        track.show(screen)
    shown = [word for part in track.parts.values() for word in words_of(part.text)]
    ends: dict[int | None, frozenset[str]] = {None: frozenset()}
    ends |= {at: one.words for at, one in enumerate(track.told)}
    return TrackFigures(
        tuple(_utterance(one, those, began_s) for one, those in zip(said, track.told, strict=True)),
        compare([word for one in said for word in words_of(one.text)], shown),
        len(track.interims),
        sum(
            not any(_belongs(word, ends[word.utterance]) for word in words)
            for words in track.interims
        ),
    )


class _Track:
    """What was displayed on one track. parts: on its last screen, by key. interims: the words of
    each part that was new and not final."""

    def __init__(self, said: Sequence[Said], began_s: float) -> None:
        self._attribution = Attribution(said, began_s)
        self.told = [_Told() for _ in said]
        self.parts: dict[str, Part] = {}
        self.interims: list[list[Placed]] = []

    def show(self, screen: Screen) -> None:
        """The next one."""
        placed = self._attribution.place(screen)
        own: defaultdict[int | None, list[Placed]] = defaultdict(list)
        for word in chain.from_iterable(placed):
            own[word.utterance].append(word)
        for at, one in enumerate(self.told):
            one.show(screen.at_s, own[at])
        for part, words in zip(screen.parts, placed, strict=True):
            if self.parts.get(part.key) != part:
                self._changed(screen.at_s, part, words)
        self.parts = {part.key: part for part in screen.parts}

    def _changed(self, at_s: float, part: Part, words: list[Placed]) -> None:
        if not part.final:
            if part.text.strip():
                self.interims.append(words)
            return
        for owner in {word.utterance for word in words}:
            if owner is not None:
                self.told[owner].final_s = at_s


def _belongs(placed: Placed, end: frozenset[str]) -> bool:
    """Whether a word is of its utterance: it was said there, or stands there in the end."""
    return placed.right or placed.word in end


def _texts(placed: Sequence[Placed]) -> list[str]:
    return [one.word for one in placed]


def _utterance(said: Said, told: _Told, began_s: float) -> UtteranceFigures:
    onset_s = began_s + said.onset / SAMPLE_RATE
    end_s = began_s + said.end / SAMPLE_RATE
    versions = [(at_s, placed) for at_s, placed in told.versions if placed]
    end = _texts(told.end)
    own = (at_s for at_s, placed in versions if any(_belongs(one, told.words) for one in placed))
    right = (at_s for at_s, placed in versions if _texts(placed[:1]) == end[:1])
    first = versions[0][1] if versions else []
    return UtteranceFigures(
        onset_s=said.onset / SAMPLE_RATE,
        first_s=_since(next(own, None), onset_s),
        right_s=_since(next(right, None), onset_s),
        first_wrong=_texts(first[:1]) != end[:1] if first else None,
        final_s=_since(told.final_s, end_s),
        share_right=sum(one.right for one in told.end) / max(1, len(words_of(said.text))),
        said=said.text,
        first_text=" ".join(_texts(first)),
        text=" ".join(end),
    )


def _since(at_s: float | None, from_s: float) -> float | None:
    return None if at_s is None else at_s - from_s


def revisions(captions: Sequence[CaptionMessage]) -> tuple[int, int]:
    """How many words were shown as stable, and how many of these their final does not keep.

    A word counts once for its place in its segment. A final keeps it when an alignment of the
    stable words with the final's has it in both. Segments that never had a final keep nothing.
    """
    stable = revised = 0
    segments: defaultdict[str, list[CaptionMessage]] = defaultdict(list)
    for one in captions:
        segments[one.segment].append(one)
    for versions in segments.values():
        last = versions[-1]
        final = [_plain(word.text) for word in last.words if last.final]
        forecast: dict[tuple[int, str], bool] = {}
        for one in versions:
            if not one.final:
                words = [_plain(word.text) for word in one.words if word.stable]
                kept = {place for place, _ in equal_words(words, final)}
                forecast |= {(at, word): at in kept for at, word in enumerate(words)}
        stable += len(forecast)
        revised += sum(not kept for kept in forecast.values())
    return stable, revised


def _plain(word: str) -> str:
    """One word for an alignment, whatever it is made of."""
    return "-".join(words_of(word)) or "-"
