"""Where the audio of a track comes from: the audio streams of files, a track each."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wordloop_ml.audio.files import StreamInfo, audio_streams, open_audio
from wordloop_ml.cli.options import print_error
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import Samples
from wordloop_ml.wire.json_fields import name_in


class AudioSource(Protocol):
    """Gives the audio of one track. name: of who speaks there."""

    @property
    def name(self) -> str:
        """The name to show."""

    @property
    def paces_itself(self) -> bool:
        """Whether audio comes at the speed of speech, whoever reads it."""

    def frames(self, size: int) -> AsyncGenerator[Samples, None]:
        """Yield audio at 16 kHz, in frames of at most ``size`` samples.

        To be closed by whoever stops early (``contextlib.aclosing``). Raises ``WordloopError``.
        """


_MOST_TRACK_CHARS = 56


@dataclass(frozen=True, slots=True)
class FileSource:
    """An audio stream of a file. stream: its index among those of its file. name: of who speaks there."""

    path: Path
    stream: int
    name: str

    @property
    def paces_itself(self) -> bool:
        """False: a file gives as much as is read."""
        return False

    async def frames(self, size: int) -> AsyncGenerator[Samples, None]:
        """Yield the audio. Raises what ``open_audio`` raises.

        Decoding blocks, so a helper thread takes each frame; these are commands, no service. The
        file is closed when no thread reads it any more, since FFmpeg ends the process otherwise.
        """
        with open_audio(self.path, self.stream) as audio:
            frames = (frame for chunk in audio for frame in cut(chunk, size))
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


def sources_of(paths: Sequence[Path]) -> tuple[dict[str, FileSource], bool]:
    """Open files; returns the sources by track and whether all could be opened. Prints what could not be.

    A track is named after its file, in the letters of an identifier, made unique. Of a file with
    several audio streams, each is a track: a participant, a microphone, a language.
    """
    sources: dict[str, FileSource] = {}
    whole = True
    for path in paths:
        try:
            streams = audio_streams(path)
        except BadInput as error:
            print_error(error)
            whole = False
            continue
        if len(streams) > 1:
            print(f"{_name(path)}: {len(streams)} audio streams, a track each", file=sys.stderr)
        for stream, name in zip(streams, _names(path, streams), strict=True):
            try:
                open_audio(path, stream.index).close()
            except BadInput as error:
                print_error(error)
                whole = False
            else:
                sources[_track_name(path, sources)] = FileSource(path, stream.index, name)
    return sources, whole


def _names(path: Path, streams: Sequence[StreamInfo]) -> list[str]:
    """Name a file's streams: the file's name, with several of them what each is called, or its number."""
    name = _name(path)
    if len(streams) == 1:
        return [name]
    labels = [name_in(one.title) or _language(one) for one in streams]
    times = Counter(labels)
    return [
        f"{name} ({label if label and times[label] == 1 else f'{label} {number}'.strip()})"
        for number, label in enumerate(labels, start=1)
    ]


def _language(stream: StreamInfo) -> str:
    return "" if stream.language == "und" else name_in(stream.language)


def _name(path: Path) -> str:
    # a file's name may hold any byte, a name in a transcript may not
    return name_in(os.fsencode(path.stem).decode(errors="replace")) or "audio"


def _track_name(path: Path, taken: dict[str, FileSource]) -> str:
    stem = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem
    )[:_MOST_TRACK_CHARS]
    name, number = stem or "track", 2
    while name in taken:
        name, number = f"{stem or 'track'}-{number}", number + 1
    return name


def cut(samples: Samples, size: int) -> Iterator[Samples]:
    """Cut samples into frames of ``size``; the last may be shorter."""
    for start in range(0, len(samples), size):
        yield samples[start : start + size]
