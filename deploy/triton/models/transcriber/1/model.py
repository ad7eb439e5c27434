"""A model of Triton's Python back end over an engine of ours; the same file for every role.

One process for each instance. It holds the weights once, and decodes as many requests at once as the
parameter ``slots`` says: Triton's scheduler, which orders by priority and bounds the queue, is asked for
the next request only when a slot is free.
"""

import json
import os
import queue
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import triton_python_backend_utils as triton

from wordloop_ml.engines.catalogue import open_served
from wordloop_ml.engines.served_models import IsCancelled, ServedWorker, refusal
from wordloop_ml.settings import read_settings
from wordloop_ml.wire.open_inference import InferenceRequest

_CODES = {400: "INVALID_ARG", 500: "INTERNAL", 503: "UNAVAILABLE"}
"""Of ``TritonError``, which the back end adds to its module later."""


class TritonPythonModel:
    """What the back end loads. The parameters of its config: ``role``, ``slots``."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the engine of the role, by the settings of the environment, and its threads."""
        config = json.loads(args["model_config"])
        parameters = {name: one["string_value"] for name, one in config["parameters"].items()}
        self._inputs = [one["name"] for one in config["input"]]
        slots = int(parameters["slots"])
        settings = replace(
            read_settings(os.environ),
            workers=slots,
            transcriber_url="",
            embedder_url="",
            generator_url="",
        )
        self._opened = ExitStack()
        try:
            model = self._opened.enter_context(open_served(settings, parameters["role"]))
            workers = [model.open_worker() for _ in range(slots)]
        except Exception as error:
            # what Triton shows of it is its text, which has the code of ours
            self._opened.close()
            raise triton.TritonModelException(refusal(error)[1]) from error
        self._free = threading.Semaphore(slots)
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, args=(one,)) for one in workers]
        for thread in self._threads:
            thread.start()

    def execute(self, requests: list[Any]) -> None:
        """Hand requests to threads; returns when one more would find a free one."""
        for request in requests:
            # the memory of a request is its own until this call returns
            tensors = {
                name: triton.get_input_tensor_by_name(request, name) for name in self._inputs
            }
            asked = InferenceRequest(
                {name: one.as_numpy().copy() for name, one in tensors.items() if one is not None},
                tuple(request.requested_output_names()),
            )
            self._free.acquire()
            self._jobs.put((asked, request.get_response_sender()))
        self._free.acquire()
        self._free.release()

    def finalize(self) -> None:
        """End the threads, and free the engine."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._opened.close()

    def _work(self, worker: ServedWorker) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                asked, sender = job
                try:
                    response = self._answer(worker, asked, sender.is_cancelled)
                finally:
                    self._free.release()
                sender.send(response, flags=triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
        finally:
            worker.close()

    def _answer(self, worker: ServedWorker, asked: InferenceRequest, cancelled: IsCancelled) -> Any:
        try:
            outputs = worker.infer(asked, cancelled)
        except Exception as error:
            status, text = refusal(error)
            if status == 500:
                print(text, file=sys.stderr, flush=True)
            code = getattr(triton.TritonError, _CODES[status])
            return triton.InferenceResponse(error=triton.TritonError(text, code))
        return triton.InferenceResponse([triton.Tensor(*one) for one in outputs.items()])
