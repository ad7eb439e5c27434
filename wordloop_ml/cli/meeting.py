"""Files as the tracks of one meeting: their audio streams, played in this process or sent to a service.

Each audio stream is one participant's track. In a terminal final captions scroll up and interims
stay below.
"""

import asyncio
import os
import secrets
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, aclosing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp
import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from wordloop_ml.audio.files import StreamInfo, audio_streams, open_audio
from wordloop_ml.cli.options import Hints, Notices, print_error
from wordloop_ml.client.track import TrackClient
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.errors import BadInput, EngineFailed, WordloopError
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import AudioEnded, MeetingActor
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import Closed, TrackOptions, TrackSession
from wordloop_ml.messages import SAMPLE_RATE, Caption, CaptionWord, Samples, SpanLost
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.replay.session import Record, ReplayPolicy, Standing
from wordloop_ml.tokens import DEFAULT_TENANT
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import VERSION, StartMessage
from wordloop_ml.wire.json_fields import name_in
from wordloop_ml.wire.server_messages import CaptionMessage

_MOST_TRACK_CHARS = 56


@dataclass(frozen=True, slots=True)
class Source:
    """An audio stream. stream: its index among those of its file. name: of who speaks there."""

    path: Path
    stream: int
    name: str


def sources_of(paths: Sequence[Path]) -> tuple[dict[str, Source], bool]:
    """Open files; returns the sources by track and whether all could be opened. Prints what could not be.

    A track is named after its file, in the letters of an identifier, made unique. Of a file with
    several audio streams, each is a track: a participant, a microphone, a language.
    """
    sources: dict[str, Source] = {}
    whole = True
    for path in paths:
        try:
            streams = audio_streams(path)
        except BadInput as error:
            print_error(error)
            whole = False
            continue
        if len(streams) > 1:
            print(f"{_name(path)}: {len(streams)} audio streams, a track each", file=sys.stderr)
        for stream, name in zip(streams, _names(path, streams), strict=True):
            try:
                open_audio(path, stream.index).close()
            except BadInput as error:
                print_error(error)
                whole = False
            else:
                sources[_track_name(path, sources)] = Source(path, stream.index, name)
    return sources, whole


def _names(path: Path, streams: Sequence[StreamInfo]) -> list[str]:
    """Name a file's streams: the file's name, with several of them what each is called, or its number."""
    name = _name(path)
    if len(streams) == 1:
        return [name]
    labels = [name_in(one.title) or _language(one) for one in streams]
    times = Counter(labels)
    return [
        f"{name} ({label if label and times[label] == 1 else f'{label} {number}'.strip()})"
        for number, label in enumerate(labels, start=1)
    ]


def _language(stream: StreamInfo) -> str:
    return "" if stream.language == "und" else name_in(stream.language)


def _name(path: Path) -> str:
    # a file's name may hold any byte, a name in a transcript may not
    return name_in(os.fsencode(path.stem).decode(errors="replace")) or "audio"


def _track_name(path: Path, taken: dict[str, Source]) -> str:
    stem = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem
    )[:_MOST_TRACK_CHARS]
    name, number = stem or "track", 2
    while name in taken:
        name, number = f"{stem or 'track'}-{number}", number + 1
    return name


async def file_frames(source: Source, size: int) -> AsyncGenerator[Samples, None]:
    """Yield the audio of ``source`` at 16 kHz, in frames of at most ``size`` samples.

    Decoding blocks, so a helper thread takes each frame; these are commands, no service. To be
    closed by whoever stops early (``contextlib.aclosing``): the file is closed when no thread reads
    it any more, since FFmpeg ends the process otherwise. Raises what ``open_audio`` raises.
    """
    with open_audio(source.path, source.stream) as audio:
        frames = _frames(audio, size)
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(next, frames, None))
            try:
                frame = await asyncio.shield(reading)
            finally:
                while not reading.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait({reading})
            if frame is None:
                return
            yield frame


