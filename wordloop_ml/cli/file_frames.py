"""A file's audio in frames, for commands that play it from an event loop."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import suppress

from wordloop_ml.audio.files import open_audio
from wordloop_ml.cli.sources import Source
from wordloop_ml.messages import Samples


async def file_frames(source: Source, size: int) -> AsyncGenerator[Samples, None]:
    """The audio of ``source`` at 16 kHz, in frames of at most ``size`` samples.

    Decoding blocks, so a helper thread takes each frame; these are commands, no service. To be
    closed by whoever stops early (``contextlib.aclosing``): the file is closed when no thread reads
    it any more, since FFmpeg ends the process otherwise. Raises what ``open_audio`` raises.
    """
    with open_audio(source.path, source.stream) as audio:
        frames = _frames(audio, size)
        while True:
            reading = asyncio.ensure_future(asyncio.to_thread(next, frames, None))
            try:
                frame = await asyncio.shield(reading)
            finally:
                while not reading.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait({reading})
            if frame is None:
                return
            yield frame


def _frames(chunks: Iterable[Samples], size: int) -> Iterator[Samples]:
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]
