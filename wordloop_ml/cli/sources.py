"""Opens the audio streams of files, each a track of one meeting, and reads their frames."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wordloop_ml.audio.files import StreamInfo, audio_streams, open_audio
from wordloop_ml.cli.options import print_error
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import Samples
from wordloop_ml.wire.json_fields import name_in

_MOST_TRACK_CHARS = 56


@dataclass(frozen=True, slots=True)
class Source:
    """An audio stream. stream: its index among those of its file. name: of who speaks there."""

    path: Path
    stream: int
    name: str


def sources_of(paths: Sequence[Path]) -> tuple[dict[str, Source], bool]:
    """Open files; returns the sources by track and whether all could be opened. Prints what could not be.

    A track is named after its file, in the letters of an identifier, made unique. Of a file with
    several audio streams, each is a track: a participant, a microphone, a language.
    """
    sources: dict[str, Source] = {}
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
                sources[_track(path, sources)] = Source(path, stream.index, name)
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


def _track(path: Path, taken: dict[str, Source]) -> str:
    stem = "".join(
        letter if letter.isascii() and letter.isalnum() else "-" for letter in path.stem
    )[:_MOST_TRACK_CHARS]
    name, number = stem or "track", 2
    while name in taken:
        name, number = f"{stem or 'track'}-{number}", number + 1
    return name


async def file_frames(source: Source, size: int) -> AsyncGenerator[Samples, None]:
    """Yield the audio of ``source`` at 16 kHz, in frames of at most ``size`` samples.

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
