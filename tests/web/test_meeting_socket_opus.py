"""Speech that was coded with loss, over the socket, on the embedded weights: words come out."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import soxr
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.codec import CodecContext

from tests.audio.opus_packets import encode
from tests.speech import manifest, samples_of, word_error_rate
from tests.web.support import Client, Serving
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.messages import SAMPLE_RATE, Samples
from wordloop_ml.settings import Settings
from wordloop_ml.wire.audio_frames import OPUS_SAMPLE_RATE, packet_samples

SHORT = "en_read_ls1272_1"
"""A sentence of six seconds."""

CONVERGED = 3_840
"""80 ms: how far before what is missing a client sends again, for the decoder to be faithful."""

SETTINGS = replace(Settings(), workers=2)

HIGHEST_WORD_ERROR_RATE = 0.2
"""Far below what is no transcript; lossy coding may cost a word."""


def engines() -> Engines:
    """Silero and CTranslate2 with tiny.en."""
    return open_engines(SETTINGS)


def speech(clip: str, sample_rate: int) -> Samples:
    """What is said in a clip, and a second of silence, so that all of it ends in a final."""
    audio = np.concatenate([samples_of(clip), np.zeros(SAMPLE_RATE, np.float32)])
    resampled: Samples = soxr.resample(audio, SAMPLE_RATE, sample_rate)
    return resampled


def wrong_words(clip: str, clients: Sequence[Client]) -> float:
    """The word error rate of what several connections were told of a clip."""
    heard = " ".join(word for client in clients for word in client.words)
    return word_error_rate(manifest()[clip]["text"], heard)


@pytest.mark.parametrize(
    ("frame_ms", "bit_rate", "channels"), [(20, 24_000, 1), (60, 16_000, 1), (20, 48_000, 2)]
)
async def test_opus_is_captioned(
    frame_ms: float, bit_rate: int, channels: int, serving: Serving
) -> None:
    """As browsers send it, as a frugal one does, and in stereo; every sample counted."""
    client = await (await serving(engines=engines())).connect()
    audio = np.tile(speech(SHORT, OPUS_SAMPLE_RATE), (channels, 1))
    packets = encode(audio, frame_ms=frame_ms, bit_rate=bit_rate)
    await client.start(encoding="opus", sample_rate=OPUS_SAMPLE_RATE, channels=channels)
    for packet in packets:
        await client.socket.send_bytes(packet)
    await client.send(type="stop")
    ended = (await client.drained())[-1]
    assert client.code == 1000
    received = sum(packet_samples(packet) for packet in packets)
    assert (ended["received"], ended["committed"]) == (received, received)
    assert wrong_words(SHORT, [client]) <= HIGHEST_WORD_ERROR_RATE


async def test_opus_is_resumed_at_a_packet_border(serving: Serving) -> None:
    """Broken off after the first final: no word is lost, none comes twice."""
    service = await serving(engines=engines())
    packets = encode(speech("gaskell", OPUS_SAMPLE_RATE), bit_rate=24_000)
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
    assert wrong_words("gaskell", [broken, resumed]) <= HIGHEST_WORD_ERROR_RATE


async def test_mulaw_is_captioned(serving: Serving) -> None:
    """Eight bits, at 16 kHz."""
    client = await (await serving(engines=engines())).connect()
    encoder = CodecContext.create("pcm_mulaw", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "s16"
    levels = np.rint(speech(SHORT, SAMPLE_RATE) * 32_767).astype(np.int16)
    frame = AudioFrame.from_ndarray(levels.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    coded = b"".join(bytes(packet) for packet in encoder.encode(frame))
    assert len(coded) == len(levels)
    await client.start(encoding="pcm_mulaw")
    for at in range(0, len(coded), 320):
        await client.socket.send_bytes(coded[at : at + 320])
    await client.send(type="stop")
    assert (await client.drained())[-1]["received"] == len(coded)
    assert wrong_words(SHORT, [client]) <= HIGHEST_WORD_ERROR_RATE
