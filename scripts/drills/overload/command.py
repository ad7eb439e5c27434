"""``scripts/drill overload``: three times what fits, a reader that does not read, and vanishing peers.

One process on scripted engines whose jobs take as long as tiny.en's, and use no core meanwhile.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import aiohttp
import psutil

from scripts.drills.overload.speaker import START, Refusal, Speaker
from scripts.drills.service_process import DrillFailed, ServiceProcess, launch, write_weights

COMMAND = (sys.executable, "-m", "scripts.drills.costly_service")
JSON = Path("out/drill_overload.json")

TIMES_OFFERED = 3
ASK_EVERY_S = 0.5
ANSWERED_WITHIN_S = 0.1
SLOWER_BY = 1.2
SLOWER_BESIDE_A_SLOW_READER = 1.1
ENDED_WITHIN_S = 10.0
FRAME_BYTES = 1_280
GROWTH_MB = 40.0
"""What allocators keep of a flood; without a bound it would be hundreds."""

BUGS = (
    "request_failed",
    "connection_failed",
    "delivery_failed",
    "track_failed",
    "meeting_failed",
    "library_log",
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything; seconds.

    workers: inference threads. apart_s: between two meetings that ask to come in at first.
    calm_s: how long those that are in are measured before, flood_s: and while the others ask.
    slow_s: how long meetings are measured beside a slow reader. vanishing: peers.
    """

    workers: int = 6
    apart_s: float = 1.5
    settle_s: float = 15.0
    calm_s: float = 45.0
    flood_s: float = 45.0
    slow_s: float = 30.0
    vanishing: int = 1_000


SHORT = Scale(2, apart_s=0.7, settle_s=4.0, calm_s=6.0, flood_s=6.0, slow_s=12.0, vanishing=100)


@dataclass(slots=True)
class Report:
    """What came of it; latencies are seconds to the first caption of a turn."""

    admitted: int = 0
    offered: int = 0
    let_in_later: int = 0
    refusals: int = 0
    refused_p50_s: float = 0.0
    refused_p99_s: float = 0.0
    refused_most_s: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    calm_p95_s: float = 0.0
    flood_p95_s: float = 0.0
    beside_p95_s: float = 0.0
    turns: int = 0
    slow_reader_s: float = 0.0
    words_said: int = 0
    words_missing: int = 0
    degraded: int = 0
    resident_mb: tuple[float, float, float] = (0.0, 0.0, 0.0)
    files: tuple[int, int] = (0, 0)
    threads: tuple[int, int] = (0, 0)
    failures: list[str] = field(default_factory=list)


