"""People on the embedded weights: real audio, real engines, and words to hold them to."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.speech import manifest, samples_of, word_error_rate
from tests.web.support import Client, Serving
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.cli.transcribe import transcribe_offline
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.messages import SAMPLE_RATE, Caption, Samples
from wordloop_ml.settings import Settings

TRACKS = ("gaskell", "austen")
"""The two speakers of the demo, who let each other finish."""

SETTINGS = replace(Settings(), workers=2)

POLICY = CaptioningPolicy(final_beams=5)

HIGHEST_WORD_ERROR_RATE = 0.2
"""Above what whisper itself gets wrong of them, and far below what is no transcript."""


@pytest.fixture
def engines() -> Iterator[Engines]:
    """Silero and CTranslate2 with tiny.en: for each test, since a process holds them once."""
    opened = open_engines(SETTINGS)
    yield opened
    opened.close()


@pytest.mark.parametrize("track", TRACKS)
def test_each_track_is_understood(track: str, engines: Engines) -> None:
    """Offline: finals only, in order, inside the audio."""
    audio = samples_of(track)
    worker = engines.transcriber.open_worker()
    try:
        events = list(transcribe_offline(track, [audio], worker, engines.voice_detector, POLICY))
    finally:
        worker.close()
    finals = [event for event in events if isinstance(event, Caption)]
    heard = " ".join(final.text for final in finals)
    assert word_error_rate(manifest()[track]["text"], heard) <= HIGHEST_WORD_ERROR_RATE
    assert [final.seq for final in finals] == list(range(1, len(finals) + 1))
    assert all(0 <= final.start <= final.end <= len(audio) for final in finals)


@pytest.mark.parametrize("level_db", [-30, -40, -50])
def test_quiet_speech_is_understood(level_db: int, engines: Engines) -> None:
    """As loud as somebody far from a microphone whose gain is too low."""
    clip = "en_read_jfk_1"
    audio = samples_of(clip)
    rms = float(np.sqrt(np.square(audio).mean()))
    quiet = (audio * (10 ** (level_db / 20) / rms)).astype(np.float32)
    worker = engines.transcriber.open_worker()
    try:
        events = list(transcribe_offline(clip, [quiet], worker, engines.voice_detector, POLICY))
    finally:
        worker.close()
    heard = " ".join(event.text for event in events if isinstance(event, Caption))
    assert word_error_rate(manifest()[clip]["text"], heard) <= HIGHEST_WORD_ERROR_RATE


@pytest.mark.parametrize("track", TRACKS)
async def test_each_track_is_captioned_over_the_socket(track: str, serving: Serving) -> None:
    """Sent as fast as the server takes it: the same words, and every sample accounted for."""
    opened = open_engines(SETTINGS)
    client = await (await serving(engines=opened)).connect()
    audio = samples_of(track)
    await play(client, audio)
    heard = " ".join(
        one["text"] for one in client.messages if one["type"] == "caption" and one["final"]
    )
    assert word_error_rate(manifest()[track]["text"], heard) <= HIGHEST_WORD_ERROR_RATE
    ended = client.messages[-1]
    assert (ended["type"], ended["received"], ended["committed"]) == (
        "ended",
        len(audio),
        len(audio),
    )
    assert client.code == 1000


@pytest.mark.parametrize("sound", ["silence", "hum", "tone", "hiss"])
async def test_what_is_no_speech_gives_no_words(sound: str, serving: Serving) -> None:
    """Ten seconds of each."""
    seconds = np.arange(10 * SAMPLE_RATE, dtype=np.float32) / SAMPLE_RATE
    wave = {
        "silence": np.zeros_like(seconds),
        "hum": 0.05 * np.sin(2 * np.pi * 50 * seconds) + 0.02 * np.sin(2 * np.pi * 150 * seconds),
        "tone": 0.1 * np.sin(2 * np.pi * 440 * seconds),
        "hiss": np.random.default_rng(1).normal(0.0, 0.02, len(seconds)),
    }[sound]
    opened = open_engines(SETTINGS)
    client = await (await serving(engines=opened)).connect()
    await play(client, wave.astype(np.float32))
    assert client.words == []
    assert client.messages[-1]["committed"] == len(wave)


async def play(client: Client, audio: Samples) -> None:
    """Send audio as s16le, stop, and read to the close."""
    await client.start()
    await client.speak(np.rint(audio * 32_767).astype(np.int16), frame_samples=1_600)
    await client.send(type="stop")
    await client.drained()
