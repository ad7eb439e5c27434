"""One model of an engine in another process, asked by the Open Inference Protocol over HTTP.

Connections are kept open, one for each thread that calls. Every call has a deadline. What the engine's
own code raises is raised here again: its text begins with one of our codes. Everything else (no
connection, one that breaks, silence, a server that has no room or no model) is ``EngineAway``, and while
the engine is away no call goes out but ``RemoteModel.ask``.
"""

import http.client
import json
import math
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import structlog

from wordloop_ml.errors import (
    BadInput,
    EngineAway,
    EngineFailed,
    ErrorCode,
    StartupFailed,
    WordloopError,
)
from wordloop_ml.wire.open_inference import (
    HEADER_LENGTH,
    Body,
    InferenceRequest,
    Tensor,
    Tensors,
    decode_answer,
    encode_request,
    error_text,
    text_tensor,
)

CONNECT_WITHIN_S = 1.0
"""Longer than one lost packet takes; an engine that is there accepts in a millisecond."""

ASK_WITHIN_S = 2.0
"""How long ``RemoteModel.ask`` waits at most."""

MOST_ANSWER_BYTES = 64 << 20

MOST_UNAVAILABLE = 3
"""Refusals in a row, without an answer in between, from which an engine without room counts as away."""

HIGHEST_PRIORITY = 1
"""Triton's; its priorities go down from here."""

OPTIONS, CAPABILITIES = "options", "capabilities"
"""The tensors that every model of ours has: BYTES, shape (1,), JSON."""

_AWAY = {404, 408, 425, 429, 502, 503, 504}
"""Statuses of a server, or of what stands before it, that has no model or no room now."""

_CODED = re.compile(r"([a-z_]+): (.*)", re.DOTALL)

log = structlog.get_logger()


class AwayReason(StrEnum):
    """Why an engine counts as away: a field of logs."""

    NO_CONNECTION = "no_connection"
    BROKEN = "broken"
    SILENT = "silent"
    UNAVAILABLE = "unavailable"
    OTHER_WEIGHTS = "other_weights"


