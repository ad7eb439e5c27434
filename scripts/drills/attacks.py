"""A grammar of hostile connections: what each rule sends, and what it must be answered with; pure.

What a message may say, and each frame that RFC 6455 rules out, is left to the tests of ``wire`` and
``web``; here, bytes are wrong at random, sizes are beyond limits, and peers vanish.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random
from typing import Any

from aiohttp import WSMsgType

TOKEN = "drill-3kPvQ8zXw5Ls1TfYb6Rm"  # noqa: S105 - good in a drill only
TENANT = "drill"
START = {
    "type": "start",
    "version": 1,
    "track": "a",
    "encoding": "pcm_s16le",
    "sample_rate": 16_000,
    "channels": 1,
}


class Opening(StrEnum):
    """How far a connection goes properly before the attack."""

    CONNECTED = "connected"
    UPGRADED = "upgraded"
    STARTED = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What is sent on one connection.

    payload: what is hostile. must_refuse: whether a named refusal is owed; otherwise it may also
    be taken, or left alone. ending: what ends the connection properly if the payload was taken;
    then an end is owed. vanish: the peer resets the connection after the payload, and hears
    nothing. start: the fields of ``start``, where the opening sends one. kind: its rule.
    """

    payload: bytes
    opening: Opening = Opening.CONNECTED
    must_refuse: bool = False
    ending: bytes = b""
    vanish: bool = False
    start: Mapping[str, Any] | None = None
    kind: str = ""


