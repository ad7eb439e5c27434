"""Our engines in Ray Serve: an ingress that speaks the Open Inference Protocol, a deployment for each role.

``serve.yaml`` says how many replicas each has, and how much may wait. The ingress finds the deployment of a
model, and says in the protocol's words why there is no answer; replicas read and write tensors.
"""

import asyncio
import json
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wordloop_ml import __version__
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.engines.catalogue import open_served
from wordloop_ml.engines.served_models import ServedModel, ServedWorker, refusal
from wordloop_ml.errors import BadInput, Busy, EngineAway, ErrorCode
from wordloop_ml.executor import Executor, JobOwner, OwnerKind
from wordloop_ml.messages import JobClass
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.wire.open_inference import (
    HEADER_LENGTH,
    InferenceRequest,
    Tensor,
    decode_request,
    encode_answer,
)

MOST_BODY_BYTES = 64 << 20

READY_WITHIN_S = 1.0
"""A replica that is there says so at once, whatever its threads do."""

STUCK_AFTER_S = 660.0
"""A native call that takes longer hangs: the longest answer of a language model takes less."""

_CLIENTS = JobOwner(OwnerKind.SERVED, "", "")

_OPTIONS, _CAPABILITIES = ("options", "BYTES"), ("capabilities", "BYTES")
_TENSORS = {
    "transcriber": (
        [_OPTIONS, ("audio", "INT16")],
        [_CAPABILITIES, ("hypothesis", "BYTES")],
    ),
    "embedder": (
        [_OPTIONS, ("texts", "BYTES"), ("ids", "INT64"), ("lengths", "INT32")],
        [
            _CAPABILITIES,
            ("ids", "INT64"),
            ("lengths", "INT32"),
            ("dropped", "INT32"),
            ("vectors", "FP32"),
        ],
    ),
    "generator": (
        [_OPTIONS, ("prompt", "BYTES"), ("text", "BYTES")],
        [_CAPABILITIES, ("answer", "BYTES"), ("tokens", "INT32")],
    ),
}
"""Inputs and outputs of each role's model; ``served_models.py`` says which belong together."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a replica answers: an HTTP status, and a body of the protocol or the text of an error."""

    status: int
    content: bytes
    header_bytes: int = 0


class Engine:
    """A replica of a role's engine. Of its requests ``WORDLOOP_WORKERS`` run at once, in the order of their priority."""

    def __init__(self, role: str) -> None:
        # engines elsewhere are for the services that ask this one
        settings = replace(
            read_settings(os.environ), transcriber_url="", embedder_url="", generator_url=""
        )
        configure_logs(settings.log_level, settings.log_format)
        self._role = role
        self._opened = ExitStack()
        model = self.open(settings, role)
        self._executor = Executor[ServedWorker](model.open_worker, workers=settings.workers)
        self._jobs = Jobs(self._executor)
        self._began_s: dict[int, float] = {}

    def open(self, settings: Settings, role: str) -> ServedModel:
        """Load the profile's engine, for as long as the process lives."""
        return self._opened.enter_context(open_served(settings, role))

    async def infer(self, content: bytes, header_bytes: int) -> Answer:
        """Answer the body of a request; one whose client has gone is dropped, or stopped where that can be done."""
        try:
            outputs = await self._run(decode_request(content, header_bytes))
        except Exception as error:
            status, text = refusal(error)
            return Answer(status, text.encode())
        body = encode_answer(self._role, outputs)
        return Answer(200, body.content, body.header_bytes)

    async def describe(self) -> dict[str, Any]:
        """Return the engine's capabilities, its role, model and digest; raises ``WordloopError``."""
        asked = InferenceRequest({}, ("capabilities",), {"priority": 1})
        described: dict[str, Any] = json.loads((await self._run(asked))["capabilities"][0])
        return described

    def close(self) -> None:
        """End the threads, and free the engine; Serve ends the process instead."""
        self._executor.close(STUCK_AFTER_S)
        self._opened.close()

    async def ready(self) -> bool:
        """Return True: Serve asks a replica nothing before its engine is loaded."""
        return True

    async def check_health(self) -> None:
        """Raise where a native call hangs, so that Serve replaces the replica."""
        began_s = min(self._began_s.copy().values(), default=time.monotonic())
        if time.monotonic() - began_s > STUCK_AFTER_S:
            raise RuntimeError("a native call hangs")

    async def _run(self, request: InferenceRequest) -> dict[str, Tensor]:
        gone = threading.Event()

        def run(worker: ServedWorker) -> dict[str, Tensor]:
            thread = threading.get_ident()
            self._began_s[thread] = time.monotonic()
            try:
                return worker.infer(request, gone.is_set)
            finally:
                del self._began_s[thread]

        return await self._jobs.run_on_worker(_job_class(request), _CLIENTS, run, stop=gone.set)


