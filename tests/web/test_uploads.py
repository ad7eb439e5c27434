"""The spool: what lies on disk is bounded, and is gone whatever becomes of its sender."""

import asyncio
import errno
import io
import os
import random
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from tests.web.support import WAIT_S, shout, until
from wordloop_ml.audio.spool import SpooledFile
from wordloop_ml.errors import StartupFailed
from wordloop_ml.web import uploads as uploads_module
from wordloop_ml.web.errors import errors
from wordloop_ml.web.http_server import HttpRunner, cancel_on_disconnect
from wordloop_ml.web.uploads import Uploads


class Scene:
    """A server that takes forms with ``note``, and bodies; says what it got, and closes it."""

    def __init__(self, folder: Path, **limits: int) -> None:
        self.folder = folder
        self.uploads = Uploads(folder, **({"most_bytes": 1 << 20, "all_bytes": 1 << 21} | limits))
        self.fields: list[tuple[str, str]] = []
        self.contents: list[bytes] = []
        self.header = b""
        self.seen: list[bytes] = []
        self.failed: list[BaseException] = []
        app = web.Application(middlewares=[errors], client_max_size=1)
        app.router.add_post("/form", self.form)
        app.router.add_post("/body", self.body)
        self.runner = HttpRunner(app)

    async def form(self, request: web.Request) -> web.Response:
        with cancel_on_disconnect(request):
            try:
                form = await self.uploads.receive_form(request, {"note"})
            except BaseException as error:
                self.failed.append(error)
                raise
        self.fields += form.fields
        return await self._taken(form.file)

    async def body(self, request: web.Request) -> web.Response:
        file = await self.uploads.receive_body(
            request, begin=lambda first: self.header, seen=self.seen.append
        )
        return await self._taken(file)

    async def _taken(self, file: Any) -> web.Response:
        self.contents.append(await asyncio.to_thread(file.path.read_bytes))
        assert self.uploads.held_bytes >= file.length == len(self.contents[-1])
        file.close()
        file.close()
        return web.Response(text=str(file.length))

    @property
    def port(self) -> int:
        return int(self.runner.addresses[0][1])

    async def post(self, path: str, data: Any) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"http://127.0.0.1:{self.port}{path}", data=data) as answer,
        ):
            return answer.status, await answer.json(content_type=None)


def form(content: bytes, **fields: str) -> aiohttp.FormData:
    made = aiohttp.FormData(default_to_multipart=True)
    made.add_field("file", io.BytesIO(content), filename="../../name")
    for name, value in fields.items():
        made.add_field(name, value)
    return made


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    one = Scene(tmp_path)
    await one.runner.setup()
    await web.TCPSite(one.runner, "127.0.0.1", 0).start()
    yield one
    await one.runner.cleanup()
    assert one.uploads.held_bytes == 0
    one.uploads.close()
    assert not os.listdir(tmp_path)  # noqa: PTH208 - which pathlib would do in the loop, too


async def test_a_form_arrives_whole(scene: Scene) -> None:
    """What was asked for of it, byte by byte; a file has no name."""
    content = os.urandom(300_000)
    assert await scene.post("/form", form(content, note="né", other="x" * 99_999)) == (200, 300_000)
    assert scene.contents == [content]
    assert scene.fields == [("note", "né")]
    assert not list(scene.folder.iterdir())


async def test_a_body_arrives_whole(scene: Scene) -> None:
    """Whatever its type; behind what is to stand before it."""
    content = os.urandom(200_000)
    scene.header = b"header"
    assert await scene.post("/body", io.BytesIO(content)) == (200, 200_006)
    assert scene.contents == [b"header" + content]
    assert b"".join(scene.seen) == content


@pytest.mark.parametrize("path", ["/form", "/body"])
async def test_a_file_is_bounded(scene: Scene, path: str) -> None:
    """By its length where that is told, else by its bytes."""
    at_most = os.urandom(1 << 20)
    for content, status in ((at_most, 200), (at_most + b"x", 413)):
        data: Any = form(content) if path == "/form" else io.BytesIO(content)
        assert (await scene.post(path, data))[0] == status

    async def unknown_length() -> AsyncIterator[bytes]:
        yield at_most
        yield b"x"

    if path == "/body":
        assert (await scene.post(path, unknown_length()))[0] == 413


async def test_all_files_together_are_bounded(scene: Scene) -> None:
    """Whoever comes too late is told to come again; the room comes back."""
    held = [await scene.uploads.new_file() for _ in range(2)]
    for one in held:
        await one.write(bytes(1 << 20))
    status, problem = await scene.post("/body", io.BytesIO(b"x"))
    assert (status, problem["code"]) == (503, "busy")
    held[0].close()
    assert await scene.post("/body", io.BytesIO(b"x")) == (200, 1)
    held[1].close()


