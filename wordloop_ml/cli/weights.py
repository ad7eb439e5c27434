"""``wordloop-ml weights list | pull | verify``: shows, fetches and checks the files of weights."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from wordloop_ml.cli.options import EXIT_FAILED, console_on, print_error
from wordloop_ml.errors import BadInput, ErrorCode, StartupFailed
from wordloop_ml.settings import read_settings
from wordloop_ml.weights.download import PullPhase, PullProgress
from wordloop_ml.weights.manifest import Manifest, WeightsEntry, load_manifest
from wordloop_ml.weights.pull import pull
from wordloop_ml.weights.store import is_marked, verify


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``weights`` command."""
    parser = commands.add_parser(
        "weights",
        help="list, pull and verify model weights",
        description="List, pull and verify the files of the weights manifest.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listed = verbs.add_parser("list", help="show the profiles, their files, and what is there")
    listed.set_defaults(handler=_list)
    pulled = verbs.add_parser("pull", help="fetch what is missing or wrong, resuming and verified")
    pulled.set_defaults(handler=_pull)
    verified = verbs.add_parser("verify", help="read every file again and check its digest")
    verified.set_defaults(handler=_verify)
    for verb in (pulled, verified):
        verb.add_argument(
            "names", nargs="*", metavar="NAME", help="rows of the manifest, in place of a profile"
        )
    for verb, default in (
        (listed, "all of them"),
        (pulled, "WORDLOOP_PROFILE, else embedded"),
        (verified, "WORDLOOP_PROFILE, else embedded"),
    ):
        verb.add_argument("--profile", metavar="P", help=f"profile of the manifest ({default})")
        verb.add_argument(
            "--directory",
            metavar="D",
            type=Path,
            help="weights directory (WORDLOOP_WEIGHTS, else weights/ of the checkout)",
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """The manifest, the folder and the rows that a command works on."""

    manifest: Manifest
    directory: Path
    profile: str

    def chosen(self, names: list[str]) -> list[WeightsEntry]:
        """Return the rows named, else those of the profile, each once, with their companions."""
        entries = self.manifest.entries
        for name in names:
            if name not in entries:
                known = ", ".join(sorted(entries))
                raise BadInput(
                    f"no weights are named {name!r}: the manifest has {known}",
                    code=ErrorCode.NOT_FOUND,
                )
        chosen = names or [entry.name for entry in self.manifest.profile(self.profile).values()]
        files = [file for name in chosen for file in (name, *entries[name].companions.values())]
        return [entries[name] for name in dict.fromkeys(files)]


def _place(args: argparse.Namespace) -> _Place:
    settings = read_settings(os.environ)
    directory = args.directory if args.directory is not None else settings.weights
    profile = args.profile if args.profile is not None else settings.profile
    return _Place(load_manifest(settings.weights / "manifest.toml"), directory, profile)


def _list(args: argparse.Namespace) -> int:
    place = _place(args)
    manifest = place.manifest
    profiles = list(manifest.profiles) if args.profile is None else [args.profile]
    table = Table("profile", "role", "name", box=None, pad_edge=False)
    table.add_column("size", justify="right", no_wrap=True)
    for column in ("licence", "state", "source"):
        table.add_column(column)
    for profile in profiles:
        for role, entry in manifest.profile(profile).items():
            companions = manifest.companions(entry).items()
            parts = ((f"{role}, {part}", companion) for part, companion in companions)
            for what, file in ((role, entry), *parts):
                facts = (_size(file.bytes), file.licence, _state(file, place.directory))
                table.add_row(profile, what, file.name, *facts, file.sources[0].host)
    # A pipe has no width, and a log or a grep wants each row on one line.
    console = console_on(sys.stdout, width=None if sys.stdout.isatty() else 160)
    console.print(table)
    return 0


def _state(entry: WeightsEntry, directory: Path) -> str:
    """Return the state of a file, without reading it."""
    try:
        found = (directory / entry.file).stat().st_size
    except OSError:
        return "missing"
    if found != entry.bytes:
        return "truncated" if found < entry.bytes else "corrupt"
    return "verified" if is_marked(entry, directory) else "not verified"


def _pull(args: argparse.Namespace) -> int:
    place = _place(args)
    failed = False
    for entry in place.chosen(args.names):
        try:
            with _shown(entry) as show:
                path = pull(entry, place.directory, show)
        except StartupFailed as error:
            failed = True
            print_error(error)
        else:
            print(f"{entry.name}: verified, {_size(entry.bytes)}: {path}")
    return EXIT_FAILED if failed else 0


def _verify(args: argparse.Namespace) -> int:
    place = _place(args)
    failed = False
    for entry in place.chosen(args.names):
        try:
            path = verify(entry, place.directory, rehash=True)
        except StartupFailed as error:
            failed = True
            print_error(error)
        else:
            print(f"{entry.name}: verified, {_size(entry.bytes)}: {path}")
    return EXIT_FAILED if failed else 0


class Lines:
    """Prints the progress of a pull for a log: a line for each phase and each retry."""

    def __init__(self) -> None:
        self._last: tuple[str, PullPhase] | None = None

    def __call__(self, progress: PullProgress) -> None:
        last, self._last = self._last, (progress.name, progress.phase)
        if progress.phase in {PullPhase.UNPACKING, PullPhase.DONE}:
            return
        if self._last != last or progress.phase is PullPhase.RETRYING:
            detail = f": {progress.detail}" if progress.detail else ""
            print(f"{progress.name}: {progress.phase.value}{detail}", file=sys.stderr, flush=True)


class Bar:
    """Shows the progress of a pull in a terminal: a bar, and the phase beside it."""

    def __init__(self, bars: Progress, entry: WeightsEntry) -> None:
        self._bars = bars
        self._task = bars.add_task(entry.name, total=entry.bytes, detail="")

    def __call__(self, progress: PullProgress) -> None:
        fetching = progress.phase in {PullPhase.FETCHING, PullPhase.DONE}
        said = progress.detail if fetching else f"{progress.phase.value} {progress.detail}"
        self._bars.update(
            self._task,
            description=progress.name,
            total=progress.total_bytes,
            completed=progress.done_bytes,
            detail=said.strip(),
        )


@contextmanager
def _shown(entry: WeightsEntry) -> Iterator[Lines | Bar]:
    """Choose how a pull is shown: a bar on a terminal, otherwise lines."""
    console = console_on(sys.stderr)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield Bar(bars, entry)


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size} bytes"
