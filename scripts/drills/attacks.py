"""A grammar of hostile connections: what each rule sends, and what it must be answered with; pure.

What a message may say, and each frame that RFC 6455 rules out, is left to the tests of ``wire`` and
``web``; here, bytes are wrong at random, sizes are beyond limits, and peers vanish.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What is sent on one connection.

    payload: what is hostile, and what goes before it. upgraded: whether a proper handshake has been
    answered before. must_refuse: whether a named refusal is owed; otherwise it may also be taken, or
    left alone. ending: what ends the connection properly if the payload was taken; then an end is
    owed. vanish: the peer resets the connection after the payload, and hears nothing. kind: its rule.
    """

    payload: bytes
    upgraded: bool = False
    must_refuse: bool = False
    ending: bytes = b""
    vanish: bool = False
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


def text(message: Mapping[str, Any]) -> bytes:
    """Make a text frame of JSON."""
    return frame(WSMsgType.TEXT, json.dumps(message).encode())


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


def _opening(rng: Random) -> bytes:
    return rng.choice([b"", text(START)])


# -- before the upgrade ----------------------------------------------------------------------------


def mutated_request(rng: Random) -> Attack:
    """Bytes that nobody meant; or a handshake and its first messages, or a transcript, with some
    bytes wrong."""
    noise = rng.randbytes(rng.randint(1, 2_000)) + b"\r\n\r\n"
    conversation = handshake("m") + text(START) + STOP
    payload = rng.choice([noise, _mutated(rng, conversation), _mutated(rng, _transcript())])
    return Attack(payload=payload)


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


# -- frames, messages and audio --------------------------------------------------------------------


def mutated_frames(rng: Random) -> Attack:
    """Bytes that nobody meant; or proper frames with some bytes wrong, in their heads, too."""
    frames = text(START) + frame(WSMsgType.BINARY, bytes(64)) * 4 + text({"type": "finalize"})
    payload = rng.choice([rng.randbytes(rng.randint(1, 500)), _mutated(rng, frames + STOP)])
    return Attack(upgraded=True, payload=payload)


def mutated_text(rng: Random) -> Attack:
    """A proper message with some of its bytes wrong."""
    message = json.dumps(rng.choice([START, {"type": "gap", "samples": 5}])).encode()
    payload = _opening(rng) + frame(WSMsgType.TEXT, _mutated(rng, message))
    return Attack(upgraded=True, payload=payload, ending=STOP)


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
    payload = _opening(rng) + rng.choice(messages)
    return Attack(upgraded=True, payload=payload, must_refuse=True)


def flood(rng: Random) -> Attack:
    """Many frames that change nothing, as fast as they go."""
    fragments = frame(WSMsgType.BINARY, fin=False) + frame(0, fin=False) * 20 + frame(0)
    keepalive, ping = text({"type": "keepalive"}), frame(WSMsgType.PING, bytes(125))
    one = rng.choice([fragments, keepalive, ping, frame(WSMsgType.BINARY)])
    return Attack(upgraded=True, payload=text(START) + one * rng.randint(50, 500), ending=STOP)


def random_audio(rng: Random) -> Attack:
    """Noise in any encoding: NaN among the floats, and packets that are no Opus."""
    encoding = rng.choice(["pcm_s16le", "pcm_f32le", "pcm_mulaw", "opus"])
    start = {**START, "encoding": encoding, "sample_rate": 48_000}
    packets = (frame(WSMsgType.BINARY, rng.randbytes(rng.randint(0, 250) * 8)) for _ in range(3))
    return Attack(upgraded=True, payload=text(start) + b"".join(packets), ending=STOP)


def vanish(rng: Random) -> Attack:
    """Gone in the middle of a request or of a frame."""
    upgraded = rng.choice([False, True])
    request = rng.choice([handshake("m") + text(START), _transcript()])
    whole = _opening(rng) + frame(WSMsgType.BINARY, bytes(6_400)) if upgraded else request
    payload = whole[: rng.randint(1, len(whole))]
    return Attack(upgraded=upgraded, payload=payload, vanish=True)


RULES: tuple[Callable[[Random], Attack], ...] = (
    mutated_request,
    large_request,
    mutated_frames,
    mutated_text,
    large_message,
    flood,
    random_audio,
    vanish,
)
