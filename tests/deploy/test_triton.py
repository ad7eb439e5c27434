"""Triton's models: their configs say what the code does, and their file runs, on the part of Triton that it uses."""

import importlib.util
import json
import queue
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from scripts.drills.service_process import SCRIPTED_DIGEST, write_scripted_weights
from tests.deploy.tools import DEPLOY
from tests.inference_server import decode_inputs
from wordloop_ml.engines import served_models
from wordloop_ml.engines.catalogue import LOADED
from wordloop_ml.messages import JobClass
from wordloop_ml.metrics import EngineRole
from wordloop_ml.wire.open_inference import text_tensor

MODELS = DEPLOY / "triton" / "models"
FILE = MODELS / "transcriber" / "1" / "model.py"
WAIT_S = 10.0
TYPES = {"STRING": "BYTES"}


def config(role: str) -> str:
    return (MODELS / role / "config.pbtxt").read_text(encoding="utf-8")


def tensors(role: str, side: str) -> dict[str, str]:
    """The tensors of one side of a model: names to types, as the protocol calls these."""
    [part] = re.findall(rf"^{side} \[\n(.*?)^\]", config(role), re.MULTILINE | re.DOTALL)
    found = re.findall(r'name: "(\w+)" data_type: TYPE_(\w+)', part)
    return {name: TYPES.get(kind, kind) for name, kind in found}


@pytest.mark.parametrize("role", EngineRole)
def test_a_config_has_the_tensors_of_the_table(role: str) -> None:
    """In the docstring of the code that reads and makes them."""
    table = served_models.__doc__ or ""
    said = dict(re.findall(r"(\w+)(?:, \w+)*: (INT16|INT32|INT64|FP32|BYTES)", table))
    for side in ("input", "output"):
        for name, kind in tensors(role, side).items():
            assert re.search(rf"\b{name}\b", table), name
            assert said.get(name, kind) == kind
    assert tensors(role, "input")["options"] == "BYTES"
    assert "capabilities" in tensors(role, "output")
    assert f'string_value: "{role}"' in config(role)
    assert (MODELS / role / "1" / "model.py").resolve() == FILE


def test_there_is_a_priority_for_each_class_of_jobs() -> None:
    """Lower is sooner, from 1."""
    assert f"priority_levels: {len(JobClass)}\n" in config("transcriber")
    assert f"default_priority_level: {JobClass.FINAL + 1}\n" in config("transcriber")
    assert f"key: {JobClass.INTERIM + 1}\n" in config("transcriber")


class Tensor:
    """A tensor of Triton's."""

    def __init__(self, name: str, values: Any) -> None:
        self.name, self._values = name, values

    def as_numpy(self) -> Any:
        return self._values


class TritonError(Exception):
    """An error of an answer."""

    INVALID_ARG, INTERNAL, UNAVAILABLE = "invalid", "internal", "unavailable"

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Response:
    """An answer."""

    def __init__(
        self, tensors: list[Tensor] | None = None, *, error: TritonError | None = None
    ) -> None:
        self.tensors = {one.name: one.as_numpy() for one in tensors or []}
        self.error = error


class Sender:
    """Takes the answer of one request, once."""

    def __init__(self) -> None:
        self.answers: queue.SimpleQueue[tuple[Response, int]] = queue.SimpleQueue()

    def is_cancelled(self) -> bool:
        return False

    def send(self, response: Response, flags: int) -> None:
        self.answers.put((response, flags))


class Request:
    """A request, whose inputs are gone once ``execute`` has returned."""

    def __init__(self, inputs: dict[str, Any], outputs: list[str]) -> None:
        self.inputs, self._outputs = inputs, outputs
        self.sender = Sender()

    def requested_output_names(self) -> list[str]:
        return self._outputs

    def get_response_sender(self) -> Sender:
        return self.sender


def input_of(request: Request, name: str) -> Tensor | None:
    return Tensor(name, request.inputs[name]) if name in request.inputs else None


