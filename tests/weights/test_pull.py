"""One pull: mirrors in order, one at a time, on a disk with room, from the repository too."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.weights.download import PullPhase, PullProgress
from wordloop_ml.weights.manifest import HttpsSource, RepositorySource, WeightsEntry
from wordloop_ml.weights.pull import pull
from wordloop_ml.weights.store import verify

if TYPE_CHECKING:
    from tests.weights.conftest import Origin, Puller


def test_a_file_that_is_there_is_left_alone(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """No request, no lock, the same file."""
    puller.directory.mkdir()
    path = puller.directory / entry.file
    path.write_bytes(origin.body)
    before = path.stat()
    assert puller.pull(entry) == path
    assert path.stat().st_ino == before.st_ino
    assert origin.asked == []
    assert not (puller.directory / "weights.bin.lock").exists()
    assert puller.phases == [PullPhase.DONE]


@pytest.mark.parametrize("found", [b"", b"short", b"\0" * 10_240, b"\0" * 10_241])
def test_a_wrong_file_is_replaced(
    origin: Origin, puller: Puller, entry: WeightsEntry, found: bytes
) -> None:
    """Whatever is wrong about it; whoever has the old one mapped keeps it."""
    puller.directory.mkdir()
    (puller.directory / entry.file).write_bytes(found)
    origin.play(origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    verify(entry, puller.directory, rehash=True)


def test_a_file_that_verification_found_spoilt_is_pulled_anew(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Even if its size and time are those of the marker: finding it removed the marker."""
    origin.play(origin.ranged())
    path = puller.pull(entry)
    with path.open("r+b") as file:
        file.write(b"\xff")
    with pytest.raises(WeightsUnusable):
        verify(entry, puller.directory, rehash=True)
    assert puller.pull(entry).read_bytes() == origin.body


def test_a_folder_is_made_for_the_file(origin: Origin, puller: Puller, entry: WeightsEntry) -> None:
    """And what is beside it while it is pulled lies there, too."""
    origin.play(origin.ranged())
    placed = puller.pull(replace(entry, file="model/weights.bin"))
    assert placed == puller.directory / "model" / "weights.bin"
    assert placed.read_bytes() == origin.body
    assert [one.name for one in puller.directory.iterdir()] == ["model"]


def test_mirrors_are_tried_in_order(origin: Origin, puller: Puller, entry: WeightsEntry) -> None:
    """Refused by the first, broken off by the second, completed by the third."""
    mirrors = [HttpsSource(origin.url(f"/{name}")) for name in ("first", "second", "third")]
    origin.play(origin.says(404), origin.drops_at(5_000), origin.says(404), origin.ranged())
    mirrored = replace(entry, sources=tuple(mirrors))
    assert puller.pull(mirrored).read_bytes() == origin.body
    assert origin.asked == [
        ("/first", None),
        ("/second", None),
        ("/second", "bytes=5000-"),
        ("/third", "bytes=5000-"),
    ]


