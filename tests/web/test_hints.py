"""What ``start`` says about the speech reaches every decode."""

import numpy as np

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
