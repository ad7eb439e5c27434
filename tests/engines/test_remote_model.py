"""What becomes of a call when the engine elsewhere fails in every way that it can."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest

from wordloop_ml.engines.remote_engines import (
    RemoteEmbedder,
    RemoteTranscriber,
    capabilities_of,
)
from wordloop_ml.engines.remote_model import MOST_UNAVAILABLE, RemoteModel
from wordloop_ml.errors import BadInput, EngineAway, EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.messages import DecodeOptions, JobClass, TokenisedText, Utterance
from wordloop_ml.ports import EmbedderCapabilities, TranscriberCapabilities
from wordloop_ml.wire.open_inference import (
    HEADER_LENGTH,
    Tensors,
    bytes_tensor,
    decode_request,
    encode_answer,
    text_tensor,
)

DIGEST = "ab" * 32
HEARD = Utterance(1_000, np.full(1_600, 0.25, np.float32))
CAPABILITIES = TranscriberCapabilities("engine", "model", ("en",), 160, 480_000, word_times=True)

Answer = Callable[[socket.socket, bytes], bool]
"""Answers one request, whose content is given; returns whether the connection goes on."""


class Server:
    """A server that answers as it is told, whatever connection a request comes on."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.answers: list[Answer] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while (request := _read(connection)) is not None:
                self.requests.append(request)
                if not self.answers.pop(0)(connection, request):
                    break

    def close(self) -> None:
        """Close the listener, and wait until every connection is closed by its client."""
        with suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # which ends an accept that waits
        for thread in self._threads:
            thread.join()
        self._listener.close()


