"""Notes of meetings that go on: at hand when the synthesis is asked for, and in nobody's way."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import structlog
from structlog.typing import EventDict

from tests.analysis.support import WAIT_S, Texts, until
from tests.synthesis.scripted import ScriptedSynthesiser
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.analysis.live_notes import ADDED_TO, MOST_TRACKS, LiveNotes, Sent
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.syntheses import Syntheses
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.errors import BadInput, EngineFailed, ErrorCode
from wordloop_ml.executor import Executor, JobOwner, OwnerKind
from wordloop_ml.messages import SAMPLE_RATE, Task
from wordloop_ml.synthesis.chunks import ChunkWords
from wordloop_ml.wire.audio_frames import Encoding, Positions
from wordloop_ml.wire.client_messages import StartMessage
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    EndedMessage,
    NoticeCode,
    NoticeMessage,
)

TEN_WORDS = ChunkWords(wanted=10, most=20)
"""So that each final below is a chunk."""

MINUTE = 60 * SAMPLE_RATE


def starting(track: str = "a", **fields: Any) -> StartMessage:
    """A start that asks for notes."""
    given = {"version": 1, "track": track, "encoding": Encoding.PCM_S16LE, "channels": 1}
    return StartMessage(**{**given, "sample_rate": SAMPLE_RATE, "notes": True, **fields})


def meeting(name: str = "m", tenant: str = "acme") -> JobOwner:
    return JobOwner(OwnerKind.MEETING, tenant, name)


def final(track: str, seq: int, text: str | None = None) -> CaptionMessage:
    """The final number ``seq`` of a track: one second, every five seconds."""
    start = 5_000 * seq
    return CaptionMessage(
        segment=f"{track}-{seq}",
        epoch=0,
        track=track,
        start=start,
        end=start + 1_000,
        text=text or f"Here track {track} says the line number {seq} of the canary's talk.",
        words=(),
        final=True,
        speech_final=True,
        replay=False,
        language="en",
        seq=seq,
        committed=(start + 1_000) * SAMPLE_RATE // 1_000,
    )


def body(finals: list[CaptionMessage], **fields: Any) -> bytes:
    """What is posted of these finals."""
    names = ("track", "start", "end", "text")
    segments = [
        {"id": one.segment, **{name: getattr(one, name) for name in names}} for one in finals
    ]
    return json.dumps({"meeting_id": "m", "segments": segments, **fields}).encode()


class Scene:
    """Syntheses over two inference threads and scripted vectors; logs: what they say."""

    def __init__(self, executor: Executor[Any], logs: list[EventDict]) -> None:
        self.texts = Texts()
        self.logs = logs
        self.runner = PlanRunner(Jobs(executor), self.texts)
        self.syntheses = self.made_with()
        self.notes = self.syntheses.live_notes

    def made_with(self, **changes: Any) -> Syntheses:
        given = {"at_once": 2, "waiting": 2, "notes_bytes": 1 << 20, **changes}
        kinds = given.pop("synthesisers", {"extractive": ScriptedSynthesiser(TEN_WORDS)})
        return Syntheses(self.runner, kinds, **given)

    @property
    def taken(self) -> int:
        """Of how many chunks notes were taken."""
        return sum(one["event"] == "notes_taken" for one in self.logs)

    @property
    def added(self) -> int:
        """How often notes were added to."""
        return sum(one["event"] == "notes_added" for one in self.logs)

    async def make(self, content: bytes, tenant: str = "acme") -> dict[str, Any]:
        """A synthesis, for a caller who waits."""
        asked = self.syntheses.ask(tenant, content, hashlib.sha256(content).digest(), None)
        with self.syntheses.queue.calling(asked.work):
            async with asyncio.timeout(WAIT_S):
                finished = await asked.work.wait()
        made: dict[str, Any] = json.loads(finished.content)
        return made

    @contextmanager
    def track(
        self, name: str = "a", owner: JobOwner | None = None, **fields: Any
    ) -> Iterator[Sent]:
        """A connection of a track."""
        positions = Positions(SAMPLE_RATE, 0, fields.get("resume_from", 0))
        with self.notes.following(owner or meeting(), starting(name, **fields), positions) as sent:
            yield sent or (lambda message: None)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    executor: Executor[Any] = Executor(ScriptedTranscriber().open_worker, workers=2)
    with structlog.testing.capture_logs() as logs:
        one = Scene(executor, logs)
        yield one
        assert await one.notes.queue.drain(WAIT_S)
        assert await one.syntheses.queue.drain(WAIT_S)
        assert await asyncio.to_thread(executor.close, WAIT_S)
    assert "canary" not in str(logs)


def ended(finals: int = 0) -> EndedMessage:
    return EndedMessage(0, 0, finals)


async def test_notes_are_at_hand_when_the_synthesis_is_asked_for(scene: Scene) -> None:
    """All of them, the last chunk's too, once every track has ended."""
    spoken = [final(track, seq) for seq in range(1, 9) for track in "ab"]
    with scene.track("a") as a, scene.track("b") as b:
        for one in spoken:
            (a if one.track == "a" else b)(one)
        a(AckMessage(MINUTE, MINUTE))
        b(NoticeMessage(NoticeCode.GAP, start=50_000, end=60_000, committed=MINUTE))
        await until(lambda: scene.taken == 15)
        a(ended())
        b(ended())
        await until(lambda: scene.taken == 16)
    coverage = (await scene.make(body(spoken)))["coverage"]
    assert coverage["cached"] == coverage["chunks"] == 16
    assert len(scene.texts.asked) == 16


