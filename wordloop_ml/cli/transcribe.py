"""``wordloop-ml transcribe FILE...``: each file is one speaker's track of the same meeting."""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from wordloop_ml.audio.files import open_audio
from wordloop_ml.cli import hints
from wordloop_ml.cli.hints import Hints
from wordloop_ml.cli.live import play_live
from wordloop_ml.cli.live_view import LiveView
from wordloop_ml.cli.offline import transcribe_offline
from wordloop_ml.cli.output_file import check_output, write_output
from wordloop_ml.cli.remote import Server, server_of, transcribe_remotely
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.errors import BadInput
from wordloop_ml.executor import Executor
from wordloop_ml.messages import SAMPLE_RATE, Caption
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.wire.positions import Positions
from wordloop_ml.wire.transcripts import TranscriptFormat, TranscriptSegment, render, segment_of

JOIN_S = 10.0


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``transcribe`` command."""
    parser = commands.add_parser(
        "transcribe",
        help="transcribe audio or video files",
        description="Transcribe audio or video files. Several files are the tracks of one "
        "meeting, one speaker each, named after the file.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--live", action="store_true", help="play at the speed of speech and show live captions"
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
        help="send the files to a running service instead of loading models here; "
        "its token is WORDLOOP_TOKEN",
    )
    hints.add_to(parser)
    parser.set_defaults(handler=_transcribe)


def _transcribe(arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    configure_logs("warning", "console")
    files = _by_track(arguments.files)
    form = _form(arguments)
    asked = hints.hints_of(arguments)
    for path in files.values():
        open_audio(path).close()  # say what is wrong before the models load
    output = check_output(arguments.output)
    if arguments.server is not None:
        server = server_of(arguments.server, settings.token)
        captions = _remote(files, server, asked, live=arguments.live)
    else:
        run = _live if arguments.live else _batch
        captions = run(files, settings, asked)
    document = render(_segments(captions, files), form)
    if output is not None:
        write_output(output, document)
    elif not arguments.live:
        sys.stdout.write(document)
    return 0


def _by_track(paths: list[Path]) -> dict[str, Path]:
    """A track for each file: its stem in the letters of an identifier, made unique."""
    files: dict[str, Path] = {}
    for path in paths:
        stem = "".join(
            letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem
        )[:56]
        name, number = stem or "track", 2
        while name in files:
            name, number = f"{stem or 'track'}-{number}", number + 1
        files[name] = path
    return files


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


def _segments(captions: list[Caption], files: dict[str, Path]) -> list[TranscriptSegment]:
    names = {track: path.stem for track, path in files.items()}
    positions = Positions(SAMPLE_RATE)
    single = len(files) == 1
    return [segment_of(one, positions, None if single else names[one.track]) for one in captions]


def _remote(files: dict[str, Path], server: Server, asked: Hints, *, live: bool) -> list[Caption]:
    if not live:
        return asyncio.run(transcribe_remotely(files, server, hints=asked))
    with LiveView({track: path.stem for track, path in files.items()}) as view:
        return asyncio.run(transcribe_remotely(files, server, hints=asked, view=view))


def _live(files: dict[str, Path], settings: Settings, asked: Hints) -> list[Caption]:
    with _engines(settings, asked) as (engines, told), _executor(engines, settings) as executor:
        names = {track: path.stem for track, path in files.items()}
        with LiveView(names) as view:
            return asyncio.run(play_live(files, engines, executor, view, hints=told))


def _batch(files: dict[str, Path], settings: Settings, asked: Hints) -> list[Caption]:
    """One decode after the other, each on all the threads that serving would use."""
    threads = settings.threads * settings.workers
    captions: list[Caption] = []
    settings = replace(settings, threads=threads)
    with _engines(settings, asked) as (engines, told), _progress() as progress:
        worker = engines.transcriber.open_worker()
        try:
            for track, path in files.items():
                captions += _file(track, path, engines, worker, progress, told)
        finally:
            worker.close()
    return captions


def _file(
    track: str,
    path: Path,
    engines: Engines,
    worker: TranscriberWorker,
    progress: Progress,
    asked: Hints,
) -> list[Caption]:
    """The finals of one file; holes are counted by nobody here, they say nothing."""
    with open_audio(path) as audio:
        task = progress.add_task(path.name, total=audio.duration_s)

        def show(received: int) -> None:
            progress.update(task, completed=received / SAMPLE_RATE)

        events = transcribe_offline(
            track, audio, worker, engines.voice_detector, hints=asked, on_progress=show
        )
        return [event for event in events if isinstance(event, Caption)]


@contextmanager
def _engines(settings: Settings, asked: Hints) -> Iterator[tuple[Engines, Hints]]:
    """The engines, and what was asked for as their model calls it."""
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
        executor.close(JOIN_S)


def _progress() -> Progress:
    """A bar on standard error, where a person watches; nothing in a pipe."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
