"""The synthesiser that needs no language model: sentences of the meeting, chosen; pure."""

from collections.abc import Sequence

from wordloop_ml.ports import EmbedderCapabilities
from wordloop_ml.synthesis.chunks import Chunk, ChunkWords
from wordloop_ml.synthesis.extractive.items import (
    action_items_of,
    decisions_of,
    open_questions_of,
)
from wordloop_ml.synthesis.extractive.notes import ChunkNotes, Gathered, gather, notes_of
from wordloop_ml.synthesis.extractive.phrases import Phrases, listed, phrases_of, title_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.summary import summary_of
from wordloop_ml.synthesis.extractive.topics import stretches
from wordloop_ml.synthesis.extractive.withdrawals import withdrawals_of
from wordloop_ml.synthesis.messages import (
    OPENING,
    Draft,
    MadeBy,
    Segment,
    Statement,
    Topic,
    Transcript,
    Wishes,
)
from wordloop_ml.synthesis.steps import Pause, Steps
from wordloop_ml.synthesis.words import (
    UNSPACED_LANGUAGES,
    count_words,
    language_of,
    stop_words,
)


class ExtractiveSynthesiser:
    """A ``Synthesiser`` whose every text was said in the meeting, but for the opening."""

    def __init__(
        self, embedder: EmbedderCapabilities, policy: ExtractivePolicy | None = None
    ) -> None:
        self._policy = policy if policy is not None else ExtractivePolicy()
        self._made_by = MadeBy("extractive", embedder.name, embedder.model, embedder.digest)

    @property
    def made_by(self) -> MadeBy:
        """Extractive, on this embedder's vectors."""
        return self._made_by

    @property
    def chunk_words(self) -> ChunkWords:
        """The length of chunks: short, because a grown transcript pays for its last one again."""
        return ChunkWords(*self._policy.chunk_words)

    def take_notes(self, chunk: Chunk, language: str | None) -> Steps[ChunkNotes]:
        """The sentences of a chunk, their embeddings, and what the rules find in them."""
        spoken = spoken_language(language, chunk.segments)
        # a few words tell nothing, and the rules do no harm to them
        notes = yield from notes_of(chunk, spoken in (None, "en"), self._policy)
        return notes

    def take_more(self, chunk: Chunk, notes: ChunkNotes, language: str | None) -> Steps[ChunkNotes]:
        """Add nothing: they hold every sentence."""
        yield Pause()
        return notes

    def find(
        self, chunk: Chunk, notes: ChunkNotes, language: str | None, words: int
    ) -> Steps[tuple[Statement, ...]]:
        """Choose sentences of at most so many words that say what a chunk is about, in order."""
        part = Transcript("", chunk.segments, language)
        spoken = spoken_language(language, chunk.segments)
        meeting = gather(part, [chunk], [notes], spoken)
        yield Pause()
        withdrawn = withdrawals_of(meeting, self._policy)
        yield Pause()
        return (yield from summary_of(meeting, words, self._policy, withdrawn))

    def merge(
        self,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        notes: Sequence[ChunkNotes | None],
        wishes: Wishes,
    ) -> Steps[Draft]:
        """Choose among all sentences; computes some tens of milliseconds for an hour of talk."""
        language = spoken_language(transcript.language, transcript.segments)
        meeting = gather(transcript, chunks, notes, language)
        yield Pause()
        parts = yield from stretches(meeting, self._policy)
        phrases = yield from phrases_of(meeting, parts, self._policy)
        withdrawn = withdrawals_of(meeting, self._policy)
        yield Pause()
        opening = self._opening(meeting, phrases)
        words = count_words(opening.text) if opening is not None else 0
        summary = yield from summary_of(
            meeting, wishes.summary_words - words, self._policy, withdrawn
        )
        yield Pause()
        decisions = decisions_of(meeting, self._policy, withdrawn)
        yield Pause()
        action_items = action_items_of(meeting, self._policy, withdrawn)
        yield Pause()
        questions = open_questions_of(meeting, self._policy)
        return Draft(
            self._title(meeting, phrases),
            summary,
            tuple(
                self._topic(meeting, part, phrases.best(at, self._policy))
                for at, part in enumerate(parts)
            ),
            decisions,
            action_items,
            questions,
            opening=opening,
        )

    def _opening(self, meeting: Gathered, phrases: Phrases) -> Statement | None:
        matters = phrases.matters(self._policy)
        if not matters:
            return None
        said, written = zip(*matters, strict=True)
        cited = self._saying(meeting, (0, len(meeting.sentences)), said)
        return Statement(f"{OPENING}{listed(written)}.", cited)

    def _title(self, meeting: Gathered, phrases: Phrases) -> Statement:
        named = phrases.best(None, self._policy)
        everything = (0, len(meeting.sentences))
        if named or not meeting.sentences:
            return Statement(
                title_of(named, meeting.language), self._saying(meeting, everything, named)
            )
        longest = self._longest(meeting, everything)
        return Statement(self._cut(meeting, longest), meeting.cited(longest))

    def _topic(self, meeting: Gathered, part: tuple[int, int], named: Sequence[str]) -> Topic:
        begin, end = part
        at = slice(int(meeting.first[begin]), int(meeting.last[begin:end].max()) + 1)
        segments = meeting.transcript.segments[at]
        start = min(segment.start for segment in segments)
        stop = max(segment.end for segment in segments)
        # first and last: a topic lasts from one to the other, whatever else it rests on
        cited = {segments[0].id, segments[-1].id, *self._saying(meeting, part, named)}
        title = title_of(named, meeting.language)
        if not title:
            longest = self._longest(meeting, part)
            title = self._cut(meeting, longest)
            cited.update(meeting.cited(longest))
        return Topic(title, start, stop, tuple(one.id for one in segments if one.id in cited))

    def _saying(
        self, meeting: Gathered, part: tuple[int, int], named: Sequence[str]
    ) -> tuple[str, ...]:
        """The ids of some segments in which these phrases are said, each by itself."""
        cited: dict[str, None] = {}
        for phrase in named:
            said = 0
            for at in range(*part):
                if phrase.lower() in meeting.sentences[at].text.lower():
                    cited.update(dict.fromkeys(meeting.cited(at)))
                    said += 1
                    if said == self._policy.title_citations:
                        break
        order = {segment.id: n for n, segment in enumerate(meeting.transcript.segments)}
        return tuple(sorted(cited, key=order.__getitem__))

    def _longest(self, meeting: Gathered, part: tuple[int, int]) -> int:
        """The sentence with most words; what little was said is named by it."""
        return part[0] + int(meeting.words[part[0] : part[1]].argmax())

    def _cut(self, meeting: Gathered, at: int) -> str:
        sentence = meeting.sentences[at]
        words = self._policy.fallback_words
        said = (sentence.statement or sentence.text).split()
        kept = said[:words]
        # no title ends in "about the"
        stops = stop_words(meeting.language)
        while len(said) > words and len(kept) > 1 and kept[-1].lower() in stops:
            kept.pop()
        text = " ".join(kept)
        return text[: 2 * words] if meeting.language in UNSPACED_LANGUAGES else text


def spoken_language(language: str | None, segments: Sequence[Segment]) -> str | None:
    """Return the language: the caller's, else the one that the words tell."""
    if language is not None:
        return language.lower().split("-")[0]
    return language_of(segment.text for segment in segments)
