"""A microphone as a track: captions until Ctrl-C, and errors that say what is missing."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from wordloop_ml.cli import main, transcribe
from wordloop_ml.cli.microphone import MOST_UNREAD_S, Microphone
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector, silence, spoken
from wordloop_ml.errors import Busy
from wordloop_ml.messages import Pcm16

WAIT_S = 20.0
Recording = npt.NDArray[np.float32]


class Devices:
    """sounddevice, as far as it is used: a microphone that hears a recording, then what the test wants.

    after: called on the recording thread when all was heard. channels: of the microphone, 0 for none.
    """

    class PortAudioError(Exception):
        """What PortAudio says."""

    def __init__(
        self,
        heard: Recording,
        after: Callable[["Devices"], None] = lambda _: None,
        *,
        rate: float = 16_000.0,
        fails: str = "",
    ) -> None:
        self._heard = heard
        self._after = after
        self._rate = rate
        self._fails = fails
        self.end: Callable[[], None] = lambda: None

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> Any:
        """All of them; of a kind only one, or an error."""
        channels = self._heard.shape[1]
        one = {
            "index": 3,
            "name": "Built-in",
            "max_input_channels": channels,
            "default_samplerate": self._rate,
        }
        if kind is None:
            return [one]
        if device is None and not channels:
            raise self.PortAudioError("Error querying device -1")
        if device not in {None, 3, "Built-in"}:
            raise ValueError("No input device matching")
        return one

    def InputStream(self, **options: Any) -> AbstractContextManager[None]:  # noqa: N802
        """A stream, which records on a thread while its context lasts."""
        if self._fails:
            raise self.PortAudioError(self._fails)
        self.end = options["finished_callback"]
        return Stream(self._heard, lambda: self._after(self), **options)


class Stream(AbstractContextManager[None]):
    """Gives blocks of one array, which it uses again as PortAudio does."""

    def __init__(self, heard: Recording, after: Callable[[], None], **options: Any) -> None:
        self._thread = threading.Thread(target=self._record, args=(heard, after), name="recording")
        self._options = options

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join(WAIT_S)
        self._options["finished_callback"]()

    def _record(self, heard: Recording, after: Callable[[], None]) -> None:
        size, channels = self._options["blocksize"], self._options["channels"]
        block = np.zeros((size, channels), np.float32)
        for start in range(0, len(heard) - size + 1, size):
            block[:] = heard[start : start + size, :channels]
            self._options["callback"](block, size, None, None)
        after()


def heard(samples: Pcm16, channels: int = 1) -> Recording:
    """The same on every channel."""
    return np.repeat(samples.astype(np.float32)[:, None] / 32_768, channels, axis=1)


def press_ctrl_c(_: Devices) -> None:
    """As a person at the keyboard."""
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, signal.SIGINT)


Plug = Callable[[Any], None]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """Let ``import sounddevice`` find this; None for nothing."""
    monkeypatch.setattr(
        transcribe,
        "open_engines",
        lambda settings, *, texts: Engines(ScriptedTranscriber(), ScriptedVoiceDetector()),
    )
    return lambda devices: monkeypatch.setitem(sys.modules, "sounddevice", devices)


SAID = np.concatenate([spoken([1, 2, 3]), silence(16_000), spoken([4, 5])])


def test_a_microphone_is_captioned_until_ctrl_c(
    plug: Plug, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was said last is heard to its end, and the transcript is written."""
    plug(Devices(heard(SAID, channels=2), press_ctrl_c))
    output = tmp_path / "said.txt"
    assert main(["transcribe", "--mic", "--output", str(output)]) == 0
    assert output.read_text() == "[00:00:00] w1 w2 w3\n[00:00:01] w4 w5\n"
    said = capsys.readouterr()
    assert [line.split()[1:] for line in said.out.splitlines()] == [
        ["microphone", "w1", "w2", "w3"],
        ["microphone", "w4", "w5"],
    ]
    assert said.err == "Built-in: listening until Ctrl-C\n"


def test_a_microphone_that_goes_costs_no_text(
    plug: Plug, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it heard is written, and the status says that it went."""
    plug(Devices(heard(SAID), lambda devices: devices.end()))
    output = tmp_path / "said.txt"
    assert main(["transcribe", "--mic", "--device", "3", "--output", str(output)]) == 1
    assert "w1 w2 w3" in output.read_text()
    assert "wordloop-ml: no_microphone: the microphone has gone\n" in capsys.readouterr().err


NONE = np.zeros((0, 0), np.float32)


@pytest.mark.parametrize(
    ("devices", "arguments", "error"),
    [
        (None, [], "--mic needs the extra mic: scripts/setup mic"),
        (Devices(NONE), [], "PortAudio finds no microphone"),
        (Devices(heard(SAID)), ["--device", "x"], "--device names no single microphone of 3 (Built-in)"),
        (Devices(heard(SAID)), ["--device", "7"], "--device names no single microphone of 3 (Built-in)"),
        (Devices(heard(SAID), fails="Device\nunavailable"), [], "the microphone cannot be used: Device"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_line(
    devices: Devices | None,
    arguments: Sequence[str],
    error: str,
    plug: Plug,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With what to do about it."""
    plug(devices)
    assert main(["transcribe", "--mic", *arguments]) == 1
    assert capsys.readouterr().err == f"wordloop-ml: no_microphone: {error}\n"


def test_a_missing_library_is_told_from_a_missing_extra(
    plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As sounddevice tells it."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["transcribe", "--mic"]) == 1
    assert "needs the library PortAudio" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--mic", "ada.wav"]])
def test_files_or_the_microphone_but_one_of_them(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As a mistake in the command, with its usage."""
    with pytest.raises(SystemExit) as ended:
        main(["transcribe", *arguments])
    assert ended.value.code == 2
    assert "--mic" in capsys.readouterr().err


def test_a_device_without_the_microphone_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody should believe that it was used."""
    assert main(["transcribe", "ada.wav", "--device", "3"]) == 1
    assert capsys.readouterr().err == "wordloop-ml: bad_request: --device is for --mic\n"


async def test_other_rates_are_resampled(plug: Plug) -> None:
    """And frames are no longer than asked for."""
    plug(Devices(heard(silence(48_000), channels=2), press_ctrl_c, rate=48_000.0))
    async with aclosing(Microphone().frames(320)) as frames:
        sizes = [len(frame) async for frame in frames]
    assert sum(sizes) == 16_000
    assert max(sizes) <= 320


async def test_audio_that_nobody_reads_does_not_pile_up(plug: Plug) -> None:
    """It ends with an error that says so."""
    hours = heard(silence(int(16_000 * (MOST_UNREAD_S + 2))))
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(_: Devices) -> None:
        loop.call_soon_threadsafe(over.set)

    plug(Devices(hours, tell))
    async with aclosing(Microphone().frames(320)) as frames:
        await anext(frames)
        await over.wait()
        with pytest.raises(Busy, match="keep up"):
            await anext(frames)


async def test_the_second_ctrl_c_is_as_in_any_command(plug: Plug) -> None:
    """Its handler is given back."""
    plug(Devices(heard(silence(320)), press_ctrl_c))
    before = signal.getsignal(signal.SIGINT)
    async with aclosing(Microphone().frames(320)) as frames:
        async for _ in frames:
            pass
    assert signal.getsignal(signal.SIGINT) is before
