"""The drill hostile: bytes that are wrong at random, on one process, beside a meeting that must lose no word.

What a message may say, what RFC 6455 rules out, sizes beyond limits and floods are left to the tests
of ``wire`` and ``web``.
"""

import asyncio
import json
import struct
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from aiohttp import WSMsgType

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.meters import MEBIBYTE, Meters
from scripts.benchmark.server_process import NO_ADMISSION, Server
from scripts.drills.fleet import SCRIPTED
from scripts.drills.meeting import Meeting, client_log
from scripts.drills.report import DrillReport
from scripts.drills.service_process import scripted_service
from scripts.drills.talk import HIGHEST_WORD, NumberedTalk
from wordloop_ml.errors import ErrorCode
from wordloop_ml.wire.close_codes import OUTCOMES, CloseCode

AT_ONCE = 16
DAWDLERS = 5
COMMITTED_WITHIN_S = 60.0
FILES = 2
QUIET_S = 2.0
"""After which nothing more is sent: what was sent can be half of something."""

ENDED_WITHIN_S = 30.0
"""For the end of a connection: far beyond what it takes, on a busy machine too."""

NEVER = (ErrorCode.INTERNAL, ErrorCode.BUSY)
"""Codes that say that something broke, or that an attack was not tried."""

ROOM = {"WORDLOOP_MAX_MEETINGS": "1000", **NO_ADMISSION}
"""What is refused for want of room has not been tried."""

TOKEN = "drill-3kPvQ8zXw5Ls1TfYb6Rm"  # noqa: S105 - good in a drill only


@dataclass(frozen=True, slots=True)
class Attack:
    """What is sent on one connection. upgraded: whether a proper handshake has been answered before.
    vanishes: the peer resets the connection then, and hears nothing."""

    payload: bytes
    upgraded: bool
    vanishes: bool = False


class Ending(StrEnum):
    """How an attack ended: refused by name, taken, or left without an answer; the last two must not
    happen."""

    NAMED = "named"
    TAKEN = "taken"
    LEFT = "left"
    UNNAMED = "unnamed"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Answer:
    """code: the error's, where it has one. status: the HTTP status or the close code."""

    ending: Ending
    code: str = ""
    status: int = 0


async def run_hostile(folder: Path, report: DrillReport, options: Namespace) -> None:
    """Attack a service of its own, some attacks at a time; it must end with status 0.

    Some more connections send half a request, and wait until they are thrown out.
    """
    numbers = range(options.attacks) if options.only is None else [options.only]
    (folder / "tokens").write_text(f"drill: {TOKEN}\n", encoding="utf-8")
    own = {"WORDLOOP_TOKENS_FILE": str(folder / "tokens"), "WORDLOOP_LOG_LEVEL": "info"}
    async with scripted_service(folder, SCRIPTED | ROOM | own) as server:
        meters = Meters(server.child.pid)
        before_bytes, files = meters.rss_bytes(), meters.files()
        async with aiohttp.ClientSession() as http:
            talk = NumberedTalk(Random(1), range(HIGHEST_WORD))
            bystander = Meeting(http, server.url, "bystander", talk, token=TOKEN)
            with client_log() as log:
                bystander.begin()
                attacks = _attack_all(server, report, options.seed, numbers)
                halves = (_send_half_a_request(server.port) for _ in range(DAWDLERS))
                _, *thrown_out = await asyncio.gather(attacks, *halves)
                if not await bystander.end(COMMITTED_WITHIN_S):
                    report.failures.append("the bystander's words were not committed in time")
        report.must_be("half requests waited for without end", thrown_out.count(False))
        resident = (f"{one / MEBIBYTE:.0f}" for one in (before_bytes, meters.rss_bytes()))
        report.facts["resident, MiB"] = " to ".join(resident)
        report.at_most("files left", meters.files() - files, FILES, "")
        report.judge(bystander.verdict(), "bystander's words")
        report.must_be("bystander's connections broken", sum(log.why().values()))
        report.must_be("exit status", await server.stop())
        report.failures += server.bugs()


