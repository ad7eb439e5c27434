"""What an attack is, and the bytes that attacks are made of; pure."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from random import Random
from typing import Any

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


class Opcode(IntEnum):
    """RFC 6455, 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """What is sent on one connection.

    kind: its rule in the grammar, set by the grammar. payload: what is hostile.
    must_refuse: whether a named refusal is owed; otherwise it may also be taken, or left alone.
    ending: what ends the connection properly if the payload was taken; then an end is owed.
    vanish: the peer resets the connection right after the payload, and hears nothing.
    start: the fields of ``start``, where the opening sends one.
    """

    payload: bytes
    opening: Opening = Opening.CONNECTED
    must_refuse: bool = True
    ending: bytes = b""
    vanish: bool = False
    start: Mapping[str, Any] | None = None
    kind: str = ""


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
    length: int | None = None,
) -> bytes:
    """A client's frame; ``length`` is what it claims to have, ``mask=None`` leaves it unmasked."""
    size = len(payload) if length is None else length
    first = (fin << 7) | (reserved << 4) | opcode
    masked = 0x80 if mask is not None else 0
    if size < 126:
        head = struct.pack(">BB", first, masked | size)
    elif size < 65_536:
        head = struct.pack(">BBH", first, masked | 126, size)
    else:
        head = struct.pack(">BBQ", first, masked | 127, size)
    if mask is None:
        return head + payload
    stream = (mask * (len(payload) // 4 + 1))[: len(payload)]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return head + mask + mixed.to_bytes(len(payload), "big")


def text(message: str | Mapping[str, Any]) -> bytes:
    """A text frame; a mapping is sent as JSON."""
    content = message if isinstance(message, str) else json.dumps(message)
    return frame(Opcode.TEXT, content.encode(errors="surrogatepass"))


STOP = text({"type": "stop"})


def handshake(meeting: str, *headers: str, authorised: bool = True, path: str = "") -> bytes:
    """A proper request for an upgrade, with further header lines."""
    lines = [
        f"GET {path or f'/v1/meetings/{meeting}/audio'} HTTP/1.1",
        "Host: drill",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: d29yZGxvb3AgZHJpbGwhIQ==",
        *([f"Authorization: Bearer {TOKEN}"] if authorised else []),
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", errors="surrogateescape")


def random_bytes(rng: Random, most: int) -> bytes:
    """At least one byte."""
    return rng.randbytes(rng.randint(1, most))
