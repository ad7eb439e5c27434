"""Files as a meeting: their frames, captions in a terminal, and a service that they are sent to."""

import asyncio
import io
import re
import threading
import wave
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from rich.console import Console

from tests.web.conftest import no_task_is_left_behind, serving
from tests.web.support import Serving
from wordloop_ml.cli import main
from wordloop_ml.cli import meeting as module
from wordloop_ml.cli.meeting import LiveView, Source, file_frames, server_of
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import Caption, CaptionWord, Pcm16, Samples

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SAID = (
    "He was not an ill-disposed young man, unless to be rather cold-hearted is to be ill-disposed."
)


def final(text: str) -> Caption:
    """A final on track ``a``, six seconds in."""
    words = tuple(
        CaptionWord(word, 96_000 + 1_000 * at, 96_900 + 1_000 * at, 0.9, stable=True)
        for at, word in enumerate(text.split())
    )
    return Caption("a-96000", "a", 96_000, words[-1].end, words, final=True)


def shown(width: int, *, terminal: bool) -> list[str]:
    """The lines that one final takes."""
    console = Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system=None, highlight=False
    )
    with LiveView({"a": "austen"}, console) as view:
        view.show(final(SAID))
    assert isinstance(console.file, io.StringIO)
    lines = CONTROL.sub("", console.file.getvalue()).replace("\r", "\n").splitlines()
    return [line.rstrip() for line in lines if "ill" in line or "cold" in line]


def test_words_keep_to_their_column_in_a_terminal() -> None:
    """Long lines go on below the words, not below the time."""
    first, *others = shown(50, terminal=True)
    assert first.startswith("00:06  austen  He was not")
    assert others
    assert all(line.startswith(" " * 15) and len(line) <= 50 for line in others)


def test_a_file_gets_a_line_for_each_caption() -> None:
    """However wide its reader is."""
    assert shown(50, terminal=False) == [f"00:06  austen  {SAID}"]


TALK = Source(Path("talk.wav"), 0, "talk")


class SlowFile:
    """A file whose second chunk comes when the test lets it; knows if it was closed meanwhile."""

    def __init__(self) -> None:
        self.reading = threading.Event()
        self.go_on = threading.Event()
        self.is_read = False
        self.closed_while_read: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed_while_read = self.is_read

    def __iter__(self) -> Iterator[Samples]:
        yield np.zeros(500, np.float32)
        self.is_read = True
        self.reading.set()
        self.go_on.wait(10)
        self.is_read = False
        yield np.zeros(500, np.float32)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowFile:
    file = SlowFile()
    monkeypatch.setattr(module, "open_audio", lambda _path, _stream: file)
    return file


async def test_frames_are_no_longer_than_asked_for(slow: SlowFile) -> None:
    """Chunks are cut, and the file is closed behind the last frame."""
    slow.go_on.set()
    async with aclosing(file_frames(TALK, 320)) as frames:
        assert [len(frame) async for frame in frames] == [320, 180, 320, 180]
    assert slow.closed_while_read is False


async def test_a_file_is_not_closed_while_a_thread_reads_it(slow: SlowFile) -> None:
    """FFmpeg would end the process: who cancels waits for the frame that is being read."""

    async def play() -> None:
        async with aclosing(file_frames(TALK, 500)) as frames:
            async for _ in frames:
                pass

    playing = asyncio.create_task(play())
    await asyncio.to_thread(slow.reading.wait, 10)
    playing.cancel()
    await asyncio.wait({playing}, timeout=0.05)
    assert not playing.done()
    playing.cancel()
    slow.go_on.set()
    with suppress(asyncio.CancelledError):
        await playing
    assert slow.closed_while_read is False


__all__ = ["no_task_is_left_behind", "serving"]


def write_wav(path: Path, samples: Pcm16) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return str(path)


def shortened(path: str) -> str:
    """The file without its end."""
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-2_000])
    return path


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    ada = np.concatenate([spoken([1, 2, 3]), silence(16_000), spoken([4, 5])])
    ben = np.concatenate([silence(14_000), spoken([7, 8])])
    return [write_wav(tmp_path / "ada.wav", ada), write_wav(tmp_path / "ben.wav", ben)]


@pytest.mark.parametrize("live", [[], ["--live"]])
async def test_files_come_back_as_a_transcript(
    serving: Serving, files: list[str], tmp_path: Path, live: list[str]
) -> None:
    """The same as from models in this process."""
    service, output = await serving(), tmp_path / "out.txt"
    arguments = ["transcribe", *files, "--server", service.url, *live, "--output", str(output)]
    assert await asyncio.to_thread(main, arguments) == 0
    assert output.read_text().splitlines() == [
        "[00:00:00] ada: w1 w2 w3",
        "[00:00:00] ben: w7 w8",
        "[00:00:01] ada: w4 w5",
    ]


@pytest.mark.parametrize("live", [[], ["--live"]])
async def test_what_has_no_text_is_told_and_takes_nothing_from_the_rest(
    serving: Serving, files: list[str], tmp_path: Path, live: list[str], capsys: "Captured"
) -> None:
    """Silence, noise, and damage, each beside a track that is well."""
    service, output = await serving(), tmp_path / "out.txt"
    quiet = write_wav(tmp_path / "quiet.wav", silence(16_000))
    loud = np.full(16_000, 3_000, np.int16)
    noise = write_wav(tmp_path / "noise.wav", loud)
    arguments = [
        "transcribe",
        files[0],
        shortened(files[1]),
        quiet,
        noise,
        "--server",
        service.url,
        *live,
    ]
    assert await asyncio.to_thread(main, [*arguments, "--output", str(output)]) == 1
    assert "ada: w1 w2 w3" in output.read_text()
    said = capsys.readouterr().err
    assert "ben.wav is damaged" in said
    assert "quiet: no speech found\n" in said
    assert re.search(r"noise: \d+\.\d to \d+\.\d s: rejected \(\w+\)\n", said)


async def test_a_token_that_is_refused_ends_it_at_once(
    serving: Serving, files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: "Captured"
) -> None:
    """One line, and no second try."""
    service = await serving(token="right")  # noqa: S106 - the token of this test
    monkeypatch.setenv("WORDLOOP_TOKEN", "wrong")
    assert await asyncio.to_thread(main, ["transcribe", files[0], "--server", service.url]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("wordloop-ml: token_refused: ")
    monkeypatch.setenv("WORDLOOP_TOKEN", "right")
    assert await asyncio.to_thread(main, ["transcribe", files[0], "--server", service.url]) == 0


@pytest.mark.parametrize("address", ["127.0.0.1:8090", "ftp://a", "http://", "http://a?b=c"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """With an example."""
    with pytest.raises(BadInput, match="http://127"):
        server_of(address, "")


def test_addresses_may_be_of_either_scheme_and_have_a_path() -> None:
    """As behind a proxy."""
    assert server_of("https://a.example/ml/", "t").url == "wss://a.example/ml"
    assert server_of("ws://[::1]:8090", "").url == "ws://[::1]:8090"
    assert server_of("ws://a", "").token is None


Captured = pytest.CaptureFixture[str]