def p(share: float, values: Sequence[float]) -> float:
    """A percentile by nearest rank; 0.0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Drill:
    """One run; its parts follow each other on one process."""

    def __init__(self, service: ServiceProcess, http: aiohttp.ClientSession, scale: Scale) -> None:
        self._http = http
        self._scale = scale
        self._url = f"http://127.0.0.1:{service.port}"
        self._service = service
        self._process = psutil.Process(service.child.pid)
        self._speakers: list[Speaker] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._refusals: list[Refusal] = []
        self._first = 0  # so many speakers were there before the flood
        self.report = Report()

    async def run(self) -> Report:
        """All parts."""
        report = self.report
        async with self._http.get(f"{self._url}/livez"):
            files, threads = self._process.num_fds(), self._process.num_threads()
        await self._fill()
        await asyncio.sleep(self._scale.settle_s)
        before_mb = self._resident_mb()
        report.calm_p95_s = await self._measured(self._scale.calm_s)
        report.flood_p95_s = await self._flooded()
        flooded_mb = self._resident_mb()
        await self._leave(len(self._speakers) // 2)
        report.beside_p95_s = await self._beside_a_slow_reader()
        await self._leave(0)
        await self._vanish(files)
        report.resident_mb = (before_mb, flooded_mb, self._resident_mb())
        report.files = (files, self._process.num_fds())
        report.threads = (threads, self._process.num_threads())
        self._sum_up()
        return report

    async def _fill(self) -> None:
        """Let meetings in, one after the other, until one is refused."""
        while await self._let_in(f"m{len(self._speakers)}"):  # noqa: ASYNC110 - as people come
            await asyncio.sleep(self._scale.apart_s)
        self.report.admitted = self._first = len(self._speakers)

    async def _let_in(self, name: str) -> bool:
        speaker = Speaker(self._http, self._url, name)
        socket = await speaker.connect()
        if isinstance(socket, Refusal):
            self._refusals.append(socket)
            return False
        self._speakers.append(speaker)
        self._tasks.append(asyncio.create_task(speaker.speak(socket), name=f"speak-{name}"))
        return True

    async def _measured(self, seconds: float) -> float:
        """The 95th percentile of those who were admitted first, over the next seconds."""
        from_s = time.monotonic()
        await asyncio.sleep(seconds)
        return self._p95(from_s)

    def _p95(self, from_s: float) -> float:
        first = self._speakers[: self._first]
        # a turn that has just begun has no caption yet
        late = [one for each in first for one in each.latencies(from_s, time.monotonic() - 1.5)]
        self.report.turns += len(late)
        return p(0.95, late)

    async def _flooded(self) -> float:
        """Twice as many again ask all the time; who is refused asks again, and sooner than told."""
        more = (TIMES_OFFERED - 1) * self.report.admitted
        self.report.offered = self.report.admitted + more
        from_s = time.monotonic()

        async def insist(index: int) -> None:
            name = f"x{index}"
            await asyncio.sleep(ASK_EVERY_S * index / more)  # not all at one moment: that is us
            while time.monotonic() - from_s < self._scale.flood_s:
                if await self._let_in(name):
                    self.report.let_in_later += 1
                    return
                await asyncio.sleep(ASK_EVERY_S)

        await asyncio.gather(*(insist(index) for index in range(more)))
        await asyncio.sleep(max(0.0, from_s + self._scale.flood_s - time.monotonic()))
        return self._p95(from_s)

    async def _leave(self, stay: int) -> None:
        """All but so many end; every word must have come back."""
        for speaker in self._speakers[stay:]:
            speaker.end()
        await asyncio.gather(*self._tasks[stay:])
        for speaker in self._speakers[stay:]:
            self.report.words_said += len(speaker.said)
            self.report.words_missing += sum(
                (Counter(speaker.said) - Counter(speaker.heard)).values()
            )
            self.report.degraded += "degraded" in speaker.notices
            if speaker.close_code != aiohttp.WSCloseCode.OK:
                self.report.failures.append(f"{speaker.name} closed with {speaker.close_code}")
        del self._speakers[stay:], self._tasks[stay:]
        self._first = min(self._first, stay)

    async def _beside_a_slow_reader(self) -> float:
        """Someone speaks and does not read what comes back."""
        calm = await self._measured(self._scale.slow_s)
        from_s = time.monotonic()
        speaker = Speaker(self._http, self._url, "slow")
        try:
            async with self._http.ws_connect(
                f"{self._url}/v1/meetings/slow/audio?resume=1", autoping=False, compress=0
            ) as socket:
                start = {**START, "track": "slow", "resume_from": 16_000, "epoch": 2}
                await socket.send_str(json.dumps(start))
                await self._ended(socket, speaker)
        except aiohttp.WSServerHandshakeError as error:
            self.report.failures.append(f"the slow reader was refused with {error.status}")
        self.report.slow_reader_s = time.monotonic() - from_s
        await asyncio.sleep(max(0.0, from_s + self._scale.slow_s - time.monotonic()))
        beside = self._p95(from_s)
        if beside > SLOWER_BESIDE_A_SLOW_READER * calm:
            self.report.failures.append(
                f"beside a slow reader p95 is {beside:.3f} s, not {calm:.3f} s"
            )
        return beside

    async def _ended(self, socket: aiohttp.ClientWebSocketResponse, speaker: Speaker) -> None:
        """Speak without reading until the service has ended the connection."""
        give_up_s = time.monotonic() + 3 * ENDED_WITHIN_S
        turn = 0
        while time.monotonic() < give_up_s:
            for frame in speaker.frames(turn):
                if any(
                    one["event"] == "track_ended" and one["meeting"].endswith("/slow")
                    for one in self._service.events()[-50:]
                ):
                    return
                with suppress(ConnectionError, aiohttp.ClientError):
                    await socket.send_bytes(frame)
                await asyncio.sleep(0.04)
            turn += 1

    async def _vanish(self, files: int) -> None:
        """Connections that go without a word, in every state; then wait for their files to go."""
        for index in range(self._scale.vanishing):
            with suppress(aiohttp.WSServerHandshakeError):
                socket = await self._http.ws_connect(
                    f"{self._url}/v1/meetings/v{index % 16}/audio", compress=0
                )
                if index % 3:
                    await socket.send_str(json.dumps({**START, "track": "v", "epoch": index}))
                if index % 3 == 2:
                    await socket.send_bytes(bytes(2 * FRAME_BYTES))
                connection = socket._response.connection
                if connection is not None and connection.transport is not None:
                    connection.transport.abort()
                await socket.close()
        give_up_s = time.monotonic() + 20.0
        while self._process.num_fds() > files + 4 and time.monotonic() < give_up_s:  # noqa: ASYNC110
            await asyncio.sleep(0.2)

    def _resident_mb(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def _sum_up(self) -> None:
        report, seconds = self.report, [one.seconds for one in self._refusals]
        report.refusals, report.refused_p50_s = len(seconds), p(0.5, seconds)
        report.refused_p99_s, report.refused_most_s = p(0.99, seconds), max(seconds, default=0.0)
        report.statuses = dict(Counter(one.status for one in self._refusals))
        report.failures += [
            text
            for text, broken in (
                ("nobody was refused", not report.refusals),
                ("a refusal was no 503", set(report.statuses) != {503}),
                (
                    "a refusal came without Retry-After",
                    any(one.retry_after_s <= 0 for one in self._refusals),
                ),
                ("the excess was not answered in time", report.refused_p99_s > ANSWERED_WITHIN_S),
                (
                    "those who are in wait longer for captions",
                    report.flood_p95_s > SLOWER_BY * report.calm_p95_s,
                ),
                ("words are missing", report.words_missing > 0),
                ("the slow reader was not ended in time", report.slow_reader_s > ENDED_WITHIN_S),
                (
                    "memory grew",
                    max(report.resident_mb) - report.resident_mb[0] > GROWTH_MB,
                ),
                ("files are left", report.files[1] > report.files[0] + 4),
                ("threads are left", report.threads[1] > report.threads[0]),
                (
                    "a bug is in the log",
                    any(one["event"] in BUGS for one in self._service.events()),
                ),
            )
            if broken
        ]


async def run_overload(folder: Path, scale: Scale) -> Report:
    """The drill on a process of its own, which must end with 0. Raises ``DrillFailed``."""
    write_weights(folder)
    service = await launch(
        folder / "service.log",
        {
            "WORDLOOP_WEIGHTS": str(folder),
            "WORDLOOP_WORKERS": str(scale.workers),
            "WORDLOOP_DRAIN_LISTEN_S": "0",
        },
        command=COMMAND,
    )
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            report = await Drill(service, http, scale).run()
        if (status := await service.stop()) != 0:
            report.failures.append(f"SIGTERM: exit status {status}")
        return report
    finally:
        if service.child.returncode is None:
            service.child.kill()
            await service.child.wait()


def table(report: Report) -> str:
    """For people."""
    rows = {
        "meetings admitted, of so many that asked": f"{report.admitted} of {report.offered}",
        "admitted later, as load allowed": report.let_in_later,
        "refusals; p50, p99, most": f"{report.refusals}; {1000 * report.refused_p50_s:.0f} ms, "
        f"{1000 * report.refused_p99_s:.0f} ms, "
        f"{1000 * report.refused_most_s:.0f} ms",
        "first caption p95: before, flooded": f"{1000 * report.calm_p95_s:.0f} ms, "
        f"{1000 * report.flood_p95_s:.0f} ms",
        "beside a slow reader": f"{1000 * report.beside_p95_s:.0f} ms",
        "slow reader ended after": f"{report.slow_reader_s:.1f} s",
        "words said, missing": f"{report.words_said}, {report.words_missing}",
        "connections that were told of stretched interims": report.degraded,
        "resident MB: before, flooded, after": ", ".join(f"{mb:.0f}" for mb in report.resident_mb),
        "files; threads: before, after": f"{report.files}; {report.threads}",
        "failures": len(report.failures),
    }
    lines = [f"{name:<50} {value}" for name, value in rows.items()]
    return "\n".join(lines + [f"  {one}" for one in report.failures])


def main(arguments: Sequence[str]) -> int:
    """Run it and say what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/drill overload", description=__doc__)
    parser.add_argument("--short", action="store_true", help="seconds, not minutes")
    parser.add_argument("--workers", type=int, help="inference threads of the service")
    parser.add_argument("--json", type=Path, default=JSON, metavar="F", help=f"({JSON})")
    options = parser.parse_args(arguments)
    scale = SHORT if options.short else Scale()
    if options.workers:
        scale = replace(scale, workers=options.workers)
    with tempfile.TemporaryDirectory() as folder:
        try:
            report = asyncio.run(run_overload(Path(folder), scale))
        except DrillFailed as error:
            print(error, file=sys.stderr)
            return 1
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
    print(table(report))
    return 1 if report.failures else 0
