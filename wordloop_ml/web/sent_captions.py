"""Tells metrics, traces and the log at level debug where the time of each caption went that was sent."""

import time

import structlog
from multidict import MultiMapping

from wordloop_ml.executor import JobOwner
from wordloop_ml.meetings.session import CaptionTiming
from wordloop_ml.messages import Caption
from wordloop_ml.tracing import Caller
from wordloop_ml.web.service import Service

log = structlog.get_logger()


class SentCaptions:
    """The captions of one connection.

    headers: of the request that it began with; None where it began without.
    """

    def __init__(
        self, service: Service, meeting: JobOwner, headers: MultiMapping[str] | None = None
    ) -> None:
        self._metrics = service.metrics
        self._tracing = service.tracing
        self._meeting = meeting
        self._logs = service.settings.log_level == "debug"
        self._caller: Caller | None = None
        if self._tracing is not None and headers is not None:
            self._caller = self._tracing.caller(headers)

    def note(self, caption: Caption, timing: CaptionTiming) -> None:
        """Count a caption that the socket has just taken, and trace and log it where that is wanted."""
        sent_s = time.monotonic()
        timing.observe(self._metrics, caption, sent_s)
        if self._tracing is not None:
            trace = self._tracing.begin("caption", timing.began_s, self._caller, apart=True)
            if trace is not None:
                trace.end(sent_s, timing.stretches(sent_s), self._facts(caption, timing))
        if self._logs:
            log.debug(
                "caption_sent",
                meeting=str(self._meeting),
                track=caption.track,
                segment=caption.segment,
                end=caption.end,
                final=caption.final,
                **timing.facts(sent_s),
            )

    def _facts(self, caption: Caption, timing: CaptionTiming) -> dict[str, str | bool | int]:
        decode = timing.decode
        return {
            "meeting": str(self._meeting),
            "track": caption.track,
            "segment": caption.segment,
            "end": caption.end,
            "final": caption.final,
            "replay": caption.replay,
            "decoded_for": "none" if decode is None else decode.kind.name.lower(),
            "audio_ms": 0 if decode is None else decode.audio_ms,
        }
