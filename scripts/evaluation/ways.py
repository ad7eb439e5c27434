"""The ways of a clip: through a live server, through the file path, and through whisper.cpp."""

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
from pywhispercpp.model import Model

from scripts.benchmark.captions import read_frames
from scripts.benchmark.report import progress
from scripts.benchmark.server_process import FAST, base_url, running_server, server_environment
from scripts.benchmark.speaking import Recording, speak
from scripts.benchmark.speech import as_pcm
from scripts.evaluation.clips import Clip, read_samples
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.errors import BadInput, EngineFailed
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest

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
        speed = 1.0 if self.realtime else SPEED
        pcm = as_pcm(samples)
        return heard_of(
            await speak(self.http, url, clip.name, pcm, began_s, language=None, speed=speed)
        )

    async def hear_all(self, clips: Sequence[Clip], at_once: int) -> dict[str, Heard]:
        """Speak every clip, so many at a time; by name."""
        places = asyncio.Semaphore(at_once)
        heard: dict[str, Heard] = {}

        async def one(clip: Clip) -> None:
            async with places:
                heard[clip.name] = await self.hear(clip, clip.name)
            if len(heard) % 20 == 0:
                progress(f"live: {len(heard)} of {len(clips)} clips")

        async with asyncio.TaskGroup() as group:
            for clip in clips:
                group.create_task(one(clip), name=f"clip-{clip.name}")
        return {clip.name: heard[clip.name] for clip in clips}


@asynccontextmanager
async def live_server(profile: str, log: Path, *, realtime: bool) -> AsyncIterator[Live]:
    """Run a server with this profile until the block ends. Raises ``BenchmarkFailed``."""
    environment = server_environment({"WORDLOOP_PROFILE": profile, **({} if realtime else FAST)})
    async with aiohttp.ClientSession() as http, running_server(environment, http, log):
        yield Live(http, base_url(environment), realtime)


def heard_of(recording: Recording) -> Heard:
    """What a client displayed, from the messages that it got; pure."""
    received = read_frames(recording.frames)
    finals = [one for one in received.captions if one.final]
    interims: dict[str, list[str]] = {}
    for one in received.captions:
        if not one.final:
            interims.setdefault(one.segment, []).append(one.text)
    refused = {
        name.removeprefix("notice:").removeprefix("rejected:"): count
        for name, count in received.counts.items()
        if name.startswith(("notice:rejected", "notice:decode_failed"))
    }
    languages = Counter[str]()
    for one in finals:
        languages[one.language] += len(one.words)
    return Heard(
        finals=tuple(one.text for one in finals),
        interims=tuple(map(tuple, interims.values())),
        language=languages.most_common(1)[0][0] if languages else None,
        refused=refused,
    )


def through_files(clips: Sequence[Clip], environment: Mapping[str, str]) -> dict[str, Heard]:
    """Transcribe all clips by one call of ``wordloop-ml transcribe``; by name; blocking.

    A transcript says neither languages nor what was refused. Each clip is a track of one
    "meeting", which has no effect on the others. Raises ``EngineFailed`` when the command fails.
    """
    finals: defaultdict[str, list[str]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "clips.json"
        command = [sys.executable, "-m", "wordloop_ml", "transcribe", "--output", str(output)]
        command += [str(one.path) for one in clips]
        done = subprocess.run(
            command, env={**environment}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise EngineFailed(f"wordloop-ml transcribe: {done.stderr[-500:]}")
        transcript = json.loads(output.read_text(encoding="utf-8"))
    for segment in transcript["segments"]:  # by time, so that each track's are in order
        finals[segment.get("speaker", clips[0].name)].append(segment["text"])
    return {one.name: Heard(tuple(finals[one.name])) for one in clips}


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
    """What whisper.cpp makes of whole clips with the same weights: the yardstick for words; blocking.

    kept: a file of answers, which depend on nothing but weights, release and clip.
    """

    def __init__(self, weights: Path, multilingual: bool, kept: Path) -> None:
        self._weights, self._multilingual, self._kept = weights, multilingual, kept
        self._model: Model | None = None
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._asked = f"{digest[:16]} pywhispercpp {version('pywhispercpp')}"
        self._answers: dict[str, Any] = {}
        if kept.is_file():
            self._answers = json.loads(kept.read_text(encoding="utf-8"))

    def hear(self, clips: Sequence[Clip]) -> dict[str, Heard]:
        """Decode clips in their language; by name. What it would detect stands beside it."""
        heard = {}
        for at, clip in enumerate(clips, 1):
            key = self.key(clip)
            if key not in self._answers:
                progress(f"whisper.cpp: clip {at} of {len(clips)}")
                self._answers[key] = self._decode(clip)
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                self._kept.write_text(json.dumps(self._answers, ensure_ascii=False, indent=1))
            texts, language = self._answers[key]
            heard[clip.name] = Heard(tuple(texts), language=language)
        return heard

    def key(self, clip: Clip) -> str:
        """What an answer is kept by."""
        digest = hashlib.sha256(clip.path.read_bytes()).hexdigest()[:32]
        return f"{self._asked} {digest} {clip.language}"

    def _decode(self, clip: Clip) -> tuple[list[str], str | None]:
        if self._model is None:
            # one thread: more would spin where other processes have the cores
            self._model = Model(
                str(self._weights),
                params_sampling_strategy=BEAM,
                redirect_whispercpp_logs_to=None,
                n_threads=1,
            )
        samples = read_samples(clip.path)
        language = "en"
        if self._multilingual:
            (language, _), _ = self._model.auto_detect_language(samples)
        spoken = clip.language or "en"
        segments = self._model.transcribe(samples, language=spoken, **DECODING)
        return [one.text.strip() for one in segments], language
