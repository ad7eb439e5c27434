"""``wordloop-ml transcribe``: transcribes files, each one speaker's track of the same meeting, or a microphone.

Without ``--live``, ``--mic`` or ``--server`` a file is decoded as fast as it goes, by the same ``Track`` as in a
live meeting, with no clock.
"""

import argparse
import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from wordloop_ml.audio.files import AudioFile, open_audio
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track, TrackOutput
from wordloop_ml.cli.live_view import LiveView
from wordloop_ml.cli.meeting import Server, play_live, server_of, transcribe_remotely
from wordloop_ml.cli.microphone import MICROPHONE, Microphone
from wordloop_ml.cli.options import (
    EXIT_FAILED,
    NO_HINTS,
    Hints,
    Notices,
    add_hints_to,
    check_output,
    console_on,
    hints_of,
    print_error,
    write_output,
)
from wordloop_ml.cli.serve import end_process
from wordloop_ml.cli.sources import AudioSource, FileSource, sources_of
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.errors import BadInput, EngineFailed
from wordloop_ml.executor import Executor
from wordloop_ml.messages import SAMPLE_RATE, Caption, Hypothesis, JobClass, Samples, SpanLost
from wordloop_ml.ports import TranscriberWorker, VoiceDetector
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.transcripts import TranscriptFormat, TranscriptSegment, render, segment_of

FEED_SAMPLES = SAMPLE_RATE // 4


def transcribe_offline(
    name: str,
    audio: Iterable[Samples],
    worker: TranscriberWorker,
    voice_detector: VoiceDetector,
    policy: CaptioningPolicy,
    *,
    hints: Hints = NO_HINTS,
    on_progress: Callable[[int], None] = lambda received: None,
) -> Iterator[Caption | SpanLost]:
    """Yield the finals and the lost spans of one track, in order.

    audio: chunks of 16 kHz mono. on_progress: called with the absolute sample reached.
    Only finals are decoded: nobody reads interims here. Blocking.
    """
    track = Track(
        name,
        voice_detector.open_stream(),
        policy,
        language=hints.language,
        task=hints.task,
        vocabulary=hints.vocabulary,
    )
    for chunk in audio:
        for start in range(0, len(chunk), FEED_SAMPLES):
            yield from _settle(track, track.feed(chunk[start : start + FEED_SAMPLES]), worker)
        on_progress(track.received)
    yield from _settle(track, track.finish(), worker)


def _settle(
    track: Track, outputs: list[TrackOutput], worker: TranscriberWorker
) -> Iterator[Caption | SpanLost]:
    """Answer every request at once, until the track asks for nothing more."""
    todo = deque(outputs)
    while todo:
        match todo.popleft():
            case DecodeRequest() as request:
                todo.extendleft(
                    reversed(track.answer(request.request_id, _decode(request, worker)))
                )
            case Caption(final=True) | SpanLost() as event:
                yield event


def _decode(request: DecodeRequest, worker: TranscriberWorker) -> Hypothesis | Dropped:
    if request.kind is not JobClass.FINAL:
        return Dropped.SUPERSEDED
    try:
        return worker.transcribe(request.utterance, request.options)
    except EngineFailed:
        return Dropped.FAILED


