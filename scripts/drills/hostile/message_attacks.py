"""Attacks in proper frames: JSON that is none, messages against the protocol, audio that is none."""

import json
import struct
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

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

HUGE = 2**53 - 1

_NOT_JSON = (
    "",
    "{",
    "}",
    '{"type":"stop"',
    '{"type":"stop"}}',
    '{"type":"stop"} x',
    "\ufeff{}",
    "{'type':'stop'}",
    '{"type":stop}',
    '{"type":"st\nop"}',
    '{"type":"\\ud80"}',
    '{"type":"stop","type":"stop"}',
    '{"a":NaN,"type":"stop"}',
    '{"a":-Infinity,"type":"stop"}',
    '{"a":1e999,"type":"stop"}',
    '{"a":01,"type":"stop"}',
    '{"a":' + "9" * 5_000 + ',"type":"stop"}',
    "[" * 17 + "]" * 17,
    "[" * 30_000,
    '{"a":' * 10_000,
    '{"a":[' * 8_000 + "]}" * 8_000,
    '"' + "\\" * 40_001,
    "nul",
)
_NO_MESSAGE = (
    "[]",
    "null",
    "true",
    "0",
    '"stop"',
    "{}",
    '{"type":null}',
    '{"type":1}',
    '{"type":["stop"]}',
    '{"type":""}',
    '{"type":"STOP"}',
    '{"type":"dance"}',
    '{"type":"ready"}',
    '{"type":"\\ud800"}',
    '{"type":"\\u0000stop"}',
    json.dumps({"type": "x" * 60_000}),
)
_JUNK: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.0,
    0.5,
    1e300,
    HUGE,
    HUGE + 1,
    2**64,
    -(2**63),
    "",
    " ",
    "a/b",
    "\x00",
    "\x7f",
    "\u202e",
    "\ud800",
    "☃" * 70,
    "x" * 60_000,
    "16000",
    [],
    [1],
    [[]],
    {},
    {"a": {}},
)
_WRONG_START: tuple[Mapping[str, Any], ...] = (
    {"version": 0},
    {"version": 2},
    {"version": "1"},
    {"version": 1.0},
    {"track": ""},
    {"track": "a" * 65},
    {"track": "a/b"},
    {"track": "\x00"},
    {"encoding": "flac"},
    {"encoding": "PCM_S16LE"},
    {"encoding": "opus"},
    {"sample_rate": 7_999},
    {"sample_rate": 48_001},
    {"sample_rate": HUGE},
    {"channels": 0},
    {"channels": 3},
    {"channels": True},
    {"speaker": ""},
    {"speaker": "a\nb"},
    {"speaker": "a" * 129},
    {"language": "xx"},
    {"language": "English"},
    {"task": "summarise"},
    {"vocabulary": "term"},
    {"vocabulary": ["x" * 65]},
    {"vocabulary": ["x"] * 101},
    {"vocabulary": ["\u0007"]},
    {"origin_ms": -1},
    {"origin_ms": 2**52},
    {"first_sample": 9, "resume_from": 8},
    {"resume_from": HUGE + 1},
    {"last_seq": -1},
    {"epoch": "3"},
    {"attempt": 0.5},
    {"live_from": "now"},
)


def no_json(rng: Random) -> Attack:
    """Text that is no strict JSON."""
    return Attack(opening=rng.choice(list(Opening)[1:]), payload=text(rng.choice(_NOT_JSON)))


def no_message(rng: Random) -> Attack:
    """JSON that is no message of a client."""
    return Attack(opening=rng.choice(list(Opening)[1:]), payload=text(rng.choice(_NO_MESSAGE)))


def too_large_text(rng: Random) -> Attack:
    """Beyond what a message may have, by bytes or by characters."""
    filler = rng.choice(["x", "é", "𝄞"]) * 66_000
    return Attack(opening=Opening.UPGRADED, payload=text({"type": "stop", "a": filler}))


def wrong_start(rng: Random) -> Attack:
    """A ``start`` with one field that breaks its rule."""
    wrong = {**START, **rng.choice(_WRONG_START)}
    return Attack(opening=Opening.UPGRADED, payload=text(wrong))


def start_without(rng: Random) -> Attack:
    """A ``start`` with a field missing."""
    missing = rng.choice(list(START))
    fields = {name: value for name, value in START.items() if name != missing}
    return Attack(opening=Opening.UPGRADED, payload=text(fields))


def junk_start(rng: Random) -> Attack:
    """A ``start`` with junk in any fields, some of which may be right."""
    names = [*START, "speaker", "language", "task", "vocabulary", "origin_ms", "first_sample"]
    names += ["resume_from", "last_seq", "epoch", "attempt", "live_from", "unheard_of"]
    junk = {name: rng.choice(_JUNK) for name in rng.sample(names, rng.randint(1, 4))}
    return Attack(
        opening=Opening.UPGRADED, payload=text({**START, **junk}), ending=STOP, must_refuse=False
    )


