"""Files sent to a running service: each file is one participant's track of the same meeting."""

import asyncio
import secrets
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import numpy as np

from wordloop_ml.cli.live import LiveView
from wordloop_ml.cli.options import Hints, Notices
from wordloop_ml.cli.sources import Source, file_frames
from wordloop_ml.client.track import TrackClient
from wordloop_ml.errors import BadInput, WordloopError
from wordloop_ml.messages import SAMPLE_RATE, Caption, CaptionWord, Samples, SpanLost
from wordloop_ml.replay.session import Record, ReplayPolicy, Standing
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import VERSION, StartMessage
from wordloop_ml.wire.server_messages import CaptionMessage

LIVE_FRAME_SAMPLES = SAMPLE_RATE // 50
FILE_FRAME_SAMPLES = SAMPLE_RATE // 5
FAILURES_BEFORE_STOP = 8
"""A person waits: half a minute or so without any progress is enough."""

_SCHEMES = {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}
_SAMPLES_PER_MS = SAMPLE_RATE // 1000


@dataclass(frozen=True, slots=True)
class Server:
    """Where to send files, and who asks."""

    url: str
    token: str | None = None


def server_of(address: str, token: str) -> Server:
    """Parse the address of a service, such as ``http://127.0.0.1:8090``. Raises ``BadInput``."""
    parts = urlsplit(address)
    if parts.scheme not in _SCHEMES or not parts.netloc or parts.query or parts.fragment:
        raise BadInput("--server must be an address such as http://127.0.0.1:8090")
    url = f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}"
    return Server(url, token or None)


async def transcribe_remotely(
    sources: dict[str, Source],
    server: Server,
    notices: Notices,
    *,
    hints: Hints,
    view: LiveView | None = None,
) -> list[Caption]:
    """Send every source and return the finals, in times of the files.

    sources: by track. view: play at the speed of speech and show what is heard; None sends as fast
    as the server takes it. What goes wrong with one source is told, and takes nothing from the
    others.
    """
    meeting = f"files-{secrets.token_hex(8)}"
    url = f"{server.url}/v1/meetings/{meeting}/audio"
    finals: list[Caption] = []
    collector = partial(_Collector, view, notices, finals)
    async with aiohttp.ClientSession() as http:
        tasks = [
            asyncio.create_task(
                _track(http, url, track, source, server.token, hints, collector(track)),
                name=f"track-{track}",
            )
            for track, source in sources.items()
        ]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for track, outcome in zip(sources, outcomes, strict=True):
        if isinstance(outcome, WordloopError):
            notices.fail(track, outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
    for track in sources:
        notices.end(track)
    return finals


async def _track(
    http: aiohttp.ClientSession,
    url: str,
    track: str,
    source: Source,
    token: str | None,
    hints: Hints,
    collector: "_Collector",
) -> None:
    """Send one source and collect it to its last final."""
    stream = StartMessage(
        version=VERSION,
        track=track,
        encoding=Encoding.PCM_S16LE,
        sample_rate=SAMPLE_RATE,
        channels=1,
        language=hints.language,
        task=hints.task,
        vocabulary=hints.vocabulary,
        origin_ms=0,
    )
    client = TrackClient(
        http,
        url,
        stream,
        collector,
        live=collector.live,
        policy=ReplayPolicy(failures_before_stop=FAILURES_BEFORE_STOP),
        token=lambda: token,
    )
    speaking = asyncio.create_task(_speak(source, client, paced=collector.live))
    try:
        await client.run()
        await speaking
    finally:
        speaking.cancel()
        await asyncio.wait({speaking})


async def _speak(source: Source, client: TrackClient, *, paced: bool) -> None:
    """Put the file in: 20 ms every 20 ms, or whenever there is room."""
    loop = asyncio.get_running_loop()
    began_s, sent = loop.time(), 0
    try:
        size = LIVE_FRAME_SAMPLES if paced else FILE_FRAME_SAMPLES
        async with aclosing(file_frames(source, size)) as frames:
            async for frame in frames:
                if paced:
                    await asyncio.sleep(began_s + sent / SAMPLE_RATE - loop.time())
                else:
                    await client.wait_for_room(len(frame))
                client.put(_pcm(frame), len(frame))
                sent += len(frame)
    finally:
        client.end()


def _pcm(samples: Samples) -> bytes:
    scaled = np.clip(np.rint(samples * 32_768.0), -32_768, 32_767)
    payload: bytes = scaled.astype("<i2").tobytes()
    return payload


class _Collector:
    """Keeps the finals of a track, shows what is going on, and tells what has no text."""

    def __init__(
        self, view: LiveView | None, notices: Notices, finals: list[Caption], track: str
    ) -> None:
        self.live = view is not None
        self._track = track
        self._view = view
        self._notices = notices
        self._finals = finals

    async def store(self, record: Record, standing: Standing) -> None:
        if isinstance(record, CaptionMessage):
            self._finals.append(_caption(record))
            self._notices.heard(self._track)
            if self._view is not None:
                self._view.show(self._finals[-1])
            return
        start, end = _sample(record.start or 0), _sample(record.end or 0)
        self.forget()
        self._notices.lose(SpanLost(self._track, record.code, start, end, end, record.reason))

    def show(self, caption: CaptionMessage) -> None:
        if self._view is not None:
            self._view.show(_caption(caption))

    def forget(self) -> None:
        if self._view is not None:
            self._view.forget(self._track)


def _caption(caption: CaptionMessage) -> Caption:
    """Convert a caption of the wire to the time scale of files, to the millisecond."""
    return Caption(
        segment=caption.segment,
        track=caption.track,
        start=_sample(caption.start),
        end=_sample(caption.end),
        words=tuple(
            CaptionWord(w.text, _sample(w.start), _sample(w.end), w.confidence, w.stable)
            for w in caption.words
        ),
        final=caption.final,
        speech_final=caption.speech_final,
        language=caption.language,
        replay=caption.replay,
        seq=caption.seq,
        committed=caption.committed,
    )


def _sample(ms: int) -> int:
    return ms * _SAMPLES_PER_MS
