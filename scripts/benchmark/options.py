"""The command line of ``scripts/bench``."""

import argparse
from pathlib import Path

from scripts.benchmark.speech import KINDS

SPEECH = Path("scripts/speech")
JSON = Path("out/bench.json")
STARTS, ROUNDS = 20, 4
MEETINGS = (1, 4, 8)
ALL_MEETINGS = (1, 4, 8, 16)
OTHERS = ("realtimestt", "whisperlive")


def parser() -> argparse.ArgumentParser:
    """All options; docs/benchmarks.md says what they measure."""
    options = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Drive the real server with people's speech at the pace of speech; "
        "docs/benchmarks.md defines the figures.",
        epilog="WORDLOOP_* settings are passed on to the server.",
    )
    modes = options.add_mutually_exclusive_group()
    modes.add_argument(
        "--starts",
        type=int,
        nargs="?",
        const=STARTS,
        metavar="N",
        help=f"the first segment against the hundredth, over N process starts (default: {STARTS})",
    )
    modes.add_argument(
        "--memory", action="store_true", help="of an idle process and its parts, of a further track"
    )
    modes.add_argument(
        "--beside",
        type=int,
        nargs="?",
        const=ROUNDS,
        metavar="N",
        help="captions with and without a synthesis and embeddings beside them, in N rounds each "
        f"(default: {ROUNDS})",
    )
    modes.add_argument(
        "--against",
        type=other,
        action="append",
        metavar="NAME=DIR",
        help=f"another server ({' or '.join(OTHERS)}) from its checkout, run by the .venv in it, in "
        "turns with ours, with the same audio; may come twice. Needs --model",
    )
    modes.add_argument(
        "--all",
        action="store_true",
        help="1, 4, 8 and 16 meetings, process starts and memory: what must be reached",
    )
    options.add_argument(
        "--meetings",
        type=counts,
        metavar="N,N",
        help="a run for each number of meetings (default: 1,4,8)",
    )
    options.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="of talk on each track (default: 300 for one meeting, fewer for more, at least 60)",
    )
    options.add_argument("--profile", default="embedded", help="of weights (default: embedded)")
    options.add_argument(
        "--language", default="en", help="told to the server; none leaves it to it (default: en)"
    )
    options.add_argument("--seed", type=int, default=1, help="of speech, pauses and starts")
    options.add_argument(
        "--speech",
        type=Path,
        default=SPEECH,
        metavar="DIR",
        help=f"a folder with a manifest.jsonl (default: {SPEECH})",
    )
    options.add_argument(
        "--kinds",
        type=lambda text: tuple(text.split(",")),
        default=KINDS,
        metavar="K,K",
        help=f"of its English clips (default: {','.join(KINDS)})",
    )
    options.add_argument(
        "--model",
        type=Path,
        metavar="DIR",
        help="for --against: the same weights, in a folder as faster-whisper wants it",
    )
    options.add_argument(
        "--json", type=Path, default=JSON, metavar="F", help=f"where all figures go ({JSON})"
    )
    options.add_argument(
        "--publish", metavar="NAME", help="the tables, also into this place of docs/benchmarks.md"
    )
    return options


def counts(text: str) -> list[int]:
    """Whole numbers above 0, with commas between; ``ArgumentTypeError`` for anything else."""
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise argparse.ArgumentTypeError("must be whole numbers above 0, such as 1,8")
    return values


def other(text: str) -> tuple[str, Path]:
    """A server that can be spoken to, and its checkout."""
    name, _, folder = text.partition("=")
    if name not in OTHERS or not folder:
        raise argparse.ArgumentTypeError(f"must be {'=DIR or '.join(OTHERS)}=DIR")
    return name, Path(folder)


def seconds_of(meetings: int) -> float:
    """Of talk on each track, so that some forty utterances are measured."""
    return max(60.0, 300.0 / meetings)
