"""Whole files behind live captions: in order, side by side, and ended in every case."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.executing import WAIT_S
from tests.web.files import sentences, wav
from tests.web.support import until
from wordloop_ml.analysis.file_transcriptions import FileTranscriptions, FileWork, Wanted
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector, silence
from wordloop_ml.errors import BadInput, Busy, Draining, ErrorCode
from wordloop_ml.executor import Executor
from wordloop_ml.messages import JobClass, Task, Utterance


class Meter:
    """Counts how many decodes run at once; holds them while it is told to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.running = self.most = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, utterance: Utterance) -> Exception | None:
        del utterance
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.go_on.wait(WAIT_S)
        with self._lock:
            self.running -= 1
        return None


class Scene:
    """Files in a folder, and two threads."""

    def __init__(self, folder: Path, *, at_once: int = 2, waiting: int = 1) -> None:
        self.meter = Meter()
        transcriber = ScriptedTranscriber(fail=self.meter)
        self.executor: Executor[Any] = Executor(transcriber.open_worker, workers=2)
        self.files = FileTranscriptions(
            Jobs(self.executor),
            ScriptedVoiceDetector(),
            transcriber.capabilities,
            CaptioningPolicy(guards=False),
            at_once=at_once,
            waiting=waiting,
        )
        self.ended = 0
        self._folder = folder

    def begin(self, content: bytes, wanted: Wanted | None = None) -> FileWork:
        path = self._folder / f"{len(list(self._folder.iterdir()))}"
        path.write_bytes(content)
        return self.files.begin("acme", path, wanted or Wanted(), self._end)

    def _end(self) -> None:
        self.ended += 1


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.meter.go_on.set()
    assert await one.files.queue.drain(WAIT_S)
    assert await asyncio.to_thread(one.executor.close, WAIT_S)


def said(work: FileWork) -> list[str]:
    return [one.text for one in work.captions]


LONG = wav(sentences(*[[10 * number, 10 * number + 1] for number in range(12)]))
LONG_SAID = [f"w{10 * number} w{10 * number + 1}" for number in range(12)]


async def test_several_finals_are_decoded_at_once_and_come_in_order(scene: Scene) -> None:
    """As many as there are threads, no more."""
    file = scene.begin(LONG)
    scene.meter.go_on.clear()
    with scene.files.queue.calling(file.work):
        await until(lambda: scene.meter.running == 2)
        scene.meter.go_on.set()
        transcript = await file.work.wait()
    assert scene.meter.most == 2
    assert said(file) == LONG_SAID == [one.text for one in transcript.captions]
    assert transcript.warnings == ()
    assert scene.ended == 1
    assert {one for one, *_ in scene.executor.statistics().recent} == {JobClass.FILE}


async def test_files_take_turns(scene: Scene) -> None:
    """A short one does not wait for the end of a long one before it."""
    files = [scene.begin(LONG), scene.begin(wav(sentences([1])))]
    order: list[int] = []

    async def follow(at: int) -> None:
        with scene.files.queue.calling(files[at].work):
            await files[at].work.wait()
        order.append(at)

    await asyncio.gather(follow(0), follow(1))
    assert order == [1, 0]


async def test_speakers_come_in_the_order_of_speech(scene: Scene) -> None:
    """Each on a channel of its own."""
    later = np.concatenate([silence(10_000), sentences([2], [4])])
    content = wav(sentences([1], [3], [5]), later)
    file = scene.begin(content, Wanted(by_channel=True))
    with scene.files.queue.calling(file.work):
        await file.work.wait()
    assert [(caption.track, caption.text) for caption in file.captions] == [
        ("A", "w1"),
        ("B", "w2"),
        ("A", "w3"),
        ("B", "w4"),
        ("A", "w5"),
    ]


async def test_what_the_model_cannot_do_is_refused_at_once(scene: Scene) -> None:
    """And the file stays its sender's."""
    for wanted in (Wanted(task=Task.TRANSLATE), Wanted(language="de")):
        with pytest.raises(BadInput):
            scene.begin(LONG, wanted)
    assert scene.ended == 0


async def test_places_are_bounded(scene: Scene) -> None:
    """Two run, one waits."""
    scene.meter.go_on.clear()
    files = [scene.begin(LONG) for _ in range(3)]
    with pytest.raises(Busy):
        scene.files.queue.check_room()
    with pytest.raises(Busy):
        scene.begin(LONG)
    scene.meter.go_on.set()
    for file in files:
        with scene.files.queue.calling(file.work):
            await file.work.wait()
    assert scene.ended == 3


async def test_who_leaves_ends_the_work(scene: Scene) -> None:
    """Before it has begun, or while it is decoded: the file is given back in every case."""
    scene.meter.go_on.clear()
    files = [scene.begin(LONG) for _ in range(3)]
    with scene.files.queue.calling(files[0].work):
        pass
    with scene.files.queue.calling(files[1].work), scene.files.queue.calling(files[2].work):
        await until(lambda: scene.meter.running == 2)
    scene.meter.go_on.set()
    await until(lambda: scene.ended == 3)
    assert scene.files.queue.places_taken == 0


async def test_a_drain_ends_all(scene: Scene) -> None:
    """With ``Draining``."""
    scene.meter.go_on.clear()
    files = [scene.begin(LONG) for _ in range(3)]
    await until(lambda: scene.meter.running == 2)
    draining = asyncio.create_task(scene.files.queue.drain(WAIT_S))
    await asyncio.sleep(0)
    scene.meter.go_on.set()
    assert await draining
    for file in files:
        with pytest.raises(Draining):
            file.work.result()
    assert scene.ended == 3


async def test_an_unreadable_file_is_an_error_of_its_own(scene: Scene) -> None:
    """Told before its turn, so that an answer has a status."""
    file = scene.begin(b"no audio")
    with scene.files.queue.calling(file.work), pytest.raises(BadInput) as refused:
        await file.work.wait_ready()
    assert refused.value.code is ErrorCode.BAD_AUDIO
    assert scene.ended == 1