async def _attack_all(
    server: Server, report: DrillReport, seed: int, numbers: Sequence[int]
) -> None:
    """Make these attacks and count how they end. Raises ``BenchmarkFailed`` if the service dies."""
    waiting = list(reversed(numbers))
    ends: Counter[str] = Counter()
    codes: Counter[str] = Counter()

    async def work() -> None:
        while waiting and server.child.returncode is None:
            number = waiting.pop()
            kind, attack = attack_of(seed, number)
            try:
                answer = await _run_attack(server.port, f"h{number}", attack)
            except (OSError, EOFError, TimeoutError) as error:
                answer = Answer(Ending.UNNAMED, type(error).__name__)
            ends[f"{kind} {answer.ending}"] += 1
            if answer.ending is Ending.NAMED:
                codes[answer.code] += 1
            if answer.ending in {Ending.UNNAMED, Ending.STUCK} or answer.code in NEVER:
                what = f"{answer.ending} {answer.status} {answer.code}"
                report.failures.append(f"attack {number} ({kind}): {what}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    if server.child.returncode is not None:
        raise BenchmarkFailed(f"the service died with {server.child.returncode}; see {server.log}")
    report.facts |= {"attacks": len(numbers), "ends": dict(ends), "named": dict(codes)}


async def _send_half_a_request(port: int) -> bool:
    """Send a head that never ends; return whether the connection was ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(handshake("m")[:-4])
    try:
        await asyncio.wait_for(reader.read(), ENDED_WITHIN_S)
    except TimeoutError:
        return False
    finally:
        writer.close()
    return True


# -- what is sent ----------------------------------------------------------------------------------


def attack_of(seed: int, number: int) -> tuple[str, Attack]:
    """Make attack ``number`` of this seed and name its rule; the rules take turns."""
    rule = RULES[number % len(RULES)]
    return rule.__name__, rule(Random(f"{seed}/{number}"))


def frame(opcode: int, payload: bytes = b"") -> bytes:
    """Make a client's frame of less than 64 KiB, masked with zeros."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0x80 | 126, size)
    return bytes([0x80 | opcode]) + head + bytes(4) + payload


def _text(message: Mapping[str, Any]) -> bytes:
    return frame(WSMsgType.TEXT, json.dumps(message).encode())


def _start(encoding: str = "pcm_s16le", rate: int = 16_000) -> bytes:
    stream = {"track": "a", "encoding": encoding, "sample_rate": rate, "channels": 1}
    return _text({"type": "start", "version": 1, **stream})


STOP = _text({"type": "stop"})


def _request(line: str, *headers: str, body: bytes = b"") -> bytes:
    head = [f"{line} HTTP/1.1", "Host: drill", f"Authorization: Bearer {TOKEN}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def handshake(meeting: str) -> bytes:
    """Make a proper request for an upgrade."""
    key = "Sec-WebSocket-Key: d29yZGxvb3AgZHJpbGwhIQ=="
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key)
    return _request(f"GET /v1/meetings/{meeting}/audio", *upgrade)


def _transcript() -> bytes:
    segment = {"id": "s1", "track": "a", "start": 0, "end": 1_000, "text": "We decided to go."}
    body = json.dumps({"meeting_id": "m", "segments": [segment]}).encode()
    headers = ("Content-Type: application/json", f"Content-Length: {len(body)}")
    return _request("POST /v1/synthesis", *headers, body=body)


def _mutated(rng: Random, content: bytes) -> bytes:
    """Change, lose or double some bytes."""
    mutant = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(mutant))
        mutant[at : at + rng.randint(0, 9)] = rng.randbytes(rng.randint(0, 9))
    return bytes(mutant)


def mutated_request(rng: Random) -> Attack:
    """Bytes that nobody meant; or a handshake and its first messages, or a transcript, with some
    bytes wrong."""
    noise = rng.randbytes(rng.randint(1, 2_000)) + b"\r\n\r\n"
    requests = (handshake("m") + _start() + STOP, _transcript())
    return Attack(rng.choice([noise, *(_mutated(rng, one) for one in requests)]), upgraded=False)