JOIN_S = 10.0


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``transcribe`` command."""
    parser = commands.add_parser(
        "transcribe",
        help="transcribe audio or video files, or a microphone",
        description="Transcribe audio or video files. Several files, and several audio streams of one, "
        "are the tracks of one meeting, one speaker each, named after file and stream.",
    )
    heard = parser.add_mutually_exclusive_group(required=True)
    heard.add_argument("files", nargs="*", type=Path, metavar="FILE", default=[])
    heard.add_argument(
        "--mic", action="store_true", help="show live captions of the microphone until Ctrl-C"
    )
    parser.add_argument(
        "--device", metavar="M", help="a microphone's number or name (default: the system's choice)"
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="play at the speed of speech and show live captions; in a terminal what stands "
        "behind a dotted bar may still change",
    )
    parser.add_argument(
        "--format",
        type=TranscriptFormat,
        choices=list(TranscriptFormat),
        help="txt, srt, vtt or json (default: by the suffix of --output, else txt)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="F", help="write the transcript to this file"
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help="send the audio to a running service instead of loading models here; "
        "its token is WORDLOOP_TOKEN",
    )
    add_hints_to(parser)
    parser.set_defaults(handler=_transcribe)


def _transcribe(arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    configure_logs("warning", "console")
    form = _form(arguments)
    asked = hints_of(arguments)
    output = check_output(arguments.output)
    server = None if arguments.server is None else server_of(arguments.server, settings.token)
    live = arguments.live or arguments.mic
    # what is wrong is said before the models load
    if arguments.device is not None and not arguments.mic:
        raise BadInput("--device is for --mic")
    files, whole = sources_of(arguments.files)
    sources: Mapping[str, AudioSource] = (
        {MICROPHONE: Microphone(arguments.device)} if arguments.mic else files
    )
    if not sources:
        return EXIT_FAILED
    notices = Notices({track: source.name for track, source in sources.items()})
    if server is not None:
        captions = _remote(sources, server, asked, notices, live=live)
    elif live:
        captions = _live(sources, settings, asked, notices)
    else:
        captions = _batch(files, settings, asked, notices)
    failed = notices.failed or not whole
    if captions or not failed:
        _write(render(_segments(captions, sources), form), output, live=live)
    return EXIT_FAILED if failed else 0


def _write(document: str, output: Path | None, *, live: bool) -> None:
    if output is not None:
        write_output(output, document)
    elif not live:
        sys.stdout.write(document)


def _form(arguments: argparse.Namespace) -> TranscriptFormat:
    if arguments.format is not None:
        form: TranscriptFormat = arguments.format
        return form
    suffix = arguments.output.suffix[1:].lower() if arguments.output is not None else "txt"
    try:
        return TranscriptFormat(suffix)
    except ValueError:
        raise BadInput(
            f"--output does not end in .{', .'.join(TranscriptFormat)}: give --format"
        ) from None


def _segments(
    captions: list[Caption], sources: Mapping[str, AudioSource]
) -> list[TranscriptSegment]:
    positions = Positions(SAMPLE_RATE)
    single = len(sources) == 1
    return [
        segment_of(one, positions, None if single else sources[one.track].name) for one in captions
    ]


def _remote(
    sources: Mapping[str, AudioSource],
    server: Server,
    asked: Hints,
    notices: Notices,
    *,
    live: bool,
) -> list[Caption]:
    if not live:
        return asyncio.run(transcribe_remotely(sources, server, notices, hints=asked))
    with _view(sources) as view:
        return asyncio.run(transcribe_remotely(sources, server, notices, hints=asked, view=view))


def _live(
    sources: Mapping[str, AudioSource], settings: Settings, asked: Hints, notices: Notices
) -> list[Caption]:
    with (
        _engines(settings, asked) as (engines, told),
        _executor(engines, settings) as executor,
        _view(sources) as view,
    ):
        return asyncio.run(play_live(sources, engines, executor, view, notices, hints=told))


def _view(sources: Mapping[str, AudioSource]) -> LiveView:
    return LiveView({track: source.name for track, source in sources.items()})


def _batch(
    sources: Mapping[str, FileSource], settings: Settings, asked: Hints, notices: Notices
) -> list[Caption]:
    """Transcribe file after file, each decode on all the threads that serving would use."""
    threads = settings.threads * settings.workers
    captions: list[Caption] = []
    settings = replace(settings, threads=threads)
    with _engines(settings, asked) as (engines, told), _progress() as progress:
        worker = engines.transcriber.open_worker()
        try:
            for track, source in sources.items():
                captions += _file(track, source, engines, worker, progress, told, notices)
                notices.end(track)
        finally:
            worker.close()
    return captions


def _file(
    track: str,
    source: FileSource,
    engines: Engines,
    worker: TranscriberWorker,
    progress: Progress,
    asked: Hints,
    notices: Notices,
) -> Iterator[Caption]:
    """Yield the finals of one source, in order; prints what goes wrong with it."""
    try:
        audio = open_audio(source.path, source.stream)
    except BadInput as error:
        notices.fail(track, error)
        return
    capabilities = engines.transcriber.capabilities
    with audio:
        task = progress.add_task(source.name, total=audio.duration_s)

        def show(received: int) -> None:
            progress.update(task, completed=received / SAMPLE_RATE)

        for event in transcribe_offline(
            track,
            _readable(track, audio, notices),
            worker,
            engines.voice_detector,
            CaptioningPolicy(
                guards=capabilities.hallucinates, final_beams=capabilities.final_beams
            ),
            hints=asked,
            on_progress=show,
        ):
            if isinstance(event, SpanLost):
                notices.lose(event)
            else:
                notices.heard(track)
                yield event


def _readable(track: str, audio: AudioFile, notices: Notices) -> Iterator[Samples]:
    """Yield all that is readable, so that the text does not end where the file is damaged."""
    try:
        yield from audio
    except BadInput as error:
        notices.fail(track, error)


@contextmanager
def _engines(settings: Settings, asked: Hints) -> Iterator[tuple[Engines, Hints]]:
    """Open the engines; yields them, and the hints with the model's code of the language."""
    engines = open_engines(settings, texts=False)
    try:
        capabilities = engines.transcriber.capabilities
        language = capabilities.code_of(asked.language)
        capabilities.check(language, asked.task)
        yield engines, replace(asked, language=language)
    finally:
        engines.close()


@contextmanager
def _executor(engines: Engines, settings: Settings) -> Iterator[Executor[TranscriberWorker]]:
    executor: Executor[TranscriberWorker] = Executor(
        engines.transcriber.open_worker, workers=settings.workers
    )
    try:
        yield executor
    finally:
        if not executor.close(JOIN_S):
            # the engines, which are freed next, must not be while a call uses them
            print_error(EngineFailed("a native call does not return"))
            end_process(EXIT_FAILED)


def _progress() -> Progress:
    """Make a progress bar on standard error, shown where that is a terminal."""
    console = console_on(sys.stderr)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
