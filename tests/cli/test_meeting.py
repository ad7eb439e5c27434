"""Files as a meeting's tracks, sent to a service."""

import asyncio
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from tests.web.conftest import no_task_is_left_behind, serving
from tests.web.support import Serving
from wordloop_ml.cli import main
from wordloop_ml.cli.meeting import server_of
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import Pcm16

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
