"""``wordloop-ml completion SHELL``: prints what a shell needs to complete the commands and their options."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import shtab

SHELLS = ("bash", "zsh", "fish")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``completion`` command, for all commands of the namespace's ``root``."""
    parser = commands.add_parser(
        "completion",
        help="print the completion script of a shell",
        description="Print a script that completes commands, options and files. bash: "
        'eval "$(wordloop-ml completion bash)" in ~/.bashrc. zsh: save it as _wordloop-ml in a '
        "folder of $fpath. fish: save it as ~/.config/fish/completions/wordloop-ml.fish.",
    )
    parser.add_argument("shell", choices=SHELLS)
    parser.set_defaults(handler=_print)


def _print(arguments: argparse.Namespace) -> int:
    root: argparse.ArgumentParser = arguments.root
    for action in _actions(root):
        if action.type is Path:
            # what shtab reads
            vars(action)["complete"] = shtab.DIRECTORY if action.metavar == "D" else shtab.FILE
    sys.stdout.write(shtab.complete(root, shell=arguments.shell) + "\n")
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the arguments and options of a parser and of all its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                yield from _actions(command)
