"""A proper client beside the attacks: three words in, three words out."""

import json

import aiohttp
import numpy as np

from scripts.drills.hostile.attack import START, TOKEN
from wordloop_ml.engines.scripted_audio import silence, spoken, word_text

WORDS = (11, 22, 33)
WITHIN_S = 60.0
FRAME_SAMPLES = 1_600


async def heard_in_order(port: int) -> bool:
    """Whether a meeting of its own gets every word, once, and an orderly end."""
    url = f"http://127.0.0.1:{port}/v1/meetings/bystander/audio"
    audio = np.concatenate([spoken(WORDS), silence(16_000)])
    heard: list[str] = []
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN_S)) as http,
        http.ws_connect(url, headers={"Authorization": f"Bearer {TOKEN}"}) as socket,
    ):
        # a replay, which may come as fast as it likes
        await socket.send_json({**START, "live_from": len(audio)})
        for start in range(0, len(audio), FRAME_SAMPLES):
            await socket.send_bytes(audio[start : start + FRAME_SAMPLES].tobytes())
        await socket.send_json({"type": "stop"})
        async for message in socket:
            event = json.loads(message.data)
            if event["type"] == "caption" and event["final"]:
                heard += [word["text"] for word in event["words"]]
        return heard == [word_text(word) for word in WORDS] and socket.close_code == 1000
