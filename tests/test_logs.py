"""The guide to the logs has every event of the source, with its fields and levels, and no other."""

import ast
import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track
from wordloop_ml.engines.scripted import ScriptedVoiceDetector
from wordloop_ml.errors import StartupFailed
from wordloop_ml.meetings.session import (
    CaptionTiming,
    DecodeTiming,
    Outbox,
    TrackOptions,
    TrackSession,
    WindowBuffer,
)
from wordloop_ml.messages import JobClass
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.web.access import _facts

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "wordloop_ml"
LEVELS = {"debug", "info", "warning", "error"}

DECODE = DecodeTiming(JobClass.FINAL, samples=0, heard_s=0, queued_s=0, ran_s=0, done_s=0)
BUG = describe_bug(ValueError())
LEFT = ("meetings", "tracks", "work", "connections")


async def facts_of_a_track() -> set[str]:
    policy = CaptioningPolicy()
    track = Track("a", ScriptedVoiceDetector().open_stream(), policy)
    session = TrackSession(TrackOptions(track="a"), track, Outbox(), WindowBuffer(512))
    return set(session.facts(0.0))


EXPANDED = {
    "describe_bug(error)": set(BUG),
    "described": set(BUG),
    "_facts(outcome)": set(BUG) | set(_facts(StartupFailed(""))),
    "timing.facts(sent_s)": set(CaptionTiming(DECODE, 0, 0, 0).facts(0)),
    "{} if timing is None else timing.facts()": set(DECODE.facts()),
    "session.facts(self._clock())": asyncio.run(facts_of_a_track()),
    "self._left()": set(LEFT),
}
"""The facts that a call makes, by its source."""

LIBRARIES = ({"warning", "error"}, {"library", "template", "error", "where"})
"""``library_log``, which is logged by level: telemetry.py."""


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    """The calls of a module's ``log``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "log":
                yield node


def logged() -> dict[str, tuple[set[str], set[str]]]:
    """Every event of the source: its levels and its fields."""
    events: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    events["library_log"] = LIBRARIES
    for path in sorted(PACKAGE.rglob("*.py")):
        for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
            assert isinstance(call.func, ast.Attribute)
            [event] = call.args
            assert isinstance(event, ast.Constant), f"{path.name}: events are constant"
            name = str(event.value)
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
            levels, fields = events[name]
            levels.add(call.func.attr)
            for one in call.keywords:
                fields |= {one.arg} if one.arg else EXPANDED[ast.unparse(one.value)]
    return dict(events)


def documented() -> dict[str, tuple[set[str], set[str]]]:
    """Every row of the guide."""
    found = {}
    for line in (ROOT / "docs" / "logs.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| `"):
            event, levels, fields, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            assert meaning
            found[event.strip("`")] = (
                set(levels.split(", ")),
                set(fields.split(", ")) if fields else set(),
            )
    return found


def test_the_guide_has_every_event() -> None:
    """And no row is left over."""
    assert documented().keys() == logged().keys()


def test_the_guide_has_every_field_and_level() -> None:
    """Of each event."""
    assert documented() == logged()


def test_nothing_is_logged_past_the_guide() -> None:
    """Each logger is called ``log``, and used by level; no module logs through the standard library."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        loggers = text.count("structlog.get_logger()")
        assert loggers == text.count("\nlog = structlog.get_logger()\n") + (
            path.name == "telemetry.py"
        )
        assert not re.search(
            r"(?<!av\.)logging\.(getLogger|debug|info|warning|error|exception)\(", text
        )
        for call in calls(ast.parse(text)):
            assert isinstance(call.func, ast.Attribute)
            assert call.func.attr in LEVELS, f"{path.name}: {call.func.attr}"


def test_no_field_may_hold_what_was_said() -> None:
    """Names that stand for texts, people or secrets in this code."""
    forbidden = {
        "text",
        "texts",
        "word",
        "words",
        "speaker",
        "token",
        "prompt",
        "name",
        "body",
        "url",
    }
    for event, (_, fields) in logged().items():
        assert not fields & forbidden, event