def adding(scene: Scene, more: int) -> None:
    """Let there be so much to add to the notes of each chunk."""
    synthesiser = ScriptedSynthesiser(TEN_WORDS, more=more)
    scene.syntheses = scene.made_with(synthesisers={"extractive": synthesiser})
    scene.notes = scene.syntheses.live_notes


async def test_notes_are_added_to_while_the_meeting_goes_on(scene: Scene) -> None:
    """Those of the chunk that was read last, until nothing is missing; not once everybody has left."""
    adding(scene, 2)
    with scene.track() as sent:
        for seq in range(1, 4):
            sent(final("a", seq))
        sent(AckMessage(MINUTE, MINUTE))
        await until(lambda: scene.added == 2)
        sent(ended())
        await until(lambda: scene.taken == 3)
    assert await scene.notes.queue.drain(WAIT_S)
    second = final("a", 2).text
    assert scene.texts.asked[1:4] == [second, *[f"more of {second}"] * 2]
    assert len(scene.texts.asked) == 3 + 2


async def test_notes_of_a_long_meeting_are_not_added_to(scene: Scene) -> None:
    """Its first passages are enough."""
    adding(scene, 1)
    with scene.track() as sent:
        for seq in range(1, ADDED_TO + 3):
            sent(final("a", seq))
        sent(AckMessage(MINUTE, MINUTE))
        await until(lambda: scene.taken == ADDED_TO + 1)
        sent(ended())
        await until(lambda: scene.taken == ADDED_TO + 2)
    assert await scene.notes.queue.drain(WAIT_S)
    assert not scene.added


async def test_notes_are_added_to_when_nothing_else_is_read(scene: Scene) -> None:
    """Another meeting's chunks come first."""
    adding(scene, 1)
    scene.texts.hold()
    with scene.track("a") as a, scene.track("b", meeting("other")) as b:
        for seq in range(1, 3):
            a(final("a", seq))
        for seq in range(1, 4):
            b(final("b", seq))
        await until(lambda: bool(scene.texts.asked))
        scene.texts.go.set()
        await until(lambda: scene.taken == 3)

        def are_added_to() -> bool:
            a(AckMessage(MINUTE, MINUTE))
            b(AckMessage(MINUTE, MINUTE))
            return scene.added == 2

        await until(are_added_to)
    assert not any(one.startswith("more of") for one in scene.texts.asked[:3])


async def test_notes_are_not_added_to_after_a_synthesis_at_the_end(scene: Scene) -> None:
    """What was begun before it is finished; then the last chunk is read."""
    adding(scene, 2)

    def hold_the_next(_: Sequence[str]) -> None:
        scene.texts.hold()

    scene.texts.fail = hold_the_next
    with scene.track() as sent:
        sent(final("a", 1))
        sent(final("a", 2))
        await until(lambda: len(scene.texts.asked) == 2)
        async with scene.notes.giving_way("acme", "other"):
            scene.texts.go.set()
            await until(lambda: scene.added == 1)
            sent(ended())
        await until(lambda: len(scene.texts.asked) == 3)
        scene.texts.go.set()
        await until(lambda: scene.taken == 2)
    assert await scene.notes.queue.drain(WAIT_S)
    assert scene.added == 1


