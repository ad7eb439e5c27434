"""The command line: its commands, and errors as one line and a non-zero exit status."""

import argparse
import sys
from collections.abc import Callable, Sequence

from wordloop_ml import __version__
from wordloop_ml.cli import completion, doctor, serve, synthesise, transcribe, weights
from wordloop_ml.cli.options import EXIT_FAILED, print_error
from wordloop_ml.errors import WordloopError

__all__ = ["doctor", "main", "make_parser", "serve", "synthesise", "transcribe", "weights"]

Handler = Callable[[argparse.Namespace], int]

EXIT_INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    namespace = make_parser().parse_args(arguments)
    handler: Handler = namespace.handler
    try:
        return handler(namespace)
    except WordloopError as error:
        print_error(error)
        return EXIT_FAILED
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing more to say, and nowhere to.
        sys.stderr.close()
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def make_parser() -> argparse.ArgumentParser:
    """Make the parser with every command."""
    parser = argparse.ArgumentParser(
        prog="wordloop-ml",
        description="Live captions and meeting intelligence: the ML service of Wordloop.",
        epilog="Settings are read from WORDLOOP_* variables; docs/settings.md lists them.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve.add_to(commands)
    transcribe.add_to(commands)
    synthesise.add_to(commands)
    weights.add_to(commands)
    doctor.add_to(commands)
    completion.add_to(commands, parser)
    return parser