def _frames(chunks: Iterable[Samples], size: int) -> Iterator[Samples]:
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


_NARROWEST = 20
"""Columns that words have in the narrowest terminal."""

STYLES = ("cyan", "magenta", "green", "yellow", "blue")


class LiveView(AbstractContextManager["LiveView"]):
    """Shows the captions of several tracks; on a plain stream, only what is final.

    speakers: the name to show, by track.
    """

    def __init__(self, speakers: dict[str, str], console: Console | None = None) -> None:
        self._speakers = speakers
        self._styles = {track: STYLES[index % len(STYLES)] for index, track in enumerate(speakers)}
        self._width = max((len(name) for name in speakers.values()), default=0)
        self._console = console if console is not None else Console(highlight=False)
        self._open: dict[str, Caption] = {}
        self._live = (
            Live(console=self._console, refresh_per_second=12, transient=True)
            if self._console.is_terminal
            else None
        )

    def __enter__(self) -> "LiveView":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, caption: Caption) -> None:
        """Show a caption: final text scrolls, an interim replaces the one before it."""
        if caption.final:
            self._open.pop(caption.track, None)
            self._console.print(self._line(caption), soft_wrap=self._live is None)
        else:
            self._open[caption.track] = caption
        self._refresh()

    def forget(self, track: str) -> None:
        """Remove a track's interim caption: its audio has no text, or its text comes again."""
        self._open.pop(track, None)
        self._refresh()

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(Group(*(self._line(one) for one in self._open.values())))

    def _line(self, caption: Caption) -> Text:
        """Render time, speaker and words; words that may still change are dim, and in a terminal all keep to their column."""
        speaker = self._speakers[caption.track].ljust(self._width)
        first = caption.words[0].start if caption.words else caption.start
        line = Text(f"{_clock(first)}  ", style="dim")
        line.append(speaker + "  ", style=f"not dim bold {self._styles[caption.track]}")
        words = Text(style="not dim")
        for word in caption.words:
            settled = caption.final or word.stable
            words.append(word.text + " ", style="" if settled else "dim italic")
        if self._live is None:
            words.rstrip()
            return line.append_text(words)
        column = len(line)
        room = max(self._console.width - column, _NARROWEST)
        return line.append_text(Text("\n" + " " * column).join(words.wrap(self._console, room)))


def _clock(sample: int) -> str:
    seconds = sample // SAMPLE_RATE
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


FRAME_SAMPLES = SAMPLE_RATE // 50
"""20 ms, as browsers send it."""

MEETING = meeting_key(DEFAULT_TENANT, "files")


async def play_live(
    sources: dict[str, Source],
    engines: Engines,
    executor: Executor[TranscriberWorker],
    view: LiveView,
    notices: Notices,
    *,
    hints: Hints,
) -> list[Caption]:
    """Play every source at the speed of speech and show what is heard; returns the finals.

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
    """Lets audio pass at the speed of speech, however long anything else takes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._passed = 0

    async def wait(self, samples: int) -> None:
        """Wait until the audio before is said; count the next ``samples`` samples."""
        await asyncio.sleep(self._began_s + self._passed / SAMPLE_RATE - self._loop.time())
        self._passed += samples


async def _speak(source: Source, actor: MeetingActor, session: TrackSession) -> None:
    """Post 20 ms of audio every 20 ms."""
    pace = _Pace()
    try:
        async with aclosing(file_frames(source, FRAME_SAMPLES)) as frames:
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
    speaking = asyncio.create_task(_send(source, client, paced=collector.live))
    try:
        await client.run()
        await speaking
    finally:
        speaking.cancel()
        await asyncio.wait({speaking})


async def _send(source: Source, client: TrackClient, *, paced: bool) -> None:
    """Put the file in: 20 ms every 20 ms, or whenever there is room."""
    pace = _Pace()
    try:
        size = FRAME_SAMPLES if paced else FILE_FRAME_SAMPLES
        async with aclosing(file_frames(source, size)) as frames:
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
