"""Measure the times and the confidence of final words on speech whose words are known; see --help."""

import argparse
import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scripts.benchmark.listening import listen
from scripts.benchmark.machine import describe_machine
from scripts.benchmark.reliability import Reliability, fit, raw, reliability
from scripts.benchmark.word_truth import Scored, Told, compose_told, score
from scripts.nano.score import percentile
from wordloop_ml.engines.catalogue import MANIFEST, open_engines
from wordloop_ml.errors import WordloopError
from wordloop_ml.messages import SAMPLE_RATE
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.weights import Calibration, load_manifest, parse_manifest

SPEECH = Path("scripts/bench_speech")
JSON = Path("out/words.json")
LEAST_RIGHT = 0.95
MEDIAN_MS, P95_MS = 80.0, 250.0
WORTHWHILE = 0.02
"""A calibration that takes away less of the log loss is noise of the fit."""


@dataclass(frozen=True, slots=True)
class Times:
    """How far the words that are right are from where they were said, in milliseconds.

    p50, p95, p99: of the distance. shift: the median of the error itself; late is positive.
    """

    words: int
    p50: float
    p95: float
    p99: float
    shift: float


def main() -> int:
    """Returns the exit status: 0 when there are figures, whatever they are."""
    arguments = _parser().parse_args()
    try:
        settings = replace(read_settings(os.environ), profile=arguments.profile, workers=1)
        entry = load_manifest(settings.weights / MANIFEST).profile(settings.profile)["transcriber"]
        told, scored, lost = _heard(settings, arguments)
    except (WordloopError, OSError, ValueError) as error:
        print(f"measure_words: {error}", file=sys.stderr)
        return 1
    words = [word for one in scored for word in one]
    report: dict[str, Any] = {
        "said": sum(len(one.words) for one in told),
        "heard": len(words),
        "right": sum(word.right for word in words),
        "spans_lost": lost,
        "start": asdict(times([word.start_error for word in words])),
        "end": asdict(times([word.end_error for word in words])),
        "reliability": asdict(reliability(words)),
        "calibration": asdict(entry.calibration),
        "machine": describe_machine(settings),
    }
    print(times_text(report))
    print(reliability_text("Confidence as it is shipped, all words", reliability(words)))
    if arguments.fit:
        uncalibrated = [raw(one, entry.calibration) for one in scored]
        report["fit"] = _fitted(uncalibrated, settings, entry.name, write=arguments.write)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    _plot(reliability(words), arguments.json.with_name("reliability.png"))
    print(f"measure_words: every figure is in {arguments.json}", file=sys.stderr)
    return 0


def _heard(
    settings: Settings, arguments: argparse.Namespace
) -> tuple[list[Told], list[list[Scored]], int]:
    """What was said, the words of the finals by utterance, and how many spans were lost."""
    samples, told = compose_told(arguments.speech, arguments.seed)
    engines = open_engines(settings)
    worker = engines.transcriber.open_worker()
    try:
        heard = listen(samples, worker, engines.voice_detector.open_stream(), interims=False)
    finally:
        worker.close()
        engines.close()
    return told, score(told, heard.finals), len(heard.lost)


def times(errors: Sequence[int | None]) -> Times:
    """The spread of errors in samples; words that are wrong (None) have none."""
    known = [1000 * error / SAMPLE_RATE for error in errors if error is not None]
    sizes = [abs(error) for error in known]
    p50, p95, p99 = (percentile(sizes, share) for share in (0.5, 0.95, 0.99))
    return Times(len(known), p50, p95, p99, percentile(known, 0.5))


def _fitted(
    scored: Sequence[Sequence[Scored]], settings: Settings, name: str, *, write: bool
) -> dict[str, Any]:
    """Fit to every other utterance, report on those between, and say whether it is worth having."""
    calibration = fit([word for one in scored[0::2] for word in one])
    others = [word for one in scored[1::2] for word in one]
    before, after = reliability(others), reliability(others, calibration)
    print(reliability_text("The model's own probabilities, the other half of the speech", before))
    title = f"With slope {calibration.slope}, offset {calibration.offset}, fitted to the first half"
    print(reliability_text(title, after))
    chosen = calibration if worthwhile(before, after) else None
    print(
        "The calibration is worth having.\n"
        if chosen is not None
        else "The model's own probabilities are as good: no calibration.\n"
    )
    if write:
        path = settings.weights / MANIFEST
        path.write_text(written(path.read_text(encoding="utf-8"), name, chosen), encoding="utf-8")
        print(f"measure_words: wrote {path}; measure again to see it", file=sys.stderr)
    return {
        "calibration": asdict(calibration),
        "adopted": chosen is not None,
        "before": asdict(before),
        "after": asdict(after),
    }


