"""The command line of ``scripts/bench``."""

import argparse
from pathlib import Path

from scripts.benchmark.twins import SHAPES

SPEECH = Path(__file__).resolve().parent.parent / "bench_speech"
JSON = Path("out/bench.json")
STARTS = 20
ROUNDS = 4
MEETINGS, AGAINST_MEETINGS = (1, 8), (1, 4, 8)

_EPILOG = """\
The default is a run for each number of meetings. --long, --starts, --memory, --beside,
--against, --hot-path and --all do something else instead. WORDLOOP_* settings are passed on to the server.
"""


def parser() -> argparse.ArgumentParser:
    """All options; docs/benchmarks.md has them in a table."""
    options = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Drive the real server with paced speech; docs/benchmarks.md explains the "
        "figures.",
        epilog=_EPILOG,
    )
    _add_modes(options)
    options.add_argument(
        "--meetings",
        type=counts,
        metavar="N,N",
        help="a run for each number of meetings (default: 1,8; with --hot-path the first: 8)",
    )
    options.add_argument(
        "--seconds", type=float, metavar="S", help="of talk on each track (see the table)"
    )
    options.add_argument("--profile", default="embedded", help="of weights (default: embedded)")
    options.add_argument(
        "--twin",
        choices=[*SHAPES],
        help="instead of a profile: random weights of this model's shape, made when not there",
    )
    options.add_argument("--seed", type=int, default=1, help="of speech, pauses and starts")
    options.add_argument(
        "--settle",
        type=float,
        default=2.0,
        metavar="S",
        help="between the server's readiness and the first audio (default: 2)",
    )
    options.add_argument(
        "--speech", type=Path, default=SPEECH, metavar="DIR", help="FLAC files and index.json"
    )
    options.add_argument(
        "--json", type=Path, default=JSON, metavar="F", help=f"where all figures go ({JSON})"
    )
    options.add_argument(
        "--against-python",
        type=Path,
        metavar="F",
        help="which runs the other server (default: .venv/bin/python of the checkout)",
    )
    options.add_argument(
        "--plots", action="store_true", help="PNG plots beside the JSON (extra: bench)"
    )
    return options


def _add_modes(options: argparse.ArgumentParser) -> None:
    modes = options.add_mutually_exclusive_group()
    modes.add_argument(
        "--long",
        action="store_true",
        help="one meeting of two tracks, and the same audio decoded offline",
    )
    modes.add_argument(
        "--starts",
        type=int,
        nargs="?",
        const=STARTS,
        metavar="N",
        help=f"the first segment against the hundredth, over N process starts (default: {STARTS})",
    )
    modes.add_argument(
        "--memory", action="store_true", help="idle and its parts, a further track, a worker"
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
        type=Path,
        metavar="DIR",
        help="a checkout of RealtimeSTT: its server and ours in turns, with the same twin and talk",
    )
    modes.add_argument(
        "--hot-path", action="store_true", help="which functions the server's time goes to"
    )
    modes.add_argument(
        "--all", action="store_true", help="everything that must be reached, in some 13 minutes"
    )


def counts(text: str) -> list[int]:
    """Whole numbers above 0, with commas between; ``ArgumentTypeError`` for anything else."""
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = [0]
    if min(values) < 1:
        raise argparse.ArgumentTypeError("must be whole numbers above 0, such as 1,8")
    return values
