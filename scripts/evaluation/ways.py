"""The ways of a clip: through a live server, and through whisper.cpp."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from pywhispercpp.model import Model

from scripts.benchmark.captions import Frames, read_messages
from scripts.benchmark.report import progress
from scripts.benchmark.server_process import FAST, running_server, server_environment
from scripts.benchmark.speaking import speak
from scripts.benchmark.speech import as_pcm
from scripts.evaluation.clips import Clip, read_samples
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.errors import BadInput
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.wire.server_messages import CaptionMessage, NoticeCode, NoticeMessage

SPEED = 40.0
"""At most so much faster than speech."""

SUFFIX = "-q8_0"
"""Behind a model's name, of the file with its weights that whisper.cpp reads."""

BEAM = 1
"""pywhispercpp's name for ``WHISPER_SAMPLING_BEAM_SEARCH``."""

DECODING: dict[str, Any] = {
    "beam_search": {"beam_size": 5, "patience": -1.0},
    "greedy": {"best_of": 5},
    "temperature": 0.0,
    "temperature_inc": 0.2,
    "entropy_thold": 2.4,
    "logprob_thold": -1.0,
    "no_speech_thold": 0.6,
    "print_progress": False,
    "print_realtime": False,
}
"""The defaults of whisper.cpp's ``whisper-cli``, as of 1.8.5: full audio context, five beams, and
higher temperatures where a text is unlikely or repeats itself."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The texts of one clip on one way.

    finals: in order. interims: everything else that was displayed, by segment, in order.
    language: that was heard, None where nothing was. refused: segments, by reason.
    """

    finals: tuple[str, ...]
    interims: tuple[tuple[str, ...], ...] = ()
    language: str | None = None
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All finals."""
        return " ".join(self.finals)


@dataclass(frozen=True, slots=True)
class Live:
    """A server that runs, and how it is spoken to. realtime: at the pace of speech, else as fast
    as the server takes it, up to ``SPEED``."""

    http: aiohttp.ClientSession
    base: str
    realtime: bool

    async def hear(self, clip: Clip, meeting: str) -> Heard:
        """Speak one clip, alone in a meeting of this name, without a word on its language.

        Raises ``BenchmarkFailed`` unless the connection ends with 1000.
        """
        samples = await asyncio.to_thread(read_samples, clip.path)
        began_s, url = asyncio.get_running_loop().time(), f"{self.base}/v1/meetings/{meeting}/audio"
        speed, pcm = 1.0 if self.realtime else SPEED, as_pcm(samples)
        recording = await speak(self.http, url, clip.name, pcm, began_s, None, speed=speed)
        return heard_of(recording.frames)

    async def hear_all(self, clips: Sequence[Clip], at_once: int) -> list[Heard]:
        """Speak every clip, so many at a time."""
        places = asyncio.Semaphore(at_once)

        async def hear(at: int, clip: Clip) -> Heard:
            async with places:
                if at % 20 == 0:
                    progress(f"live: {at} of {len(clips)} clips")
                return await self.hear(clip, f"{at_once}-{at}-{clip.name}")

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(hear(*one), name=one[1].name) for one in enumerate(clips)]
        return [one.result() for one in tasks]


@asynccontextmanager
async def live_server(profile: str, log: Path, *, realtime: bool) -> AsyncIterator[Live]:
    """Run a server with this profile until the block ends. Raises ``BenchmarkFailed``."""
    environment = server_environment({"WORDLOOP_PROFILE": profile, **({} if realtime else FAST)})
    async with aiohttp.ClientSession() as http, running_server(environment, log) as server:
        yield Live(http, server.url, realtime)


def heard_of(frames: Frames) -> Heard:
    """What a client displayed, from the messages that it got; pure."""
    finals: list[str] = []
    interims: defaultdict[str, list[str]] = defaultdict(list)
    refused: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for message in read_messages(frames):
        match message:
            case CaptionMessage(final=True):
                finals.append(message.text)
                languages[message.language] += len(message.words)
            case CaptionMessage():
                interims[message.segment].append(message.text)
            case NoticeMessage(code=NoticeCode.REJECTED | NoticeCode.DECODE_FAILED):
                refused[str(message.reason or message.code)] += 1
    return Heard(
        finals=tuple(finals),
        interims=tuple(map(tuple, interims.values())),
        language=languages.most_common(1)[0][0] if languages else None,
        refused=dict(refused),
    )


def reference_weights(settings: Settings) -> Path:
    """The file with the profile's weights in whisper.cpp's form, pulled before.

    Raises ``BadInput`` where there is none.
    """
    manifest = load_manifest(settings.weights / MANIFEST)
    name = manifest.profile(settings.profile)["transcriber"].name
    row = manifest.entries.get(name.removesuffix(SUFFIX) + SUFFIX)
    if row is None:
        raise BadInput(f"the manifest has no {name} for whisper.cpp")
    path = settings.weights / row.file
    if not path.is_file():
        roles = manifest.profiles.items()
        pull = next((one for one, files in roles if files["transcriber"] == row.name), "...")
        raise BadInput(f"{path} is not there: wordloop-ml weights pull --profile {pull}")
    return path


class Reference:
    """What whisper.cpp makes of whole clips with the same weights: the yardstick for words; blocking."""

    def __init__(self, weights: Path, multilingual: bool) -> None:
        self._multilingual = multilingual
        # one thread: more would spin where other processes have the cores
        self._model = Model(
            str(weights),
            params_sampling_strategy=BEAM,
            redirect_whispercpp_logs_to=None,
            n_threads=1,
        )

    def hear(self, clip: Clip) -> Heard:
        """Decode a clip in its language; what would be detected stands beside the text."""
        samples = read_samples(clip.path)
        language = "en"
        if self._multilingual:
            (language, _), _ = self._model.auto_detect_language(samples)
        segments = self._model.transcribe(samples, language=clip.language or "en", **DECODING)
        return Heard(tuple(one.text.strip() for one in segments), language=language)