def attack_of(seed: int, number: int) -> Attack:
    """Make attack ``number`` of this seed, the same each time; the rules take turns."""
    rule = RULES[number % len(RULES)]
    return replace(rule(Random(f"{seed}/{number}")), kind=rule.__name__)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, length: int | None = None
) -> bytes:
    """Make a client's frame, masked with zeros; ``length`` is what it claims to have."""
    size = len(payload) if length is None else length
    first = (fin << 7) | opcode
    if size < 126:
        head = struct.pack(">BB", first, 0x80 | size)
    elif size < 65_536:
        head = struct.pack(">BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


def text(message: str | Mapping[str, Any]) -> bytes:
    """Make a text frame; a mapping is sent as JSON."""
    content = message if isinstance(message, str) else json.dumps(message)
    return frame(WSMsgType.TEXT, content.encode())


STOP = text({"type": "stop"})


def handshake(meeting: str) -> bytes:
    """Make a proper request for an upgrade."""
    lines = [
        f"GET /v1/meetings/{meeting}/audio HTTP/1.1",
        "Host: drill",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: d29yZGxvb3AgZHJpbGwhIQ==",
        f"Authorization: Bearer {TOKEN}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


HALF_REQUEST = Attack(payload=handshake("m")[:-4], ending=b"\r\n")
"""A head that never ends: the connection has to."""


def _request(path: str, *headers: bytes, method: str = "GET", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: drill\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
    return head + b"".join(one + b"\r\n" for one in headers) + b"\r\n" + body


def _transcript() -> bytes:
    segment = {"id": "s1", "track": "a", "start": 0, "end": 1_000, "text": "We decided to go."}
    body = json.dumps({"meeting_id": "m", "segments": [segment]}).encode()
    headers = (b"Content-Type: application/json", b"Content-Length: %d" % len(body))
    return _request("/v1/synthesis", *headers, method="POST", body=body)


def _mutated(rng: Random, content: bytes) -> bytes:
    """Change, lose or double some bytes."""
    mutant = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(mutant))
        mutant[at : at + rng.randint(0, 9)] = rng.randbytes(rng.randint(0, 9))
    return bytes(mutant)


def _upgraded(rng: Random) -> Opening:
    return rng.choice([Opening.UPGRADED, Opening.STARTED])


# -- before the upgrade ----------------------------------------------------------------------------


def random_request(rng: Random) -> Attack:
    """Bytes that nobody meant, or another protocol."""
    tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
    noise = rng.randbytes(rng.randint(1, 2_000)) + b"\r\n\r\n"
    return Attack(payload=rng.choice([noise, tls, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]))


def mutated_request(rng: Random) -> Attack:
    """A handshake and its first messages, or a transcript, with some bytes wrong."""
    conversation = handshake("m") + text(START) + STOP
    return Attack(payload=_mutated(rng, rng.choice([conversation, _transcript()])))


def large_request(rng: Random) -> Attack:
    """A line, a header, the headers or a body beyond the limit."""
    size = rng.randint(9_000, 60_000)
    body = bytes(rng.randint(70_000, 200_000))
    length = b"Content-Length: %d" % len(body)
    requests = (
        _request("/" + "a" * size),
        _request("/readyz", b"X: " + b"y" * size),
        _request("/readyz", *(b"X-%d: y" % number for number in range(rng.randint(80, 400)))),
        _request("/v1/meetings/m/audio", length, method="POST", body=body),
    )
    return Attack(payload=rng.choice(requests), must_refuse=True)


def vanish(rng: Random) -> Attack:
    """Gone in the middle of a request."""
    request = rng.choice([handshake("m") + text(START), _transcript()])
    return Attack(payload=request[: rng.randint(1, len(request))], vanish=True)


# -- frames ----------------------------------------------------------------------------------------


def random_frames(rng: Random) -> Attack:
    """Bytes that nobody meant, where frames should be."""
    return Attack(opening=_upgraded(rng), payload=rng.randbytes(rng.randint(1, 500)))


def mutated_frames(rng: Random) -> Attack:
    """Proper frames with some bytes wrong, in their heads, too."""
    frames = text(START) + frame(WSMsgType.BINARY, bytes(64)) * 4 + text({"type": "finalize"})
    return Attack(opening=Opening.UPGRADED, payload=_mutated(rng, frames + STOP))


def large_message(rng: Random) -> Attack:
    """A message beyond the limit: whole, only claimed, or in fragments."""
    opcode = rng.choice([WSMsgType.TEXT, WSMsgType.BINARY])
    claimed = rng.choice([65_538, 2**20, 2**32, 2**63 - 1, 2**63, 2**64 - 1])
    part = bytes(30_000)
    messages = (
        frame(opcode, bytes(rng.randint(65_537, 150_000))),
        frame(opcode, b"x", length=claimed),
        frame(opcode, part, fin=False) + frame(0, part, fin=False) + frame(0, part),
    )
    return Attack(opening=_upgraded(rng), payload=rng.choice(messages), must_refuse=True)


def flood(rng: Random) -> Attack:
    """Many frames that change nothing, as fast as they go."""
    fragments = frame(WSMsgType.BINARY, fin=False) + frame(0, fin=False) * 20 + frame(0)
    keepalive, ping = text({"type": "keepalive"}), frame(WSMsgType.PING, bytes(125))
    one = rng.choice([fragments, keepalive, ping, frame(WSMsgType.BINARY)])
    return Attack(opening=Opening.STARTED, payload=one * rng.randint(50, 500), ending=STOP)


def vanish_upgraded(rng: Random) -> Attack:
    """Gone in the middle of a frame."""
    payload = frame(WSMsgType.BINARY, bytes(6_400))[: rng.randint(1, 6_400)]
    return Attack(opening=_upgraded(rng), payload=payload, vanish=True)


# -- messages and audio ----------------------------------------------------------------------------


def mutated_text(rng: Random) -> Attack:
    """A proper message with some of its bytes wrong."""
    message = json.dumps(rng.choice([START, {"type": "gap", "samples": 5}])).encode()
    payload = frame(WSMsgType.TEXT, _mutated(rng, message))
    return Attack(opening=_upgraded(rng), payload=payload, ending=STOP)


def random_audio(rng: Random) -> Attack:
    """Noise in any encoding: NaN among the floats, and packets that are no Opus."""
    encoding = rng.choice(["pcm_s16le", "pcm_f32le", "pcm_mulaw", "opus"])
    start = {**START, "encoding": encoding, "sample_rate": 48_000}
    packets = (frame(WSMsgType.BINARY, rng.randbytes(rng.randint(0, 250) * 8)) for _ in range(3))
    return Attack(opening=Opening.STARTED, start=start, payload=b"".join(packets), ending=STOP)


RULES: tuple[Callable[[Random], Attack], ...] = (
    random_request,
    mutated_request,
    large_request,
    vanish,
    random_frames,
    mutated_frames,
    large_message,
    flood,
    vanish_upgraded,
    mutated_text,
    random_audio,
)
