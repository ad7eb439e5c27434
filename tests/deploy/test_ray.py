"""Ray Serve: its files say the same, and its application answers, on the part of Ray and Starlette that it uses."""

import asyncio
import importlib.util
import json
import re
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from scripts.drills.service_process import write_scripted_weights
from tests.deploy.tools import DEPLOY, documents
from tests.inference_server import decode_inputs
from wordloop_ml.engines.catalogue import LOADED
from wordloop_ml.engines.scripted import ScriptedTranscriber, spoken
from wordloop_ml.engines.served_models import Identity, ServedModel, ServedTranscriber
from wordloop_ml.messages import JobClass, Utterance
from wordloop_ml.settings import Settings
from wordloop_ml.wire.open_inference import (
    HEADER_LENGTH,
    InferenceRequest,
    bytes_tensor,
    decode_answer,
    encode_request,
    text_tensor,
)

RAY = DEPLOY / "ray"
WAIT_S = 10.0
INFER = "/v2/models/transcriber/infer"


def serve_config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((RAY / "serve.yaml").read_text(encoding="utf-8"))
    return config


def ray_service() -> dict[str, Any]:
    [found] = documents((RAY / "rayservice.yaml").read_text(encoding="utf-8"))
    return found


def templates() -> list[dict[str, Any]]:
    cluster = ray_service()["spec"]["rayClusterConfig"]
    groups = (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    return [one["template"] for one in groups]


def test_each_role_has_a_deployment_with_bounds() -> None:
    """And the ingress has a second replica, since it is in the way of all."""
    [application] = serve_config()["applications"]
    deployments = {one["name"]: one for one in application["deployments"]}
    assert set(deployments) == {"ingress", *application["args"]["roles"]}
    assert deployments["ingress"]["num_replicas"] == 2
    for role in application["args"]["roles"]:
        one = deployments[role]
        workers = one["ray_actor_options"]["runtime_env"]["env_vars"]["WORDLOOP_WORKERS"]
        assert int(workers) < one["max_ongoing_requests"] < one["max_queued_requests"]


def test_a_cluster_runs_what_this_machine_runs() -> None:
    """The same config, of the release of Ray that is pinned, with tokens."""
    spec = ray_service()["spec"]
    assert yaml.safe_load(spec["serveConfigV2"]) == serve_config()
    pinned = (RAY / "requirements.txt").read_text(encoding="utf-8")
    assert f"ray[serve]=={spec['rayClusterConfig']['rayVersion']}\n" in pinned
    assert spec["rayClusterConfig"]["authOptions"] == {"mode": "token"}
    switches = dict(re.findall(r"\b(RAY_(?:SERVE|USAGE)_\w+)=(\w+)", (RAY / "serve").read_text()))
    del switches[
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"
    ]  # there, balancers have to notice
    for template in templates():
        [container] = template["spec"]["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        assert switches.items() <= variables.items()


def test_the_pods_are_valid_by_their_schema() -> None:
    """Of KubeRay's own fields there is no schema here."""
    validator = pytest.importorskip("kubernetes_validate")
    for template in templates():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, **template}
        validator.validate(pod, "1.32", strict=True)


class Response:
    """Starlette's, as far as it is used."""

    def __init__(
        self,
        content: bytes,
        status_code: int = 200,
        media_type: str = "",
        headers: Mapping[str, str] = {},
    ) -> None:
        self.body, self.status_code, self.headers = content, status_code, headers
        self.media_type = media_type


class JSONResponse(Response):
    """Likewise."""

    def __init__(self, content: Any, status_code: int = 200) -> None:
        super().__init__(json.dumps(content).encode(), status_code)


class Request:
    """Likewise."""

    def __init__(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] = {}
    ) -> None:
        self.method, self.url, self.headers = method, SimpleNamespace(path=path), headers
        self._content = content

    async def stream(self) -> AsyncIterator[bytes]:
        half = len(self._content) // 2
        yield self._content[:half]
        yield self._content[half:]


class RayError(Exception):
    """Ray's."""


class BackPressureError(Exception):
    """Serve's: a queue is full."""


class DeploymentUnavailableError(Exception):
    """Serve's: there are no replicas, and none come."""


