"""One URL into a partial file: what is kept, resumed and tried again."""

from __future__ import annotations

import errno
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable, WordloopError
from wordloop_ml.weights.download import Part, PullPhase, writing
from wordloop_ml.weights.manifest import WeightsEntry

if TYPE_CHECKING:
    from tests.weights.conftest import Origin, Puller

CONTENT = b"0123456789"
DIGEST = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
ENTRY = WeightsEntry("a", "a.bin", 10, DIGEST, "MIT", "scripted", ())


def quiet(phase: PullPhase, done_bytes: int, detail: str) -> None:
    """Hear nothing."""


def test_a_part_is_placed_under_the_name_of_the_file(tmp_path: Path) -> None:
    """Once it is the file, to the bit."""
    with Part(ENTRY, tmp_path, quiet) as part:
        part.append(CONTENT[:4])
        assert part.missing_bytes == 6
        part.append(CONTENT[4:])
        assert part.is_right
        assert part.place() == tmp_path / "a.bin"
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert not part.path.exists()


def test_what_was_written_is_kept_and_hashed_again(tmp_path: Path) -> None:
    """By the next part of this name, which says how far it is."""
    with Part(ENTRY, tmp_path, quiet) as part:
        part.append(CONTENT[:4])
    said: list[int] = []
    with Part(ENTRY, tmp_path, lambda phase, done, detail: said.append(done)) as part:
        assert (part.size, part.missing_bytes, part.inherited) == (4, 6, True)
        part.append(CONTENT[4:])
        assert part.is_right
    assert said == [4]


def test_a_part_that_is_too_long_is_dropped(tmp_path: Path) -> None:
    """It cannot be the beginning of this file."""
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"x")
    with Part(ENTRY, tmp_path, quiet) as part:
        assert (part.size, part.inherited) == (0, False)
        part.append(CONTENT)
        assert part.is_right


def test_restarting_drops_bytes_and_digest(tmp_path: Path) -> None:
    """And an empty part leaves no file."""
    with Part(ENTRY, tmp_path, quiet) as part:
        part.append(b"wrong")
        part.restart()
        part.append(CONTENT)
        assert part.is_right
        part.restart()
    assert not part.path.exists()


