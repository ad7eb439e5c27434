"""The steps from nothing to a model file with a card: see `scripts/train_nano --help`."""

# ruff: noqa: PLC0415 - a step imports what it needs: measuring needs no synthesiser

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from multiprocessing import Pool
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
_MODEL: Final = _ROOT / "weights" / "wordloop-nano.bin"


def _corpus(options: argparse.Namespace) -> None:
    from scripts.nano.corpus import write_held_out, write_training

    folder: Path = options.work / "corpus"
    with Pool(options.processes) as pool:
        jobs = [(folder, seed + 1, options.shards) for seed in range(options.processes)]
        pool.starmap(write_training, jobs)
    write_held_out(options.work / "held_out", 900, 60)


def _train(options: argparse.Namespace) -> None:
    from scripts.nano.train import Options, train

    run = Options(
        corpus=options.work / "corpus",
        out=options.work / "run",
        minutes=options.minutes,
        processes=options.processes,
        resume=options.resume,
    )
    train(run)


def _export(options: argparse.Namespace) -> None:
    from scripts.nano.export import export

    run: Path = options.work / "run"
    export(run / "checkpoint.pt", run / "tokens.json", options.model)


def _evaluate(options: argparse.Namespace) -> None:
    from scripts.nano.evaluate import evaluate

    held_out: Path = options.work / "held_out"
    findings = evaluate(options.model, held_out, options.processes, options.most)
    findings.save(options.work / "findings.json")
    _card(options)


def _card(options: argparse.Namespace) -> None:
    from scripts.nano.card import write_card
    from scripts.nano.evaluate import Findings

    findings = Findings.load(options.work / "findings.json")
    write_card(options.model.with_suffix(".md"), options.model, findings, options.work)


def _talk(options: argparse.Namespace) -> None:
    from scripts.nano.corpus import read_shard
    from scripts.nano.talk import write_bench, write_meeting
    from scripts.nano.voices import KNOWN

    write_meeting(_ROOT / "scripts" / "sample_meeting")
    held_out: Path = options.work / "held_out"
    shards = [list(read_shard(held_out / f"{v.replace('/', '-')}.json")) for v in KNOWN]
    write_bench(_ROOT / "scripts" / "bench_speech", shards, each=10)


def _all(options: argparse.Namespace) -> None:
    for step in (_corpus, _train, _export, _evaluate, _talk):
        step(options)


_STEPS: Final[dict[str, tuple[Callable[[argparse.Namespace], None], str]]] = {
    "corpus": (_corpus, "speak the sentences for training, and the held-out ones"),
    "train": (_train, "train on them; ends by the clock, and can be resumed"),
    "export": (_export, "write the model file from the last checkpoint"),
    "evaluate": (_evaluate, "measure the model file through whisper.cpp and write its card"),
    "card": (_card, "write the card again from the last measurement"),
    "talk": (_talk, "write the sample meeting and the speech of the benchmark"),
    "all": (_all, "all of these in order"),
}


def _parser() -> argparse.ArgumentParser:
    steps = "\n".join(f"  {name:9} {text}" for name, (_, text) in _STEPS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/train_nano",
        description=__doc__,
        epilog=f"steps:\n{steps}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=_STEPS, metavar="step", nargs="?", default="all")
    parser.add_argument("--work", type=Path, default=_ROOT / "build" / "nano", help="scratch")
    parser.add_argument("--model", type=Path, default=_MODEL, help="the model file")
    parser.add_argument("--minutes", type=float, default=90.0, help="of training")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--shards", type=int, default=24, help="of 1,000 sentences, each process")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--most", type=int, default=60, help="held-out sentences of each voice")
    return parser


if __name__ == "__main__":
    arguments = _parser().parse_args()
    _STEPS[arguments.step][0](arguments)
