"""What Deepgram's ``/v1/listen`` tells of one channel: results, pauses and gaps, by the clock of the audio; pure."""

from collections.abc import Sequence

from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    CaptionWord,
    Flushed,
    SpeechStarted,
    TrackEvent,
)
from wordloop_ml.wire.deepgram_messages import Message, ModelInfo, alternative, seconds
from wordloop_ml.wire.deepgram_query import ListenQuery

ENDPOINT_MS = 500
"""Silence that has passed whenever a speaker counts as having paused; ``endpointing`` may ask for more."""


class ChannelResults:
    """Makes the messages of one channel.

    query: what the client asked for. channel: its index.
    """

    def __init__(
        self, query: ListenQuery, request_id: str, model: ModelInfo, channel: int = 0
    ) -> None:
        self._query = query
        self._metadata = {
            "request_id": request_id,
            "model_info": model.fields,
            "model_uuid": model.uuid,
        }
        self._index = [channel, query.tracks]
        self._last_word_end: int | None = None  # no gap after it was told yet
        self._pause_from: int | None = None  # no ``speech_final`` for it was told yet

    def tell(self, event: TrackEvent | Flushed) -> list[Message]:
        """Return what an event becomes, which may be nothing."""
        match event:
            case SpeechStarted(at=at):
                self._pause_from = None
                if self._query.vad_events:
                    started = {"type": "SpeechStarted", "channel": self._index}
                    return [started | {"timestamp": seconds(at)}]
                return []
            case Flushed(at=at):
                return [self._results(at, at, (), final=True, flushed=True)]
            case Caption(final=True):
                return self._final(event)
            case Caption() if self._query.interim_results:
                return [self._results(event.start, event.end, event.words)]
            case _:
                return []

    def tick(self, heard: int, *, quiet: bool) -> list[Message]:
        """Return what is due because time has passed.

        heard: absolute sample up to which the channel was listened to. quiet: nobody speaks, and
        all that was said was told.
        """
        told: list[Message] = []
        if not quiet:
            return told
        endpointing_ms = self._query.endpointing_ms
        if self._pause_from is not None and endpointing_ms is not None:
            until = self._pause_from + endpointing_ms * SAMPLE_RATE // 1000
            if heard >= until:
                self._pause_from = None
                told.append(self._results(until, until, (), final=True, paused=True))
        return told + self._gap(heard)

    def _final(self, final: Caption) -> list[Message]:
        told: list[Message] = []
        if final.words:
            told += self._gap(final.words[0].start)
            self._last_word_end = final.words[-1].end
        endpointing_ms = self._query.endpointing_ms
        paused = final.speech_final and endpointing_ms is not None
        if paused and endpointing_ms is not None and endpointing_ms > ENDPOINT_MS:
            self._pause_from, paused = final.end, False
        told.append(
            self._results(
                final.start,
                final.end,
                final.words,
                final=True,
                paused=paused,
                flushed=final.flushed,
            )
        )
        return told

    def _gap(self, until: int) -> list[Message]:
        """Tell the gap after the last word, once, if it is long enough until this sample."""
        began, gap_ms = self._last_word_end, self._query.utterance_end_ms
        if began is None or gap_ms is None or until - began < gap_ms * SAMPLE_RATE // 1000:
            return []
        self._last_word_end = None
        ended = {"type": "UtteranceEnd", "channel": self._index}
        return [ended | {"last_word_end": seconds(began)}]

    def _results(
        self,
        start: int,
        end: int,
        words: Sequence[CaptionWord],
        *,
        final: bool = False,
        paused: bool = False,
        flushed: bool = False,
    ) -> Message:
        return {
            "type": "Results",
            "channel_index": self._index,
            "duration": seconds(end - start),
            "start": seconds(start),
            "is_final": final,
            "speech_final": paused,
            "channel": {"alternatives": [alternative(words, punctuate=self._query.punctuate)]},
            "metadata": self._metadata,
            "from_finalize": flushed,
        }