def worthwhile(before: Reliability, after: Reliability) -> bool:
    """Whether a calibration helps: sure words become as right as they must be, or losses fall."""
    enough = after.sure_right is None or after.sure_right >= LEAST_RIGHT
    too_sure = before.sure_right is not None and before.sure_right < LEAST_RIGHT
    better = after.log_loss < (1 - WORTHWHILE) * before.log_loss
    return enough and (too_sure or better)


def written(manifest: str, name: str, calibration: Calibration | None) -> str:
    """The manifest's text with this calibration in a model's row, or without any.

    Nothing else changes, comments included. ValueError when the row is not found.
    """
    row = re.compile(
        rf'^\[weights\.(?:"{re.escape(name)}"|{re.escape(name)})\]\n(?:(?!\[).*\n)*', re.MULTILINE
    )
    found = row.search(manifest)
    if found is None:
        raise ValueError(f"the manifest has no row weights.{name}")
    text = re.sub(r"^calibration = .*\n", "", found[0], flags=re.MULTILINE)
    if calibration is not None:
        line = f"calibration = {{ slope = {calibration.slope}, offset = {calibration.offset} }}\n"
        text = re.sub(r"^(engine = .*\n)", rf"\g<1>{line}", text, count=1, flags=re.MULTILINE)
    changed = manifest[: found.start()] + text + manifest[found.end() :]
    expected = calibration or Calibration()
    if parse_manifest(changed, Path()).entries[name].calibration != expected:
        raise ValueError(f"the row weights.{name} could not be changed")
    return changed


def times_text(report: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"{report['said']} words said, {report['heard']} in finals, {report['right']} of them right; "
        f"{report['spans_lost']} spans lost\n",
        "| of the words that are right, ms | median | p95 | p99 | shift |",
        "| --- | --- | --- | --- | --- |",
    ]
    for side in ("start", "end"):
        one = report[side]
        cells = " | ".join(f"{one[name]:.0f}" for name in ("p50", "p95", "p99"))
        lines.append(f"| {side} error | {cells} | {one['shift']:+.0f} |")
    lines.append(f"\naim for the start: median {MEDIAN_MS:.0f}, p95 {P95_MS:.0f}\n")
    return "\n".join(lines)


def reliability_text(title: str, one: Reliability) -> str:
    """Markdown: a row for each bin, its share right also as a bar."""
    lines = [f"**{title}**\n", "| confidence | words | mean | right | |", "| --- " * 5 + "|"]
    for bin_ in one.bins:
        cells = f"| {bin_.low:.2f} to {bin_.high:.2f} | {bin_.words} "
        if bin_.mean is None or bin_.right is None:
            lines.append(f"{cells}| | | |")
        else:
            bar = "#" * round(20 * bin_.right)
            lines.append(f"{cells}| {bin_.mean:.2f} | {100 * bin_.right:.0f} % | {bar} |")
    sure = "none" if one.sure_right is None else f"{100 * one.sure_right:.1f} % right"
    lines.append(
        f"\nover 0.9: {one.sure_words} of {one.words} words, {sure} (aim {100 * LEAST_RIGHT:.0f} %); "
        f"calibration error {one.calibration_error:.3f}, log loss {one.log_loss:.3f}\n"
    )
    return "\n".join(lines)


def _plot(one: Reliability, path: Path) -> None:
    """A picture of the curve, where matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        print("measure_words: no matplotlib, no picture", file=sys.stderr)
        return
    figure_class = importlib.import_module("matplotlib.figure").Figure
    figure = figure_class(figsize=(5, 5))
    axes = figure.add_subplot(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.plot([0, 1], [0, 1], linestyle="--", color="grey")
    known = [(bin_.mean, bin_.right, bin_.words) for bin_ in one.bins if bin_.words]
    axes.plot([mean for mean, _, _ in known], [right for _, right, _ in known], marker="o")
    for mean, right, words in known:
        axes.annotate(str(words), (mean, right), textcoords="offset points", xytext=(6, -10))
    figure.savefig(path, dpi=120)
    print(f"measure_words: the curve is in {path}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/measure_words",
        description="Final words, through the service's own pipeline without a server, against "
        "speech whose words and times are known; docs/benchmarks.md explains the figures.",
    )
    parser.add_argument("--profile", default="embedded", help="of weights (default: embedded)")
    parser.add_argument(
        "--speech", type=Path, default=SPEECH, metavar="DIR", help="speech.flac and index.json"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the pauses and their noise")
    parser.add_argument(
        "--fit", action="store_true", help="fit a calibration, and report on the other half"
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help="with --fit: put it into the manifest if it helps, take it out if not",
    )
    parser.add_argument(
        "--json", type=Path, default=JSON, metavar="F", help=f"where all figures go ({JSON})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
