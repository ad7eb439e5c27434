"""The command line: its commands, and errors as one line and a non-zero exit status."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from wordloop_ml import __version__
from wordloop_ml.cli.options import EXIT_FAILED, print_error
from wordloop_ml.errors import WordloopError

__all__ = ["main", "make_parser", "parse", "run"]

Handler = Callable[[argparse.Namespace], int]

COMMANDS: Final = ("serve", "transcribe", "synthesise", "weights", "doctor", "completion")
"""Each is a module of this package, of the same name."""

EXIT_INTERRUPTED = 130
"""What shells expect of a program that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    return run(parse(arguments))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line, of the process by default; imports what its command needs."""
    arguments = sys.argv[1:] if arguments is None else arguments
    first = next(iter(arguments), "")
    # completion is about all commands
    alone = first in COMMANDS and first != "completion"
    return make_parser((first,) if alone else COMMANDS).parse_args(arguments)


def run(namespace: argparse.Namespace) -> int:
    """Run the command of a namespace; return the exit status."""
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


def make_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Make the parser with these commands, whose modules are imported.

    What other commands import is a fifth of the service's start, so that a command is alone.
    """
    parser = argparse.ArgumentParser(
        prog="wordloop-ml",
        description="Live captions and meeting intelligence: the ML service of Wordloop.",
        epilog="Settings are read from WORDLOOP_* variables; docs/settings.md lists them.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.set_defaults(root=parser)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in commands:
        import_module(f"wordloop_ml.cli.{name}").add_to(subparsers)
    return parser