class Breaker:
    """Knows whether one engine is away. Safe to use from any thread.

    It opens when a connection cannot be had, breaks, or stays silent, and when the engine has refused
    ``MOST_UNAVAILABLE`` calls in a row. Any answer closes it.

    role: whose engine it is, for the log.
    """

    def __init__(self, role: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._role = role
        self._clock = clock
        self._lock = threading.Lock()
        self._since_s: float | None = None
        self._unavailable = 0

    @property
    def away(self) -> bool:
        """Whether the engine is away, as far as is known."""
        return self._since_s is not None

    def failed(self, reason: AwayReason) -> None:
        """Note that a call had no answer."""
        with self._lock:
            self._unavailable += 1
            soft = reason is AwayReason.UNAVAILABLE and self._unavailable < MOST_UNAVAILABLE
            if soft or self._since_s is not None:
                return
            self._since_s = self._clock()
        log.warning("engine_away", role=self._role, reason=reason)

    def answered(self) -> None:
        """Note that the engine has answered, be it by an error of its own."""
        with self._lock:
            since_s, self._since_s = self._since_s, None
            self._unavailable = 0
        if since_s is not None:
            log.info("engine_back", role=self._role, seconds=round(self._clock() - since_s, 3))


class RemoteModel:
    """A model elsewhere: its address, its identity, and connections to it. Safe to use from any thread.

    url: ``http://host:port/v2/models/name``. role, model, digest: what it must say that it is.
    deadline_s: of a call that names none.
    """

    def __init__(
        self,
        url: str,
        *,
        role: str,
        model: str,
        digest: str,
        deadline_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        self.role = role
        self.model = model
        self.digest = digest
        self.breaker = Breaker(role, clock=clock)
        self._host, self._port, self._path = parts.hostname or "", parts.port or 80, parts.path
        self.deadline_s = deadline_s
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: list[ModelConnection] = []
        self._closed = False

    @property
    def away(self) -> bool:
        """Whether the engine is away, as far as is known."""
        return self.breaker.away

    def connect(self) -> "ModelConnection":
        """Make a connection for one thread; it connects when it is first used. Its owner closes it."""
        if self._closed:
            raise EngineFailed(f"the {self.role} is closed")
        return ModelConnection(self._host, self._port, self._path, self.breaker, self.deadline_s)

    def call(self, inputs: Tensors, outputs: Sequence[str], **options: Any) -> dict[str, Tensor]:
        """Ask for these outputs, on a connection that no other thread uses; raises as ``ModelConnection.call``."""
        connection = self.borrow()
        try:
            return connection.call(self.request(inputs, outputs, **options))
        finally:
            self.give_back(connection)

    def request(
        self,
        inputs: Tensors,
        outputs: Sequence[str],
        parameters: Mapping[str, int] | None = None,
        **options: Any,
    ) -> InferenceRequest:
        """Make a request whose ``options`` are these and the digest of the weights that are meant."""
        written = json.dumps({"digest": self.digest, **options})
        return InferenceRequest(
            {**inputs, OPTIONS: text_tensor(written)}, outputs, parameters or {}
        )

    def borrow(self) -> "ModelConnection":
        """Take a connection that is idle, or make one. Raises ``EngineFailed`` once closed."""
        with self._lock:
            if self._idle and not self._closed:
                return self._idle.pop()
        return self.connect()

    def give_back(self, connection: "ModelConnection") -> None:
        """Let the next call have a connection; closes it where the model is closed."""
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def describe(self) -> dict[str, Any]:
        """Ask the engine what it is: the fields of its capabilities.

        Raises ``EngineAway``, ``StartupFailed`` (``engine_incompatible``) where it is not what the
        manifest names.
        """
        request = InferenceRequest(
            {OPTIONS: text_tensor("{}")}, (CAPABILITIES,), {"priority": HIGHEST_PRIORITY}
        )
        connection = self.borrow()
        try:
            answer = connection.call(request, within_s=ASK_WITHIN_S, asking=True)
        finally:
            self.give_back(connection)
        said = json_of(answer, CAPABILITIES)
        mine = {"role": self.role, "model": self.model, "digest": self.digest}
        for name, value in mine.items():
            if said.get(name) != value:
                self.breaker.failed(AwayReason.OTHER_WEIGHTS)
                raise StartupFailed(
                    f"the engine of the {self.role} has another {name} than the manifest names",
                    code=ErrorCode.ENGINE_INCOMPATIBLE,
                )
        self.breaker.answered()
        return said

    def ask(self) -> bool:
        """Ask an engine that is away once more; returns whether it is back, the same as before."""
        try:
            self.describe()
        except WordloopError:
            return False
        return True

    def close(self) -> None:
        """Close the connections, those in use when they come back; harmless when called twice."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


class _DeadlineSocket(socket.socket):
    """A socket that reads until a point in time, however slowly the bytes trickle in."""

    deadline_s = math.inf

    def recv_into(self, *arguments: Any, **options: Any) -> int:
        """Read as ``socket.recv_into`` does; raises ``TimeoutError`` when the time is up."""
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0.0:
            raise TimeoutError
        self.settimeout(left_s)
        return super().recv_into(*arguments, **options)


class ModelConnection:
    """One connection to one model: for one thread at a time.

    A call is ``begin``, ``wait`` as long as there is something else to do, and ``finish``.
    """

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        breaker: Breaker,
        deadline_s: float,
    ) -> None:
        self._address = (host, port)
        self._path = f"{path}/infer"
        self._breaker = breaker
        self._deadline_s = deadline_s
        self._http: http.client.HTTPConnection | None = None
        self._socket: _DeadlineSocket | None = None
        self._until_s = 0.0

    def call(
        self, request: InferenceRequest, *, within_s: float | None = None, asking: bool = False
    ) -> dict[str, Tensor]:
        """Ask and wait for the answer.

        within_s: its deadline in seconds, from now. asking: also while the engine counts as away, and
        without ending that.
        Raises ``EngineAway``; ``EngineFailed`` and ``BadInput`` as the engine does, and
        ``EngineFailed`` for an answer that is none.
        """
        self.begin(request, within_s=within_s, asking=asking)
        return self.finish(asking=asking)

    def begin(
        self, request: InferenceRequest, *, within_s: float | None = None, asking: bool = False
    ) -> None:
        """Send a request. Raises ``EngineAway``."""
        if self._breaker.away and not asking:
            raise EngineAway
        self._until_s = time.monotonic() + (self._deadline_s if within_s is None else within_s)
        body = encode_request(request)
        connection = self._connected()
        try:
            self._send(connection, body)
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error, began=True) from error

    def wait(self, seconds: float, wake: socket.socket) -> bool:
        """Wait until the answer begins; False where it has not after so long, or ``wake`` has bytes."""
        if self._socket is None:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(wake, select.POLLIN)
        seconds = max(0.0, min(seconds, self._until_s - time.monotonic()))
        ready = dict(poll.poll(math.ceil(seconds * 1000)))
        return self._socket.fileno() in ready or time.monotonic() >= self._until_s

    def finish(self, *, asking: bool = False) -> dict[str, Tensor]:
        """Read the answer; raises as ``call`` does."""
        if self._http is None:
            raise EngineFailed("no request is on its way")
        try:
            answer = self._http.getresponse()
            if answer.length is not None and answer.length > MOST_ANSWER_BYTES:
                raise self._nonsense("an answer is too large")
            content = answer.read() if answer.length is not None else answer.read(MOST_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error, began=True) from error
        if answer.will_close:
            self.close()
        if answer.status != http.HTTPStatus.OK:
            raise self._refused(answer.status, error_text(content))
        if not asking:
            self._breaker.answered()
        try:
            return decode_answer(content, int(answer.headers.get(HEADER_LENGTH, "")))
        except (BadInput, ValueError) as error:
            raise self._nonsense("an answer is not of the inference protocol") from error

    def close(self) -> None:
        """Close the socket; harmless when called twice, and the next call opens another."""
        connection, self._http, self._socket = self._http, None, None
        if connection is not None:
            connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        """Return the open connection, or open one: the engine may have closed one that was idle."""
        if self._http is not None and self._socket is not None:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if not poll.poll(0):
                return self._http
            self.close()
        left_s = max(0.001, min(CONNECT_WITHIN_S, self._until_s - time.monotonic()))
        try:
            plain = socket.create_connection(self._address, left_s)
        except OSError as error:
            self._breaker.failed(AwayReason.NO_CONNECTION)
            raise EngineAway from error
        self._socket = _DeadlineSocket(fileno=plain.detach())
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = http.client.HTTPConnection(*self._address)
        self._http.sock = self._socket
        return self._http

    def _send(self, connection: http.client.HTTPConnection, body: Body) -> None:
        if self._socket is not None:
            self._socket.deadline_s = self._until_s
            self._socket.settimeout(max(0.001, self._until_s - time.monotonic()))
        headers = {
            "Content-Type": "application/octet-stream",
            HEADER_LENGTH: str(body.header_bytes),
        }
        connection.request("POST", self._path, body.content, headers)

    def _lost(self, error: Exception, *, began: bool) -> EngineAway:
        """Close the connection; returns what to raise for one that broke or stayed silent."""
        self.close()
        silent = isinstance(error, TimeoutError)
        self._breaker.failed(AwayReason.SILENT if silent else AwayReason.BROKEN)
        return EngineAway(began=began)

    def _nonsense(self, what: str) -> EngineFailed:
        self.close()
        return EngineFailed(what)

    def _refused(self, status: int, text: str) -> WordloopError:
        """Return the error of an answer: the engine's own by its code, else the server's."""
        coded = _CODED.fullmatch(text)
        code = coded[1] if coded is not None else ""
        known = coded is not None and code in set(ErrorCode)
        if status in _AWAY or (status >= http.HTTPStatus.INTERNAL_SERVER_ERROR and not known):
            # a job of which the server says something unexpected may be why it does
            self._breaker.failed(AwayReason.UNAVAILABLE)
            return EngineAway(began=status == http.HTTPStatus.INTERNAL_SERVER_ERROR)
        self._breaker.answered()
        if coded is None or not known:
            return EngineFailed(f"the engine refuses a request with status {status}")
        if status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
            return BadInput(coded[2], code=ErrorCode(code))
        return EngineFailed(coded[2], code=ErrorCode(code))


def json_of(answer: Tensors, name: str) -> dict[str, Any]:
    """Return the JSON object that a tensor of an answer holds. Raises ``EngineFailed`` for something else."""
    tensor = answer.get(name)
    if tensor is not None and tensor.dtype == object and tensor.shape == (1,):
        try:
            value = json.loads(tensor[0])
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
    raise EngineFailed(f"an answer has no {name}")
