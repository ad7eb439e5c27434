"""pipecat's services for Deepgram, pointed at URL: prints the transcriptions of both, and what was finalized, as JSON."""

import asyncio
import json
import os
import wave

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.deepgram.flux.stt import DeepgramFluxSTTService
from pipecat.services.deepgram.stt import DeepgramSTTService

URL, KEY = os.environ["URL"].replace("http", "ws"), os.environ["KEY"]
FRAME_BYTES = 640


class Collector(FrameProcessor):  # type: ignore[misc]
    """Keeps what was transcribed; ``heard`` is set with the first."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.finalized: list[bool] = []
        self.heard = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self.texts.append(frame.text)
            self.finalized.append(frame.finalized)
            self.heard.set()
        await self.push_frame(frame, direction)


async def transcribe(service: FrameProcessor, *, pause: bool) -> Collector:
    """Run a pipeline of one service, as fast as speech, until a text is there.

    pause: speak the pause behind the words, too, in which the service would end them by itself.
    """
    collector = Collector()
    task = PipelineTask(
        Pipeline([service, collector]), params=PipelineParams(audio_in_sample_rate=16_000)
    )

    async def speak() -> None:
        with wave.open(os.environ["AUDIO"]) as file:
            audio = file.readframes(file.getnframes())
        if not pause:
            audio = audio.rstrip(b"\0")
        await asyncio.sleep(1)  # until it is connected: audio before that is dropped
        await task.queue_frame(VADUserStartedSpeakingFrame())
        for at in range(0, len(audio) // 2 * 2, FRAME_BYTES):
            frame = InputAudioRawFrame(audio[at : at + FRAME_BYTES], 16_000, 1)
            await task.queue_frame(frame)
            await asyncio.sleep(0.02)
        await task.queue_frame(VADUserStoppedSpeakingFrame())
        await collector.heard.wait()
        await task.queue_frame(EndFrame())

    speaking = asyncio.create_task(speak())
    await PipelineRunner(handle_sigint=False).run(task)
    await speaking
    return collector


async def main() -> None:
    results = await transcribe(DeepgramSTTService(api_key=KEY, base_url=URL), pause=False)
    flux = DeepgramFluxSTTService(api_key=KEY, url=f"{URL}/v2/listen")
    turns = await transcribe(flux, pause=True)
    told = {"results": results.texts, "finalized": results.finalized, "turns": turns.texts}
    print(json.dumps(told))


asyncio.run(main())
