"""The tokens file while the service runs: it rotates, and a bad one changes nothing."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog

from tests.web.support import until
from wordloop_ml.errors import StartupFailed
from wordloop_ml.tokens import Tokens
from wordloop_ml.web import token_file
from wordloop_ml.web.token_file import TokenFile

OLD, NEW = "old-token-0123456", "new-token-0123456"

Watch = Callable[[Path], TokenFile]


class Used:
    """The tokens that are in use now, and how often they changed."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.changes = 0

    def __call__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.changes += 1

    def lets_in(self, token: str) -> bool:
        return self.tokens.required and self.tokens.tenant_of(token.encode()) is not None


@pytest.fixture
def used() -> Used:
    return Used()


@pytest.fixture
async def watch(used: Used) -> AsyncIterator[Watch]:
    """Watch a file closely; every watch ends with the test."""
    files: list[TokenFile] = []

    def begin(path: Path) -> TokenFile:
        files.append(TokenFile(path, used, read_every_s=0.005))
        return files[-1]

    yield begin
    for one in files:
        one.close()


def replaced(path: Path, content: str) -> None:
    """As Kubernetes does it: another file, and a link that is swapped."""
    target = path.with_name(f"target-{len(list(path.parent.iterdir()))}")
    target.write_text(content)
    link = path.with_name("..new")
    link.symlink_to(target)
    link.rename(path)


async def test_tokens_rotate_by_way_of_both(tmp_path: Path, used: Used, watch: Watch) -> None:
    """Old, old and new, new."""
    path = tmp_path / "tokens"
    replaced(path, f"acme: {OLD}")
    await watch(path).open()
    assert used.lets_in(OLD)
    assert not used.lets_in(NEW)
    replaced(path, f"acme: {OLD}\nacme: {NEW}")
    await until(lambda: used.lets_in(NEW))
    assert used.lets_in(OLD)
    replaced(path, f"acme: {NEW}")
    await until(lambda: not used.lets_in(OLD))
    assert used.lets_in(NEW)
    assert used.changes == 3


async def test_an_edit_that_changes_neither_size_nor_time_is_seen(
    tmp_path: Path, used: Used, watch: Watch
) -> None:
    """What the file holds is compared."""
    path = tmp_path / "tokens"
    path.write_text(f"acme: {OLD}")
    before = path.stat()
    await watch(path).open()
    path.write_text(f"acme: {NEW}")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    await until(lambda: used.lets_in(NEW))


async def test_a_bad_file_changes_nothing_and_is_named_once(
    tmp_path: Path, used: Used, watch: Watch
) -> None:
    """Until it is mended; the line is named and not quoted."""
    path = tmp_path / "tokens"
    replaced(path, f"acme: {OLD}")
    with structlog.testing.capture_logs() as logs:
        await watch(path).open()
        replaced(path, f"acme {NEW}")
        await until(lambda: len(logs) == 2)
        path.unlink()
        await until(lambda: len(logs) == 3)
        assert used.lets_in(OLD)
        assert used.changes == 1
        replaced(path, f"acme: {OLD}")
        await until(lambda: len(logs) == 4)
    assert [one["event"] for one in logs] == [
        "tokens_read",
        "tokens_refused",
        "tokens_refused",
        "tokens_read",
    ]
    assert logs[1]["code"] == "bad_tokens_file"
    assert "line 1" in logs[1]["reason"]
    assert NEW not in str(logs)


async def test_a_bad_first_file_is_refused(tmp_path: Path, used: Used, watch: Watch) -> None:
    """Nobody is let in by it."""
    with pytest.raises(StartupFailed, match="cannot be read"):
        await watch(tmp_path / "missing").open()
    assert used.changes == 0


async def test_a_bug_ends_no_watch(
    tmp_path: Path, used: Used, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails the start; later on the thread goes on reading."""
    path = tmp_path / "tokens"
    replaced(path, f"acme: {OLD}")

    def fail(content: str) -> Tokens:
        raise ZeroDivisionError("canary")

    def refused() -> list[object]:
        return [one.get("error") for one in logs if one["event"] == "tokens_refused"]

    with structlog.testing.capture_logs() as logs:
        with monkeypatch.context() as patched:
            patched.setattr(token_file, "parse_tokens", fail)
            first = watch(path)
            with pytest.raises(ZeroDivisionError):
                await first.open()
            first.close()
        await watch(path).open()
        with monkeypatch.context() as patched:
            patched.setattr(token_file, "parse_tokens", fail)
            await until(lambda: refused() == ["ZeroDivisionError"])
        replaced(path, f"acme: {NEW}")
        await until(lambda: used.lets_in(NEW))
    assert "canary" not in str(logs)