async def test_notes_that_cannot_be_added_to_stay(scene: Scene) -> None:
    """What was noted serves."""
    adding(scene, 1)
    spoken = [final("a", seq) for seq in range(1, 4)]
    scene.texts.fail = lambda texts: EngineFailed("scripted") if "more" in texts[0] else None
    with scene.track() as sent:
        for one in spoken:
            sent(one)
        sent(AckMessage(MINUTE, MINUTE))
        await until(lambda: any(one["event"] == "notes_failed" for one in scene.logs))
        sent(ended())
        await until(lambda: scene.taken == 3)
    assert not scene.added
    assert (await scene.make(body(spoken)))["coverage"]["cached"] == 3


async def test_nothing_is_noted_unasked(scene: Scene) -> None:
    """Nor of interims, nor where no notes are kept."""
    with scene.track(notes=False) as sent:
        sent(final("a", 1))
        sent(ended())
    assert not scene.notes.queue.places_taken
    scene.notes = scene.made_with(notes_bytes=0).live_notes
    with scene.track() as sent:
        sent(final("a", 1))
    assert not scene.notes.queue.places_taken


async def test_notes_are_refused_where_nothing_can_take_them(scene: Scene) -> None:
    """By name."""
    none = scene.made_with(synthesisers={}).live_notes
    with pytest.raises(BadInput) as refused:
        none.check(starting())
    assert refused.value.code is ErrorCode.UNSUPPORTED_NOTES
    none.check(starting(notes=False))
    scene.notes.check(starting())


async def test_notes_belong_to_the_tenant(scene: Scene) -> None:
    """Though another one has a meeting of the same name that says the same."""
    spoken = [final("a", seq) for seq in range(1, 9)]
    with scene.track() as sent:
        for one in spoken:
            sent(one)
        sent(ended())
        await until(lambda: scene.taken == 8)
    assert (await scene.make(body(spoken), "globex"))["coverage"]["cached"] == 0


async def test_a_track_that_goes_on_adds_no_final_twice(scene: Scene) -> None:
    """What the client did not store is said again, perhaps otherwise; the older connection is not heard."""
    spoken = [final("a", seq) for seq in range(1, 9)]
    with ExitStack() as stack:
        older = stack.enter_context(scene.track(epoch=1))
        for one in spoken[:6]:
            older(one)
        older(final("a", 7, "This was lost on its way and never stored by any client."))
        last = spoken[5].committed
        newer = stack.enter_context(scene.track(epoch=2, last_seq=6, resume_from=last))
        older(final("a", 8, "And this is what the older connection was still told."))
        older(ended())
        for one in spoken[6:]:
            newer(one)
        newer(ended())
        await until(lambda: scene.taken == 8)
        made = await scene.make(body(spoken))
    assert made["coverage"]["cached"] == made["coverage"]["chunks"]


@pytest.mark.parametrize(
    ("starts", "posted"),
    [
        ([{"language": "en"}, {"language": "en"}], "en"),
        ([{"language": "de", "task": Task.TRANSLATE}, {"language": "en"}], "en"),
        ([{"language": "de"}, {}], None),
        ([{}, {}], None),
    ],
)
async def test_notes_are_kept_for_the_language_that_is_posted(
    scene: Scene, starts: list[dict[str, Any]], posted: str | None
) -> None:
    """That of all tracks, or none."""
    spoken = [final("a", seq) for seq in range(1, 9)]
    with scene.track("a", **starts[0]) as a, scene.track("b", **starts[1]) as b:
        for one in spoken:
            a(one)
        a(ended())
        b(ended())
        await until(lambda: scene.taken == 8)
    fields = {} if posted is None else {"language": posted}
    made = await scene.make(body(spoken, **fields))
    assert made["coverage"]["cached"] == made["coverage"]["chunks"]


