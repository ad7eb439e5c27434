"""A session that writes down what it is asked and what it answers, so that another language can be held to it."""

import base64
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from wordloop_ml.replay.breaks import Break, Refused, action, describe, error_code
from wordloop_ml.replay.session import (
    BrokenPromise,
    Decision,
    Done,
    GiveUp,
    HandOver,
    Reconnect,
    ReplayPolicy,
    ReplaySession,
    Show,
    Standing,
)
from wordloop_ml.wire.client_messages import GapMessage, StartMessage, StopMessage
from wordloop_ml.wire.server_messages import ServerMessage, encode

Answer = TypeVar("Answer")
Recorded = dict[str, Any]

_STATE = (
    "committed",
    "last_seq",
    "epoch",
    "room",
    "position",
    "attempt",
    "refused",
    "done",
    "resumes",
)


class RecordingSession(ReplaySession):
    """Does as ``ReplaySession`` does; ``recorded`` holds every session that was made, as plain JSON."""

    recorded: list[Recorded] = []  # noqa: RUF012 - shared on purpose: the tests make the sessions

    def __init__(
        self,
        stream: StartMessage,
        *,
        random: Callable[[], float],
        policy: ReplayPolicy | None = None,
        standing: Standing | None = None,
        position: int = 0,
        live: bool = True,
    ) -> None:
        super().__init__(
            stream, random=random, policy=policy, standing=standing, position=position, live=live
        )
        self._steps: list[Recorded] = []
        self.recorded.append(
            {
                "stream": _start(stream),
                "random": random(),
                "policy": asdict(policy or ReplayPolicy()),
                "standing": asdict(standing or Standing()),
                "position": position,
                "live": live,
                "steps": self._steps,
            }
        )

    def add(self, payload: bytes, samples: int) -> None:
        super().add(payload, samples)
        self._note("add", [_base64(payload), samples])

    def skip(self, samples: int) -> None:
        super().skip(samples)
        self._note("skip", [samples])

    def end(self) -> None:
        super().end()
        self._note("end", [])

    def connect(self, epoch: int = 0) -> StartMessage:
        return self._answer(
            "connect", [epoch], lambda: super(RecordingSession, self).connect(epoch)
        )

    def next_to_send(self) -> bytes | GapMessage | StopMessage | None:
        return self._answer("next_to_send", [], super().next_to_send)

    def take(self, epoch: int, message: ServerMessage) -> HandOver | Show | None:
        return self._answer(
            "take",
            [epoch, encode(message)],
            lambda: super(RecordingSession, self).take(epoch, message),
        )

    def stored(self) -> None:
        self._answer("stored", [], super().stored)

    def broke(self, why: Break) -> Decision:
        return self._answer(
            "broke", [plain_break(why)], lambda: super(RecordingSession, self).broke(why)
        )

    def _answer(self, name: str, arguments: list[Any], act: Callable[[], Answer]) -> Answer:
        try:
            answer = act()
        except BrokenPromise:
            self._note(name, arguments, {"raises": "BrokenPromise"})
            raise
        except ValueError:
            self._note(name, arguments, {"raises": "OutOfTurn"})
            raise
        self._note(name, arguments, _plain(answer))
        return answer

    def _note(self, name: str, arguments: list[Any], answer: Any = None) -> None:
        state = {one: getattr(self, one) for one in _STATE}
        self._steps.append({"call": name, "with": arguments, "answer": answer, "state": state})


def plain_break(why: Break) -> Recorded:
    """Write a break as the JavaScript client has it."""
    facts = {name: value for name, value in asdict(why).items() if value is not None}
    if isinstance(why, Refused) and "retry_after_s" in facts:
        facts["retryAfterS"] = facts.pop("retry_after_s")
    return {"kind": type(why).__name__.lower(), **facts}


def judged(why: Break) -> Recorded:
    """What the tables say of a break."""
    return {
        "why": plain_break(why),
        "action": action(why),
        "code": error_code(why),
        "words": describe(why),
    }


def _plain(answer: Any) -> Any:
    match answer:
        case bytes():
            plain: Any = {"frame": _base64(answer)}
        case GapMessage(samples=samples):
            plain = {"type": "gap", "samples": samples}
        case StopMessage():
            plain = {"type": "stop"}
        case StartMessage():
            plain = _start(answer)
        case HandOver(record, standing):
            plain = {"kind": "hand_over", "record": encode(record), "standing": asdict(standing)}
        case Show(caption):
            plain = {"kind": "show", "caption": encode(caption)}
        case Reconnect(wait_s):
            plain = {"kind": "reconnect", "waitS": wait_s}
        case GiveUp(code):
            plain = {"kind": "give_up", "code": code}
        case Done():
            plain = {"kind": "done"}
        case _:
            plain = None
    return plain


def _start(start: StartMessage) -> Recorded:
    left_out = {"speaker", "language", "task", "vocabulary", "notes"}
    return {
        name: value
        for name, value in asdict(start).items()
        if value is not None and name not in left_out
    }


def _base64(payload: bytes) -> str:
    return base64.b64encode(payload).decode()
