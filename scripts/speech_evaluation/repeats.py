"""Whether the same clip gets the same finals every time, on an idle service and on a busy one."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scripts.benchmark.report import table
from scripts.speech_evaluation.clips import Clip
from scripts.speech_evaluation.live import Live


@dataclass(frozen=True, slots=True)
class Repeated:
    """The finals of one clip: each time alone, and each time beside other meetings."""

    clip: str
    alone: tuple[tuple[str, ...], ...]
    beside: tuple[tuple[str, ...], ...]

    @property
    def texts(self) -> int:
        """How many different answers came; 1 is right."""
        return len({*self.alone, *self.beside})


async def repeat(
    live: Live,
    clips: Sequence[Clip],
    times: int,
    beside: int,
    progress: Callable[[str], None],
) -> list[Repeated]:
    """Each clip so often on its own, then so often while ``beside`` meetings speak the clips."""
    alone = [await _again(live, clip, times, "alone", progress) for clip in clips]
    others = [
        asyncio.create_task(_talk(live, clips, number), name=f"beside-{number}")
        for number in range(beside)
    ]
    try:
        busy = [await _again(live, clip, times, "beside", progress) for clip in clips]
        for one in others:
            if one.done():
                one.result()  # it ended by itself, so that something is wrong
    finally:
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return [
        Repeated(clip.name, tuple(quiet), tuple(loud))
        for clip, quiet, loud in zip(clips, alone, busy, strict=True)
    ]


async def _again(
    live: Live, clip: Clip, times: int, where: str, progress: Callable[[str], None]
) -> list[tuple[str, ...]]:
    progress(f"{clip.name}: {times} times {where}")
    return [
        (await live.hear(clip, f"{where}-{number}-{clip.name}")).finals for number in range(times)
    ]


async def _talk(live: Live, clips: Sequence[Clip], number: int) -> None:
    """One clip after another, each in a meeting of its own, until cancelled."""
    first = number % len(clips)
    for at, clip in enumerate(itertools.cycle([*clips[first:], *clips[:first]])):
        await live.hear(clip, f"other-{number}-{at}")


def markdown(repeated: Sequence[Repeated]) -> str:
    """A row for each clip."""
    rows = [
        [
            one.clip,
            str(len(one.alone)),
            str(len({*one.alone})),
            str(len(one.beside)),
            str(len({*one.beside})),
            str(one.texts),
        ]
        for one in repeated
    ]
    head = ["clip", "alone", "texts", "beside others", "texts", "texts in all"]
    right = sum(one.texts == 1 for one in repeated)
    return table(head, rows) + f"\nthe same finals each time: {right} of {len(repeated)} clips\n"
