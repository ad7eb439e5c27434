"""Captions as the items of OpenAI's Realtime transcription; pure.

An item is a stretch of audio with one transcript. Where the server detects turns, a run of speech is one; where
the client commits, what lies between two commits is. Words are appended to it as they become stable; its end
has the true text. What a client commits has exactly one end, whatever was said.
"""

from collections import deque
from dataclasses import dataclass, field

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.languages import standard_code
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    Committed,
    Flushed,
    SpanLost,
    SpeechStarted,
    TrackEvent,
)
from wordloop_ml.wire.appended_text import AppendedText
from wordloop_ml.wire.openai_realtime import Event

MOST_CHARACTERS = 100_000
"""Of one item: more than an hour of speech without a commit."""

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


@dataclass(slots=True, eq=False)
class _Item:
    """One item that has no end yet; positions are absolute samples at 16 kHz.

    turn: the voice detector made it, so that it ends with the speech.
    until: one past its newest audio that is known of.
    limit: where the client ended it; None until then.
    committed: the client was told that it is. dropped: the client has cleared it.
    language: what was spoken last, by the model's code. failed: a decode was.
    """

    id: str
    start: int
    turn: bool
    until: int
    limit: int | None = None
    committed: bool = False
    dropped: bool = False
    failed: bool = False
    language: str | None = None
    text: AppendedText = field(default_factory=AppendedText)


