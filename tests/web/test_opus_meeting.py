"""Speech that was coded with loss, over the socket, on the embedded weights: words come out."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
import soxr
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from tests.audio.opus_packets import encode
from tests.web.support import Client, Serving
from wordloop_ml.audio.files import open_audio
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.settings import Settings
from wordloop_ml.wire.opus import OPUS_SAMPLE_RATE, packet_samples

MEETING = Path(__file__).resolve().parents[2] / "scripts" / "sample_meeting"
ADA = MEETING / "ada.flac"
FIRST_LINES: list[dict[str, Any]] = [
    one
    for one in json.loads((MEETING / "script.json").read_text())["utterances"]
    if one["track"] == "ada"
][:3]
SECONDS = FIRST_LINES[-1]["end_ms"] / 1000 + 0.7
SAID = " ".join(re.findall(r"[a-z']+", " ".join(one["text"] for one in FIRST_LINES).lower()))
CONVERGED = 3_840
"""80 ms: how far before what is missing a client sends again, for the decoder to be faithful."""

HIGHEST_WORD_ERROR_RATE = 0.10
"""Lossy coding may cost a word more than the sample meeting itself."""


def engines() -> Engines:
    """Silero and whisper.cpp with wordloop-nano."""
    return open_engines(replace(Settings(), workers=2))


def speech(sample_rate: int) -> Samples:
    """What Ada says first."""
    with open_audio(ADA) as file:
        audio = np.concatenate(list(file))[: round(SECONDS * SAMPLE_RATE)]
    resampled: Samples = soxr.resample(audio, SAMPLE_RATE, sample_rate)
    return resampled


def word_error_rate(clients: Sequence[Client]) -> float:
    heard = " ".join(word for client in clients for word in client.words).lower()
    return float(jiwer.wer(SAID, " ".join(re.sub(r"[^a-z' ]", " ", heard).split())))


@pytest.mark.parametrize(
    ("frame_ms", "bit_rate", "channels"), [(20, 24_000, 1), (60, 16_000, 1), (20, 48_000, 2)]
)
async def test_opus_is_captioned(
    frame_ms: float, bit_rate: int, channels: int, serving: Serving
) -> None:
    """As browsers send it, as a frugal one does, and in stereo; every sample counted."""
    client = await (await serving(engines=engines())).connect()
    audio = np.tile(speech(OPUS_SAMPLE_RATE), (channels, 1))
    packets = encode(audio, frame_ms=frame_ms, bit_rate=bit_rate)
    await client.start(encoding="opus", sample_rate=OPUS_SAMPLE_RATE, channels=channels)
    for packet in packets:
        await client.socket.send_bytes(packet)
    await client.send(type="stop")
    ended = (await client.drained())[-1]
    assert client.code == 1000
    received = sum(packet_samples(packet) for packet in packets)
    assert (ended["received"], ended["committed"]) == (received, received)
    assert word_error_rate([client]) <= HIGHEST_WORD_ERROR_RATE


async def test_opus_is_resumed_at_a_packet_border(serving: Serving) -> None:
    """Broken off after the first final: no word is lost, none comes twice."""
    service = await serving(engines=engines())
    packets = encode(speech(OPUS_SAMPLE_RATE), bit_rate=24_000)
    start = {"encoding": "opus", "sample_rate": OPUS_SAMPLE_RATE}
    broken = await service.connect()
    await broken.start(**start, epoch=1)
    for packet in packets[: len(packets) // 2]:
        await broken.socket.send_bytes(packet)
    committed = (await broken.until("caption", final=True))["committed"]
    await broken.socket.close()

    first = max(committed - CONVERGED, 0) // 960
    resumed = await service.connect()
    await resumed.start(
        **start, epoch=2, first_sample=first * 960, resume_from=committed, last_seq=1
    )
    for packet in packets[first:]:
        await resumed.socket.send_bytes(packet)
    await resumed.send(type="stop")
    ended = (await resumed.drained())[-1]
    assert ended["received"] == ended["committed"] == len(packets) * 960
    finals = [one for one in resumed.messages if one["type"] == "caption" and one["final"]]
    assert finals[0]["seq"] == 2
    assert min(one["start"] for one in finals) >= committed * 1000 // OPUS_SAMPLE_RATE
    assert word_error_rate([broken, resumed]) <= HIGHEST_WORD_ERROR_RATE


async def test_mulaw_is_captioned(serving: Serving) -> None:
    """Eight bits, at 16 kHz."""
    client = await (await serving(engines=engines())).connect()
    encoder = CodecContext.create("pcm_mulaw", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "s16"
    levels = np.rint(speech(SAMPLE_RATE) * 32_767).astype(np.int16)
    frame = AudioFrame.from_ndarray(levels.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    coded = b"".join(bytes(packet) for packet in encoder.encode(frame))
    assert len(coded) == len(levels)
    await client.start(encoding="pcm_mulaw")
    for at in range(0, len(coded), 320):
        await client.socket.send_bytes(coded[at : at + 320])
    await client.send(type="stop")
    assert (await client.drained())[-1]["received"] == len(coded)
    assert word_error_rate([client]) <= HIGHEST_WORD_ERROR_RATE
