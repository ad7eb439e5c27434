"""Measure the guards and the voice detector: what is shown where nobody speaks; see --help."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark.listening import Listened, Span, listen, segments, unaccounted
from scripts.benchmark.machine import describe_machine
from scripts.benchmark.marks import Compared, compare, joined_across, read_marks
from scripts.benchmark.sounds import Sound, crosstalk, looped, wordless
from scripts.benchmark.speech import FULL_SCALE, read_speech
from scripts.benchmark.tracks import compose
from scripts.nano.score import percentile
from wordloop_ml.audio.files import open_audio
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.errors import WordloopError
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.ports import TranscriberWorker, VoiceStream
from wordloop_ml.settings import read_settings

JSON = Path("out/guards.json")
SPEECH = Path("scripts/bench_speech")
HUMAN = Path("../shared/data/speech")
SLACK_SAMPLES = round(0.3 * SAMPLE_RATE)
"""A word so near to speech belongs to it."""

FORCED_LEVELS_DB = (-40, -20)
FORCED_STRETCH = 6.0
"""Interims of the second table, where they decide nothing, come so much more rarely."""

POLICY = CaptioningPolicy()

HEAD = (
    "sound, seconds",
    "segments opened",
    "words shown: interim, final",
    "of them outside the owner's speech",
    "words refused",
    "finals refused",
    "spans lost",
    "samples unaccounted for",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one sound.

    wordless: nobody speaks in it. segments: what the voice detector opened. interim_words,
    final_words: shown. foreign: words of finals outside the owner's speech. refused_words, refused_finals: kept back by the guards, by reason; a
    final that is tried again counts each time. lost: spans that no final covers, by reason.
    problems: samples that are not accounted for exactly once.
    """

    sound: str
    wordless: bool
    seconds: float
    segments: int
    interim_words: int
    final_words: int
    foreign: int
    refused_words: dict[str, int]
    refused_finals: dict[str, int]
    lost: dict[str, int]
    problems: tuple[str, ...]


class AlwaysSpeech:
    """A voice detector that takes everything for speech: the guards are then alone."""

    def probability(self, window: Samples) -> float:
        """Certainty."""
        del window
        return 1.0


def main() -> int:
    """Returns the exit status: 1 when a word was invented or a sample is not accounted for."""
    arguments = _parser().parse_args()
    try:
        settings = replace(read_settings(os.environ), profile=arguments.profile, workers=1)
        engines = open_engines(settings)
    except WordloopError as error:
        print(f"measure_guards: {error}", file=sys.stderr)
        return 1
    try:
        report = _measure(engines, arguments)
    finally:
        engines.close()
    report["machine"] = describe_machine(settings)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    print(f"measure_guards: every figure is in {arguments.json}", file=sys.stderr)
    return int(report["invented"] > 0 or report["unaccounted"] > 0)


def _measure(engines: Engines, arguments: argparse.Namespace) -> dict[str, Any]:
    worker = engines.transcriber.open_worker()
    try:
        detected = [
            row_of(sound, listen(sound.samples, worker, engines.voice_detector.open_stream()))
            for sound in _sounds(arguments.seconds)
        ]
        print(table("With the voice detector", detected))
        forced = [
            row_of(sound, _forced(sound, worker))
            for sound in wordless(arguments.seconds / 2, FORCED_LEVELS_DB)
        ]
        print(table("The guards alone: everything is taken for speech", forced))
        marked, human = _marked(engines, worker, arguments.human)
        print(marks_table(marked))
    finally:
        worker.close()
    rows = [*detected, *forced, *human]
    return {
        "detected": [asdict(row) for row in detected],
        "guards_alone": [asdict(row) for row in forced],
        "human": [asdict(row) for row in human],
        "marked": {name: asdict(one) for name, one in marked.items()},
        "invented": sum(row.final_words + row.interim_words for row in detected if row.wordless),
        "unaccounted": sum(len(row.problems) for row in rows),
    }


def _sounds(seconds: float) -> Iterable[Sound]:
    yield from wordless(seconds)
    yield from crosstalk()
    yield from looped()


def _forced(sound: Sound, worker: TranscriberWorker) -> Listened:
    voice: VoiceStream = AlwaysSpeech()
    return listen(sound.samples, worker, voice, stretch=FORCED_STRETCH)


