"""``scripts/image``: build the image, and try it as an arbitrary user on a read-only root.

The trial: it starts some times, then two people talk in a meeting each while the container gets
SIGTERM and another takes its place; what they said is compared with what they were shown.
"""

import argparse
import asyncio
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import aiohttp

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.server_process import (
    NO_ADMISSION,
    Launch,
    Server,
    free_ports,
    running_server,
)
from scripts.benchmark.speech import read_speech
from scripts.container import buildah, runc
from scripts.container.sizes import measure, unwanted
from scripts.drills.meeting import Meeting, client_log, judge_all
from scripts.drills.report import DrillReport
from scripts.drills.talk import RecordedTalk
from wordloop_ml.settings import Settings

EX_UNAVAILABLE = 69
PROGRAMS = ("buildah", "debootstrap", "runc")
TAG = "localhost/wordloop-ml"
UNPACKED_MB, EXIT_S = 650, 30.0
"""At most. The latter is less than the grace of deploy/base, with room for the kubelet."""

STARTS, MEETINGS = 5, 2
TALK_S = 8.0
"""Between the first captions and the signal, and again after it."""

SHOWN_WITHIN_S, COMMITTED_WITHIN_S = 60.0, 60.0
SPEECH = Path("scripts/speech")


def make_parser() -> argparse.ArgumentParser:
    """Make the parser."""
    parser = argparse.ArgumentParser(
        prog="scripts/image", description="Build the container image, and try it on real speech."
    )
    parser.add_argument("--base", help="image to build on; without it, Debian by debootstrap")
    parser.add_argument("--tag", default=TAG, help=f"name of the image ({TAG})")
    parser.add_argument(
        "--build-arg", action="append", default=[], metavar="NAME=VALUE", help="PROFILE=small"
    )
    within = "fail if the median start takes longer, page cache warm; only counted otherwise"
    parser.add_argument("--start-within", type=float, metavar="SECONDS", help=within)
    parser.add_argument("--json", type=Path, default=Path("out/image.json"), metavar="F")
    return parser


def missing() -> str | None:
    """Say what this machine lacks to build and run containers."""
    if os.geteuid() != 0:
        return "it needs root"
    lacking = [one for one in PROGRAMS if shutil.which(one) is None]
    if lacking:
        return f"install {' '.join(lacking)}"
    mount = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "this root may not mount" if mount.returncode else None


class Trial:
    """Containers of one unpacked image, one after the other, on the same port.

    log: of each, in ``folder``.
    """

    def __init__(self, root: Path, image: Mapping[str, Any], folder: Path) -> None:
        self._root, self._image, self._folder = root, image, folder
        self._count = 0
        self.token = secrets.token_hex(16)
        self.port = str(free_ports(1)[0])
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Make a container of its own that runs these, or else the image's entry point."""
        self._count += 1
        own = {"WORDLOOP_TOKEN": self.token, "WORDLOOP_PORT": self.port}
        bundle = self._folder / str(self._count)
        return runc.command(bundle, self._root, self._image, NO_ADMISSION | own, [*arguments])

    def running(self) -> AbstractAsyncContextManager[Server]:
        """Start the service in a container, until it is ready."""
        command = self.command()
        log = self._folder / f"service-{self._count}.log"
        environment = {**os.environ, "WORDLOOP_PORT": self.port}
        return running_server(environment, log, Launch(command))


async def start_and_stop(trial: Trial, report: DrillReport, within_s: float | None) -> None:
    """Measure how long it takes from the command until the service is ready, with nobody talking."""
    starts: list[float] = []
    most = 0
    for _ in range(1 + STARTS):
        began_s = time.monotonic()
        async with trial.running() as server, aiohttp.ClientSession() as http:
            starts.append(time.monotonic() - began_s)
            async with http.get(f"{server.url}/startupz") as response:
                loads = (await response.json())["model_loads"]
            most = max(most, *(one["loads"] for one in loads))
    report.must_be("loads of each model", most, 1)
    report.facts["first start, s"] = round(starts[0], 2)
    if within_s is None:
        report.delays["start to ready"] = starts[1:]
    else:
        report.measure("start to ready", starts[1:], 50, within_s)


async def talk(trial: Trial, report: DrillReport) -> None:
    """Replace a container under live meetings: it leaves with 0, and nothing that was said is lost."""
    speech = read_speech(SPEECH, Settings())
    with client_log() as log:
        async with aiohttp.ClientSession() as http, AsyncExitStack() as stack:
            first = await stack.enter_async_context(trial.running())
            meetings = [
                Meeting(
                    http, trial.url, f"m{one}", RecordedTalk(Random(one), speech), token=trial.token
                )
                for one in range(MEETINGS)
            ]
            for one in meetings:
                one.begin()
            report.must_be("meetings without a caption", await silent(meetings))
            await asyncio.sleep(TALK_S)
            began_s = time.monotonic()
            report.must_be("exit status under live meetings", await first.stop())
            report.at_most("SIGTERM to exit", time.monotonic() - began_s, EXIT_S)
            second = await stack.enter_async_context(trial.running())
            await asyncio.sleep(TALK_S)
            ended = await asyncio.gather(*(one.end(COMMITTED_WITHIN_S) for one in meetings))
            report.failures += [bug for server in (first, second) for bug in server.bugs()]
    report.must_be("meetings that were not committed", ended.count(False))
    report.judge(judge_all(meetings), "utterances")
    report.facts["connections ended"] = log.why()


async def silent(meetings: Sequence[Meeting]) -> int:
    """Wait until each has shown a caption; how many have not in time."""
    for _ in range(round(10 * SHOWN_WITHIN_S)):
        if all(one.shown for one in meetings):
            break
        await asyncio.sleep(0.1)
    return sum(not one.shown for one in meetings)


def doctor(trial: Trial) -> str:
    """What the service says of itself in the container."""
    command = trial.command("/opt/venv/bin/wordloop-ml", "doctor")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkFailed(f"wordloop-ml doctor failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(arguments: Sequence[str]) -> int:
    """Build and try the image; 0 when all is as it must be, else 1, or what cannot be tried here."""
    options = make_parser().parse_args(arguments)
    if (why := missing()) is not None:
        print(f"image: not built: {why}", file=sys.stderr)
        return EX_UNAVAILABLE
    report = DrillReport()
    with tempfile.TemporaryDirectory(prefix="wordloop-image-") as name:
        try:
            base = options.base or buildah.make_base()
            began_s = time.monotonic()
            buildah.build(base, options.build_arg, options.tag)
            report.facts["build, s"] = round(time.monotonic() - began_s)
            with buildah.unpacked(options.tag) as root:
                options.json.parent.mkdir(parents=True, exist_ok=True)
                bill = options.json.with_suffix(".cdx.json")
                bill.write_bytes((root / "opt/sbom.cdx.json").read_bytes())
                table, unpacked_mb = measure(root)
                report.tables.append(table)
                report.at_most("unpacked", unpacked_mb, UNPACKED_MB, "MB")
                report.failures += [f"it is in the image: {one}" for one in unwanted(root)]
                trial = Trial(root, buildah.configuration(options.tag), Path(name))
                report.notes.append(doctor(trial))
                asyncio.run(start_and_stop(trial, report, options.start_within))
                asyncio.run(talk(trial, report))
        except (BenchmarkFailed, ExceptionGroup) as error:
            report.failures.append(f"the trial did not end: {error}")
        if report.failures:
            shutil.copytree(name, options.json.with_suffix(".logs"), dirs_exist_ok=True)
    report.complete({"base": options.base or "debootstrap"})
    report.write(options.json, None, "")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