def wrong_order(rng: Random) -> Attack:
    """Proper messages at the wrong time."""
    opening, payload = rng.choice(
        [
            (Opening.UPGRADED, STOP),
            (Opening.UPGRADED, text({"type": "finalize"})),
            (Opening.UPGRADED, text({"type": "gap", "samples": 1})),
            (Opening.UPGRADED, text({"type": "keepalive"})),
            (Opening.UPGRADED, frame(Opcode.BINARY, bytes(640))),
            (Opening.UPGRADED, frame(Opcode.BINARY)),
            (Opening.STARTED, text(START)),
            (Opening.STARTED, text({**START, "version": 2})),
        ]
    )
    return Attack(opening=opening, payload=payload)


def wrong_gap(rng: Random) -> Attack:
    """A gap of no or of impossible samples."""
    samples: Any = rng.choice([0, -1, HUGE + 1, 1.5, "1", None, True, [], 10**30])
    return Attack(opening=Opening.STARTED, payload=text({"type": "gap", "samples": samples}))


def huge_positions(rng: Random) -> Attack:
    """As far as numbers go: legal, and a trap for arithmetic."""
    start = {
        **START,
        "encoding": rng.choice(["pcm_s16le", "pcm_f32le", "pcm_mulaw"]),
        "sample_rate": rng.choice([8_000, 11_025, 16_000, 44_100, 48_000]),
        "resume_from": rng.choice([0, HUGE - 1, HUGE]),
        "origin_ms": rng.choice([0, 2**52 - 1]),
        "last_seq": rng.choice([0, HUGE]),
        "epoch": rng.choice([0, HUGE]),
        "live_from": rng.choice([0, HUGE]),
        "attempt": rng.choice([0, HUGE]),
    }
    gap = text({"type": "gap", "samples": rng.choice([1, 2**31, 2**40, HUGE])})
    audio = frame(Opcode.BINARY, bytes(6_400))
    body = [rng.choice([gap, audio, text({"type": "finalize"})]) for _ in range(6)]
    return Attack(
        opening=Opening.STARTED,
        start=start,
        payload=b"".join(body),
        ending=STOP,
        must_refuse=False,
    )


def half_samples(rng: Random) -> Attack:
    """Bytes that are no whole number of samples."""
    encoding, size = rng.choice([("pcm_s16le", 4), ("pcm_f32le", 8)])
    payload = bytes(size * rng.randint(0, 400) + rng.randint(1, size - 1))
    return Attack(
        opening=Opening.STARTED,
        start={**START, "encoding": encoding, "channels": 2},
        payload=frame(Opcode.BINARY, payload),
    )


def no_numbers(rng: Random) -> Attack:
    """NaN and infinity among the samples."""
    values = [rng.uniform(-1, 1) for _ in range(rng.randint(1, 300))]
    values[rng.randrange(len(values))] = rng.choice([float("nan"), float("inf"), float("-inf")])
    return Attack(
        opening=Opening.STARTED,
        start={**START, "encoding": "pcm_f32le"},
        payload=frame(Opcode.BINARY, struct.pack(f"<{len(values)}f", *values)),
    )


def loud_numbers(rng: Random) -> Attack:
    """Finite, and far beyond full scale or next to nothing."""
    values = [rng.choice([1e38, -1e38, 1e-45, -0.0, 2.0]) for _ in range(1_600)]
    return Attack(
        opening=Opening.STARTED,
        start={**START, "encoding": "pcm_f32le"},
        payload=frame(Opcode.BINARY, struct.pack("<1600f", *values)) * rng.randint(1, 5),
        ending=STOP,
        must_refuse=False,
    )


def random_audio(rng: Random) -> Attack:
    """Noise in any encoding; for Opus, packets that are none."""
    encoding = rng.choice(["pcm_s16le", "pcm_f32le", "pcm_mulaw", "opus", "opus"])
    rate = 48_000 if encoding == "opus" else rng.choice([8_000, 16_000, 22_050, 48_000])
    size = 1_500 if encoding == "opus" else 16_000
    packets = [frame(Opcode.BINARY, rng.randbytes(rng.randint(0, size // 8) * 8)) for _ in range(3)]
    return Attack(
        opening=Opening.STARTED,
        start={**START, "encoding": encoding, "sample_rate": rate},
        payload=b"".join(packets),
        ending=STOP,
        must_refuse=False,
    )


def after_stop(rng: Random) -> Attack:
    """More, after ``stop``; the end may come first."""
    more = rng.choice([frame(Opcode.BINARY, bytes(640)), text(START), STOP, text("{")])
    return Attack(opening=Opening.STARTED, payload=STOP + more, must_refuse=False)


def mutated_text(rng: Random) -> Attack:
    """A proper message with some of its characters changed, lost or doubled."""
    message = bytearray(json.dumps(rng.choice([START, {"type": "gap", "samples": 5}])).encode())
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(message))
        message[at : at + rng.randint(0, 2)] = random_bytes(rng, 2)
    return Attack(
        opening=rng.choice(list(Opening)[1:]),
        payload=frame(Opcode.TEXT, bytes(message)),
        ending=STOP,
        must_refuse=False,
    )


RULES: tuple[Rule, ...] = (
    no_json,
    no_message,
    too_large_text,
    wrong_start,
    start_without,
    junk_start,
    wrong_order,
    wrong_gap,
    huge_positions,
    half_samples,
    no_numbers,
    loud_numbers,
    random_audio,
    after_stop,
    mutated_text,
)