def _read(connection: socket.socket) -> bytes | None:
    """The content of one request behind its HTTP headers; None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        some = connection.recv(65_536)
        if not some:
            return None
        data += some
    head, _, content = data.partition(b"\r\n\r\n")
    length = int(_header(head, "content-length"))
    while len(content) < length:
        content += connection.recv(65_536)
    return _header(head, HEADER_LENGTH.lower()).encode() + b" " + content


def _header(head: bytes, name: str) -> str:
    lines = head.decode().lower().split("\r\n")
    return next(line.partition(": ")[2] for line in lines if line.startswith(name + ":"))


def reply(content: bytes, *, status: str = "200 OK", headers: str = "") -> Answer:
    """Answer with these bytes."""

    def answer(connection: socket.socket, request: bytes) -> bool:
        del request
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
        connection.sendall(head.encode() + content)
        return True

    return answer


def tensors(outputs: Tensors) -> Answer:
    body = encode_answer("m", outputs)
    return reply(body.content, headers=f"{HEADER_LENGTH}: {body.header_bytes}\r\n")


def error(status: str, text: str) -> Answer:
    return reply(json.dumps({"error": text}).encode(), status=status)


def hypothesis(**changes: Any) -> Answer:
    """A hypothesis of one word."""
    written = {
        "words": [["one", 100, 900, 0.5]],
        "language": "en",
        "no_speech_probability": 0.0,
        "average_log_probability": -0.1,
        "language_probability": 1.0,
        "unfinished": False,
        "ran_s": 0.0,
        **changes,
    }
    return tensors({"hypothesis": text_tensor(json.dumps(written))})


def described(**changes: Any) -> Answer:
    said = {
        "role": "transcriber",
        "name": "engine",
        "model": "model",
        "digest": DIGEST,
        "languages": ["en"],
        "shortest_samples": 160,
        "longest_samples": 480_000,
        "word_times": True,
        **changes,
    }
    return tensors({"capabilities": text_tensor(json.dumps(said))})


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    yield one
    one.close()


@contextmanager
def model_at(
    port: int, *, deadline_s: float = 20.0, role: str = "transcriber"
) -> Iterator[RemoteModel]:
    url = f"http://127.0.0.1:{port}/v2/models/m"
    one = RemoteModel(url, role=role, model="model", digest=DIGEST, deadline_s=deadline_s)
    yield one
    one.close()


@pytest.fixture
def model(server: Server) -> Iterator[RemoteModel]:
    with model_at(server.port) as one:
        yield one


def transcribe(model: RemoteModel, options: DecodeOptions = DecodeOptions()) -> Any:  # noqa: B008
    worker = RemoteTranscriber(model, CAPABILITIES).open_worker()
    try:
        return worker.transcribe(HEARD, options)
    finally:
        worker.close()


def test_a_decode_goes_out_and_comes_back(server: Server, model: RemoteModel) -> None:
    """Audio as int16, the class as a priority, words moved to where the utterance is."""
    server.answers = [hypothesis()]
    [word] = transcribe(model, DecodeOptions(job_class=JobClass.FIRST_CAPTION)).words
    assert (word.text, word.start, word.end) == ("one", 1_100, 1_900)
    length, _, content = server.requests[0].partition(b" ")
    request = decode_request(content, int(length))
    assert request.inputs["audio"].tolist() == [8_192] * 1_600
    assert request.parameters == {"priority": 1, "timeout": 20_000_000}
    options = json.loads(request.inputs["options"][0])
    assert (options["digest"], options["context"], options["beams"]) == (DIGEST, "short", 1)


def test_what_waited_in_the_engine_is_told(server: Server, model: RemoteModel) -> None:
    """The call took longer than the decode ran; never less than nothing."""
    server.answers = [hypothesis(ran_s=-5.0), hypothesis(ran_s=100.0)]
    assert transcribe(model).waited_s >= 5.0
    assert transcribe(model).waited_s == 0.0


def test_a_connection_is_kept(server: Server, model: RemoteModel) -> None:
    """Many calls, one connection; another after the server has closed it."""

    def last(connection: socket.socket, request: bytes) -> bool:
        hypothesis()(connection, request)
        return False

    server.answers = [hypothesis(), last, hypothesis()]
    worker = RemoteTranscriber(model, CAPABILITIES).open_worker()
    worker.transcribe(HEARD, DecodeOptions())
    worker.transcribe(HEARD, DecodeOptions())
    assert server.connections == 1
    server.requests.clear()
    # the end of the connection arrives some time after the answer
    while not server.requests:
        try:
            worker.transcribe(HEARD, DecodeOptions())
        except EngineAway:
            model.breaker.answered()
    assert server.connections == 2
    worker.close()


def test_nobody_listens(server: Server) -> None:
    """The engine is away; the job never began."""
    server.close()
    with model_at(server.port) as model:
        with pytest.raises(EngineAway) as caught:
            transcribe(model)
        assert not caught.value.began
        assert model.away


def broken_at_once(connection: socket.socket, request: bytes) -> bool:
    del connection, request
    return False


def reset_in_the_answer(connection: socket.socket, request: bytes) -> bool:
    del request
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return False


def cut_answer(connection: socket.socket, request: bytes) -> bool:
    del request
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc")
    return False


def no_http(connection: socket.socket, request: bytes) -> bool:
    del request
    connection.sendall(b"\0\1\2\3\r\n\r\n")
    return False


@pytest.mark.parametrize("answer", [broken_at_once, reset_in_the_answer, cut_answer, no_http])
def test_a_connection_breaks(server: Server, model: RemoteModel, answer: Answer) -> None:
    """Before or inside the answer: the job had begun."""
    server.answers = [answer]
    with pytest.raises(EngineAway) as caught:
        transcribe(model)
    assert caught.value.began
    assert model.away


def test_an_engine_is_silent(server: Server) -> None:
    """Up to the deadline, also where bytes trickle in."""
    heard = threading.Event()

    def trickle(connection: socket.socket, request: bytes) -> bool:
        del request
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        connection.settimeout(0.01)
        while not heard.is_set():
            connection.sendall(b".")
            try:
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
        return False

    server.answers = [trickle]
    with model_at(server.port, deadline_s=0.1) as model:
        with pytest.raises(EngineAway) as caught:
            transcribe(model)
        heard.set()
        assert caught.value.began
        assert model.away


def test_nothing_goes_out_while_it_is_away(server: Server, model: RemoteModel) -> None:
    """Until it was asked, and is the same as before."""
    server.answers = [broken_at_once, described(digest="00"), described(), hypothesis()]
    with pytest.raises(EngineAway):
        transcribe(model)
    with pytest.raises(EngineAway) as caught:
        transcribe(model)
    assert not caught.value.began
    assert len(server.requests) == 1
    assert [model.ask(), model.away] == [False, True]
    assert [model.ask(), model.away] == [True, False]
    assert transcribe(model).words


@pytest.mark.parametrize(
    ("status", "text", "began"),
    [
        ("503 Service Unavailable", "busy: the queue is full", False),
        ("503 Service Unavailable", "Request timeout expired", False),
        ("503 Service Unavailable", "engine_away: this engine has other weights", False),
        ("404 Not Found", "Request for unknown model", False),
        ("500 Internal Server Error", "Stub process is not healthy", True),
        ("502 Bad Gateway", "", False),
    ],
)
def test_an_engine_has_no_room(
    server: Server, model: RemoteModel, status: str, text: str, *, began: bool
) -> None:
    """One refusal is none of an engine that is away; some in a row are."""
    server.answers = [error(status, text)] * MOST_UNAVAILABLE
    for count in range(MOST_UNAVAILABLE):
        assert not model.away, count
        with pytest.raises(EngineAway) as caught:
            transcribe(model)
        assert caught.value.began is began
    assert model.away


def test_an_answer_between_refusals_starts_the_count_again(
    server: Server, model: RemoteModel
) -> None:
    """The engine is there, and has little room."""
    full = error("503 Service Unavailable", "busy: the queue is full")
    for _ in range(MOST_UNAVAILABLE):
        server.answers = [full, hypothesis()]
        with pytest.raises(EngineAway):
            transcribe(model)
        transcribe(model)
    assert not model.away


def test_the_engine_s_own_errors_are_raised_here(server: Server, model: RemoteModel) -> None:
    """By their codes."""
    server.answers = [
        error("400 Bad Request", "unsupported_language: the model does not know it"),
        error("500 Internal Server Error", "engine_failed: CTranslate2 failed"),
        error("500 Internal Server Error", "too_large: the prompt does not fit"),
        error("500 Internal Server Error", "internal: KeyError"),
        error("400 Bad Request", "[request id: <id_unknown>] unexpected shape"),
    ]
    with pytest.raises(BadInput) as refused:
        transcribe(model)
    assert refused.value.code is ErrorCode.UNSUPPORTED_LANGUAGE
    codes = []
    for _ in range(4):
        with pytest.raises(EngineFailed) as failed:
            transcribe(model)
        codes.append(failed.value.code)
    assert codes == ["engine_failed", "too_large", "internal", "engine_failed"]
    assert not model.away


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"{}"),
        reply(b"not tensors", headers=f"{HEADER_LENGTH}: 3\r\n"),
        reply(b"not tensors", headers=f"{HEADER_LENGTH}: many\r\n"),
        tensors({}),
        tensors({"hypothesis": np.zeros(3, np.int16)}),
        tensors({"hypothesis": bytes_tensor(b"{", b"}")}),
        tensors({"hypothesis": bytes_tensor(b"\xff")}),
        tensors({"hypothesis": text_tensor("[]")}),
        tensors({"hypothesis": text_tensor("{}")}),
        hypothesis(words=7),
        hypothesis(words=[["one", 100]]),
        hypothesis(words=[["one", 900, 100, 0.5]]),
        hypothesis(words=[["one", 100, 1_601, 0.5]]),
        hypothesis(words=[["one", -1, 5, 0.5]]),
        hypothesis(words=[["one", 1, 5, 1.5]]),
        hypothesis(words=[["one", 5, 9, 0.5], ["two", 8, 10, 0.5]]),
        hypothesis(ran_s=None),
    ],
)
def test_an_answer_that_is_none_fails_the_job(
    server: Server, model: RemoteModel, answer: Answer
) -> None:
    """Wrong shapes, types and times: the engine is there, and this job is lost."""
    server.answers = [answer]
    with pytest.raises(EngineFailed):
        transcribe(model)
    assert not model.away


def test_a_start_compares_what_the_engine_is_with_the_manifest(
    server: Server, model: RemoteModel
) -> None:
    """Role, model and digest; and it must know what this release knows."""
    server.answers = [described()]
    assert RemoteTranscriber.open(model).capabilities == CAPABILITIES
    for wrong in ({"digest": "00" * 32}, {"model": "other"}, {"role": "embedder"}, {"more": 1}):
        server.answers = [described(**wrong)]
        with pytest.raises(StartupFailed) as caught:
            RemoteTranscriber.open(model)
        assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def test_a_start_waits_for_an_engine_but_not_for_ever(server: Server, model: RemoteModel) -> None:
    """Until it is there, within a minute."""
    unavailable = error("503 Service Unavailable", "")
    server.answers = [broken_at_once, unavailable, described(), broken_at_once]
    assert capabilities_of(model, every_s=0.0)["model"] == "model"
    with pytest.raises(StartupFailed) as caught:
        capabilities_of(model, within_s=0.0)
    assert caught.value.code is ErrorCode.ENGINE_AWAY


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((1, 2), np.float32),
        np.zeros((2, 3), np.float32),
        np.zeros((1, 3), np.float64),
        np.full((1, 3), np.nan, np.float32),
    ],
)
def test_vectors_of_another_shape_fail_the_job(server: Server, vectors: Any) -> None:
    """Or that are no numbers."""
    server.answers = [tensors({"vectors": vectors})]
    made = EmbedderCapabilities("engine", "model", DIGEST, 3, 16)
    with model_at(server.port, role="embedder") as model, pytest.raises(EngineFailed):
        RemoteEmbedder(model, made).embed([TokenisedText((1, 2))])


@pytest.mark.parametrize(
    ("ids", "lengths", "dropped"),
    [([1, 2], [3], [0]), ([1], [1], []), ([1, 2], [1, 1], [0, 0]), ([1], [2, -1], [0, 0])],
)
def test_tokens_of_another_number_fail_the_job(
    server: Server, ids: list[int], lengths: list[int], dropped: list[int]
) -> None:
    """Of texts, or of ids."""
    answer = {"ids": ids, "lengths": lengths, "dropped": dropped}
    server.answers = [
        tensors({name: np.array(values, np.int64) for name, values in answer.items()})
    ]
    made = EmbedderCapabilities("engine", "model", DIGEST, 3, 16)
    with model_at(server.port, role="embedder") as model, pytest.raises(EngineFailed):
        RemoteEmbedder(model, made).tokenise(["one"])
