"""A client's session, and what it is told and sends, in short."""

from dataclasses import replace
from typing import Any

from wordloop_ml.replay.session import (
    HandOver,
    ReplayPolicy,
    ReplaySession,
    Standing,
)
from wordloop_ml.wire.audio_frames import Encoding
from wordloop_ml.wire.client_messages import GapMessage, StartMessage, StopMessage
from wordloop_ml.wire.server_messages import (
    CaptionMessage,
    NoticeMessage,
)

RATE = 8_000
STREAM = StartMessage(1, "a", Encoding.PCM_MULAW, RATE, 1)
FRAME = 160
POLICY = ReplayPolicy(replay_s=1.0, in_flight_s=1_000.0, poison_margin_s=0.0)


def session(policy: ReplayPolicy = POLICY, **options: Any) -> ReplaySession:
    return ReplaySession(STREAM, random=lambda: 0.5, policy=policy, **options)


def speak(client: ReplaySession, frames: int) -> None:
    for _ in range(frames):
        client.add(bytes(FRAME), FRAME)


def sent(client: ReplaySession) -> list[bytes | GapMessage | StopMessage]:
    items = []
    while (item := client.next_to_send()) is not None:
        items.append(item)
    return items


def final(client: ReplaySession, number: int, until: int, **changes: Any) -> CaptionMessage:
    """A final that reaches to this position and commits it."""
    start_ms = client.committed * 1_000 // RATE
    caption = CaptionMessage(
        f"a-{start_ms}",
        client.epoch,
        "a",
        start=start_ms,
        end=until * 1_000 // RATE,
        text="",
        words=(),
        final=True,
        speech_final=True,
        replay=False,
        language="en",
        seq=number,
        committed=until,
    )
    return replace(caption, **changes)


def store(client: ReplaySession, caption: CaptionMessage | NoticeMessage) -> Standing:
    what = client.take(client.epoch, caption)
    assert isinstance(what, HandOver)
    client.stored()
    return what.standing
