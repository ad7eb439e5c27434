"""Engines elsewhere are asked while they are away, by nobody else, until they are back."""

import asyncio

from tests.inference_server import InferenceServer, serving
from tests.web.support import WAIT_S, until
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.engines.remote_model import AwayReason, RemoteModel
from wordloop_ml.engines.scripted import ScriptedTranscriber
from wordloop_ml.engines.served_models import Identity, ServedTranscriber
from wordloop_ml.executor import Executor
from wordloop_ml.metrics import Metrics
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.web.engine_watch import watching


async def test_an_engine_that_is_away_is_asked_until_it_is_back() -> None:
    """Without any meeting; the gauge says it."""
    identity = Identity("transcriber", "m", "0" * 64)
    server = InferenceServer({"t": ServedTranscriber(ScriptedTranscriber(), identity)})
    executor: Executor[TranscriberWorker] = Executor(ScriptedTranscriber().open_worker, workers=1)
    context = serving(server)
    port = await asyncio.to_thread(context.__enter__)
    model = RemoteModel(
        f"http://127.0.0.1:{port}/v2/models/t",
        role="transcriber",
        model="m",
        digest=identity.digest,
        deadline_s=WAIT_S,
    )
    metrics = Metrics()

    def gauge() -> float | None:
        return metrics.registry.get_sample_value("wordloop_engine_away", {"role": "transcriber"})

    async with watching([model], Jobs(executor), metrics, every_s=0.001):
        assert gauge() == 0.0
        model.breaker.failed(AwayReason.NO_CONNECTION)
        assert gauge() == 1.0
        await until(lambda: not model.away)
        assert gauge() == 0.0
    model.close()
    assert await asyncio.to_thread(executor.close, WAIT_S)
    await asyncio.to_thread(context.__exit__, None, None, None)
