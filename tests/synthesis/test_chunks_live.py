"""What is handed out while people talk is what the finished transcript is divided into."""

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.chunks import (
    LATEST_FINAL_MS,
    Chunk,
    ChunkWords,
    LiveTranscript,
    chunks_of,
)
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.wire.synthesis import transcript_of

SIZE = ChunkWords(wanted=8, most=12)
"""Small, so that a few finals fill several chunks."""

SECOND = 1_000


def live(**limits: int) -> LiveTranscript:
    return LiveTranscript(SIZE, **{"most_segments": 1_000, "most_characters": 100_000, **limits})


def said(track: str, seq: int, start: int, words: int = 3, version: int = 0) -> Segment:
    """A final of one second."""
    text = " ".join(f"{track}{seq}v{version}w{at}" for at in range(words))
    return Segment(f"{track}-{seq}", track, text, start, start + SECOND, speaker=track.upper())


def handed_out(transcript: LiveTranscript) -> list[Chunk]:
    """All that is handed out now."""
    chunks = []
    while (chunk := transcript.next_chunk()) is not None:
        chunks.append(chunk)
    return chunks


def digests(chunks: list[Chunk]) -> list[str]:
    return [chunk.digest for chunk in chunks]


def posted(finals: list[Segment]) -> list[str]:
    """The chunks of a request with these finals."""
    return digests(list(chunks_of(transcript_of("m", finals).segments, SIZE)))


@dataclass(slots=True)
class Speaker:
    """A track, its finals as they will be, and how far its client and its connection are.

    starts, words: of each final. stored: what the client has. sent: how many this server has sent.
    """

    name: str
    starts: list[int]
    words: list[int]
    stored: list[Segment]
    sent: int = 0
    version: int = 0

    @property
    def over(self) -> bool:
        return len(self.stored) == len(self.starts)

    def time_of(self, count: int) -> int:
        """What is committed with so many finals."""
        return self.starts[count - 1] + SECOND if count else 0

    def open(self, transcript: LiveTranscript) -> None:
        """Connect, for the first time or again: what was sent and not stored is decoded anew."""
        self.sent = len(self.stored)
        self.version += 1
        transcript.open_track(self.name, self.sent, self.time_of(self.sent), "en")

    def send(self, transcript: LiveTranscript, *, arrives: bool) -> None:
        """Send the next final, which the client stores if it arrives."""
        at = self.sent
        final = said(self.name, at + 1, self.starts[at], self.words[at], self.version)
        self.sent += 1
        transcript.add(self.sent, final)
        transcript.commit(self.name, self.time_of(self.sent))
        if arrives:
            self.stored.append(final)


@st.composite
def speakers(draw: st.DrawFn) -> list[Speaker]:
    """One to four tracks; their finals are a second long, with pauses of up to a minute."""
    found = []
    for name in "abcd"[: draw(st.integers(1, 4))]:
        pauses = draw(st.lists(st.sampled_from([0, 500, 7_000, 31_000]), max_size=12))
        starts, now = [], draw(st.sampled_from([0, 3_000, 90_000]))
        for pause in pauses:
            starts.append(now + pause)
            now = starts[-1] + SECOND
        words = draw(st.lists(st.integers(1, 14), min_size=len(starts), max_size=len(starts)))
        found.append(Speaker(name, starts, words, []))
    return found


@given(speakers(), st.integers(0, 1 << 32).map(Random), st.sampled_from([0.0, 0.9]))
def test_every_chunk_of_the_finished_transcript_was_handed_out(
    people: list[Speaker], random: Random, eager: float
) -> None:
    """In whatever order tracks come, are late, break off, lose what was sent, and go on.

    eager: how likely the first track is the one that speaks.
    """
    transcript = live()
    found: list[str] = []
    for person in people:
        person.open(transcript)
    while talking := [person for person in people if not person.over]:
        person = talking[0] if random.random() < eager else random.choice(talking)
        if person.sent == len(person.starts) or random.random() < 0.2:
            person.open(transcript)
        else:
            # once one was lost, none after it arrives
            person.send(
                transcript, arrives=person.sent == len(person.stored) and random.random() < 0.8
            )
        found += digests(handed_out(transcript))
    for person in people:
        transcript.end_track(person.name)
    found += digests(handed_out(transcript))
    finals = [final for person in people for final in person.stored]
    if finals:
        assert set(posted(finals)) <= set(found)
    assert transcript.over


