"""Items over real tracks: whatever is said, decoded and committed, each commit has one end and no final is lost."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captioning.choices import Choices
from tests.captioning.witness import POLICY, ListedVoice, audio_at
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.messages import Caption, Hypothesis, JobClass
from wordloop_ml.wire.openai_items import ItemTranslator

TRANSCRIPTION = "conversation.item.input_audio_transcription."
ENDS = {f"{TRANSCRIPTION}completed", f"{TRANSCRIPTION}failed"}


class Connection:
    """A track whose events become items, as the adapter of a socket has it."""

    def __init__(self, voice: ListedVoice, *, turns: bool) -> None:
        self.track = Track("t", voice, POLICY)
        self.items = ItemTranslator("x")
        self.events: list[dict[str, Any]] = self.items.detect_turns(turns)
        self.waiting: dict[int, DecodeRequest] = {}
        self.finals: list[str] = []

    def take(self, outputs: list[TrackOutput]) -> None:
        """Translate what the track tells, and keep what it asks."""
        for output in outputs:
            if isinstance(output, DecodeRequest):
                self.waiting[output.request_id] = output
                continue
            if isinstance(output, Caption) and output.final:
                self.finals.append(output.text)
            self.events += self.items.take(output)

    def feed(self, count: int) -> None:
        """Feed so many samples, as far as there is room."""
        at = self.track.received
        self.take(self.track.feed(audio_at(at, at + min(count, self.track.room))))

    def cut(self, *, clear: bool) -> None:
        """Commit or clear what was fed so far."""
        end = self.items.clear if clear else self.items.commit
        self.events += end(self.track.received)
        self.take(self.track.finalize(answered=True))

    def answer(self, request_id: int, result: Hypothesis | Dropped) -> None:
        """Answer a decode."""
        del self.waiting[request_id]
        self.take(self.track.answer(request_id, result))

    def said(self, kind: str, field: str) -> list[Any]:
        """One field of the events of one type."""
        return [event[field] for event in self.events if event["type"] == kind]


@settings(max_examples=200, deadline=None)
@given(
    st.binary(min_size=20, max_size=100),
    st.binary(min_size=200, max_size=1_200),
    st.booleans(),
    st.booleans(),
)
def test_each_commit_has_one_end_and_no_final_is_lost(
    sound: bytes, events: bytes, turns: bool, clears: bool
) -> None:
    """Arbitrary voice and answers, late and in any order; commits and clears whenever it may be."""
    said, choices = Choices(sound), Choices(events)
    voice = ListedVoice(iter([p for _ in range(len(sound) // 2) for p in said.run_of()]))
    one = Connection(voice, turns=turns)
    commits = 0
    for _ in range(len(events) // 4):
        match choices.below(18):
            case 16:
                one.cut(clear=False)
                commits += 1
            case 17 if clears:
                one.cut(clear=True)
            case step if step >= 9 and one.waiting:
                request_id = choices.of(*sorted(one.waiting))
                one.answer(request_id, choices.answer(one.waiting[request_id]))
            case _:
                one.feed(choices.below(100))
    if not turns:
        one.cut(clear=False)
        commits += 1
    one.take(one.track.finish())
    while not one.track.done:
        finals = (t for t, r in one.waiting.items() if r.kind is JobClass.FINAL)
        request_id = choices.of(*sorted(finals))
        one.answer(request_id, choices.answer(one.waiting[request_id]))
    one.events += one.items.end()
    ended = [event["item_id"] for event in one.events if event["type"] in ENDS]
    assert len(ended) == len(set(ended))
    assert sorted(one.said("input_audio_buffer.committed", "item_id")) == sorted(ended)
    if not turns:
        assert len(ended) == commits
    if not clears:
        transcripts = one.said(f"{TRANSCRIPTION}completed", "transcript")
        assert " ".join(filter(None, transcripts)) == " ".join(filter(None, one.finals))
