"""The drill overload: three times the meetings that fit ask to come in.

One process on scripted engines whose jobs take as long as tiny.en's, and use no core meanwhile.
"""

import asyncio
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.meters import MEBIBYTE, Meters
from scripts.benchmark.report import percentile
from scripts.drills.fleet import SCRIPTED
from scripts.drills.meeting import ClientLog, Meeting, client_log, judge_all
from scripts.drills.report import DrillReport
from scripts.drills.service_process import COSTLY_COMMAND, scripted_service
from scripts.drills.talk import NumberedTalk, word_ranges
from wordloop_ml.client.connection import Connection, NotConnectedError
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.replay.breaks import Refused

TIMES_OFFERED = 3
APART_S = 1.0
"""Between two meetings that begin at first, so that the load of one shows before the next."""

ASK_EVERY_S = 0.5
"""Sooner than the service asks for."""

ANSWERED_WITHIN_S = 0.1
SLOWER_BY = 1.2
COMMITTED_WITHIN_S = 60.0
GROWTH_MB = 40.0
"""What allocators keep of a flood; without a bound it would be hundreds."""

CAPTION_WITHIN_S = 1.5
"""An utterance that began later has no caption yet."""

_RANGES = word_ranges(40)


async def run_overload(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Run all parts on a process of its own, which must end with status 0."""
    settings = SCRIPTED | {"WORDLOOP_WORKERS": str(options.workers)}
    async with (
        scripted_service(folder, settings, command=COSTLY_COMMAND) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):
        with client_log() as log:
            drill = Overload(server.url, Meters(server.child.pid), http, log, report)
            await drill.run(options.seconds)
        report.judge(judge_all(drill.meetings), "words")
        report.must_be("promises broken", log.promises)
        report.must_be("exit status", await server.stop())
        report.failures += server.bugs()


@dataclass(slots=True)
class Overload:
    """One run; its parts follow each other on one process.

    url: of the service. log: of the clients. meetings: all that began. refusals: seconds until
    each was told, and it.
    """

    url: str
    meters: Meters
    http: aiohttp.ClientSession
    log: ClientLog
    report: DrillReport
    meetings: list[Meeting] = field(default_factory=list)
    refusals: list[tuple[float, Refused]] = field(default_factory=list)

    async def run(self, seconds: float) -> None:
        """Fill the service, flood it, and let all leave.

        seconds: how long those that are in are measured before and while the others ask.
        """
        report, meters = self.report, self.meters
        first = await self._fill()
        await asyncio.sleep(seconds / 3)
        filled_bytes = meters.rss_bytes()
        calm_s = await _p95_over(seconds, first)
        flooded_s, _ = await asyncio.gather(
            _p95_over(seconds, first), self._flood((TIMES_OFFERED - 1) * len(first), seconds)
        )
        flooded_bytes = meters.rss_bytes()
        report.facts |= {"admitted": len(first), "offered": TIMES_OFFERED * len(first)}
        report.facts |= {"admitted later": len(self.meetings) - len(first), "calm p95, s": calm_s}
        self._judge_refusals()
        report.at_most("first caption while others ask, p95", flooded_s, SLOWER_BY * calm_s)
        ended = await asyncio.gather(*(one.end(COMMITTED_WITHIN_S) for one in self.meetings))
        report.must_be("meetings not committed in time", ended.count(False))
        grown = max(flooded_bytes, meters.rss_bytes()) - filled_bytes
        report.facts["resident, MiB"] = round(filled_bytes / MEBIBYTE)
        report.at_most("memory grown", grown / MEBIBYTE, GROWTH_MB, "MiB")

    def _begin(self) -> None:
        """Let a meeting of equal utterances begin, so that all cost the same."""
        index = len(self.meetings)
        words = _RANGES[index % len(_RANGES)]
        talk = NumberedTalk(Random(index), words, count=(8, 8), pause_s=(0.8, 0.8), long_share=0.0)
        self.meetings.append(Meeting(self.http, self.url, f"m{index}", talk))
        self.meetings[-1].begin()

    async def _fill(self) -> list[Meeting]:
        """Let one meeting after the other begin until one is refused; return those that are in."""
        while not self.log.broke:
            self._begin()
            await asyncio.sleep(APART_S)
        for meeting in self.meetings:
            if meeting.name in self.log.broke:
                meeting.talk.end()
        return [one for one in self.meetings if one.name not in self.log.broke]

    async def _flood(self, askers: int, seconds: float) -> None:
        """Let so many more ask; who is refused asks again, and sooner than told."""
        until_s = time.monotonic() + seconds

        async def insist(index: int) -> None:
            await asyncio.sleep(ASK_EVERY_S * index / askers)  # a herd would measure this process
            while time.monotonic() < until_s:
                if await self._may_come(f"x{index}"):
                    self._begin()
                    return
                await asyncio.sleep(ASK_EVERY_S)

        await asyncio.gather(*(insist(index) for index in range(askers)))

    async def _may_come(self, name: str) -> bool:
        """Ask for a connection, and close it; return whether there was one."""
        asked_s = time.monotonic()
        try:
            connection = await Connection.open(self.http, f"{self.url}/v1/meetings/{name}/audio")
        except NotConnectedError as error:
            if not isinstance(error.why, Refused):
                raise BenchmarkFailed("the service cannot be reached") from error
            self.refusals.append((time.monotonic() - asked_s, error.why))
            return False
        await connection.close()
        return True

    def _judge_refusals(self) -> None:
        delays = (one for one, _ in self.refusals)
        self.report.measure("refusal told", delays, 99, ANSWERED_WITHIN_S)
        bare = sum(why.status != 503 or not why.retry_after_s for _, why in self.refusals)
        self.report.must_be("refusals other than 503 with Retry-After", bare)


async def _p95_over(seconds: float, meetings: Sequence[Meeting]) -> float:
    """Wait; return the p95 of the seconds to the first caption of what was said meanwhile."""
    from_s = time.monotonic()
    await asyncio.sleep(seconds)
    until_s = time.monotonic() - CAPTION_WITHIN_S
    begun = ((one, one.began_s + at / SAMPLE_RATE) for one in meetings for at in one.talk.begun)
    late = [one.after_s(at_s) for one, at_s in begun if from_s <= at_s < until_s]
    return percentile([delay for delay in late if delay is not None] or [0.0], 95)
