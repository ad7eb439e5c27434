"""One participant without the reference client: admitted or refused, and how long captions take."""

import asyncio
import json
import time
from dataclasses import dataclass, field

import aiohttp
import numpy as np

from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.messages import SAMPLE_RATE, Pcm16

FRAME_SAMPLES = SAMPLE_RATE // 25
TURN_WORDS = 8
PAUSE_SAMPLES = SAMPLE_RATE * 4 // 5
TURN_SAMPLES = TURN_WORDS * SAMPLE_RATE // 4 + PAUSE_SAMPLES
TURN_S = TURN_SAMPLES / SAMPLE_RATE
_NUMBERS = 24_000

START = {
    "type": "start",
    "version": 1,
    "encoding": "pcm_s16le",
    "sample_rate": SAMPLE_RATE,
    "channels": 1,
    "origin_ms": 0,
    "epoch": 1,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a request for an upgrade that was not one.

    seconds: until it was there. retry_after_s: what it asks for.
    """

    status: int
    seconds: float
    retry_after_s: float


@dataclass(slots=True)
class Speaker:
    """One meeting of one track, in turns of two seconds.

    first_captions: for each turn, when it began and after how long its first caption was there,
    on ``time.monotonic``. notices: the codes that came. heard: the words of the finals.
    """

    http: aiohttp.ClientSession
    url: str
    name: str
    first_captions: dict[int, tuple[float, float]] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    close_code: int | None = None
    _ending: bool = False
    _began_s: float = 0.0

    async def connect(self) -> aiohttp.ClientWebSocketResponse | Refusal:
        """Ask to come in."""
        asked_s = time.monotonic()
        try:
            socket = await self.http.ws_connect(
                f"{self.url}/v1/meetings/{self.name}/audio", compress=0, max_msg_size=0
            )
        except aiohttp.WSServerHandshakeError as error:
            retry = "0" if error.headers is None else error.headers.get("Retry-After", "0")
            return Refusal(error.status, time.monotonic() - asked_s, float(retry))
        await socket.send_str(json.dumps({**START, "track": self.name}))
        return socket

    def end(self) -> None:
        """The turn at hand is the last."""
        self._ending = True

    async def speak(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Turn after turn until told to end, then wait for every final."""
        listening = asyncio.create_task(self._listen(socket), name=f"listen-{self.name}")
        try:
            self._began_s, sent = time.monotonic(), 0
            turn = 0
            while not self._ending:
                for frame in self.frames(turn):
                    sent += FRAME_SAMPLES
                    due_s = self._began_s + sent / SAMPLE_RATE
                    await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                    await socket.send_bytes(frame)
                turn += 1
            await socket.send_str('{"type":"stop"}')
            await asyncio.wait_for(listening, 30.0)
        finally:
            listening.cancel()
            await socket.close()

    def latencies(self, from_s: float, to_s: float) -> list[float]:
        """Of the turns that began in this time."""
        return [late for began, late in self.first_captions.values() if from_s <= began < to_s]

    def frames(self, turn: int) -> list[bytes]:
        """The binary frames of a turn, which is said herewith."""
        numbers = [(turn * TURN_WORDS + index) % _NUMBERS for index in range(TURN_WORDS)]
        self.said += [f"w{number}" for number in numbers]
        audio: Pcm16 = np.concatenate([spoken(numbers), silence(PAUSE_SAMPLES)])
        return [
            audio[at : at + FRAME_SAMPLES].tobytes() for at in range(0, len(audio), FRAME_SAMPLES)
        ]

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                continue
            message = json.loads(frame.data)
            if message["type"] == "notice":
                self.notices.append(message["code"])
            elif message["type"] == "caption":
                self._take(message["end"], time.monotonic())
                if message["final"]:
                    self.heard += [word["text"] for word in message["words"]]
        self.close_code = socket.close_code

    def _take(self, end_ms: int, now_s: float) -> None:
        """A caption of the turn that its audio ends in."""
        turn = int((end_ms - 1) // (1_000 * TURN_S))
        began_s = self._began_s + turn * TURN_S
        self.first_captions.setdefault(turn, (began_s, now_s - began_s))