def mutated_frames(rng: Random) -> Attack:
    """Bytes that nobody meant; or proper frames with some bytes wrong, in their heads, too."""
    frames = _start() + frame(WSMsgType.BINARY, bytes(64)) * 4 + _text({"type": "finalize"})
    noise = rng.randbytes(rng.randint(1, 500))
    return Attack(rng.choice([noise, _mutated(rng, frames + STOP)]), upgraded=True)


def random_audio(rng: Random) -> Attack:
    """Noise in any encoding: NaN among the floats, and packets that are no Opus."""
    start = _start(rng.choice(["pcm_s16le", "pcm_f32le", "pcm_mulaw", "opus"]), 48_000)
    packets = (frame(WSMsgType.BINARY, rng.randbytes(rng.randint(0, 250) * 8)) for _ in range(3))
    return Attack(start + b"".join(packets) + STOP, upgraded=True)


def vanishing(rng: Random) -> Attack:
    """Gone in the middle of a request or of a frame."""
    upgraded = rng.choice([False, True])
    frames = _start() + frame(WSMsgType.BINARY, bytes(6_400))
    whole = frames if upgraded else rng.choice([handshake("m") + _start(), _transcript()])
    return Attack(whole[: rng.randint(1, len(whole))], upgraded, vanishes=True)


RULES: tuple[Callable[[Random], Attack], ...] = (
    mutated_request,
    mutated_frames,
    random_audio,
    vanishing,
)


# -- what is answered ------------------------------------------------------------------------------


class _Reader(asyncio.StreamReader):
    """Keeps what came, also when the connection breaks."""

    def set_exception(self, exc: BaseException) -> None:
        del exc
        self.feed_eof()


async def _run_attack(port: int, meeting: str, attack: Attack) -> Answer:
    """Open as the attack says, send it, and judge what the service does."""
    loop, reader = asyncio.get_running_loop(), _Reader()
    async with asyncio.timeout(ENDED_WITHIN_S):
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", port)
        if attack.upgraded:
            transport.write(handshake(meeting))
            await reader.readuntil(b"\r\n\r\n")
    answer = _read_frames if attack.upgraded else read_answer
    reading = asyncio.create_task(answer(reader), name=f"attack-{meeting}")
    try:
        transport.write(attack.payload)
        if attack.vanishes:
            await asyncio.sleep(0)
            return Answer(Ending.LEFT)
        if not (await asyncio.wait({reading}, timeout=QUIET_S))[0]:
            with suppress(OSError):
                transport.write_eof()
        async with asyncio.timeout(ENDED_WITHIN_S):
            return await reading
    except EOFError:
        return Answer(Ending.LEFT)
    except TimeoutError:
        return Answer(Ending.STUCK)
    finally:
        transport.abort()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Wait for the end of the conversation. Raises ``EOFError`` where the connection ends without."""
    status = 100
    while status == 100:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
    if status == 101:
        return await _read_frames(reader)
    headers = dict(line.lower().split(b": ", 1) for line in head.rstrip().split(b"\r\n")[1:])
    body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
    if status < 400:
        return Answer(Ending.TAKEN, status=status)
    if headers.get(b"content-type", b"").startswith(b"application/problem+json"):
        code = json.loads(body)["code"]
        if code in set(ErrorCode):
            return Answer(Ending.NAMED, code, status)
    return Answer(Ending.UNNAMED, "", status)


async def _read_frames(reader: asyncio.StreamReader) -> Answer:
    """Find the close frame; its code has to fit the error that its reason names."""
    opcode, payload = 0, b""
    while opcode != WSMsgType.CLOSE:
        first, size = await reader.readexactly(2)
        opcode = first & 0x0F
        if size > 125:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        payload = await reader.readexactly(size)
    if len(payload) < 2:
        return Answer(Ending.TAKEN)
    status = int.from_bytes(payload[:2], "big")
    name = payload[2:].decode().partition(":")[0]
    if status == CloseCode.NORMAL:
        return Answer(Ending.TAKEN, name, status)
    known = {code.value: outcome for code, outcome in OUTCOMES.items()}
    named = name in known and known[name].close == status
    return Answer(Ending.NAMED if named else Ending.UNNAMED, name, status)