class Handle:
    """A handle of a deployment, whose only replica is an object here; it raises what it is told to."""

    def __init__(self, replica: Any) -> None:
        self._replica = replica
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        async def remote(*arguments: Any) -> Any:
            if self.error is not None:
                raise self.error
            return await getattr(self._replica, name)(*arguments)

        return SimpleNamespace(remote=remote)


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of the application."""
    modules = {
        "ray": SimpleNamespace(serve=SimpleNamespace()),
        "ray.exceptions": SimpleNamespace(RayError=RayError),
        "ray.serve": SimpleNamespace(),
        "ray.serve.exceptions": SimpleNamespace(
            BackPressureError=BackPressureError,
            DeploymentUnavailableError=DeploymentUnavailableError,
        ),
        "starlette": SimpleNamespace(),
        "starlette.requests": SimpleNamespace(Request=Request),
        "starlette.responses": SimpleNamespace(Response=Response, JSONResponse=JSONResponse),
    }
    for name, stub in modules.items():
        monkeypatch.setitem(sys.modules, name, stub)
    spec = importlib.util.spec_from_file_location("wordloop_ray", RAY / "wordloop_ray.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "wordloop_ray", module)  # its dataclass looks itself up
    spec.loader.exec_module(module)
    monkeypatch.setattr(
        module, "configure_logs", lambda *_: None
    )  # of the process, which is pytest's
    return module


@pytest.fixture
def replica(
    application: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A replica of a transcriber that needs no weights, with one thread."""
    write_scripted_weights(tmp_path)
    monkeypatch.setenv("WORDLOOP_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("WORDLOOP_WORKERS", "1")
    monkeypatch.setenv("WORDLOOP_TRANSCRIBER_URL", "http://127.0.0.1:1/v2/models/t")
    made = application.Engine("transcriber")
    yield made
    made.close()
    assert LOADED.statistics()


@pytest.fixture
def handle(replica: Any) -> Handle:
    return Handle(replica)


@pytest.fixture
def ingress(application: ModuleType, handle: Handle) -> Any:
    return application.Ingress({"transcriber": handle})


async def answer(ingress: Any, method: str, path: str) -> tuple[int, Any]:
    response = await ingress(Request(method, path))
    return response.status_code, json.loads(response.body)


async def infer(
    ingress: Any, inputs: dict[str, Any], output: str, priority: int = 1
) -> tuple[int, Any]:
    """Have one request answered: its status, and the JSON of the output or of the error."""
    body = encode_request(InferenceRequest(inputs, (output,), {"priority": priority}))
    headers = {HEADER_LENGTH: str(body.header_bytes)}
    response = await ingress(Request("POST", INFER, body.content, headers))
    if response.status_code != 200:
        return response.status_code, json.loads(response.body)["error"]
    assert response.media_type == "application/octet-stream"
    outputs = decode_answer(response.body, int(response.headers[HEADER_LENGTH]))
    return 200, json.loads(outputs[output][0])


async def describe(ingress: Any) -> dict[str, Any]:
    status, said = await infer(ingress, {"options": text_tensor("{}")}, "capabilities")
    assert status == 200
    assert isinstance(said, dict)
    return said


async def test_a_decode_is_answered(ingress: Any) -> None:
    """By the engine of the manifest, though the environment names one elsewhere."""
    digest = (await describe(ingress))["digest"]
    status, heard = await infer(ingress, decode_inputs(digest), "hypothesis")
    assert status == 200
    assert [word[0] for word in heard["words"]] == ["w1", "w2"]


async def test_the_metadata_have_the_identity(ingress: Any) -> None:
    """And the tensors."""
    status, said = await answer(ingress, "GET", "/v2/models/transcriber")
    assert status == 200
    assert said["parameters"] == await describe(ingress)
    assert {"name": "audio", "datatype": "INT16", "shape": [-1]} in said["inputs"]


@pytest.mark.parametrize(
    "path", ["/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/transcriber/ready"]
)
async def test_it_is_there_and_ready(ingress: Any, path: str) -> None:
    """By the protocol's paths."""
    assert (await answer(ingress, "GET", path))[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", INFER), ("POST", "/v2"), ("POST", "/v2/models/embedder/infer")],
)
async def test_there_is_nothing_else(ingress: Any, method: str, path: str) -> None:
    """Nor another model."""
    assert (await answer(ingress, method, path))[0] == 404


async def test_bad_requests_have_a_code_of_ours(
    ingress: Any, application: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status says that they need not come again."""
    for headers in ({}, {HEADER_LENGTH: "two"}, {HEADER_LENGTH: "2"}):
        response = await ingress(Request("POST", INFER, b"{}", headers))
        assert response.status_code == 400
        assert json.loads(response.body)["error"].startswith("bad_request: ")
    monkeypatch.setattr(application, "MOST_BODY_BYTES", 1)
    response = await ingress(Request("POST", INFER, b"{}", {HEADER_LENGTH: "2"}))
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (BackPressureError(), 503, "busy: "),
        (DeploymentUnavailableError(), 503, "engine_away: "),
        (RayError("words"), 500, "the replica that had the request is gone (RayError)"),
    ],
)
async def test_a_replica_that_does_not_answer_is_away(
    ingress: Any, handle: Handle, error: Exception, status: int, text: str
) -> None:
    """One that has died has no code, since the request may be why."""
    handle.error = error
    found, said = await infer(ingress, {"options": text_tensor("{}")}, "capabilities")
    assert found == status
    assert said.startswith(text)
    assert (await answer(ingress, "GET", "/v2/models/transcriber"))[0] == status
    assert (await answer(ingress, "GET", "/v2/health/ready"))[0] == 503


async def test_other_weights_are_away(ingress: Any) -> None:
    """So that the client looks for its own."""
    status, text = await infer(ingress, decode_inputs("other"), "hypothesis")
    assert (status, text.partition(":")[0]) == (503, "engine_away")


class Gate:
    """Holds the first decode until it is opened, and notes the beginnings of all by their first word."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()
        self.lengths: list[int] = []

    def __call__(self, utterance: Utterance) -> None:
        self.lengths.append(len(utterance.samples))
        self.begun.set()
        assert self.open.wait(WAIT_S)


@pytest.fixture
def gated(
    application: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, Any, Gate]]:
    """An ingress, its replica of one thread, and what holds that."""
    gate = Gate()
    model = ServedTranscriber(ScriptedTranscriber(fail=gate), Identity("transcriber", "s", "d"))

    class Gated(application.Engine):  # type: ignore[name-defined,misc]
        def open(self, settings: Settings, role: str) -> ServedModel:
            del settings, role
            return model

    monkeypatch.setenv("WORDLOOP_WORKERS", "1")
    replica = Gated("transcriber")
    yield application.Ingress({"transcriber": Handle(replica)}), replica, gate
    gate.open.set()
    replica.close()


async def test_first_captions_overtake_files(gated: tuple[Any, Any, Gate]) -> None:
    """In the replica: Serve itself knows no priorities."""
    ingress, _, gate = gated

    def ask(words: int, job_class: JobClass) -> asyncio.Task[tuple[int, Any]]:
        inputs = {**decode_inputs("d"), "audio": spoken(range(words))}
        return asyncio.create_task(infer(ingress, inputs, "hypothesis", job_class + 1))

    tasks = [ask(1, JobClass.FINAL)]
    await asyncio.to_thread(gate.begun.wait, WAIT_S)
    tasks += [ask(2, JobClass.FILE), ask(3, JobClass.FINAL), ask(4, JobClass.FIRST_CAPTION)]
    await asyncio.sleep(0)
    gone = ask(5, JobClass.FIRST_CAPTION)
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(*tasks)
    assert gone.cancelled()
    assert [length // 4_000 for length in gate.lengths] == [1, 4, 3, 2]


async def test_a_replica_in_which_a_call_hangs_is_not_healthy(
    gated: tuple[Any, Any, Gate], application: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serve puts another in its place."""
    ingress, replica, gate = gated
    await replica.check_health()
    task = asyncio.create_task(infer(ingress, decode_inputs("d"), "hypothesis"))
    await asyncio.to_thread(gate.begun.wait, WAIT_S)
    await replica.check_health()
    monkeypatch.setattr(application, "STUCK_AFTER_S", 0.0)
    with pytest.raises(RuntimeError, match="hangs"):
        await replica.check_health()
    gate.open.set()
    await task


def test_a_tensor_of_bytes_is_no_priority(application: ModuleType) -> None:
    """What has no priority of ours is work on texts."""
    for priority in (0, 7, "1", None):
        parameters = {} if priority is None else {"priority": priority}
        request = InferenceRequest({"options": bytes_tensor(b"{}")}, (), parameters)
        assert application._job_class(request) is JobClass.EMBEDDING