async def test_files_are_counted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is an open file."""
    monkeypatch.setattr(uploads_module, "MOST_UPLOADS", 1)
    one = await scene.uploads.new_file()
    assert (await scene.post("/body", io.BytesIO(b"x")))[0] == 503
    one.close()
    assert (await scene.post("/body", io.BytesIO(b"x")))[0] == 200


HEAD = (
    b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
)


async def test_who_leaves_halfway_leaves_nothing(scene: Scene) -> None:
    """The disk is free as soon as the connection is lost."""
    _, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(HEAD + bytes(300_000))
    await until(lambda: scene.uploads.held_bytes > 0)
    writer.close()
    await writer.wait_closed()
    await until(lambda: scene.uploads.held_bytes == 0)
    assert len(scene.failed) == 1


async def test_who_stops_sending_is_not_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for longer than a pause may last."""
    monkeypatch.setattr(uploads_module, "IDLE_WITHIN_S", 0.05)
    answer = await shout(scene.port, HEAD + bytes(1_000))
    assert answer.startswith("HTTP/1.1 408")
    assert '"idle"' in answer


async def test_a_drain_ends_what_is_arriving(scene: Scene) -> None:
    """With the next bytes; and begins nothing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(HEAD + bytes(300_000))
    await until(lambda: scene.uploads.held_bytes > 0)
    scene.uploads.drain()
    writer.write(bytes(300_000))
    async with asyncio.timeout(WAIT_S):
        assert b" 503 " in await reader.read()
    writer.close()
    await writer.wait_closed()
    status, problem = await scene.post("/body", io.BytesIO(b"x"))
    assert (status, problem["code"]) == (503, "draining")


class FullDisk(SpooledFile):
    """Takes nothing."""

    def write(self, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "canary")


async def test_a_full_disk_is_busy(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is told to the operator by its number."""
    with structlog.testing.capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(uploads_module, "SpooledFile", FullDisk)
        status, problem = await scene.post("/form", form(b"x"))
    assert (status, problem["code"]) == (503, "busy")
    assert [one["errno"] for one in logs if one["event"] == "spool_failed"] == [errno.ENOSPC]
    assert "canary" not in str(logs) + str(problem)


class SlowDisk(SpooledFile):
    """Is opened when it is let."""

    opening = threading.Event()
    go_on = threading.Event()

    def __init__(self, folder: Path | None) -> None:
        self.opening.set()
        assert self.go_on.wait(WAIT_S)
        super().__init__(folder)


async def test_a_file_that_opens_too_late_is_closed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender has gone meanwhile."""
    monkeypatch.setattr(uploads_module, "SpooledFile", SlowDisk)
    opening = asyncio.create_task(scene.uploads.new_file())
    await until(SlowDisk.opening.is_set)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    before = await asyncio.to_thread(os.listdir, "/proc/self/fd")
    SlowDisk.go_on.set()
    monkeypatch.undo()
    assert await scene.post("/body", io.BytesIO(b"x")) == (200, 1)  # behind the one above
    assert len(await asyncio.to_thread(os.listdir, "/proc/self/fd")) <= len(before) + 2


async def test_a_folder_that_takes_no_files_stops_the_start(serving: Any, tmp_path: Path) -> None:
    """Not the first caller."""
    with pytest.raises(StartupFailed, match="WORDLOOP_SPOOL_DIR"):
        await serving(spool_dir=str(tmp_path / "nothing"))


WHOLE = (
    b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n" + bytes(range(256)) + b"\r\n"
    b'--x\r\nContent-Disposition: form-data; name="_charset_"\r\n\r\nutf-8\r\n--x--\r\n'
)


async def test_whatever_comes_is_read_or_refused(scene: Scene) -> None:
    """Forms with bytes changed, lost and repeated: never a bug, and never a file that stays."""
    chance = random.Random(1)
    seen = set()
    async with aiohttp.ClientSession() as http:
        for _ in range(300):
            content = bytearray(WHOLE)
            for _ in range(chance.randint(0, 3)):
                at, length = chance.randrange(len(content)), chance.randint(0, 40)
                some = bytes(content[at : at + length])
                content[at : at + length] = chance.choice([b"", some * 2, chance.randbytes(length)])
            async with http.post(
                f"http://127.0.0.1:{scene.port}/form",
                data=bytes(content),
                headers={"Content-Type": "multipart/form-data; boundary=x"},
            ) as answer:
                seen.add(answer.status)
    assert seen == {200, 400}
