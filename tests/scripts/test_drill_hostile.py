"""The hostile drill, in short: every rule of the grammar some times, on the real process."""

from collections import Counter
from pathlib import Path

import pytest

from scripts.drills.__main__ import main
from scripts.drills.hostile.answers import Answer, Outcome, read_answer
from scripts.drills.hostile.attack import frame
from scripts.drills.hostile.command import run_hostile, table
from scripts.drills.hostile.grammar import RULES, attack_of

EACH = 6


async def test_hundreds_of_attacks_are_each_refused_by_name_and_break_nothing(
    tmp_path: Path,
) -> None:
    """No crash, no traceback, no bug in the log; a meeting beside them loses no word."""
    report = await run_hostile(tmp_path, seed=7, numbers=range(EACH * len(RULES)))
    assert report.failures == []
    assert set(report.ends) == {rule.__name__ for rule in RULES}
    assert all(sum(ends.values()) == EACH for ends in report.ends.values())
    assert report.codes["bad_frame"] > 0
    assert report.codes.total() > EACH * len(RULES) / 2
    assert "failures: 0" in table(report)


def test_an_attack_follows_from_its_seed_and_number() -> None:
    """So that a failure can be had again."""
    for number in range(2 * len(RULES)):
        assert attack_of(3, number) == attack_of(3, number)
    kinds = Counter(attack_of(3, number).kind for number in range(2 * len(RULES)))
    assert set(kinds.values()) == {2}


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
PROBLEM = b'{"code": "busy"}'


def close(code: int, reason: bytes) -> bytes:
    return frame(8, code.to_bytes(2, "big") + reason, mask=None)


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"HTTP/1.1 40", None),
        (UPGRADED, None),
        (UPGRADED + frame(1, b"{}", mask=None), None),
        (UPGRADED + close(1002, b"bad_frame: x")[:-1], None),
        (
            UPGRADED + frame(1, bytes(300), mask=None) + close(1002, b"bad_frame: x"),
            Answer(Outcome.NAMED, "bad_frame", 1002),
        ),
        (UPGRADED + close(1002, b""), Answer(Outcome.UNNAMED, "", 1002)),
        (UPGRADED + close(1002, b"bad_json: x"), Answer(Outcome.UNNAMED, "bad_json", 1002)),
        (UPGRADED + close(1000, b"ended"), Answer(Outcome.TAKEN, "ended", 1000)),
        (
            b"HTTP/1.1 503 Busy\r\nContent-Type: application/problem+json\r\n"
            b"Content-Length: 16\r\n\r\n" + PROBLEM,
            Answer(Outcome.NAMED, "busy", 503),
        ),
        (
            b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy",
            Answer(Outcome.UNNAMED, "", 400),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Answer(Outcome.TAKEN, "", 200)),
    ],
)
def test_an_answer_is_judged_by_its_code(content: bytes, answer: Answer | None) -> None:
    """A name without its code, or a code without its name, is none."""
    assert read_answer(content, upgraded=False) == answer


def test_a_drill_that_is_not_there_lists_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    """With its own exit status."""
    assert main(["nothing"]) == 2
    assert "scripts/drill hostile" in capsys.readouterr().err