@given(speakers(), st.integers(0, 1 << 32).map(Random), st.integers(0, LATEST_FINAL_MS - SECOND))
def test_no_other_chunk_is_handed_out_while_no_track_is_too_late(
    people: list[Speaker], random: Random, latest_ms: int
) -> None:
    """Each once, in order, where a final and the silence of its track come within this time."""
    transcript = live()
    found: list[str] = []
    for person in people:
        person.open(transcript)
    ends = {start + SECOND for person in people for start in person.starts}
    for now in sorted(end + random.randint(0, latest_ms) for end in ends):
        for person in people:
            sooner_ms = random.choice([0, latest_ms])  # some come before they must
            while not person.over and person.starts[person.sent] + SECOND <= now - sooner_ms:
                person.send(transcript, arrives=True)
            silent_until = now - latest_ms
            if not person.over:
                silent_until = min(silent_until, person.starts[person.sent])
            transcript.commit(person.name, silent_until)
        found += digests(handed_out(transcript))
    for person in people:
        while not person.over:
            person.send(transcript, arrives=True)
        transcript.end_track(person.name)
    found += digests(handed_out(transcript))
    finals = [final for person in people for final in person.stored]
    assert found == (posted(finals) if finals else [])


def test_a_chunk_waits_for_the_track_that_may_still_say_something_earlier() -> None:
    """Until that has committed to silence, or is too far behind."""
    transcript = live()
    transcript.open_track("a", 0, 0, None)
    transcript.open_track("b", 0, 0, None)
    for seq in range(1, 11):
        transcript.add(seq, said("a", seq, seq * 1_000))
        transcript.commit("a", (seq + 1) * 1_000)
    assert not handed_out(transcript)
    transcript.commit("b", 9_000)
    assert handed_out(transcript)
    transcript.open_track("c", 0, 11_000, None)
    transcript.commit("a", 200_000)
    for seq in range(11, 21):
        transcript.add(seq, said("a", seq, seq * 10_000))
    assert handed_out(transcript)


def test_the_last_chunk_is_handed_out_when_every_track_has_ended() -> None:
    """And what it was part of once more, should somebody come back."""
    transcript = live()
    transcript.open_track("a", 0, 0, None)
    transcript.add(1, said("a", 1, 0))
    assert not handed_out(transcript)
    transcript.end_track("a")
    assert transcript.over
    [last] = handed_out(transcript)
    assert [segment.id for segment in last.segments] == ["a-1"]
    transcript.open_track("a", 1, 5_000, None)
    assert not handed_out(transcript)
    transcript.add(2, said("a", 2, 5_000))
    transcript.end_track("a")
    [whole] = handed_out(transcript)
    assert [segment.id for segment in whole.segments] == ["a-1", "a-2"]


def test_a_language_is_that_of_all_tracks() -> None:
    """Else it is open; and chunks that were handed out are handed out for the new one."""
    transcript = live()
    transcript.open_track("a", 0, 0, "en")
    for seq in range(1, 11):
        transcript.add(seq, said("a", seq, seq * 1_000))
    transcript.commit("a", 100_000)
    chunks = digests(handed_out(transcript))
    for language, common, anew in (("en", "en", []), ("de", None, chunks)):
        transcript.open_track("b", 0, 50_000, language)
        assert transcript.language == common
        assert digests(handed_out(transcript)) == anew


def test_what_no_request_may_hold_is_not_held() -> None:
    """Finals beyond the number or the characters of a transcript are dropped; the rest stays."""
    for limits in ({"most_segments": 2}, {"most_characters": 40}):
        transcript = live(**limits)
        transcript.open_track("a", 0, 0, None)
        for seq in range(1, 5):
            transcript.add(seq, said("a", seq, seq * 1_000))
        transcript.end_track("a")
        [chunk] = handed_out(transcript)
        assert len(chunk.segments) == 2
        assert transcript.tracks == 1
