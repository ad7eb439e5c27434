"""``scripts/evaluate_speech``: how right the words are on recordings of people.

Each clip goes through a live server and through the file path, beside whisper.cpp with the same
weights on the whole clip. docs/benchmarks.md has the definitions. Exit status 1: something failed.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.benchmark.failures import BenchmarkFailed
from scripts.benchmark.machine import describe_machine
from scripts.benchmark.publish import publish
from scripts.benchmark.report import machine_line
from scripts.speech_evaluation import repeats, report
from scripts.speech_evaluation.clips import Clip, chosen, read_clips
from scripts.speech_evaluation.figures import FILE, LIVE, REFERENCE, targets
from scripts.speech_evaluation.files import through_files
from scripts.speech_evaluation.heard import Heard
from scripts.speech_evaluation.live import live_server
from scripts.speech_evaluation.reference import Reference, reference_weights
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.errors import WordloopError
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.weights import load_manifest

FOLDER_VARIABLE = "SPEECH_FOLDER"
FOLDER = Path("scripts/speech")
JSON = Path("out/speech.json")
ENGLISH_ALONE = ".en"
"""In the names of weights that know no other language."""


def main() -> int:
    """Measure what was asked for, print the tables, write the JSON."""
    arguments = _parser().parse_args()
    folder = arguments.folder or os.environ.get(FOLDER_VARIABLE, FOLDER)
    environment = {**os.environ, "WORDLOOP_PROFILE": arguments.profile}
    try:
        settings = read_settings(environment)
        document = _evaluate(_clips(Path(folder), settings, arguments), settings, arguments)
    except (BenchmarkFailed, WordloopError, OSError) as error:
        print(f"evaluate_speech: {error}", file=sys.stderr)
        return 1
    arguments.json.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"evaluate_speech: every text is in {arguments.json}", file=sys.stderr)
    return 0


def _clips(folder: Path, settings: Settings, arguments: argparse.Namespace) -> list[Clip]:
    languages = arguments.languages or (() if _multilingual(settings) else ("en",))
    clips = chosen(read_clips(folder), kinds=arguments.kinds, languages=languages)
    if arguments.clips:
        clips = [one for one in clips if one.name in arguments.clips]
    if not clips:
        raise BenchmarkFailed(f"no clip in {folder} is left")
    return clips


def _multilingual(settings: Settings) -> bool:
    rows = load_manifest(settings.weights / MANIFEST).profile(settings.profile)
    return ENGLISH_ALONE not in rows["transcriber"].name


def _evaluate(
    clips: Sequence[Clip], settings: Settings, arguments: argparse.Namespace
) -> dict[str, Any]:
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"machine": describe_machine(settings)}
    if arguments.repeat:
        repeated = asyncio.run(_repeat(clips, arguments))
        text = repeats.markdown(repeated)
        document["repeated"] = [asdict(one) for one in repeated]
    else:
        run = _ways(clips, settings, arguments)
        text = report.markdown(clips, run, targets(clips, run))
        document["clips"] = report.as_json(clips, run)
    text += f"\n{machine_line(document['machine'])}"
    print(text)
    if arguments.publish is not None:
        publish(arguments.publish, text)
    return document


def _ways(
    clips: Sequence[Clip], settings: Settings, arguments: argparse.Namespace
) -> dict[str, dict[str, Heard]]:
    run: dict[str, dict[str, Heard]] = {}
    if LIVE in arguments.ways:
        run[LIVE] = asyncio.run(_live(clips, arguments))
    if FILE in arguments.ways:
        _progress(f"file path: {len(clips)} clips")
        environment = {**os.environ, "WORDLOOP_PROFILE": arguments.profile}
        run[FILE] = through_files(clips, environment)
    if REFERENCE in arguments.ways:
        kept = arguments.json.with_name("reference.json")
        weights = reference_weights(settings)
        run[REFERENCE] = Reference(weights, _multilingual(settings), kept).hear(clips, _progress)
    return run


async def _live(clips: Sequence[Clip], arguments: argparse.Namespace) -> dict[str, Heard]:
    settings = {"WORDLOOP_PROFILE": arguments.profile}
    log = arguments.json.with_suffix(".server.log")
    async with live_server(settings, log, realtime=arguments.pace == "real") as live:
        return await live.hear_all(clips, arguments.at_once, _progress)


async def _repeat(clips: Sequence[Clip], arguments: argparse.Namespace) -> list[repeats.Repeated]:
    settings = {"WORDLOOP_PROFILE": arguments.profile}
    log = arguments.json.with_suffix(".server.log")
    async with live_server(settings, log, realtime=arguments.pace == "real") as live:
        return await repeats.repeat(live, clips, arguments.repeat, arguments.beside, _progress)


def _progress(what: str) -> None:
    print(f"evaluate_speech: {what}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate_speech",
        description=__doc__,
        epilog="WORDLOOP_* settings are passed on to what is measured.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help=f"with a manifest.jsonl (default: ${FOLDER_VARIABLE}, else {FOLDER})",
    )
    parser.add_argument("--profile", default="embedded", help="of weights (default: embedded)")
    parser.add_argument(
        "--ways",
        type=_names,
        default=[LIVE, FILE, REFERENCE],
        metavar="W,W",
        help=f"of {LIVE}, {FILE} and {REFERENCE} (default: all)",
    )
    parser.add_argument("--kinds", type=_names, default=[], metavar="K,K", help="only these kinds")
    parser.add_argument(
        "--languages",
        type=_names,
        default=[],
        metavar="L,L",
        help="only these (default: what the model knows)",
    )
    parser.add_argument(
        "--clips", type=_names, default=[], metavar="C,C", help="only these, by name of file"
    )
    parser.add_argument(
        "--pace",
        choices=["real", "fast"],
        default="real",
        help="of the live path: of speech, or as fast as the server takes it (default: real)",
    )
    parser.add_argument(
        "--at-once", type=int, default=4, metavar="N", help="meetings at a time (default: 4)"
    )
    parser.add_argument(
        "--repeat",
        type=int,
        default=0,
        metavar="N",
        help="instead: each clip N times alone and N times beside others; are the finals the same?",
    )
    parser.add_argument(
        "--beside", type=int, default=8, metavar="N", help="with --repeat: others (default: 8)"
    )
    parser.add_argument("--json", type=Path, default=JSON, metavar="F", help=f"({JSON})")
    parser.add_argument(
        "--publish", metavar="NAME", help="the tables, also into this place of docs/benchmarks.md"
    )
    return parser


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    sys.exit(main())