def test_a_mirror_with_wrong_bytes_does_not_spoil_the_next(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Its bytes are dropped, and it is not asked again."""
    origin.files["/bad"] = b"\0" * len(origin.body)
    origin.play(origin.ranged())
    sources = (HttpsSource(origin.url("/bad")), HttpsSource(origin.url()))
    assert puller.pull(replace(entry, sources=sources)).read_bytes() == origin.body
    assert origin.asked == [("/bad", None), ("/weights.bin", None)]


def test_a_mirror_is_not_blamed_for_the_beginning_of_another(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """The first serves wrong bytes and vanishes; the second gets to serve everything."""
    bad_start = origin.says(200, b"\0" * 4_000, Content_Length=len(origin.body))
    origin.play(bad_start, origin.says(404), origin.ranged())
    sources = (HttpsSource(origin.url("/bad")), HttpsSource(origin.url("/good")))
    assert puller.pull(replace(entry, sources=sources)).read_bytes() == origin.body
    assert origin.asked[2:] == [("/good", "bytes=4000-"), ("/good", None)]


def test_the_error_of_all_mirrors_names_each_and_the_gravest_code(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Unreachable here, corrupt there: corrupt."""
    origin.files["/bad"] = b"\0" * len(origin.body)
    origin.play(origin.says(404))
    sources = (HttpsSource(origin.url("/bad")), HttpsSource(origin.url()))
    with pytest.raises(WeightsUnusable, match=r"SHA-256.*; 127.0.0.1:\d+: answers 404") as caught:
        puller.pull(replace(entry, sources=sources))
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT


def test_a_lock_held_by_another_is_a_named_error_after_the_wait(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Not a byte is asked for meanwhile."""
    puller.directory.mkdir()
    with (
        FileLock(puller.directory / "weights.bin.lock"),
        pytest.raises(WeightsUnusable, match="another process has been pulling") as caught,
    ):
        puller.pull(entry)
    assert caught.value.code is ErrorCode.WEIGHTS_LOCKED
    assert puller.phases == [PullPhase.WAITING]
    assert origin.asked == []


def test_two_pulls_at_once_make_one_download(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """The second waits for the lock, then finds the work done."""
    origin.play(origin.ranged())
    waits = threading.Event()
    second_said: list[PullPhase] = []
    patient = replace(puller.policy, lock_wait_s=30.0)

    def heard(progress: PullProgress) -> None:
        second_said.append(progress.phase)
        if progress.phase is PullPhase.WAITING:
            waits.set()

    second = threading.Thread(
        target=pull, args=(entry, puller.directory, heard), kwargs={"policy": patient}
    )

    def hold(progress: PullProgress) -> None:
        if progress.phase is PullPhase.FETCHING and not waits.is_set():
            second.start()
            assert waits.wait(30)

    pull(entry, puller.directory, hold, policy=patient)
    second.join(30)
    assert len(origin.asked) == 1
    assert second_said == [PullPhase.WAITING, PullPhase.DONE]


def test_a_disk_too_small_is_found_before_anything_is_asked(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """With what is needed and what is free."""
    with pytest.raises(WeightsUnusable, match="has 10339 bytes free, and the pull needs") as caught:
        puller.pull(entry, free_bytes=lambda _: 10_339, spare_bytes=100)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert origin.asked == []


def test_what_is_kept_already_needs_no_room(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Only the rest does."""
    puller.directory.mkdir()
    puller.part.write_bytes(origin.body[:10_000])
    origin.play(origin.ranged())
    puller.pull(entry, free_bytes=lambda _: 340, spare_bytes=100)
    assert origin.ranges == ["bytes=10000-"]


def test_a_directory_that_cannot_be_made_is_a_bad_setting(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """A file is in its way."""
    puller.directory.write_bytes(b"")
    with pytest.raises(StartupFailed, match="cannot be written") as caught:
        puller.pull(entry)
    assert caught.value.code is ErrorCode.BAD_SETTING
    assert origin.asked == []


def test_an_interrupted_pull_keeps_its_part_and_lets_the_lock_go(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Ctrl-C in the middle of a download."""
    origin.play(origin.stalls_at(5_000), origin.ranged())

    def interrupt(progress: PullProgress) -> None:
        if progress.done_bytes == 5_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(entry, puller.directory, interrupt, policy=puller.policy)
    assert puller.part.stat().st_size == 5_000
    assert puller.pull(entry).read_bytes() == origin.body


PULL_AND_TELL = """
import sys
from pathlib import Path
from wordloop_ml.weights.manifest import HttpsSource, WeightsEntry
from wordloop_ml.weights.pull import pull
url, directory, size, digest = sys.argv[1:]
entry = WeightsEntry("a", "weights.bin", int(size), digest, "MIT", "x", (HttpsSource(url),))
pull(entry, Path(directory), lambda progress: print(progress.done_bytes, flush=True))
"""


def test_a_killed_process_is_taken_over_by_the_next(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """SIGKILL in the middle of a download: the kernel lets the lock go, the part stays."""
    content = random.Random(5).randbytes(2_000_000)
    digest = hashlib.sha256(content).hexdigest()
    large = replace(entry, bytes=len(content), sha256=digest)
    origin.body = content
    origin.play(origin.stalls_at(1_500_000), origin.ranged())
    arguments = [origin.url(), str(puller.directory), str(len(content)), digest]
    with subprocess.Popen(
        [sys.executable, "-c", PULL_AND_TELL, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 1_500_000:
            pass
        process.kill()
    kept = puller.part.stat().st_size
    assert 0 < kept <= 1_500_000
    assert puller.pull(large).read_bytes() == content
    assert origin.ranges == [None, f"bytes={kept}-"]


def test_what_the_repository_ships_is_copied_elsewhere(
    tmp_path: Path, puller: Puller, entry: WeightsEntry, origin: Origin
) -> None:
    """Verified like any other, and nothing is downloaded."""
    shipped = tmp_path / "weights.bin"
    shipped.write_bytes(origin.body)
    path = puller.pull(replace(entry, sources=(RepositorySource(shipped),)))
    assert path.read_bytes() == origin.body
    assert origin.asked == []


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, ErrorCode.WEIGHTS_MISSING, "cannot be read: No such file"),
        (b"short", ErrorCode.WEIGHTS_TRUNCATED, "holds 5 bytes, not 10240"),
        (b"\0" * 10_240, ErrorCode.WEIGHTS_CORRUPT, "another SHA-256"),
    ],
)
def test_a_bad_file_of_the_repository_is_not_copied(
    tmp_path: Path,
    puller: Puller,
    entry: WeightsEntry,
    content: bytes | None,
    code: ErrorCode,
    text: str,
) -> None:
    """Missing, truncated, corrupt."""
    shipped = tmp_path / "weights.bin"
    if content is not None:
        shipped.write_bytes(content)
    with pytest.raises(WeightsUnusable, match=text) as caught:
        puller.pull(replace(entry, sources=(RepositorySource(shipped),)))
    assert caught.value.code is code
    assert not puller.part.exists()


def test_what_the_repository_ships_cannot_be_copied_onto_itself(
    puller: Puller, entry: WeightsEntry
) -> None:
    """The weights directory is the repository's: git has the file."""
    shipped = RepositorySource(puller.directory / entry.file)
    with pytest.raises(WeightsUnusable, match="run: git checkout -- ") as caught:
        puller.pull(replace(entry, sources=(shipped,)))
    assert caught.value.code is ErrorCode.WEIGHTS_MISSING
