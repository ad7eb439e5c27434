"""What a track tells (``messages.TrackEvent``, 16 kHz samples) as version 1 says it."""

from dataclasses import dataclass
from typing import assert_never

from wordloop_ml import messages
from wordloop_ml.languages import standard_code
from wordloop_ml.wire.positions import Positions
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    CaptionMessageWord,
    NoticeCode,
    NoticeMessage,
    SpeechStartedMessage,
)


@dataclass(frozen=True, slots=True)
class EventTranslator:
    """Translates the events of one connection.

    speaker: the name to show, from ``start``; epoch: the connection's, 0 where it gave none.
    """

    positions: Positions
    epoch: int = 0
    speaker: str | None = None

    def translate(
        self, event: messages.TrackEvent, received: int
    ) -> CaptionMessage | SpeechStartedMessage | NoticeMessage | AckMessage:
        """The one server message for one event.

        received: stream position one past the last sample that came in.
        """
        match event:
            case messages.Caption():
                return self._caption(event, received)
            case messages.SpeechStarted():
                return SpeechStartedMessage(at=self.positions.to_ms(event.at))
            case messages.SpanLost():
                return NoticeMessage(
                    code=NoticeCode(event.code),
                    start=self.positions.to_ms(event.start),
                    end=self.positions.to_ms(event.end),
                    reason=event.reason,
                    committed=self.positions.committed(event.committed, received),
                )
            case messages.Committed():
                return AckMessage(
                    received=received, committed=self.positions.committed(event.at, received)
                )
            case _:
                assert_never(event)

    def _caption(self, caption: messages.Caption, received: int) -> CaptionMessage:
        to_ms = self.positions.to_ms
        committed = caption.committed
        return CaptionMessage(
            segment=caption.segment,
            epoch=self.epoch,
            track=caption.track,
            start=to_ms(caption.start),
            end=to_ms(caption.end),
            text=caption.text,
            words=tuple(
                CaptionMessageWord(
                    text=word.text,
                    # a floor keeps order and nesting, so words stay inside the caption
                    start=to_ms(word.start),
                    end=to_ms(word.end),
                    confidence=round(word.confidence, 3),
                    stable=word.stable,
                )
                for word in caption.words
            ),
            final=caption.final,
            speech_final=caption.speech_final,
            replay=caption.replay,
            language=standard_code(caption.language),
            seq=caption.seq,
            speaker=self.speaker,
            committed=None if committed is None else self.positions.committed(committed, received),
        )