def row_of(sound: Sound, heard: Listened) -> Row:
    """One sound's figures."""
    return Row(
        sound=sound.name,
        wordless=sound.wordless,
        seconds=heard.samples / SAMPLE_RATE,
        segments=len(heard.onsets),
        interim_words=heard.shown_words,
        final_words=sum(len(one.words) for one in heard.finals),
        foreign=heard.words_outside(sound.speech, SLACK_SAMPLES),
        refused_words=_by_name(heard.refused_words),
        refused_finals=_by_name(heard.refused_finals),
        lost=_by_name(Counter(one.reason or one.code for one in heard.lost)),
        problems=tuple(unaccounted(heard)),
    )


def _by_name(counts: Counter[Any]) -> dict[str, int]:
    return {str(name): count for name, count in sorted(counts.items())}


def _marked(
    engines: Engines, worker: TranscriberWorker, folder: Path
) -> tuple[dict[str, Compared], list[Row]]:
    """The detector against marked speech: the benchmark's, and a human's where there is one."""
    script = compose(read_speech(SPEECH), 300.0, np.random.default_rng(3))
    spoken: Samples = script.samples * np.float32(1 / FULL_SCALE)
    synthetic = [(one.onset, one.end) for one in script.said]
    heard = listen(spoken, None, engines.voice_detector.open_stream())
    marked = {"synthetic speech": _compared(synthetic, heard)}
    name, marks = read_marks()
    file = folder / name
    if not file.is_file():
        print(f"measure_guards: SKIPPED human speech: there is no {file}", file=sys.stderr)
        return marked, []
    with open_audio(file) as audio:
        human = np.concatenate(list(audio))
    heard = listen(human, worker, engines.voice_detector.open_stream())
    marked["human speech"] = _compared(marks, heard)
    row = row_of(Sound("human speech", human, ((0, len(human)),)), heard)
    print(table("Human speech", [row]))
    print(
        f"of {row.seconds:.2f} s: {_seconds(heard.finals)} s in finals, {_seconds(heard.lost)} s in "
        f"named holes, {heard.silence / SAMPLE_RATE:.2f} s proven silence\n"
    )
    return marked, [row]


def _compared(marks: Sequence[Span], heard: Listened) -> Compared:
    whole = joined_across(POLICY.endpoint_samples, marks)
    return compare(whole, segments(heard, POLICY))


def _seconds(spans: Iterable[Any]) -> str:
    return f"{sum(one.end - one.start for one in spans) / SAMPLE_RATE:.2f}"


def table(title: str, rows: Sequence[Row]) -> str:
    """Markdown."""
    cells = [
        [
            f"{row.sound}, {row.seconds:.0f}",
            str(row.segments),
            f"{row.interim_words}, {row.final_words}",
            str(row.foreign),
            _listed(row.refused_words),
            _listed(row.refused_finals),
            _listed(row.lost),
            str(len(row.problems)),
        ]
        for row in rows
    ]
    return _markdown(title, HEAD, cells)


def marks_table(marked: dict[str, Compared]) -> str:
    """Markdown; errors in milliseconds, late is positive."""
    head = ["", *marked]
    kinds = (
        ("marks, segments", lambda one: f"{one.marks}, {one.segments}"),
        ("missed, false, divided, joined", _miscounts),
        ("onset error, ms: median, least, most", lambda one: _errors(one.onset_errors)),
        ("end error, ms: median, least, most", lambda one: _errors(one.end_errors)),
    )
    cells = [[name, *(cell(one) for one in marked.values())] for name, cell in kinds]
    return _markdown("The voice detector against marked speech", head, cells)


def _miscounts(one: Compared) -> str:
    return f"{one.missed}, {one.false}, {one.divided}, {one.joined}"


def _errors(samples: Sequence[int]) -> str:
    if not samples:
        return "none"
    values = (percentile(samples, 0.5), min(samples), max(samples))
    return ", ".join(f"{1000 * value / SAMPLE_RATE:+.0f}" for value in values)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "0"


def _markdown(title: str, head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *cells]
    return f"**{title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/measure_guards",
        description="The real pipeline, without a server, over sounds in which nobody speaks, faint "
        "other speakers, loops and human speech; docs/benchmarks.md explains the figures.",
    )
    parser.add_argument("--profile", default="embedded", help="of weights (default: embedded)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=20.0,
        metavar="S",
        help="of each sound without words, at each of three levels (default: 20)",
    )
    parser.add_argument(
        "--human", type=Path, default=HUMAN, metavar="DIR", help=f"where jfk.wav is ({HUMAN})"
    )
    parser.add_argument(
        "--json", type=Path, default=JSON, metavar="F", help=f"where all figures go ({JSON})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
