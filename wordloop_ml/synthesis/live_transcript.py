"""The finals of a meeting that goes on, in the order of its transcript, and the chunks that will stay; pure."""

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from wordloop_ml.synthesis.chunks import chunks_of
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.synthesiser import Chunk, ChunkWords

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
