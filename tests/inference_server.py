"""A small server of the Open Inference Protocol for tests and drills: engines of ours on threads of its own.

``python -m tests.inference_server PORT ROLE...``: scripted engines that cost what tiny.en does.
"""

import asyncio
import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web

from scripts.drills.costly_service import hold
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.engines.scripted import ScriptedEmbedder, ScriptedTranscriber, spoken
from wordloop_ml.engines.served_models import (
    Identity,
    ServedEmbedder,
    ServedModel,
    ServedTranscriber,
    ServedWorker,
    refusal,
)
from wordloop_ml.errors import Busy
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import load_manifest
from wordloop_ml.wire.open_inference import (
    HEADER_LENGTH,
    Body,
    InferenceRequest,
    decode_request,
    encode_answer,
    text_tensor,
)

MOST_WAITING = 64

SERVED_AT = "SERVED_AT"
"""The variable with the address of another server, for the contract suites."""

DIGEST = hashlib.sha256(b"read by nobody").hexdigest()
"""Of the weights in the manifest of drills (scripts/drills/service_process.py)."""


class InferenceServer:
    """Serves models by name.

    slots: requests that run at once. requests: those that were asked for, in order.
    """

    def __init__(self, models: Mapping[str, ServedModel], *, slots: int = 2) -> None:
        self._models = models
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="served")
        self._slots = slots
        self._local = threading.local()
        self._workers: list[ServedWorker] = []
        self._inside = 0
        self.requests: list[InferenceRequest] = []

    def app(self) -> web.Application:
        """Make its application."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_get("/v2/health/live", self._ok)
        app.router.add_get("/v2/health/ready", self._ok)
        app.router.add_get("/v2/models/{model}/ready", self._ok)
        app.router.add_post("/v2/models/{model}/infer", self._infer)
        return app

    def close(self) -> None:
        """End the threads, and free the workers."""
        self._threads.shutdown()
        for one in self._workers:
            one.close()

    async def _ok(self, request: web.Request) -> web.Response:
        known = request.match_info.get("model") in {None, *self._models}
        return web.json_response({}, status=200 if known else 404)

    async def _infer(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if name not in self._models:
            return _refused(404, f"no model {name}")
        content = await request.read()
        header_bytes = int(request.headers[HEADER_LENGTH])
        if self._inside >= self._slots + MOST_WAITING:
            return _refused(*refusal(Busy("the queue is full")))
        loop = asyncio.get_running_loop()
        gone = threading.Event()
        self._inside += 1
        try:
            body = await loop.run_in_executor(
                self._threads, self._run, name, content, header_bytes, gone
            )
        except Exception as error:
            return _refused(*refusal(error))
        finally:
            gone.set()
            self._inside -= 1
        return web.Response(
            body=body.content,
            content_type="application/octet-stream",
            headers={HEADER_LENGTH: str(body.header_bytes)},
        )

    def _run(self, name: str, content: bytes, header_bytes: int, gone: threading.Event) -> Body:
        request = decode_request(content, header_bytes)
        self.requests.append(request)
        return encode_answer(name, self._worker(name).infer(request, gone.is_set))

    def _worker(self, name: str) -> ServedWorker:
        """Return this thread's worker of a model."""
        mine: dict[str, ServedWorker] = self._local.__dict__
        if name not in mine:
            mine[name] = self._models[name].open_worker()
            self._workers.append(mine[name])
        return mine[name]


def _refused(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


@contextmanager
def serving(server: InferenceServer) -> Iterator[int]:
    """Serve on a thread, on a free loopback port, for as long as the context lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="inference-server")

    async def start() -> tuple[web.AppRunner, int]:
        # a client that has gone takes its request with it
        runner = web.AppRunner(
            server.app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, runner.addresses[0][1]

    thread.start()
    try:
        runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield port
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def served_elsewhere(role: str) -> RemoteModel:
    """The model of a role that ``SERVED_AT`` names a server of, by the profile embedded; or a visible skip."""
    server = os.environ.get(SERVED_AT)
    if server is None:
        pytest.skip(f"no {SERVED_AT}: scripts/drill contract")
    entry = load_manifest(Settings().weights / "manifest.toml").profile("embedded")[role]
    return RemoteModel(
        f"{server}/v2/models/{role}",
        role=role,
        model=entry.name,
        digest=entry.sha256,
        deadline_s=60.0,
    )


def decode_inputs(digest: str, **changes: Any) -> dict[str, Any]:
    """Make the tensors that ask a transcriber for two words. changes: of its options."""
    options = {
        "digest": digest,
        "language": "en",
        "task": "transcribe",
        "prompt": "",
        "context": "short",
        "temperature": 0.0,
        "beams": 1,
        "expected_language": None,
        **changes,
    }
    return {"audio": spoken([1, 2]), "options": text_tensor(json.dumps(options))}


def costly_models() -> dict[str, ServedModel]:
    """Make scripted engines, whose transcriber holds its thread as long as tiny.en would."""
    return {
        "transcriber": ServedTranscriber(
            ScriptedTranscriber(fail=hold), Identity("transcriber", "scripted", DIGEST)
        ),
        "embedder": ServedEmbedder(ScriptedEmbedder(), Identity("embedder", "scripted", DIGEST)),
    }


if __name__ == "__main__":
    served = InferenceServer(costly_models(), slots=8)
    web.run_app(served.app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
