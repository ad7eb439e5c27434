"""Transcripts of whole files, made behind live captions on the threads that these leave free.

A file's audio is read, and shown to the voice detector, in short jobs; each of its finals is a job,
as in live meetings. Several finals of a file are decoded at once, so that idle threads are used, and
files share the threads fairly (docs/adr/0037).
"""

import asyncio
import heapq
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from string import ascii_uppercase
from typing import TypeVar

import structlog

from wordloop_ml.analysis.jobs import Jobs, end_all, retry_busy
from wordloop_ml.analysis.work_queue import WorkItem, WorkQueue
from wordloop_ml.audio.file_track import FileTrack, parts_of
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.errors import EngineFailed
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    Committed,
    Flushed,
    Hypothesis,
    JobClass,
    SpanLost,
    Task,
    TrackEvent,
)
from wordloop_ml.ports import TranscriberCapabilities, TranscriberWorker, VoiceDetector
from wordloop_ml.synthesis.steps import Progress

READ_S, READ_BESIDE_SPEECH_S = 0.05, 0.01
"""How long one job reads, about. The second number is for while people speak: the voice detector's
caller computes in Python, which holds up the event loop, too."""

T = TypeVar("T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of a file.

    language: what is spoken, by the model's code; None lets it say. by_channel: each audio stream,
    or each channel of the only one, is a speaker; without, the first stream is one, mixed.
    """

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    vocabulary: tuple[str, ...] = ()
    by_channel: bool = False


@dataclass(frozen=True, slots=True)
class FileTranscript:
    """What was said in a file.

    captions: the finals, by their start; the track of each is its speaker, ``A`` for the first one.
    samples: of its audio, at 16 kHz. warnings: what of it has no text, and why. speakers: how many
    were listened to.
    """

    captions: tuple[Caption, ...]
    samples: int
    warnings: tuple[str, ...] = ()
    speakers: int = 1


class FileWork:
    """A file on its way.

    captions: its finals so far, in order of their start. work: its place in the queue, which tells a
    ``Progress`` with each of them.
    """

    def __init__(self) -> None:
        self.captions: list[Caption] = []
        self.work: WorkItem[FileTranscript]


class FileTranscriptions:
    """Transcribes files; used in one event loop.

    at_once, waiting: how many are transcribed, and how many more may wait.
    queue: owns the work of every file; its callers, and the drain, go to it.
    """

    def __init__(
        self,
        jobs: Jobs,
        voice_detector: VoiceDetector,
        capabilities: TranscriberCapabilities,
        policy: CaptioningPolicy,
        *,
        at_once: int,
        waiting: int,
    ) -> None:
        self._jobs = jobs
        self._voice_detector = voice_detector
        self._policy = policy
        self.capabilities = capabilities
        self.queue: WorkQueue[FileTranscript] = WorkQueue(
            OwnerKind.FILE, at_once=at_once, waiting=waiting
        )

    def begin(self, tenant: str, path: Path, wanted: Wanted, ended: Callable[[], None]) -> FileWork:
        """Begin to transcribe a stranger's file. Enter ``queue.calling`` before awaiting anything.

        ended: called once, when the file is no longer read. Raises ``BadInput`` for a language or a
        task that the model does not know, ``Busy`` and ``Draining``; then ``ended`` is not called.
        The work ends in ``BadInput`` (``bad_audio``, ``too_large``) for what is wrong with
        the file; it is ready once the file could be opened.
        """
        self.capabilities.check(wanted.language, wanted.task)
        if len(self.capabilities.languages) == 1:
            # a track that is told the language need not wait for a final to know that of the next
            wanted = replace(wanted, language=self.capabilities.languages[0])
        file = FileWork()

        async def perform(
            work: WorkItem[FileTranscript], turn: Callable[[], Awaitable[None]]
        ) -> FileTranscript:
            return await self._perform(file, path, wanted, work, turn)

        file.work = self.queue.accept(tenant, perform, ended=ended)
        return file

    async def compute(self, call: Callable[[], T], caller: JobOwner) -> T:
        """Run a call for a file on an inference thread; raises what it raises, ``Draining`` and ``Busy``."""
        return await retry_busy(lambda: self._jobs.run(JobClass.FILE, caller, call))

    async def _perform(
        self,
        file: FileWork,
        path: Path,
        wanted: Wanted,
        work: WorkItem[FileTranscript],
        turn: Callable[[], Awaitable[None]],
    ) -> FileTranscript:
        loop = asyncio.get_running_loop()
        queued_s = loop.time()
        parts = await self.compute(
            partial(parts_of, path, by_channel=wanted.by_channel), work.owner
        )
        await turn()
        began_s = loop.time()
        tracks = [
            FileTrack(path, part, self._track(speaker, wanted))
            for part, speaker in zip(parts, ascii_uppercase, strict=False)
        ]
        heard = _Heard(ascii_uppercase[: len(tracks)])

        def tell(event: TrackEvent) -> None:
            for caption in heard.add(event):
                file.captions.append(caption)
                work.tell(Progress("captions", len(file.captions), len(file.captions)))

        await _Transcription(self._jobs, work.owner, tracks).run(tell)
        file.captions += heard.rest()
        samples = max(one.track.received for one in tracks)
        log.info(
            "file_transcribed",
            work=work.name,
            speakers=len(tracks),
            samples=samples,
            captions=len(file.captions),
            lost=len(heard.lost),
            waited_ms=round((began_s - queued_s) * 1000),
            ran_ms=round((loop.time() - began_s) * 1000),
        )
        return FileTranscript(
            tuple(file.captions), samples, tuple(_warnings(tracks, heard.lost)), len(tracks)
        )

    def _track(self, speaker: str, wanted: Wanted) -> Track:
        return Track(
            speaker,
            self._voice_detector.open_stream(),
            self._policy,
            language=wanted.language,
            task=wanted.task,
            vocabulary=wanted.vocabulary,
        )


class _Transcription:
    """Reads the tracks of one file and has their finals decoded, as many at once as there are threads."""

    def __init__(self, jobs: Jobs, caller: JobOwner, tracks: Sequence[FileTrack]) -> None:
        self._jobs = jobs
        self._caller = caller
        self._tracks = tracks
        self._decoding: dict[
            asyncio.Task[Hypothesis | Dropped], tuple[FileTrack, DecodeRequest]
        ] = {}

    async def run(self, tell: Callable[[TrackEvent], None]) -> None:
        """Run to the end of all tracks; tells what they say, in the event loop.

        Cancelled, it ends when the calls that run for it have ended. Raises as ``FileTrack.read``
        does, ``Busy`` and ``Draining``.
        """
        try:
            while (track := self._next_to_read()) is not None or self._decoding:
                if track is None:
                    await asyncio.wait(self._decoding, return_when=asyncio.FIRST_COMPLETED)
                else:
                    self._take(track, await self._read(track), tell)
                for task in [one for one in self._decoding if one.done()]:
                    track, request = self._decoding.pop(task)
                    self._take(track, track.answer(request, task.result()), tell)
        finally:
            try:
                await end_all(self._decoding)
            finally:
                for one in self._tracks:
                    one.close()
        if not all(one.track.done for one in self._tracks):
            raise RuntimeError("a track of a file waits for nothing")

    def _next_to_read(self) -> FileTrack | None:
        """Return the track that is furthest behind; None while enough is being decoded, or all is read."""
        if len(self._decoding) >= self._jobs.workers:
            return None
        readable = [one for one in self._tracks if one.readable]
        return min(readable, key=lambda one: one.track.received, default=None)

    async def _read(self, track: FileTrack) -> list[TrackOutput]:
        budget_s = READ_BESIDE_SPEECH_S if self._jobs.speech_lately else READ_S
        return await retry_busy(
            lambda: self._jobs.run(JobClass.FILE, self._caller, partial(track.read, budget_s))
        )

    def _take(
        self,
        track: FileTrack,
        outputs: Sequence[TrackOutput],
        tell: Callable[[TrackEvent], None],
    ) -> None:
        for one in outputs:
            if isinstance(one, DecodeRequest):
                task = asyncio.create_task(self._decode(one), name=f"decode-{self._caller}")
                self._decoding[task] = track, one
            elif not isinstance(one, Flushed):
                tell(one)

    async def _decode(self, request: DecodeRequest) -> Hypothesis | Dropped:
        def call(worker: TranscriberWorker) -> Hypothesis:
            options = replace(
                request.options, spare_workers=self._jobs.idle, job_class=JobClass.FILE
            )
            return worker.transcribe(request.utterance, options)

        try:
            return await retry_busy(
                lambda: self._jobs.run_on_worker(JobClass.FILE, self._caller, call)
            )
        except EngineFailed as error:
            log.warning(
                "decode_failed",
                work=str(self._caller),
                code=error.code,
                decoded_for="file",
                audio_ms=len(request.utterance.samples) * 1000 // SAMPLE_RATE,
            )
            return Dropped.FAILED


class _Heard:
    """Puts the finals of several speakers in the order of their start.

    lost: the spans of audio that failed to be decoded.
    """

    def __init__(self, speakers: Sequence[str]) -> None:
        self._committed = dict.fromkeys(speakers, 0)
        self._waiting: list[tuple[int, str, int, Caption]] = []
        self.lost: list[SpanLost] = []

    def add(self, event: TrackEvent) -> list[Caption]:
        """Take an event of any track; returns the finals before which no other can come any more."""
        match event:
            case Caption(final=True, seq=int(seq), committed=int(at)):
                self._committed[event.track] = at
                if event.words:
                    heapq.heappush(self._waiting, (event.start, event.track, seq, event))
            case SpanLost(track=track, committed=at):
                self._committed[track] = at
                if event.reason is None:
                    self.lost.append(event)
            case Committed(track=track, at=at):
                self._committed[track] = at
        until = min(self._committed.values()) if len(self._committed) > 1 else math.inf
        return list(self._before(until))

    def rest(self) -> list[Caption]:
        """Return the finals that are left, once all tracks have ended."""
        return list(self._before(math.inf))

    def _before(self, until: float) -> Iterator[Caption]:
        while self._waiting and self._waiting[0][0] < until:
            yield heapq.heappop(self._waiting)[3]


def _warnings(tracks: Sequence[FileTrack], lost: Sequence[SpanLost]) -> Iterator[str]:
    """Say what of a file has no text: the same damage of several tracks once."""
    yield from dict.fromkeys(one.damage for one in tracks if one.damage is not None)
    for span in lost:
        begin, end = span.start / SAMPLE_RATE, span.end / SAMPLE_RATE
        yield f"no text from {begin:.1f} to {end:.1f} s: {span.code}"
