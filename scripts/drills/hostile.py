"""The drill hostile: bytes that are wrong at random, on one process, beside a meeting that must lose no word.

What a message may say, what RFC 6455 rules out, sizes beyond limits and floods are left to the tests
of ``wire`` and ``web``.
"""

import asyncio
import json
import re
import struct
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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

WRONG = "wrong"
CLOSE_FRAME = bytes([0x80 | WSMsgType.CLOSE])
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
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

    async def work() -> None:
        while waiting and server.child.returncode is None:
            number = waiting.pop()
            kind, attack = attack_of(seed, number)
            try:
                ending = judge(await _run_attack(server.port, f"h{number}", attack))
            except (OSError, EOFError, TimeoutError) as error:
                ending = f"{WRONG}: {type(error).__name__}"
            ends[f"{kind}: {ending}"] += 1
            if WRONG in ending:
                report.failures.append(f"attack {number} ({kind}): {ending}")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    if server.child.returncode is not None:
        raise BenchmarkFailed(f"the service died with {server.child.returncode}; see {server.log}")
    report.facts |= {"attacks": len(numbers), "ends": dict(ends)}


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


async def _run_attack(port: int, meeting: str, attack: Attack) -> bytes:
    """Open as the attack says, send it, and return all that came behind the handshake's answer.

    Raises ``TimeoutError`` where the connection does not end, ``OSError`` and ``EOFError`` where it
    could not be opened.
    """
    loop, reader = asyncio.get_running_loop(), _Reader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.create_connection(lambda: protocol, "127.0.0.1", port)
    try:
        async with asyncio.timeout(ENDED_WITHIN_S):
            if attack.upgraded:
                transport.write(handshake(meeting))
                await reader.readuntil(b"\r\n\r\n")
            transport.write(attack.payload)
            if attack.vanishes:
                await asyncio.sleep(0)
                return b""
            # half of something, perhaps: nothing more follows, and then it has to end
            ending = loop.call_later(QUIET_S, _end, transport)
            answer = await reader.read()
            ending.cancel()
            return answer
    finally:
        transport.abort()


def _end(transport: asyncio.Transport) -> None:
    with suppress(OSError):
        transport.write_eof()


def judge(answer: bytes) -> str:
    """Say how a conversation ended: left without an answer, taken, refused by which code, or wrong.

    A code without its status, and a status without a code, are wrong; so is one of ``NEVER``. Pure.
    """
    at = answer.rfind(CLOSE_FRAME)
    if at >= 0 and answer[at + 1] == len(answer) - at - 2:
        status = int.from_bytes(answer[at + 2 : at + 4], "big")
        code = answer[at + 4 :].decode().partition(":")[0]
        if status == CloseCode.NORMAL:
            return "taken"
        right = any(one == code and outcome.close == status for one, outcome in OUTCOMES.items())
    else:
        responses = [*_STATUS_LINE.finditer(answer)]
        if not responses or responses[-1][1][:1] not in {b"4", b"5"}:
            return "taken" if answer else "left"
        status = int(responses[-1][1])
        head, _, body = answer[responses[-1].start() :].partition(b"\r\n\r\n")
        code = json.loads(body)["code"] if b"application/problem+json" in head else ""
        right = code in set(ErrorCode)
    return f"refused, {code}" if right and code not in NEVER else f"{WRONG}, {status} {code}"
