"""LiveKit's plugin for Deepgram, pointed at URL: prints the finals of its STT, STTv2 and recognize as JSON."""

import asyncio
import json
import os
import wave

import aiohttp
from livekit import rtc
from livekit.agents import stt
from livekit.plugins import deepgram

URL, KEY = os.environ["URL"], os.environ["KEY"]
FRAME_SAMPLES = 320


def frames() -> list[rtc.AudioFrame]:
    """The WAV file AUDIO in frames of 20 ms."""
    with wave.open(os.environ["AUDIO"]) as file:
        audio = file.readframes(file.getnframes())
    step = 2 * FRAME_SAMPLES
    whole = range(0, len(audio) - len(audio) % step, step)
    return [rtc.AudioFrame(audio[at : at + step], 16_000, 1, FRAME_SAMPLES) for at in whole]


async def stream_finals(client: stt.STT) -> list[str]:
    """Push the file as a room would, and collect the finals."""
    stream = client.stream()
    for frame in frames():
        stream.push_frame(frame)
    stream.end_input()
    final = stt.SpeechEventType.FINAL_TRANSCRIPT
    finals = [event.alternatives[0].text async for event in stream if event.type is final]
    await stream.aclose()
    return finals


async def main() -> None:
    socket = URL.replace("http", "ws")
    async with aiohttp.ClientSession() as http:
        results = deepgram.STT(api_key=KEY, base_url=f"{URL}/v1/listen", http_session=http)
        turns = deepgram.STTv2(api_key=KEY, base_url=f"{socket}/v2/listen", http_session=http)
        file = await results.recognize(frames())
        told = {
            "results": await stream_finals(results),
            "turns": await stream_finals(turns),
            "file": [file.alternatives[0].text],
        }
    print(json.dumps(told))


asyncio.run(main())
