"""What ``start`` says about the speech reaches every decode."""

import numpy as np
import pytest

from tests.attentive import AttentiveTranscriber
from tests.web.support import Serving
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedVoiceDetector
from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.messages import Task


async def test_language_task_and_vocabulary_go_with_every_decode(serving: Serving) -> None:
    """As ``start`` gave them; the vocabulary as a prompt."""
    transcriber = AttentiveTranscriber()
    service = await serving(engines=Engines(transcriber, ScriptedVoiceDetector()))
    client = await service.connect()
    await client.start(language="de", task="translate", vocabulary=["Wordloop", "Zoë Özil"])
    transcriber.asked.clear()  # the first inference of each worker, at start-up
    await client.speak(np.concatenate([spoken([1, 2, 3]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert transcriber.asked
    for options in transcriber.asked:
        assert (options.language, options.task) == ("de", Task.TRANSLATE)
        assert "Wordloop, Zoë Özil" in options.prompt


@pytest.mark.parametrize(
    ("tag", "told"),
    [("en-US", "en"), ("EN", "en"), ("nb-NO", "no"), ("jv", "jw"), ("auto", None), (None, None)],
)
async def test_a_language_goes_with_every_decode_as_the_model_calls_it(
    serving: Serving, tag: str | None, told: str | None
) -> None:
    """Whatever tag ``start`` gave; none, auto and null let the model decide."""
    transcriber = AttentiveTranscriber()
    service = await serving(engines=Engines(transcriber, ScriptedVoiceDetector()))
    client = await service.connect()
    await client.start(language=tag, speaker=None)
    transcriber.asked.clear()
    await client.speak(np.concatenate([spoken([1, 2, 3]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert client.words == ["w1", "w2", "w3"]
    if told is None:
        assert transcriber.asked[0].language is None  # what was heard is told to later ones
    else:
        assert {one.language for one in transcriber.asked} == {told}


@pytest.mark.parametrize("tag", ["en-GB", "EN", "eng", "auto"])
async def test_a_model_of_english_takes_any_english(serving: Serving, tag: str) -> None:
    """With a region, in capitals, by three letters."""
    client = await (await serving()).connect()
    await client.start(language=tag)
    await client.until("ready")
