"""A microphone as the audio of a track, by PortAudio through sounddevice (the extra ``mic``)."""

import asyncio
import importlib
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from wordloop_ml.audio.streams import StreamResampler
from wordloop_ml.cli.sources import cut
from wordloop_ml.errors import BadInput, Busy, ErrorCode
from wordloop_ml.messages import Samples
from wordloop_ml.wire.audio_frames import Downmix
from wordloop_ml.wire.json_fields import name_in

MICROPHONE = "microphone"
"""The name of the track, and of who speaks there."""

MOST_UNREAD_S = 60.0
"""Audio that may wait to be read: as much as a track's buffer holds."""

_MOST_CHANNELS = 2
_BLOCKS_PER_S = 50


class Microphone:
    """What a microphone hears until Ctrl-C, at the device's own rate resampled to 16 kHz.

    device: its number, or a part of its name; None takes the system's own choice.

    Raises ``BadInput`` (``no_microphone``) where there is none, or nothing to reach it with.
    """

    name = MICROPHONE
    paces_itself = True

    def __init__(self, device: str | None = None) -> None:
        self._portaudio = _load_portaudio()
        chosen = int(device) if device is not None and device.isdecimal() else device
        facts = self._facts(chosen)
        self._device = chosen
        self._called = name_in(facts["name"]) or MICROPHONE
        self._rate = round(facts["default_samplerate"])
        self._channels = min(facts["max_input_channels"], _MOST_CHANNELS)
        self._blocks: asyncio.Queue[Samples | None] = asyncio.Queue()
        self._unread = 0  # values, of all channels
        self._overrun = False
        self._stopped = False

    async def frames(self, size: int) -> AsyncGenerator[Samples, None]:
        """Yield the audio, once; the first Ctrl-C ends it, the second is as in any command.

        Raises ``BadInput`` (``no_microphone``) when the device cannot be opened, or goes away;
        ``Busy`` when nobody has read for ``MOST_UNREAD_S``.
        """
        downmix, resampler = Downmix(self._channels, self._rate), StreamResampler(self._rate)
        with self._until_interrupted(), self._recording():
            print(f"{self._called}: listening until Ctrl-C", file=sys.stderr)
            while (block := await self._blocks.get()) is not None:
                if self._overrun:
                    raise Busy("captions do not keep up with the microphone")
                self._unread -= len(block)
                for frame in cut(resampler.push(downmix.mix(block)), size):
                    yield frame
        for frame in cut(resampler.flush(), size):
            yield frame
        if not self._stopped:
            raise _none("the microphone has gone")

    def _facts(self, device: int | str | None) -> dict[str, Any]:
        """Return what PortAudio says of a device. Raises ``BadInput``, which lists the others."""
        try:
            facts: dict[str, Any] = self._portaudio.query_devices(device, "input")
        except (ValueError, self._portaudio.PortAudioError):
            found = [
                f"{one['index']} ({one['name']})"
                for one in self._portaudio.query_devices()
                if one["max_input_channels"]
            ]
            if not found:
                raise _none("PortAudio finds no microphone") from None
            raise _none(f"--device names no single microphone of {', '.join(found)}") from None
        return facts

    @contextmanager
    def _until_interrupted(self) -> Iterator[None]:
        """Take SIGINT over, once."""
        loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)

        def give_back() -> None:
            if loop.remove_signal_handler(signal.SIGINT):
                signal.signal(signal.SIGINT, before)

        def stop() -> None:
            give_back()
            self._stopped = True
            self._blocks.put_nowait(None)

        loop.add_signal_handler(signal.SIGINT, stop)
        try:
            yield
        finally:
            give_back()

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Have PortAudio's thread put what it records into the queue. Raises ``BadInput``."""
        loop = asyncio.get_running_loop()

        def put(block: Samples | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(self._take, block)

        try:
            stream = self._portaudio.InputStream(
                samplerate=self._rate,
                blocksize=self._rate // _BLOCKS_PER_S,
                device=self._device,
                channels=self._channels,
                dtype="float32",
                # PortAudio uses its memory again
                callback=lambda recorded, *_: put(np.array(recorded).reshape(-1)),
                finished_callback=lambda: put(None),
            )
            with stream:
                yield
        except self._portaudio.PortAudioError as error:
            raise _none(f"the microphone cannot be used: {_first_line(error)}") from None

    def _take(self, block: Samples | None) -> None:
        if block is not None:
            self._unread += len(block)
            self._overrun |= self._unread > MOST_UNREAD_S * self._rate * self._channels
            if self._overrun:
                return
        self._blocks.put_nowait(block)


def _load_portaudio() -> Any:
    """Import sounddevice, which loads PortAudio. Raises ``BadInput`` (``no_microphone``)."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise _none("--mic needs the extra mic: scripts/setup mic") from None
    except OSError:
        raise _none("--mic needs the library PortAudio (Debian: libportaudio2)") from None


def _none(reason: str) -> BadInput:
    return BadInput(reason, code=ErrorCode.NO_MICROPHONE)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "unknown")