class ItemTranslator:
    """Follows one connection through its tracks; each method returns the server events to send, in order.

    name: part of the items' ids. detects_turns: the server commits; it may be changed between two tracks.
    beta: the client knows the names of the beta.
    """

    def __init__(self, name: str, *, beta: bool = False) -> None:
        self._detects_turns = True
        self._name = name
        self._added = "conversation.item.created" if beta else "conversation.item.added"
        self._items: deque[_Item] = deque()
        self._flushes: deque[_Item] = deque()
        self._made = 0
        self._last_committed: str | None = None
        self._ended_at = 0

    def detect_turns(self, detects: bool) -> list[Event]:
        """Let the server commit from here on, or the client alone; what is open belongs to who opened it."""
        if detects is self._detects_turns:
            return []
        self._detects_turns = detects
        return [
            event for item in list(self._items) if item.limit is None for event in self._end(item)
        ]

    def commit(self, at: int) -> list[Event]:
        """End an item at this sample. One flush of the track must follow it."""
        item = self._newest_open(at)
        out: list[Event] = []
        for one in list(self._items):
            if one.turn or one is item:
                out += self._commit(one, at)
            if one is item:
                break
        item.limit = item.until = at
        self._ended_at = at
        self._flushes.append(item)
        return out

    def clear(self, at: int) -> list[Event]:
        """Drop the audio before this sample that is not committed. One flush of the track must follow it."""
        item = self._newest_open(at)
        item.limit = item.until = at
        item.dropped = True
        self._ended_at = at
        self._flushes.append(item)
        return [{"type": "input_audio_buffer.cleared"}]

    def take(self, event: TrackEvent | Flushed) -> list[Event]:
        """Take the next event of the track.

        Raises ``BadInput`` (``too_large``) for an item without an end, which only its client can end.
        """
        match event:
            case SpeechStarted(at=at):
                return self._begin(at) if self._detects_turns else []
            case Caption():
                out = self._caption(event)
                return out + (self._flushed() if event.flushed else [])
            case SpanLost(start=start, end=end):
                return self._lost(start, end, event.code)
            case Committed(at=at):
                quiet = [one for one in self._items if one.turn and one.until < at]
                return [event for one in quiet for event in self._end(one)]
            case Flushed():
                return self._flushed()

    def end(self) -> list[Event]:
        """End what the end of the track ends: turns, and what waits for a flush. Nothing follows."""
        return [
            event
            for item in list(self._items)
            if item.turn or item.limit is not None
            for event in self._end(item)
        ]

    # -- which item -----------------------------------------------------------------------------

    def _add(self, start: int, *, turn: bool) -> _Item:
        self._made += 1
        item = _Item(f"item_{self._name}_{self._made}", start, turn, start)
        self._items.append(item)
        return item

    def _newest_open(self, at: int) -> _Item:
        """Return the newest item if nobody has ended or committed it, else one without audio."""
        newest = self._items[-1] if self._items else None
        # a turn that was committed is the newest again where a later one was lost
        if newest is not None and newest.limit is None and not newest.committed:
            return newest
        return self._add(at if self._detects_turns else min(self._ended_at, at), turn=False)

    def _begin(self, at: int) -> list[Event]:
        item = self._add(at, turn=True)
        return [
            {
                "type": "input_audio_buffer.speech_started",
                "audio_start_ms": _ms(at),
                "item_id": item.id,
            }
        ]

    def _item_of(self, start: int, end: int) -> _Item | None:
        """Find the item that a segment belongs to; None where none has begun."""
        if self._detects_turns:
            turns = (one for one in reversed(self._items) if one.turn and one.start < end)
            return next(turns, None)
        waiting = (one for one in self._items if one.limit is None or start < one.limit)
        return next(waiting, None)

    # -- what happens to it ------------------------------------------------------------------------

    def _caption(self, caption: Caption) -> list[Event]:
        out: list[Event] = []
        item = self._item_of(caption.start, caption.end)
        if item is None and self._detects_turns:
            out += self._begin(caption.start)
            item = self._items[-1]
        elif item is None:
            item = self._add(self._ended_at, turn=False)
        if caption.final and item.turn:
            for older in [one for one in self._items if one.turn]:
                if older is item:
                    break
                out += self._end(older)
        delta = item.text.take(caption)
        if delta and not item.dropped:
            out.append(self._event("delta", item, delta=delta))
        if caption.final:
            item.until = max(item.until, caption.end)
            item.language = caption.language
            out += self._bound(item)
            if item.turn and caption.speech_final:
                out += self._end(item)
        return out

    def _lost(self, start: int, end: int, code: str) -> list[Event]:
        item = self._item_of(start, end)
        if item is None:
            return []
        delta = item.text.lose(start)
        out = [self._event("delta", item, delta=delta)] if delta and not item.dropped else []
        item.failed |= code == "decode_failed"
        item.until = max(item.until, end)
        return out + (self._end(item) if item.turn else [])

    def _bound(self, item: _Item) -> list[Event]:
        if item.text.characters <= MOST_CHARACTERS:
            return []
        if item.turn:
            return self._end(item)
        raise BadInput(
            f"over {MOST_CHARACTERS} characters without a commit", code=ErrorCode.TOO_LARGE
        )

    def _flushed(self) -> list[Event]:
        """End the item that has waited longest for its flush, and the turns before it."""
        if not self._flushes:
            return []
        item = self._flushes.popleft()
        if item not in self._items:
            return []
        out: list[Event] = []
        for one in list(self._items):
            if one is item:
                break
            if one.turn:
                out += self._end(one)
        return out + self._end(item)

    def _commit(self, item: _Item, at: int) -> list[Event]:
        """Tell the client that an item has all its audio, once."""
        if item.committed or item.dropped:
            return []
        item.committed = True
        out: list[Event] = []
        if item.turn:
            out.append(
                {
                    "type": "input_audio_buffer.speech_stopped",
                    "audio_end_ms": _ms(at),
                    "item_id": item.id,
                }
            )
        before, self._last_committed = self._last_committed, item.id
        out.append(
            {
                "type": "input_audio_buffer.committed",
                "previous_item_id": before,
                "item_id": item.id,
            }
        )
        out.append({"type": self._added, "previous_item_id": before, "item": _shown(item)})
        return out

    def _end(self, item: _Item) -> list[Event]:
        """Commit an item if nobody has, and give its transcript."""
        self._items.remove(item)
        if item.dropped:
            return []
        out = self._commit(item, item.until)
        text = item.text.text
        if item.failed and not text:
            error = {
                "type": "server_error",
                "code": str(ErrorCode.ENGINE_FAILED),
                "message": "this audio could not be decoded",
                "param": None,
            }
            return [*out, self._event("failed", item, error=error)]
        seconds = round(max(0, item.until - item.start) / SAMPLE_RATE, 3)
        fields: Event = {"transcript": text, "usage": {"type": "duration", "seconds": seconds}}
        if item.language is not None and text:
            fields["languages"] = [{"code": standard_code(item.language)}]
        return [*out, self._event("completed", item, **fields)]

    def _event(self, kind: str, item: _Item, **fields: object) -> Event:
        return {
            "type": f"{_TRANSCRIPTION}.{kind}",
            "item_id": item.id,
            "content_index": 0,
            **fields,
        }


def _shown(item: _Item) -> Event:
    return {
        "id": item.id,
        "type": "message",
        "object": "realtime.item",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }


def _ms(sample: int) -> int:
    return sample * 1000 // SAMPLE_RATE