def _job_class(request: InferenceRequest) -> JobClass:
    """Return what a request is for, by its priority; without one it is work on texts."""
    priority = request.parameters.get("priority")
    if isinstance(priority, int) and 1 <= priority <= len(JobClass):
        return JobClass(priority - 1)
    return JobClass.EMBEDDING


class Ingress:
    """Answers the protocol's requests. engines: handles of the deployments, by role."""

    def __init__(self, engines: Mapping[str, Any]) -> None:
        self._engines = dict(engines)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        method, path = request.method, request.url.path.strip("/").split("/")
        match path:
            case ["v2", "models", name, *rest] if name in self._engines:
                return await self._answer_model(name, request, rest)
            case ["v2", "health", "ready"] if method == "GET":
                ready = await asyncio.gather(*(self._ready(name) for name in self._engines))
                return _status(all(ready))
            case ["v2", "health", "live"] if method == "GET":
                return _status(True)
            case ["v2"] if method == "GET":
                said = {"name": "wordloop-ml", "version": __version__}
                return JSONResponse({**said, "extensions": ["binary_tensor_data"]})
        return _UNKNOWN

    async def _answer_model(self, name: str, request: Request, rest: Sequence[str]) -> Response:
        match request.method, *rest:
            case "POST", "infer":
                return await self._infer(name, request)
            case "GET", "ready":
                return _status(await self._ready(name))
            case ["GET"]:
                return await self._metadata(name)
        return _UNKNOWN

    async def _infer(self, name: str, request: Request) -> Response:
        header_bytes = request.headers.get(HEADER_LENGTH, "")
        if not re.fullmatch(r"[0-9]{1,9}", header_bytes):
            return _refused(*refusal(BadInput(f"there is no header {HEADER_LENGTH}")))
        content = await _read(request)
        if content is None:
            return _refused(
                413, f"{ErrorCode.TOO_LARGE}: a request has over {MOST_BODY_BYTES} bytes"
            )
        try:
            answer: Answer = await self._engines[name].infer.remote(content, int(header_bytes))
        except (BackPressureError, DeploymentUnavailableError, RayError) as error:
            return _unanswered(error)
        if answer.status != 200:
            return _refused(answer.status, answer.content.decode())
        return Response(
            answer.content,
            media_type="application/octet-stream",
            headers={HEADER_LENGTH: str(answer.header_bytes)},
        )

    async def _metadata(self, name: str) -> Response:
        try:
            described = await self._engines[name].describe.remote()
        except (BackPressureError, DeploymentUnavailableError, RayError) as error:
            return _unanswered(error)
        inputs, outputs = (
            [{"name": one, "datatype": datatype, "shape": [-1]} for one, datatype in tensors]
            for tensors in _TENSORS[name]
        )
        return JSONResponse(
            {
                "name": name,
                "versions": ["1"],
                "platform": "wordloop-ml",
                "inputs": inputs,
                "outputs": outputs,
                "parameters": described,
            }
        )

    async def _ready(self, name: str) -> bool:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                return bool(await self._engines[name].ready.remote())
        except (TimeoutError, BackPressureError, DeploymentUnavailableError, RayError):
            return False


async def _read(request: Request) -> bytes | None:
    """Read a body; None for one that is too large."""
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        parts.append(part)
        length += len(part)
        if length > MOST_BODY_BYTES:
            return None
    return b"".join(parts)


def _unanswered(error: Exception) -> Response:
    """Return what is answered where no replica has answered.

    A request with which a replica died may be why: by a status of 500 without a code of ours a client
    knows that, and does not ask for ever.
    """
    match error:
        case BackPressureError():
            return _refused(*refusal(Busy("too many requests wait for the engine")))
        case DeploymentUnavailableError():
            return _refused(*refusal(EngineAway("the engine has no replica")))
        case _:
            return _refused(
                500, f"the replica that had the request is gone ({type(error).__name__})"
            )


def _status(good: bool) -> Response:
    return JSONResponse({}, 200 if good else 503)


def _refused(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


_UNKNOWN = _refused(404, "there is no such model or path")


def build(arguments: Mapping[str, Any]) -> Any:
    """Make the application for Serve. Of the arguments, ``roles`` are those that have an engine here."""
    return build_with(Engine, arguments["roles"])


def build_with(engine: type[Engine], roles: Sequence[str]) -> Any:
    """Make the application with replicas of a class."""
    engines = {role: serve.deployment(engine).options(name=role).bind(role) for role in roles}
    return serve.deployment(Ingress).options(name="ingress").bind(engines)
