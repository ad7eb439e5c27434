"""``scripts/evaluate speech``: how right the words are on recordings of people.

Each clip goes through a live server, beside whisper.cpp with the same weights on the whole clip.
docs/benchmarks.md has the definitions. Exit status 1: something failed.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.machine import run_tool, settings_of
from scripts.benchmark.report import Report, Table, progress
from scripts.evaluation.clips import Clip, chosen, read_clips
from scripts.evaluation.speech_figures import (
    LIVE,
    REFERENCE,
    WAYS,
    Run,
    as_json,
    summary,
    tables,
    targets,
)
from scripts.evaluation.ways import Heard, Live, Reference, live_server, reference_weights
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest

FOLDER = Path("scripts/speech")
ENGLISH_ALONE = ".en"
"""In the names of weights that know no other language."""

Times = Sequence[tuple[str, ...]]
"""The finals of a clip, each time that it was heard."""


def main(arguments: Sequence[str]) -> int:
    """Measure what was asked for, print the tables, write the JSON."""
    options = _parser().parse_args(arguments)
    return run_tool("scripts/evaluate speech", arguments, options, _measure)


def _measure(options: argparse.Namespace) -> Report:
    settings = settings_of(options.profile)
    clips = _clips(settings, options)
    if options.repeat:
        return repeated_report(*asyncio.run(_repeat(clips, options)))
    run = _ways(clips, settings, options)
    whole, short = tables(clips, run), summary(clips, run)
    return Report(whole, targets(clips, run), {"clips": as_json(clips, run)}, summary=short)


def _clips(settings: Settings, options: argparse.Namespace) -> list[Clip]:
    languages = options.languages or (() if _multilingual(settings) else ("en",))
    clips = chosen(read_clips(options.folder), kinds=options.kinds, languages=languages)
    if options.clips:
        clips = [one for one in clips if one.name in options.clips]
    if not clips:
        raise BenchmarkFailed(f"no clip in {options.folder} is left")
    return clips


def _multilingual(settings: Settings) -> bool:
    rows = load_manifest(settings.weights / MANIFEST).profile(settings.profile)
    return ENGLISH_ALONE not in rows["transcriber"].name


def _ways(clips: Sequence[Clip], settings: Settings, options: argparse.Namespace) -> Run:
    run = {}
    if LIVE in options.ways:
        run[LIVE] = asyncio.run(_live(clips, options))
    if REFERENCE in options.ways:
        progress(f"whisper.cpp: {len(clips)} clips")
        reference = Reference(reference_weights(settings), _multilingual(settings))
        run[REFERENCE] = {clip.name: reference.hear(clip) for clip in clips}
    return run


async def _live(clips: Sequence[Clip], options: argparse.Namespace) -> dict[str, Heard]:
    async with _server(options) as live:
        heard = await live.hear_all(clips, options.at_once)
    return {clip.name: one for clip, one in zip(clips, heard, strict=True)}


async def _repeat(
    clips: Sequence[Clip], options: argparse.Namespace
) -> tuple[dict[str, Times], dict[str, Times]]:
    """Each clip so often on its own, then so often while other meetings speak the clips."""
    found: list[dict[str, Times]] = []
    async with _server(options) as live:
        for at_once in (1, options.at_once):
            progress(f"{options.repeat} times {len(clips)} clips, {at_once} at once")
            heard = await live.hear_all([*clips] * options.repeat, at_once)
            finals = [one.finals for one in heard]
            found.append({one.name: finals[at :: len(clips)] for at, one in enumerate(clips)})
    return found[0], found[1]


def _server(options: argparse.Namespace) -> AbstractAsyncContextManager[Live]:
    log, realtime = options.json.with_suffix(".server.log"), options.pace == "real"
    return live_server(options.profile, log, realtime=realtime)


def repeated_report(alone: Mapping[str, Times], beside: Mapping[str, Times]) -> Report:
    """A row for each clip: how often it was heard, and how many different texts came of it."""
    head = ["clip", "alone", "texts", "beside others", "texts", "texts in all"]
    rows = []
    for clip, quiet in alone.items():
        busy = beside[clip]
        counts = (len(quiet), len({*quiet}), len(busy), len({*busy}), len({*quiet, *busy}))
        rows.append([clip, *map(str, counts)])
    right = sum(row[-1] == "1" for row in rows)
    same = f"the same finals each time: {right} of {len(rows)} clips"
    document = {"repeated": {"alone": alone, "beside": beside}}
    return Report([Table(head, rows)], [], document, [same])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate speech",
        description=__doc__,
        epilog="WORDLOOP_* settings are passed on to what is measured.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add, names = parser.add_argument, _names
    add("folder", nargs="?", type=Path, default=FOLDER, help="with a manifest.jsonl")
    add("--profile", default="embedded", help="of weights")
    add("--ways", type=names, default=WAYS, metavar="W,W", help="how clips are heard")
    add("--kinds", type=names, default=[], metavar="K,K", help="only these kinds")
    add("--languages", type=names, default=[], metavar="L,L", help="not all that the model knows")
    add("--clips", type=names, default=[], metavar="C,C", help="only these, by name of file")
    pace = "of the live path: of speech, or as fast as the server takes it"
    add("--pace", choices=["real", "fast"], default="real", help=pace)
    add("--at-once", type=int, default=4, metavar="N", help="meetings at a time")
    again = "instead: each clip N times alone and N times at once with others; are finals the same?"
    add("--repeat", type=int, default=0, metavar="N", help=again)
    add("--json", type=Path, default=Path("out/speech.json"), metavar="F", help="all figures")
    add("--publish", metavar="NAME", help="also write docs/measured/NAME.txt and its summary")
    return parser


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
