"""A meeting with one participant, who talks through the reference client, and what it was shown."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

import aiohttp
import structlog

from scripts.drills.checker import Shown, Verdict, after_fault_s, check_utterances, check_words
from scripts.drills.talk import NumberedTalk, RecordedTalk
from wordloop_ml.client.track import TrackClient
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.replay.session import Record, Standing
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import StartMessage
from wordloop_ml.wire.server_messages import CaptionMessage, NoticeMessage

FRAME_SAMPLES = SAMPLE_RATE // 10
"""Larger than a browser's: all clients share one process, and the drill is not about them."""


class Meeting:
    """One track of one meeting, from its first sample until all of it is committed.

    The listener of its client; its store is this process's memory.

    url: of the service or what stands before it. name: of the meeting, and of its track.
    began_s: when sample 0 was spoken, on ``time.monotonic``.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        name: str,
        talk: NumberedTalk | RecordedTalk,
        *,
        token: str | None = None,
    ) -> None:
        self.name = name
        self.talk = talk
        self.began_s = 0.0
        self.finals: list[CaptionMessage] = []
        self.notices: list[NoticeMessage] = []
        self.shown: list[Shown] = []
        self.task: asyncio.Task[Standing] | None = None
        self._client = TrackClient(
            http,
            f"{url}/v1/meetings/{name}/audio",
            StartMessage(1, name, Encoding.PCM_S16LE, SAMPLE_RATE, 1, origin_ms=0),
            self,
            token=lambda: token,
        )

    def begin(self) -> None:
        """Start to speak."""
        self.task = asyncio.create_task(self._run(), name=f"meeting-{self.name}")

    async def end(self, within_s: float) -> bool:
        """Finish the utterance; return whether all of the track is committed in time."""
        self.talk.end()
        if self.task is None:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self.task
                return True
        return False

    def verdict(self) -> Verdict:
        """Judge everything that was said."""
        if isinstance(self.talk, RecordedTalk):
            return check_utterances(self.talk.said, self.finals, self.notices)
        return check_words(self.talk.said, self.finals, self.notices)

    def after_s(self, fault_s: float) -> float | None:
        """Measure how long captions took to cover audio later than a fault; see the checker."""
        return after_fault_s(fault_s, self.began_s, self.talk.said, self.shown)

    # -- the listener --------------------------------------------------------------------------

    async def store(self, record: Record, standing: Standing) -> None:
        """Keep a record; a caption that is stored is shown as well."""
        del standing
        if isinstance(record, CaptionMessage):
            self.finals.append(record)
            self.show(record)
        else:
            self.notices.append(record)

    def show(self, caption: CaptionMessage) -> None:
        """Note when it came."""
        if caption.words:
            self.shown.append(Shown(time.monotonic(), caption.words[-1].end))

    def forget(self) -> None:
        """Ignore a break: the client's log has it."""

    # -- inside --------------------------------------------------------------------------------

    async def _run(self) -> Standing:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._speak())
            return await self._client.run()

    async def _speak(self) -> None:
        """Send each frame when its last sample has been spoken, by the clock of the first."""
        self.began_s, spoken = time.monotonic(), 0
        for audio in self.talk.utterances():
            for start in range(0, len(audio), FRAME_SAMPLES):
                frame = audio[start : start + FRAME_SAMPLES]
                spoken += len(frame)
                due_s = self.began_s + spoken / SAMPLE_RATE
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                self._client.put(frame.tobytes(), len(frame))
        self._client.end()


def judge_all(meetings: Iterable[Meeting]) -> Verdict:
    """Judge everything that was said in these meetings."""
    return sum((one.verdict() for one in meetings), Verdict())


@dataclass(frozen=True, slots=True)
class Broke:
    """A connection ended before its track did: when, and how the client describes it."""

    at_s: float
    why: str


@dataclass(slots=True)
class ClientLog:
    """What the clients of this process have logged: breaks by track, and broken promises."""

    broke: defaultdict[str, list[Broke]] = field(default_factory=lambda: defaultdict(list))
    promises: int = 0

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> NoReturn:
        """Note an event as a processor of structlog; nothing is printed."""
        match event:
            case {"event": "connection_broke", "track": track, "why": why}:
                self.broke[track].append(Broke(time.monotonic(), why))
            case {"event": "promise_broken"}:
                self.promises += 1
        raise structlog.DropEvent

    def why(self) -> dict[str, int]:
        """Count how often connections broke, by reason."""
        return dict(Counter(one.why for breaks in self.broke.values() for one in breaks))


@contextmanager
def client_log() -> Iterator[ClientLog]:
    """Collect what the clients of this process log, at any level."""
    before = structlog.get_config()
    log = ClientLog()
    structlog.configure(
        processors=[log], wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG)
    )
    try:
        yield log
    finally:
        structlog.configure(**before)
