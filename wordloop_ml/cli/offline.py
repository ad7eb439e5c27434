"""A file to captions, as fast as it decodes: the same track as a live meeting, with no clock."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.cli.hints import NO_HINTS, Hints
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import SAMPLE_RATE, Caption, Hypothesis, JobClass, Samples, SpanLost
from wordloop_ml.ports import TranscriberWorker, VoiceDetector

FEED_SAMPLES = SAMPLE_RATE // 4


def transcribe_offline(
    name: str,
    audio: Iterable[Samples],
    worker: TranscriberWorker,
    voice_detector: VoiceDetector,
    policy: CaptioningPolicy,
    *,
    hints: Hints = NO_HINTS,
    on_progress: Callable[[int], None] = lambda received: None,
) -> Iterator[Caption | SpanLost]:
    """The finals and the lost spans of one track, in order.

    audio: chunks of 16 kHz mono. on_progress: called with the absolute sample reached.
    Interim captions are nobody's here, so that only finals are decoded. Blocking.
    """
    track = Track(
        name,
        voice_detector.open_stream(),
        policy,
        language=hints.language,
        task=hints.task,
        vocabulary=hints.vocabulary,
    )
    for chunk in audio:
        for start in range(0, len(chunk), FEED_SAMPLES):
            yield from _settle(track, track.feed(chunk[start : start + FEED_SAMPLES]), worker)
        on_progress(track.received)
    yield from _settle(track, track.finish(), worker)


def _settle(
    track: Track, outputs: list[TrackOutput], worker: TranscriberWorker
) -> Iterator[Caption | SpanLost]:
    """Answer every request at once, until the track asks for nothing more."""
    todo = deque(outputs)
    while todo:
        match todo.popleft():
            case DecodeRequest() as request:
                todo.extendleft(
                    reversed(track.answer(request.request_id, _decode(request, worker)))
                )
            case Caption(final=True) | SpanLost() as event:
                yield event


def _decode(request: DecodeRequest, worker: TranscriberWorker) -> Hypothesis | Dropped:
    if request.kind is not JobClass.FINAL:
        return Dropped.SUPERSEDED
    try:
        return worker.transcribe(request.utterance, request.options)
    except EngineFailed:
        return Dropped.FAILED
