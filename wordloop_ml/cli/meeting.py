"""A meeting whose tracks are files or a microphone, held in this process or by a service."""

import asyncio
import secrets
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import aiohttp
import numpy as np

from wordloop_ml.cli.live_view import LiveView
from wordloop_ml.cli.options import Hints, Notices
from wordloop_ml.cli.sources import AudioSource
from wordloop_ml.client.track import TrackClient
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.errors import BadInput, EngineFailed, WordloopError
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import MeetingActor
from wordloop_ml.meetings.inbox import AudioEnded
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import Closed, TrackOptions, TrackSession
from wordloop_ml.messages import SAMPLE_RATE, Caption, CaptionWord, Samples, SpanLost
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.replay.session import Record, ReplayPolicy, Standing
from wordloop_ml.tokens import DEFAULT_TENANT
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import VERSION, StartMessage
from wordloop_ml.wire.server_messages import CaptionMessage

FRAME_SAMPLES = SAMPLE_RATE // 50
"""20 ms, as browsers send it."""

MEETING = meeting_key(DEFAULT_TENANT, "files")


async def play_live(
    sources: Mapping[str, AudioSource],
    engines: Engines,
    executor: Executor[TranscriberWorker],
    view: LiveView,
    notices: Notices,
    *,
    hints: Hints,
) -> list[Caption]:
    """Play every source at the speed of speech and show what is heard; return the finals.

    sources: by track. What goes wrong with one is told, and takes nothing from the others.
    """
    roster = Roster(executor, engines.voice_detector)
    finals: list[Caption] = []
    parts = []
    for track, source in sources.items():
        options = TrackOptions(
            track=track, language=hints.language, task=hints.task, vocabulary=hints.vocabulary
        )
        actor, session = roster.join(MEETING, options)
        parts.append((track, _speak(source, actor, session)))
        parts.append((track, _listen(session, view, notices, finals)))
    try:
        await _run_all(parts, notices)
    finally:
        await roster.drain(0.0)
    return finals


async def _run_all(
    parts: Sequence[tuple[str, Coroutine[None, None, None]]], notices: Notices
) -> None:
    """Run the parts of all tracks to their ends; print what goes wrong with a track by its name.

    Raises what is no ``WordloopError``.
    """
    outcomes = await asyncio.gather(*(part for _, part in parts), return_exceptions=True)
    for (track, _), outcome in zip(parts, outcomes, strict=True):
        if isinstance(outcome, WordloopError):
            notices.fail(track, outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
    for track in dict.fromkeys(track for track, _ in parts):
        notices.end(track)


class _Pace:
    """Lets the audio of a source pass at the speed of speech, however long anything else takes."""

    def __init__(self, source: AudioSource) -> None:
        self._is_kept = source.paces_itself
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._passed = 0

    async def wait(self, samples: int) -> None:
        """Wait until the audio before is said; count the next ``samples`` samples."""
        if self._is_kept:
            return  # by a clock of its own, which may be a little faster than ours
        await asyncio.sleep(self._began_s + self._passed / SAMPLE_RATE - self._loop.time())
        self._passed += samples


async def _speak(source: AudioSource, actor: MeetingActor, session: TrackSession) -> None:
    """Post 20 ms of audio every 20 ms."""
    pace = _Pace(source)
    try:
        async with aclosing(source.frames(FRAME_SAMPLES)) as frames:
            async for frame in frames:
                await pace.wait(len(frame))
                await actor.post_audio(session, frame)
    finally:
        actor.post(AudioEnded(session))


async def _listen(
    session: TrackSession, view: LiveView, notices: Notices, finals: list[Caption]
) -> None:
    while not isinstance(event := await session.outbox.get(), Closed):
        if isinstance(event, Caption):
            view.show(event)
            if event.final:
                finals.append(event)
                notices.heard(event.track)
        elif isinstance(event, SpanLost):
            view.forget(event.track)
            notices.lose(event)
    if event.code is not None:
        raise EngineFailed("the track ended unexpectedly", code=event.code)


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
    sources: Mapping[str, AudioSource],
    server: Server,
    notices: Notices,
    *,
    hints: Hints,
    view: LiveView | None = None,
) -> list[Caption]:
    """Send every source and return the finals, in times of the sources.

    sources: by track. view: play at the speed of speech and show what is heard; None sends as fast
    as the server takes it. What goes wrong with one source is told, and takes nothing from the
    others.
    """
    meeting = f"files-{secrets.token_hex(8)}"
    url = f"{server.url}/v1/meetings/{meeting}/audio"
    finals: list[Caption] = []
    collector = partial(_Collector, view, notices, finals)
    async with aiohttp.ClientSession() as http:
        parts = [
            (track, _track(http, url, track, source, server.token, hints, collector(track)))
            for track, source in sources.items()
        ]
        await _run_all(parts, notices)
    return finals


async def _track(
    http: aiohttp.ClientSession,
    url: str,
    track: str,
    source: AudioSource,
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
    speaking = asyncio.create_task(_send(source, client, paced=collector.live))
    try:
        await client.run()
        await speaking
    finally:
        speaking.cancel()
        await asyncio.wait({speaking})


async def _send(source: AudioSource, client: TrackClient, *, paced: bool) -> None:
    """Put the audio in: 20 ms every 20 ms, or whenever there is room."""
    pace = _Pace(source)
    try:
        size = FRAME_SAMPLES if paced else FILE_FRAME_SAMPLES
        async with aclosing(source.frames(size)) as frames:
            async for frame in frames:
                await (pace.wait(len(frame)) if paced else client.wait_for_room(len(frame)))
                client.put(_pcm(frame), len(frame))
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
