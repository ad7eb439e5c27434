"""``wordloop-ml synthesise FILE``: makes the synthesis of a transcript, as Markdown or JSON."""

import argparse
import json
import os
import sys
import time
from enum import StrEnum
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.cli.options import check_output, console_on, spoken, write_output
from wordloop_ml.engines.catalogue import open_text_engines, synthesisers_of
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.synthesis.meeting import synthesise
from wordloop_ml.synthesis.messages import MeetingSynthesis, Transcript, Wishes
from wordloop_ml.synthesis.steps import PlanEvent, Progress
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.wire.synthesis import (
    ENGINES,
    MAX_SUMMARY_WORDS,
    MIN_SUMMARY_WORDS,
    Timings,
    encode_synthesis,
    render_markdown,
)
from wordloop_ml.wire.transcripts import parse_transcript


class SynthesisFormat(StrEnum):
    """The forms a synthesis can be written in; the names are file suffixes."""

    MD = "md"
    JSON = "json"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``synthesise`` command."""
    parser = commands.add_parser(
        "synthesise",
        help="summary, decisions, action items and questions of a transcript",
        description="Say what a transcript comes to: title, summary, topics, decisions, action items "
        "and open questions, each with the places that it rests on.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a transcript of `transcribe`: json, vtt or srt"
    )
    parser.add_argument(
        "--format",
        type=SynthesisFormat,
        choices=list(SynthesisFormat),
        help="md or json (default: by the suffix of --output, else md)",
    )
    parser.add_argument("--output", type=Path, metavar="F", help="write it to this file")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="extractive chooses sentences, generative writes the summary (default: the profile's)",
    )
    parser.add_argument(
        "--summary-words",
        type=int,
        metavar="N",
        default=Wishes().summary_words,
        help="about how long the summary may be (default: %(default)s)",
    )
    parser.add_argument("--language", metavar="L", help="what was spoken, such as en or pt-BR")
    parser.set_defaults(handler=_synthesise)


def _synthesise(arguments: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    configure_logs("warning", "console")
    form = _form(arguments)
    wishes = _wishes(arguments.summary_words)
    output = check_output(arguments.output)
    transcript = _read(arguments.file, spoken(arguments.language))
    began_s = time.monotonic()
    synthesis = _make(transcript, settings, arguments.engine, wishes)
    took_ms = round((time.monotonic() - began_s) * 1000)
    if form is SynthesisFormat.JSON:
        fields = encode_synthesis(synthesis, Timings(0, took_ms, took_ms))
        document = json.dumps(fields, ensure_ascii=False, indent=2) + "\n"
    else:
        document = render_markdown(synthesis, transcript)
    if output is None:
        sys.stdout.write(document)
    else:
        write_output(output, document)
    return 0


def _form(arguments: argparse.Namespace) -> SynthesisFormat:
    if arguments.format is not None:
        form: SynthesisFormat = arguments.format
        return form
    suffix = arguments.output.suffix[1:].lower() if arguments.output is not None else "md"
    try:
        return SynthesisFormat(suffix)
    except ValueError:
        raise BadInput(
            f"--output does not end in .{' or .'.join(SynthesisFormat)}: give --format"
        ) from None


def _wishes(summary_words: int) -> Wishes:
    if not MIN_SUMMARY_WORDS <= summary_words <= MAX_SUMMARY_WORDS:
        raise BadInput(f"--summary-words is outside {MIN_SUMMARY_WORDS} to {MAX_SUMMARY_WORDS}")
    return Wishes(summary_words)


def _read(path: Path, language: str | None) -> Transcript:
    """Read the file's transcript, its meeting named after the file. Raises ``BadInput``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be read: {error.strerror}", code=ErrorCode.UNREADABLE_TRANSCRIPT
        ) from error
    letters = (one if one.isascii() and one.isalnum() else "-" for one in path.stem)
    try:
        return parse_transcript(content, "".join(letters)[:64] or "meeting", language)
    except BadInput as error:
        raise BadInput(f"{path.name}: {error}", code=error.code) from error


def _make(
    transcript: Transcript, settings: Settings, kind: str | None, wishes: Wishes
) -> MeetingSynthesis:
    with open_text_engines(settings, generator=kind != "extractive") as engines:
        offered = synthesisers_of(engines.embedder, engines.generator)
        synthesiser = offered.get(kind or next(iter(offered)))
        if synthesiser is None:
            raise BadInput(
                f"the profile {settings.profile} has no generator",
                code=ErrorCode.UNSUPPORTED_ENGINE,
            )
        plan = synthesise(transcript, synthesiser, NoNotes(), wishes)
        with _Bars() as bars:
            return run_plan(
                plan,
                engines.embedder,
                engines.generator,
                bars.show,
                workers=settings.workers,
            )


class NoNotes:
    """Keeps no notes: one synthesis reads no chunk twice."""

    def get(self, key: str) -> None:
        return None

    def keep(self, key: str, notes: object) -> None:
        return None


class _Bars:
    """Shows the progress of each stage on standard error, where that is a terminal."""

    def __init__(self) -> None:
        console = console_on(sys.stderr)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("")

    def __enter__(self) -> "_Bars":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, event: PlanEvent) -> None:
        """Show how far a stage is."""
        if isinstance(event, Progress):
            self._bar.update(
                self._task, description=event.stage, completed=event.done, total=event.total
            )
