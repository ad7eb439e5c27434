"""What Deepgram's ``/v2/listen`` (Flux) tells: turns, each with all of its text so far; pure."""

from collections.abc import Sequence

from wordloop_ml.messages import SAMPLE_RATE, Caption, CaptionWord, Flushed, TrackEvent
from wordloop_ml.wire.deepgram_messages import Message, seconds

TURN_TIMEOUT_MS = 5_000
"""Silence after which a turn ends whose last words came to nothing."""


class Turns:
    """Makes the messages of one connection, each with its number.

    A turn begins with its first words and ends where the speaker pauses, or the client says so.
    """

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._sequence_id = 0
        self._turn_index = 0
        self._open = False
        self._start = 0
        self._end = 0
        self._said: list[CaptionWord] = []

    def message(self, kind: str, **fields: object) -> Message:
        """Make a message of a type, with the next number."""
        number, self._sequence_id = self._sequence_id, self._sequence_id + 1
        return {"type": kind, "request_id": self._request_id, "sequence_id": number, **fields}

    def tell(self, event: TrackEvent | Flushed) -> list[Message]:
        """Return what an event becomes, which may be nothing."""
        match event:
            case Caption():
                return self._take(event)
            case Flushed() if self._open:
                return [self._end_turn("manual")]
            case _:
                return []

    def tick(self, heard: int, *, quiet: bool) -> list[Message]:
        """Return the end of a turn whose last words came to nothing; see ``ChannelResults.tick``."""
        late = heard - self._end >= TURN_TIMEOUT_MS * SAMPLE_RATE // 1000
        return [self._end_turn("timeout")] if self._open and quiet and late else []

    def finish(self) -> list[Message]:
        """Return the end of the turn that is open when the audio ends."""
        return [self._end_turn("timeout")] if self._open else []

    def _take(self, caption: Caption) -> list[Message]:
        told: list[Message] = []
        if not self._open:
            self._open, self._start, self._said = True, caption.start, []
            told.append(self._turn_info("StartOfTurn", caption.words, caption.end))
        elif not caption.final or not (caption.speech_final or caption.flushed):
            told.append(self._turn_info("Update", caption.words, caption.end))
        if caption.final:
            self._said += caption.words
            self._end = caption.end
            if caption.speech_final or caption.flushed:
                told.append(self._end_turn("manual" if caption.flushed else "model"))
        return told

    def _end_turn(self, trigger: str) -> Message:
        ended = self._turn_info("EndOfTurn", (), self._end, trigger=trigger)
        self._open = False
        self._turn_index += 1
        return ended

    def _turn_info(
        self, event: str, newest: Sequence[CaptionWord], end: int, *, trigger: str | None = None
    ) -> Message:
        """Make a message of the turn. newest: words of the part that has no final yet."""
        self._end = max(self._end, end)
        words = [*self._said, *newest]
        return self.message(
            "TurnInfo",
            event=event,
            **({} if trigger is None else {"trigger": trigger}),
            turn_index=self._turn_index,
            audio_window_start=seconds(self._start),
            audio_window_end=seconds(self._end),
            transcript=" ".join(word.text for word in words),
            words=[
                {
                    "word": word.text,
                    "confidence": round(word.confidence, 4),
                    "start": seconds(word.start),
                    "end": seconds(word.end),
                }
                for word in words
            ],
            # nothing here judges how likely a turn is to be over: it is, or it is not
            end_of_turn_confidence=0.0 if trigger is None else 1.0,
        )
