"""A transcript in chunks whose borders follow from its content, not from its length; pure.

Like content-defined chunking of files (Muthitacharoen, Chen and Mazieres, A low-bandwidth network file
system, SOSP 2001), with words for bytes: a chunk ends at that border between two segments, of all
that would make it long enough and not too long, whose hash is lowest. A segment that is added,
corrected or taken away moves the borders around it; further on, the same borders are the lowest
again, and the chunks are those of before. ``LiveTranscript`` finds those of a meeting that goes on.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice

from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.words import count_words


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring segments that are read together.

    digest: of their content (track, speaker, text; not ids nor times): equal content, equal
        notes, wherever it stands.
    """

    segments: tuple[Segment, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class ChunkWords:
    """How many words a chunk holds: about ``wanted``, never more than ``most``.

    A single segment that is longer than ``most`` is a chunk of its own.
    """

    wanted: int
    most: int


_DIGEST_BYTES = 16


def fewest_words(size: ChunkWords) -> int:
    """Return the least words of any chunk but the last, so that chunks hold ``wanted`` on average."""
    return max(1, 2 * size.wanted - size.most)


def chunks_of(segments: Sequence[Segment], size: ChunkWords) -> Iterator[Chunk]:
    """Divide segments into chunks, in order, without gaps. Each is found in bounded time.

    All but the last hold from ``fewest_words(size)`` to ``size.most`` words, as far as the
    segments' own lengths allow: no segment is divided. Appending to the segments changes the last
    chunk only.
    """
    start = 0
    while start < len(segments):
        end = _end_of(segments, start, size)
        yield Chunk(tuple(segments[start:end]), _digest(segments[start:end]))
        start = end


def _end_of(segments: Sequence[Segment], start: int, size: ChunkWords) -> int:
    """Return the index one past the last segment of the chunk that begins at ``start``."""
    fewest = fewest_words(size)
    words = 0
    end = start
    borders: list[int] = []
    while end < len(segments):
        words += count_words(segments[end].text)
        if words > size.most:
            break
        end += 1
        if words >= fewest:
            borders.append(end)
    else:
        return end
    # a segment that is longer than all chunks leaves none, and so can one behind a short run
    return min(borders, key=lambda at: _border(segments, at), default=max(end, start + 1))


def _border(segments: Sequence[Segment], at: int) -> bytes:
    """Hash the two segments that meet here."""
    return blake2b(
        _content(segments[at - 1]) + b"|" + _content(segments[at]), digest_size=8
    ).digest()


def _digest(segments: Sequence[Segment]) -> str:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for segment in segments:
        digest.update(_content(segment) + b"\n")
    return digest.hexdigest()


def _content(segment: Segment) -> bytes:
    # repr keeps the three apart, whatever they hold, and one line
    return repr((segment.track, segment.speaker, segment.text)).encode(errors="backslashreplace")


LATEST_FINAL_MS = 30_000
"""How far a track may stay behind the one that is furthest before it is waited for no longer: twice
the longest segment. A track that sends no audio commits nothing, and would be waited for for ever."""

_Place = tuple[int, str, int]
"""Start in milliseconds, track, and number of a final: the order of a transcript."""


@dataclass(slots=True)
class _Track:
    """committed: milliseconds of meeting time; no final that is to come starts before.

    ended: nothing is to come. language: what its finals are in; None where that is not known.
    """

    committed: int
    ended: bool
    language: str | None


class LiveTranscript:
    """Finals by track and number, from any number of tracks, each of them in order.

    A final of one track may come long after later ones of another. ``next_chunk`` hands out what no
    final that is to come can change: each chunk of the finished transcript once at least, and, as
    long as no track is late by more than ``LATEST_FINAL_MS``, no other.

    size: of the chunks. most_segments, most_characters: what is held; finals beyond are dropped.
    """

    def __init__(self, size: ChunkWords, *, most_segments: int, most_characters: int) -> None:
        self._size = size
        self._most_segments = most_segments
        self._most_characters = most_characters
        self._tracks: dict[str, _Track] = {}
        self._finals: list[tuple[_Place, Segment]] = []
        self._characters = 0
        self._read = 0  # so many finals are in chunks that were handed out
        self._relied_on = 0  # so many say where those chunks end
        self._waits_at: tuple[int, bool] | None = None  # until more finals than these are certain

    @property
    def over(self) -> bool:
        """Whether every track has ended."""
        return all(track.ended for track in self._tracks.values())

    @property
    def tracks(self) -> int:
        """How many tracks there have been."""
        return len(self._tracks)

    @property
    def language(self) -> str | None:
        """The language that all tracks have; None where they differ, or one of them has none."""
        languages = {track.language for track in self._tracks.values()}
        return languages.pop() if len(languages) == 1 else None

    def open_track(self, name: str, last_seq: int, committed: int, language: str | None) -> None:
        """Begin a track, or go on with one: of its finals those up to ``last_seq`` stand.

        committed: milliseconds of meeting time before which none of its next finals starts.
        """
        before, was_over = self.language, self.over
        self._tracks[name] = _Track(committed, False, language)
        self._forget(
            {
                at
                for at, ((_, track, seq), _) in enumerate(self._finals)
                if track == name and seq > last_seq
            }
        )
        if was_over or self.language != before:
            self._read_again()

    def add(self, seq: int, segment: Segment) -> None:
        """Add a final of a track that is open."""
        characters = self._characters + len(segment.text)
        if len(self._finals) == self._most_segments or characters > self._most_characters:
            return
        self._characters = characters
        place = segment.start, segment.track, seq
        at = bisect_left(self._finals, place, key=lambda final: final[0])
        self._finals.insert(at, (place, segment))
        if at < self._relied_on:
            self._read_again()
        elif self._waits_at is not None and at < self._waits_at[0]:
            self._waits_at = None

    def commit(self, name: str, committed: int) -> None:
        """Note that no final of this track that is to come starts before these milliseconds."""
        track = self._tracks[name]
        track.committed = max(track.committed, committed)

    def end_track(self, name: str) -> None:
        """Note that all finals of this track have come."""
        self._tracks[name].ended = True

    def next_chunk(self) -> Chunk | None:
        """Return the next chunk that will stay; None until more finals have come.

        The last chunk of all is handed out when the transcript is over.
        """
        certain = self._certain()
        if (certain, self.over) == self._waits_at:
            return None
        segments = [segment for _, segment in self._finals[self._read : certain]]
        ahead = list(islice(chunks_of(segments, self._size), 2))
        # what is appended changes the last chunk
        if len(ahead) < (1 if self.over else 2):
            self._waits_at = certain, self.over
            return None
        self._read += len(ahead[0].segments)
        self._relied_on = max(self._relied_on, certain)
        return ahead[0]

    def _certain(self) -> int:
        """Count the finals that every final to come will stand behind."""
        waited_for = [track.committed for track in self._tracks.values() if not track.ended]
        if not waited_for:
            return len(self._finals)
        newest = max(track.committed for track in self._tracks.values())
        until = max(min(waited_for), newest - LATEST_FINAL_MS)
        return bisect_left(self._finals, until, key=lambda final: final[0][0])

    def _forget(self, places: Collection[int]) -> None:
        """Drop the finals at these indices."""
        if not places:
            return
        if min(places) < self._relied_on:
            self._read_again()
        self._characters -= sum(len(self._finals[at][1].text) for at in places)
        self._finals = [final for at, final in enumerate(self._finals) if at not in places]
        self._waits_at = None

    def _read_again(self) -> None:
        """Hand out every chunk anew: one of those before has changed, or what their notes are kept by."""
        self._read = self._relied_on = 0
        self._waits_at = None