@pytest.fixture
def model_file(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The file of a model, loaded as the back end loads it."""
    triton = SimpleNamespace(
        Tensor=Tensor,
        TritonError=TritonError,
        TritonModelException=ValueError,
        InferenceResponse=Response,
        TRITONSERVER_RESPONSE_COMPLETE_FINAL=1,
        get_input_tensor_by_name=input_of,
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", triton)
    spec = importlib.util.spec_from_file_location("triton_model", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def model(model_file: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The model of a transcriber that needs no weights, with two slots."""
    write_scripted_weights(tmp_path)
    monkeypatch.setenv("WORDLOOP_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("WORDLOOP_TRANSCRIBER_URL", "http://nowhere/v2/models/t")
    made = model_file.TritonPythonModel()
    made.initialize(arguments("transcriber"))
    yield made
    made.finalize()
    assert LOADED.statistics()


def arguments(role: str, slots: int = 2) -> dict[str, str]:
    parameters = {"role": {"string_value": role}, "slots": {"string_value": str(slots)}}
    inputs = [{"name": name} for name in tensors("transcriber", "input")]
    return {"model_config": json.dumps({"parameters": parameters, "input": inputs})}


def answer(model: Any, inputs: dict[str, Any], output: str) -> Response:
    """Have one request answered, by a thread, after its memory is no longer its own."""
    request = Request({name: values.copy() for name, values in inputs.items()}, [output])
    model.execute([request])
    request.inputs["options"][:] = b"overwritten"
    response, flags = request.sender.answers.get(timeout=WAIT_S)
    assert flags == 1
    return response


def test_a_decode_is_answered(model: Any) -> None:
    """On a thread, from a copy of what was asked."""
    said = answer(model, decode_inputs(SCRIPTED_DIGEST), "hypothesis").tensors["hypothesis"]
    assert [word[0] for word in json.loads(said[0])["words"]] == ["w1", "w2"]


def test_it_says_what_it_is(model: Any) -> None:
    """By the manifest of its own environment."""
    inputs = {"options": text_tensor("{}")}
    said = json.loads(answer(model, inputs, "capabilities").tensors["capabilities"][0])
    assert (said["role"], said["digest"]) == ("transcriber", SCRIPTED_DIGEST)


@pytest.mark.parametrize(
    ("inputs", "code", "text"),
    [
        (
            lambda: decode_inputs(SCRIPTED_DIGEST, language="xx"),
            "invalid",
            "unsupported_language: ",
        ),
        (lambda: decode_inputs(SCRIPTED_DIGEST, context="wide"), "invalid", "bad_request: "),
        (
            lambda: {"options": decode_inputs(SCRIPTED_DIGEST)["options"]},
            "invalid",
            "bad_request: ",
        ),
        (lambda: decode_inputs("other"), "unavailable", "engine_away: "),
        (
            lambda: {**decode_inputs(SCRIPTED_DIGEST), "audio": np.zeros(0, np.float32)},
            "invalid",
            "bad_request: ",
        ),
    ],
)
def test_an_error_has_a_code_of_ours(
    model: Any, inputs: Callable[[], dict[str, Any]], code: str, text: str
) -> None:
    """And Triton's, which becomes the status."""
    error = answer(model, inputs(), "hypothesis").error
    assert error is not None
    assert error.code == code
    assert str(error).startswith(text)


def test_no_more_is_taken_than_there_are_slots(model: Any) -> None:
    """What is beyond waits in Triton's queue, where priorities count."""
    free = model._free  # what its threads give back
    assert free.acquire(timeout=WAIT_S)
    assert free.acquire(timeout=WAIT_S)
    assert not free.acquire(blocking=False)
    free.release()
    free.release()
    assert answer(model, decode_inputs(SCRIPTED_DIGEST), "hypothesis").error is None


def test_a_role_that_cannot_be_opened_has_a_code(
    model_file: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Triton logs of a failed load is this text."""
    monkeypatch.setenv("WORDLOOP_WEIGHTS", str(tmp_path))
    with pytest.raises(ValueError, match="bad_manifest: "):
        model_file.TritonPythonModel().initialize(arguments("transcriber"))
