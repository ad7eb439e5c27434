"""Answers of servers that a download refuses, or takes with care."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.download import PullPhase
from wordloop_ml.weights.manifest import HttpsSource, WeightsEntry

if TYPE_CHECKING:
    from tests.weights.conftest import Answer, Origin, Puller


def refused(puller: Puller, entry: WeightsEntry, **changes: object) -> WeightsUnusable:
    """The error of a pull that must fail, and that must leave no file under its own name."""
    with pytest.raises(WeightsUnusable) as caught:
        puller.pull(entry, **changes)
    assert not (puller.directory / entry.file).exists()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503, 504])
def test_passing_refusals_are_tried_again(
    origin: Origin, puller: Puller, entry: WeightsEntry, status: int
) -> None:
    """Model hubs answer 401 and 403 in passing."""
    origin.play(origin.says(status, Content_Length=0), origin.ranged())
    assert puller.pull(entry).read_bytes() == origin.body
    assert puller.waits == [1.0]
    assert puller.phases[0] is PullPhase.RETRYING
    assert f"answers {status}" in puller.said[0].detail


@pytest.mark.parametrize("status", [204, 206, 301, 400, 404, 410, 416, 418])
def test_lasting_refusals_are_not_tried_again(
    origin: Origin, puller: Puller, entry: WeightsEntry, status: int
) -> None:
    """They will be the same tomorrow (206 and 416 make no sense without a range)."""
    origin.play(origin.says(status))
    error = refused(puller, entry)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert f"answers {status}" in str(error)
    assert len(origin.asked) == 1


def test_the_back_off_doubles_up_to_its_bound(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """And ends with the last attempt."""
    origin.play(origin.says(500, Content_Length=0))
    refused(puller, entry, attempts=6, longest_wait_s=6.0)
    assert puller.waits == [1.0, 2.0, 4.0, 6.0, 6.0]


def test_jitter_spreads_the_second_half_of_a_wait(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """A fleet that fails together does not come back together."""
    origin.play(origin.says(500, Content_Length=0))
    refused(puller, entry, attempts=3, jitter=lambda: 0.0)
    assert puller.waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("stated", "waited"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("99999999999", 60.0),
        (formatdate(1_700_000_030, usegmt=True), 30.0),
        (formatdate(1_600_000_000, usegmt=True), 1.0),
        ("soon", 1.0),
        ("-5", 1.0),
        ("", 1.0),
    ],
)
def test_retry_after_is_honoured_within_bounds(
    origin: Origin, puller: Puller, entry: WeightsEntry, stated: str, waited: float
) -> None:
    """In seconds or as a date; never below the back-off, never above the longest wait."""
    origin.play(origin.says(503, Content_Length=0, Retry_After=stated), origin.ranged())
    puller.pull(entry)
    assert puller.waits == [waited]


def test_a_try_that_gets_on_does_not_count_against_the_next(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """A long file over a bad line comes through, as long as each try brings something."""
    origin.play(*(origin.drops_at(end) for end in range(1_000, 10_000, 1_000)), origin.ranged())
    assert puller.pull(entry, attempts=2, worthwhile_bytes=1_000).read_bytes() == origin.body
    assert puller.waits == [1.0] * 9


def test_a_server_that_drops_here_and_there_without_ranges_is_given_up(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Up and down the same stretch is no progress."""

    def partial(size: int) -> Answer:
        return origin.says(200, origin.body[:size], Content_Length=len(origin.body))

    origin.play(*[partial(2_000), partial(9_000)] * 10)
    refused(puller, entry, attempts=4, worthwhile_bytes=1_000)
    assert len(origin.asked) < 8


def test_redirects_are_followed_with_their_range(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Relative and absolute, and the range goes along."""
    origin.play(
        origin.says(302, Location="/elsewhere", Content_Length=0),
        origin.drops_at(4_000),
        origin.says(307, Location=origin.url("/mirror"), Content_Length=0),
        origin.ranged(),
    )
    assert puller.pull(entry).read_bytes() == origin.body
    assert origin.asked[-1] == ("/mirror", "bytes=4000-")


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("/weights.bin", "redirects more than 8 times"),
        ("http://example.invalid/x", "not https"),
        ("ftp://127.0.0.1/x", "not https"),
        ("file:///etc/passwd", "not https"),
        ("http://[broken", "no URL"),
    ],
)
def test_a_redirect_that_loops_or_leaves_https_is_refused(
    origin: Origin, puller: Puller, entry: WeightsEntry, location: str, why: str
) -> None:
    """At once, and without a retry."""
    origin.play(origin.says(302, Location=location, Content_Length=0))
    error = refused(puller, entry)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert why in str(error)
    assert puller.waits == []


def test_a_compressed_answer_is_refused(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """Sizes and ranges would be those of something else."""
    origin.play(origin.says(200, b"x", Content_Encoding="gzip"))
    assert "compressed" in str(refused(puller, entry))


@pytest.mark.parametrize("garbage", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999\r\n\r\n"])
def test_what_is_not_http_is_unreachable(
    origin: Origin, puller: Puller, entry: WeightsEntry, garbage: bytes
) -> None:
    """Whatever listens there: a named error."""
    origin.play(origin.writes(garbage))
    assert refused(puller, entry, attempts=2).code is ErrorCode.WEIGHTS_UNREACHABLE


def test_a_closed_port_is_unreachable(origin: Origin, puller: Puller, entry: WeightsEntry) -> None:
    """After the bounded number of tries."""
    closed = replace(entry, sources=(HttpsSource("http://127.0.0.1:1/weights.bin"),))
    error = refused(puller, closed, attempts=3)
    assert error.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert "127.0.0.1:1: no connection, the last of 3 tries" in str(error)
    assert puller.waits == [1.0, 2.0]
    assert origin.asked == []


def test_a_proxy_of_the_environment_is_used(
    origin: Origin, puller: Puller, entry: WeightsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain proxy gets the whole URL in its request line."""
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", origin.url(""))
    origin.play(origin.ranged())
    behind = replace(entry, sources=(HttpsSource("http://localhost:9/weights.bin"),))
    assert puller.pull(behind).read_bytes() == origin.body
    assert origin.asked == [("http://localhost:9/weights.bin", None)]


def test_signed_urls_of_redirects_do_not_show_in_errors(
    origin: Origin, puller: Puller, entry: WeightsEntry
) -> None:
    """A content network's URL is a credential."""
    signed = "http://127.0.0.1:1/x?signature=canary"
    origin.play(origin.says(302, Location=signed, Content_Length=0))
    error = refused(puller, entry, attempts=2)
    assert "canary" not in str(error)
    assert all("canary" not in one.detail for one in puller.said)