async def test_a_chunk_that_fails_is_left_to_the_synthesis(scene: Scene) -> None:
    """The others are read; the meeting goes on."""
    spoken = [final("a", seq) for seq in range(1, 13)]
    failing = spoken[0].text
    scene.texts.fail = lambda texts: EngineFailed("scripted") if failing in texts else None
    with scene.track() as sent:
        for one in spoken:
            sent(one)
        sent(ended())
        await until(lambda: scene.taken == 11)
    scene.texts.fail = lambda _: None
    coverage = (await scene.make(body(spoken)))["coverage"]
    assert coverage["cached"] == coverage["chunks"] - 1
    assert not coverage["failed"]


async def test_a_bug_ends_the_notes_of_its_meeting_alone(scene: Scene) -> None:
    """Its connections do not notice."""
    scene.texts.fail = lambda texts: ValueError("canary") if "track b" in texts[0] else None
    with scene.track("a") as a, scene.track("b", meeting("other")) as b:
        for seq in range(1, 9):
            b(final("b", seq))
        await until(lambda: scene.notes.queue.places_taken == 1)
        b(final("b", 9))
        b(ended())
        for seq in range(1, 9):
            a(final("a", seq))
        await until(lambda: scene.taken == 7)


async def test_a_synthesis_waits_for_the_chunk_of_its_meeting_that_is_read(scene: Scene) -> None:
    """And reads it no second time; meanwhile no other is begun."""
    spoken = [final("a", seq) for seq in range(1, 9)]
    scene.texts.hold()
    with scene.track("a") as a, scene.track("b", meeting("other")) as b:
        for one in spoken:
            a(one)
        a(ended())
        await until(lambda: len(scene.texts.asked) == 1)
        for seq in range(1, 9):
            b(final("b", seq))
        b(ended())
        making = asyncio.create_task(scene.make(body(spoken)), name="caller")
        await until(lambda: scene.syntheses.queue.places_taken == 1 and not scene.notes.undisturbed)
        scene.texts.go.set()
        coverage = (await making)["coverage"]
        assert coverage["cached"] == 1
        await until(lambda: scene.taken == 9)
    assert scene.texts.asked[:8] == [one.text for one in spoken]


async def test_one_chunk_is_read_at_a_time(scene: Scene) -> None:
    """Of all meetings."""
    scene.texts.hold()
    with scene.track("a") as a, scene.track("b", meeting("other")) as b:
        for seq in range(1, 9):
            a(final("a", seq))
            b(final("b", seq))
        await until(lambda: bool(scene.texts.asked))
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(scene.texts.asked) == 1
        scene.texts.go.set()
        await until(lambda: scene.taken == 14)


async def test_a_meeting_is_forgotten_when_nobody_comes_back(scene: Scene) -> None:
    """Its task ends; until then a track may go on."""
    cache = scene.syntheses._notes
    synthesiser = ScriptedSynthesiser(TEN_WORDS)
    scene.notes = LiveNotes(scene.runner, synthesiser, cache.notebook, unconnected_s=0.0)
    with scene.track() as sent:
        sent(final("a", 1))
        for _ in range(20):
            await asyncio.sleep(0)
        assert scene.notes.queue.places_taken == 1
    await until(lambda: not scene.notes.queue.places_taken)


async def test_what_is_held_is_bounded(scene: Scene) -> None:
    """A meeting has so many tracks; what comes beyond is not followed."""
    with ExitStack() as stack:
        for at in range(MOST_TRACKS):
            stack.enter_context(scene.track(f"t{at}"))
        follow = scene.notes.following(meeting(), starting("more"), Positions(SAMPLE_RATE))
        assert stack.enter_context(follow) is None


async def test_draining_does_not_wait_for_notes(scene: Scene) -> None:
    """They end, and no more are begun; connections do not notice."""
    scene.texts.hold()
    with scene.track() as sent:
        for seq in range(1, 9):
            sent(final("a", seq))
        await until(lambda: bool(scene.texts.asked))
        scene.notes.queue.refuse_waiting()
        await until(lambda: not scene.notes.queue.places_taken)
        sent(final("a", 9))
        with scene.track("b") as other:
            other(final("b", 1))
        assert not scene.notes.queue.places_taken
