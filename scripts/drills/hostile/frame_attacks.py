"""Attacks on an upgraded connection with frames that RFC 6455 does not know, or knows too many of."""

import struct
from collections.abc import Callable
from random import Random

from scripts.drills.hostile.attack import (
    START,
    STOP,
    Attack,
    Opcode,
    Opening,
    frame,
    random_bytes,
    text,
)

Rule = Callable[[Random], Attack]

_BAD_UTF8 = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"a\x80b")
_BAD_CLOSE_CODES = (0, 999, 1004, 1005, 1015, 2_999)
"""Of 1006, and of those from 5000 on, aiohttp takes leave like of any other."""


def _either(rng: Random) -> Opening:
    return rng.choice([Opening.UPGRADED, Opening.STARTED])


def random_frames(rng: Random) -> Attack:
    """Bytes that nobody meant, where frames should be."""
    return Attack(opening=_either(rng), payload=random_bytes(rng, 500), must_refuse=False)


def reserved_bits(rng: Random) -> Attack:
    """An extension that nobody agreed on; compression among them."""
    payload = frame(rng.choice([1, 2, 9]), b"{}", reserved=rng.randint(1, 7))
    return Attack(opening=_either(rng), payload=payload)


def reserved_opcode(rng: Random) -> Attack:
    """A kind of frame that there is not."""
    opcode = rng.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    return Attack(opening=_either(rng), payload=frame(opcode, random_bytes(rng, 100)))


def bad_control(rng: Random) -> Attack:
    """A control frame in fragments, or of more than 125 bytes."""
    opcode = rng.choice([Opcode.CLOSE, Opcode.PING, Opcode.PONG])
    payload = rng.choice(
        [frame(opcode, b"x", fin=False), frame(opcode, bytes(rng.randint(126, 5_000)))]
    )
    return Attack(opening=_either(rng), payload=payload)


def bad_close(rng: Random) -> Attack:
    """A close of one byte, with a code that may not be sent, or with a reason that is no text."""
    code = struct.pack(">H", rng.choice(_BAD_CLOSE_CODES))
    good = struct.pack(">H", 1000)
    payload = rng.choice([b"\x03", code, code + b"reason", good + rng.choice(_BAD_UTF8)])
    return Attack(opening=_either(rng), payload=frame(Opcode.CLOSE, payload))


def bad_fragments(rng: Random) -> Attack:
    """A continuation of nothing, or a new message inside another."""
    half = frame(Opcode.TEXT, b'{"type":', fin=False)
    payload = rng.choice(
        [
            frame(Opcode.CONTINUATION, b"x", fin=rng.random() < 0.5),
            half + text({"type": "keepalive"}),
            half + frame(Opcode.BINARY, b"\0\0"),
        ]
    )
    return Attack(opening=_either(rng), payload=payload)


def bad_utf8(rng: Random) -> Attack:
    """A text that is none, in one frame or across several."""
    bad = b'{"type": "' + rng.choice(_BAD_UTF8)
    cut = rng.randint(1, len(bad))
    payload = rng.choice(
        [
            frame(Opcode.TEXT, bad),
            frame(Opcode.TEXT, bad[:cut], fin=False) + frame(Opcode.CONTINUATION, bad[cut:]),
        ]
    )
    return Attack(opening=_either(rng), payload=payload)


def oversize(rng: Random) -> Attack:
    """A message beyond the limit: whole, only claimed, or in fragments."""
    opcode = rng.choice([Opcode.TEXT, Opcode.BINARY])
    claimed = rng.choice([65_538, 2**20, 2**32, 2**40, 2**63 - 1, 2**63, 2**64 - 1])
    part = bytes(30_000)
    payload = rng.choice(
        [
            frame(opcode, bytes(rng.randint(65_537, 150_000))),
            frame(opcode, b"x", length=claimed),
            frame(opcode, part, fin=False) + frame(0, part, fin=False) + frame(0, part),
        ]
    )
    return Attack(opening=_either(rng), payload=payload)


def unmasked(rng: Random) -> Attack:
    """A client has to mask. aiohttp reads it all the same: no harm is in it here."""
    payload = frame(Opcode.TEXT, b'{"type": "keepalive"}', mask=None)
    return Attack(opening=_either(rng), payload=payload, ending=STOP, must_refuse=False)


def _flood(rng: Random, one: bytes) -> Attack:
    return Attack(
        opening=Opening.STARTED, payload=one * rng.randint(50, 500), ending=STOP, must_refuse=False
    )


def ping_flood(rng: Random) -> Attack:
    """Many pings, or pongs that nobody asked for."""
    return _flood(rng, frame(rng.choice([Opcode.PING, Opcode.PONG]), bytes(125)))


def empty_flood(rng: Random) -> Attack:
    """Frames without anything in them."""
    fragments = frame(Opcode.BINARY, fin=False) + frame(0, fin=False) * 20 + frame(0)
    return _flood(rng, rng.choice([frame(Opcode.BINARY), fragments]))


def text_flood(rng: Random) -> Attack:
    """Messages that change nothing, as fast as they go."""
    return _flood(rng, text({"type": rng.choice(["keepalive", "finalize"])}))


def after_close(rng: Random) -> Attack:
    """More, after a close."""
    payload = frame(Opcode.CLOSE, struct.pack(">H", 1000)) + text(START) + random_bytes(rng, 100)
    return Attack(opening=_either(rng), payload=payload, must_refuse=False)


def vanish_upgraded(rng: Random) -> Attack:
    """Gone in the middle of a frame."""
    payload = frame(Opcode.BINARY, bytes(6_400))[: rng.randint(1, 6_400)]
    return Attack(opening=_either(rng), payload=payload, must_refuse=False, vanish=True)


RULES: tuple[Rule, ...] = (
    random_frames,
    reserved_bits,
    reserved_opcode,
    bad_control,
    bad_close,
    bad_fragments,
    bad_utf8,
    oversize,
    unmasked,
    ping_flood,
    empty_flood,
    text_flood,
    after_close,
    vanish_upgraded,
)