@pytest.mark.parametrize(
    ("number", "code", "text"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL, "no room left"),
        (errno.EDQUOT, ErrorCode.DISK_FULL, "no room left"),
        (errno.EACCES, ErrorCode.BAD_SETTING, "Permission denied"),
        (errno.EROFS, ErrorCode.BAD_SETTING, "Read-only file system"),
        (errno.EIO, ErrorCode.BAD_SETTING, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_named(number: int, code: ErrorCode, text: str) -> None:
    """Each with the directory in the message."""
    with pytest.raises(WordloopError, match=text) as caught, writing(Path("/weights")):
        raise OSError(number, text)
    assert caught.value.code is code
    assert "/weights" in str(caught.value)


def test_a_part_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """Something else has its name."""
    (tmp_path / "a.bin.part").mkdir()
    with pytest.raises(StartupFailed, match="cannot be written") as caught:
        Part(ENTRY, tmp_path, quiet)
    assert caught.value.code is ErrorCode.BAD_SETTING


def refused(puller: Puller, entry: WeightsEntry, **changes: object) -> WeightsUnusable:
    """The error of a pull that must fail, and that must leave no file under its own name."""
    with pytest.raises(WeightsUnusable) as caught:
        puller.pull(entry, **changes)
    assert not (puller.directory / entry.file).exists()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_file_is_fetched_verified_and_placed(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """The plain case: one request, the right bytes, no part left, a marker beside it."""
    origin.play(origin.ranged())
    path = puller.pull(entry)
    assert path.read_bytes() == origin.body
    assert origin.ranges == [None]
    assert puller.waits == []
    assert sorted(one.name for one in puller.directory.iterdir()) == [
        "weights.bin",
        "weights.bin.lock",
        "weights.bin.verified",
    ]
    assert puller.phases == [PullPhase.FETCHING, PullPhase.DONE]
    assert puller.said[-1].done_bytes == puller.said[-1].total_bytes == len(origin.body)


def test_a_dropped_connection_is_resumed_where_it_broke(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Not a byte that came is asked for again."""
    origin.play(origin.drops_at(3_000), origin.drops_at(7_001), origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=3000-", "bytes=7001-"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 10_240), max_size=4), resets=st.booleans())
def test_wherever_the_connection_breaks_the_file_comes_out_right(
    origin: Origin, puller: Puller, entry: WeightsEntry, cuts: list[int], resets: bool
) -> None:
    """Any cut positions, by end or by reset."""
    answer = origin.resets_at if resets else origin.drops_at
    origin.play(*(answer(cut) for cut in cuts), origin.ranged())
    with tempfile.TemporaryDirectory() as directory:
        fresh = replace(puller, directory=Path(directory))
        assert fresh.pull(entry, attempts=20).read_bytes() == origin.body


def test_a_stalled_connection_is_given_up_and_resumed(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Silence for longer than the read timeout is a break like any other."""
    origin.play(origin.stalls_at(5_000), origin.ranged())
    assert puller.pull(entry, read_timeout_s=0.2).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=5000-"]


def test_a_server_that_says_nothing_at_all_is_unreachable(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """No head within the read timeout, on every try."""
    origin.play(origin.says_nothing)
    error = refused(puller, entry, read_timeout_s=0.1, attempts=2)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "no answer within 0.1 s" in str(error)


def test_a_restarted_process_goes_on_from_the_part(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """The first pull fails half-way; the second one hashes what is kept and asks for the rest."""
    origin.play(origin.drops_at(6_000))
    refused(puller, entry)
    assert puller.part.stat().st_size == 6_000
    origin.play(origin.ranged())
    puller.said.clear()
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == ["bytes=6000-"]
    assert puller.phases == [PullPhase.REHASHING, PullPhase.FETCHING, PullPhase.DONE]


def test_a_complete_part_needs_no_request(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """The process ended between the last byte and the rename."""
    puller.directory.mkdir()
    puller.part.write_bytes(origin.body)
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.asked == []


def test_a_server_without_ranges_starts_over(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """200 to a Range: what is kept is dropped, the whole body is taken."""
    origin.play(origin.drops_at(4_000), origin.whole())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=4000-"]


@pytest.mark.parametrize(
    "stated",
    [
        "bytes 0-6239/10240",
        "bytes 4001-10239/10240",
        "bytes 4000-10240/10241",
        "bytes 4000-10239/99999",
        "bytes 4000-3999/10240",
        "items 4000-10239/10240",
        "",
    ],
)
def test_a_wrong_content_range_is_refused(
    origin: Origin, puller: Puller, entry: WeightsEntry, stated: str
) -> None:
    """Not a byte of such an answer is used: the whole file is asked for, without a range."""
    wrong = origin.says(206, b"x" * 6_240, Content_Range=stated, Content_Length=6_240)
    origin.play(origin.drops_at(4_000), wrong, origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=4000-", None]


def test_a_range_answered_in_pieces_is_put_together(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """A server may give less than the range it was asked for, and not know the total."""
    piece = origin.says(
        206, origin.body[4_000:6_000], Content_Range="bytes 4000-5999/*", Content_Length=2_000
    )
    origin.play(origin.drops_at(4_000), piece, origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=4000-", "bytes=6000-"]


def test_an_unsatisfiable_range_starts_over(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """416: the server's file is shorter than the part; the whole is asked for."""
    origin.play(origin.drops_at(4_000), origin.ranged(b"short"), origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=4000-", None]


@pytest.mark.parametrize(
    ("offered", "code"),
    [(9_000, ErrorCode.WEIGHTS_TRUNCATED), (10_241, ErrorCode.WEIGHTS_CORRUPT)],
)
def test_another_size_is_refused_before_a_byte_is_read(
    origin: Origin, puller: Puller, entry: WeightsEntry, offered: int, code: ErrorCode
) -> None:
    """A captive portal, an error page, another revision: and what is kept is not lost to it."""
    puller.directory.mkdir()
    puller.part.write_bytes(origin.body[:4_000])
    origin.play(origin.whole(b"x" * offered))
    error = refused(puller, entry)
    assert error.code is code
    assert f"offers {offered} bytes, not 10240" in str(error)
    assert len(origin.asked) == 1
    assert puller.part.read_bytes() == origin.body[:4_000]


def test_a_body_that_always_breaks_off_is_unreachable(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """The server says the whole length, and always ends early at the same place."""
    origin.play(origin.drops_at(8_000))
    error = refused(puller, entry, attempts=3)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "broke off after 8000 of 10240 bytes, the last of 3 tries in a row" in str(error)


def test_a_body_that_ends_early_without_a_length_is_truncated(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """No Content-Length, so that the end looks like an end."""
    origin.play(origin.says(200, origin.body[:8_000]))
    error = refused(puller, entry, attempts=2)
    assert error.code is ErrorCode.WEIGHTS_TRUNCATED
    assert "ended after 8000 of 10240 bytes" in str(error)


def test_a_chunked_body_is_read(origin: Origin, puller: Puller, entry: WeightsEntry) -> None:
    """Transfer-Encoding: chunked, broken off in the middle of a chunk, then resumed."""
    start = b"7d0\r\n" + origin.body[:2_000] + b"\r\n7d0\r\n" + origin.body[2_000:3_000]
    origin.play(origin.says(200, start, Transfer_Encoding="chunked"), origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == [None, "bytes=3000-"]


def test_a_server_that_sends_more_than_declared_is_cut(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Nothing beyond the declared size is ever written; the digest judges what is."""
    origin.play(origin.says(200, origin.body + b"more" * 1_000_000))
    assert puller.pull(entry).read_bytes() == origin.body


def test_wrong_bytes_are_corrupt_and_never_asked_for_again(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Right size, wrong digest: one request, and the bad part is gone."""
    origin.play(origin.whole(b"\0" * len(origin.body)))
    error = refused(puller, entry)
    assert error.code is ErrorCode.WEIGHTS_CORRUPT
    assert "another SHA-256" in str(error)
    assert len(origin.asked) == 1
    assert not puller.part.exists()


def test_a_bad_beginning_from_before_is_blamed_before_the_url(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """A part spoilt by a crash costs one whole download, not a pull that cannot succeed."""
    puller.directory.mkdir()
    puller.part.write_bytes(b"\0" * 4_000)
    origin.play(origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.ranges == ["bytes=4000-", None]


def test_wrong_bytes_after_a_kept_beginning_are_asked_for_twice_at_most(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Once the URL has served everything by itself, it alone is to blame."""
    puller.directory.mkdir()
    puller.part.write_bytes(origin.body[:4_000])
    origin.play(origin.ranged(b"\0" * len(origin.body)))
    assert refused(puller, entry).code is ErrorCode.WEIGHTS_CORRUPT
    assert origin.ranges == ["bytes=4000-", None]
    assert not puller.part.exists()
