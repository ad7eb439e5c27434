"""Plays files as a live meeting in this process and shows its captions in a terminal.

Each file is one participant's track. Final captions scroll up, interims stay below.
"""

import asyncio
from contextlib import AbstractContextManager, aclosing
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from wordloop_ml.cli.options import Hints, Notices
from wordloop_ml.cli.sources import Source, file_frames
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.errors import EngineFailed, WordloopError
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import AudioEnded, MeetingActor
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import Closed, TrackOptions, TrackSession
from wordloop_ml.messages import SAMPLE_RATE, Caption, SpanLost
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.tokens import DEFAULT_TENANT

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
    tasks = []
    for track, source in sources.items():
        options = TrackOptions(
            track=track, language=hints.language, task=hints.task, vocabulary=hints.vocabulary
        )
        actor, session = roster.join(MEETING, options)
        tasks.append(asyncio.create_task(_speak(source, actor, session), name=f"speak-{track}"))
        tasks.append(
            asyncio.create_task(_listen(session, view, notices, finals), name=f"listen-{track}")
        )
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await roster.drain(0.0)
    # two tasks a track
    for task, outcome in enumerate(outcomes):
        if isinstance(outcome, WordloopError):
            notices.fail(list(sources)[task // 2], outcome)
        elif isinstance(outcome, BaseException):
            raise outcome
    for track in sources:
        notices.end(track)
    return finals


async def _speak(source: Source, actor: MeetingActor, session: TrackSession) -> None:
    """Post 20 ms of audio every 20 ms, however long anything else takes."""
    loop = asyncio.get_running_loop()
    began_s, sent = loop.time(), 0
    try:
        async with aclosing(file_frames(source, FRAME_SAMPLES)) as frames:
            async for frame in frames:
                await asyncio.sleep(began_s + sent / SAMPLE_RATE - loop.time())
                await actor.post_audio(session, frame)
                sent += len(frame)
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
