"""Files played as a live meeting, in this process: each file is one participant's track."""

import asyncio
from contextlib import aclosing

from wordloop_ml.cli.file_frames import file_frames
from wordloop_ml.cli.hints import Hints
from wordloop_ml.cli.live_view import LiveView
from wordloop_ml.cli.notices import Notices
from wordloop_ml.cli.sources import Source
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.errors import EngineFailed, WordloopError
from wordloop_ml.executor import Executor
from wordloop_ml.meetings.actor import AudioEnded, MeetingActor
from wordloop_ml.meetings.roster import Roster, meeting_key
from wordloop_ml.meetings.session import Closed, TrackOptions, TrackSession
from wordloop_ml.messages import SAMPLE_RATE, Caption, SpanLost
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.tokens import DEFAULT_TENANT

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
