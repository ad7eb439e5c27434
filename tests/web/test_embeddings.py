"""``POST /v1/embeddings``, as OpenAI's own client and others call it."""

import asyncio
import base64
import contextlib
import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from tests.web.support import WAIT_S, Running, Serving, shout
from wordloop_ml.engines.catalogue import Engines, LoadedModels, open_embedder
from wordloop_ml.engines.scripted import (
    EMBEDDER_CAPABILITIES,
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
)
from wordloop_ml.errors import EngineAway, EngineFailed, StartupFailed
from wordloop_ml.messages import TokenisedText
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings
from wordloop_ml.web.http_server import BodyMemory
from wordloop_ml.wire.embeddings import MAX_REQUEST_BYTES

ROOT = Path(__file__).resolve().parents[2]

TEXTS = ["we ship on friday", "the budget is approved", "we ship on friday"]


def engines(embedder: Embedder | None) -> Engines:
    return Engines(ScriptedTranscriber(), ScriptedVoiceDetector(), embedder=embedder)


async def started(serving: Serving, embedder: Embedder | None = None, **changes: Any) -> Running:
    """A service with an embedder of hashed words, unless told otherwise."""
    return await serving(engines=engines(embedder or ScriptedEmbedder()), **changes)


def client_of(service: Running, key: str = "any") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0)


async def post(service: Running, body: Any, **headers: str) -> tuple[int, dict[str, Any], Any]:
    """Status, content and headers of an answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **headers}
    async with service.session.post(
        f"{service.url}/v1/embeddings", data=io.BytesIO(content), headers=sent
    ) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


def expected(texts: Sequence[str]) -> np.ndarray[Any, Any]:
    embedder = ScriptedEmbedder()
    return embedder.embed(embedder.tokenise(texts))


async def test_openai_s_client_gets_its_vectors(serving: Serving) -> None:
    """As it asks by itself (base64) and as floats, the same to the bit, with usage."""
    service = await started(serving)
    async with client_of(service) as client:
        packed = await client.embeddings.create(model="scripted", input=TEXTS)
        plain = await client.embeddings.create(
            model="scripted", input=TEXTS, encoding_format="float", user="somebody"
        )
        single = await client.embeddings.create(model="scripted", input=TEXTS[1])
    for answer in (packed, plain):
        assert answer.object == "list"
        assert answer.model == "scripted"
        assert [one.index for one in answer.data] == [0, 1, 2]
        assert answer.usage.prompt_tokens == answer.usage.total_tokens == 6 + 6 + 6
        vectors = np.array([one.embedding for one in answer.data], np.float32)
        np.testing.assert_array_equal(vectors, expected(TEXTS))
    assert single.data[0].embedding == packed.data[1].embedding


async def test_openai_s_client_raises_what_the_caller_should_handle(serving: Serving) -> None:
    """By status and code, from the problem itself."""
    service = await started(serving, token="right")  # noqa: S106 - a test's own
    async with client_of(service, "right") as client:
        with pytest.raises(openai.NotFoundError) as model:
            await client.embeddings.create(model="text-embedding-3-small", input="a")
        with pytest.raises(openai.BadRequestError) as dimensions:
            await client.embeddings.create(model="scripted", input="a", dimensions=256)
        with pytest.raises(openai.BadRequestError) as tokens:
            await client.embeddings.create(model="scripted", input=[[1, 2, 3]])
    assert model.value.code == "unsupported_model"
    assert dimensions.value.code == "unsupported_dimensions"
    assert tokens.value.code == "unsupported_input"
    async with client_of(service, "wrong") as client:
        with pytest.raises(openai.AuthenticationError) as token:
            await client.embeddings.create(model="scripted", input="a")
    assert token.value.code == "token_refused"


async def test_what_was_cut_is_told(serving: Serving) -> None:
    """By text and by tokens; OpenAI's client shows it as a field of its own."""
    service = await started(serving)
    longest = EMBEDDER_CAPABILITIES.longest_tokens
    async with client_of(service) as client:
        answer = await client.embeddings.create(model="scripted", input=["a", "word " * 400])
    told: Any = answer
    assert told.truncated == [{"index": 1, "dropped_tokens": 400 + 2 - longest}]
    assert told.model_digest == EMBEDDER_CAPABILITIES.digest
    assert answer.usage.prompt_tokens == 3 + longest


async def test_many_texts_come_in_the_order_asked(serving: Serving) -> None:
    """Whatever batches they went through; in base64 it is little-endian float32."""
    service = await started(serving)
    texts = [f"text {number} " * (1 + number % 40) for number in range(300)]
    status, answer, headers = await post(service, {"input": texts, "encoding_format": "base64"})
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    assert [one["index"] for one in answer["data"]] == list(range(300))
    vectors = [np.frombuffer(base64.b64decode(one["embedding"]), "<f4") for one in answer["data"]]
    np.testing.assert_array_equal(np.array(vectors), expected(texts))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b'{"input": "\xff"}', 400, "bad_json"),
        ({}, 400, "bad_message"),
        ({"input": []}, 400, "bad_message"),
        ({"input": ["a"] * 2_049}, 413, "too_many_texts"),
        ({"input": "a" * 32_769}, 413, "text_too_long"),
        ({"input": "a", "inputs": "a"}, 400, "unknown_field"),
    ],
)
async def test_a_wrong_request_is_named(
    serving: Serving, body: Any, status: int, code: str
) -> None:
    """RFC 9457, never with what was sent."""
    service = await started(serving)
    answered, problem, headers = await post(service, body)
    assert (answered, problem["code"]) == (status, code)
    assert headers["Content-Type"].startswith("application/problem+json")


async def test_a_body_beyond_its_limit_is_refused_by_what_it_announces(serving: Serving) -> None:
    """Before it is sent."""
    service = await started(serving)
    head = "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    port = int(service.url.rpartition(":")[2])
    answer = await shout(port, f"{head}Content-Length: {MAX_REQUEST_BYTES + 1}\r\n\r\n".encode())
    assert answer.startswith("HTTP/1.1 413 ")
    assert '"too_large"' in answer


async def test_a_large_request_is_parsed_beside_the_loop(serving: Serving) -> None:
    """And what is wrong with it is named all the same."""
    service = await started(serving)
    assert (await post(service, {"input": ["word " * 200] * 100}))[0] == 200
    status, problem, _ = await post(service, {"input": ["word " * 200] * 100 + [""]})
    assert (status, problem["code"]) == (400, "bad_message")
    assert problem["detail"] == "input[100] must not be empty"


async def test_a_batch_as_clients_fill_it_by_number_is_embedded(serving: Serving) -> None:
    """A thousand chunks of 1,100 characters, which LangChain sends at once."""
    service = await started(serving)
    texts = [f"{number} {'longer' * 183}" for number in range(1_000)]
    assert sum(map(len, texts)) > 1 << 20
    status, answer, _ = await post(service, {"input": texts, "encoding_format": "base64"})
    assert (status, len(answer["data"])) == (200, 1_000)


async def test_what_is_being_embedded_counts_as_held(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is answered; then there is room again."""
    monkeypatch.setattr("wordloop_ml.web.service.BodyMemory", lambda: BodyMemory(3_000))
    held = Held()
    service = await started(serving, ScriptedEmbedder(before=held))
    first = asyncio.create_task(post(service, {"input": "word " * 400}))
    await held.wait_begun()
    status, problem, headers = await post(service, {"input": "word " * 400})
    assert (status, problem["code"]) == (503, "busy")
    assert int(headers["Retry-After"]) >= 1
    held.go.set()
    assert (await first)[0] == 200
    assert (await post(service, {"input": "word " * 400}))[0] == 200


async def test_a_profile_without_an_embedder_has_no_such_route(serving: Serving) -> None:
    """404, by its code."""
    service = await serving(engines=engines(None))
    status, problem, _ = await post(service, {"input": "a"})
    assert (status, problem["code"]) == (404, "not_found")


class Held:
    """Holds every batch until it is let go, and may fail it."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.batches = 0
        self.error: Exception | None = None

    def __call__(self, batch: Sequence[TokenisedText]) -> None:
        self.batches += 1
        self.begun.set()
        assert self.go.wait(WAIT_S)
        if self.error is not None:
            raise self.error

    async def wait_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, WAIT_S)


async def test_too_many_requests_are_told_when_to_come_back(serving: Serving) -> None:
    """503 with Retry-After, which OpenAI's client heeds by itself."""
    held = Held()
    service = await started(serving, ScriptedEmbedder(before=held))
    asked = {asyncio.create_task(post(service, {"input": "a"})) for _ in range(33)}
    done, asked = await asyncio.wait(asked, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
    (status, problem, headers) = done.pop().result()
    assert (status, problem["code"]) == (503, "busy")
    assert int(headers["Retry-After"]) >= 1
    held.go.set()
    assert {(await one)[0] for one in asked} == {200}


async def test_an_engine_that_is_away_is_an_error_of_its_request(serving: Serving) -> None:
    """503 with a code and a time to wait."""
    held = Held()
    held.go.set()
    held.error = EngineAway()
    service = await started(serving, ScriptedEmbedder(before=held))
    status, problem, headers = await post(service, {"input": "a"})
    assert (status, problem["code"]) == (503, "engine_away")
    assert headers["Retry-After"] == "1"


async def test_a_lost_batch_is_an_error_of_its_request(serving: Serving) -> None:
    """500 with a code; the next one is served."""
    held = Held()
    held.go.set()
    held.error = EngineFailed("the embedder failed")
    service = await started(serving, ScriptedEmbedder(before=held))
    status, problem, _ = await post(service, {"input": "a"})
    assert (status, problem["code"]) == (500, "engine_failed")
    held.error = None
    assert (await post(service, {"input": "a"}))[0] == 200


async def test_a_caller_who_leaves_frees_the_threads(serving: Serving) -> None:
    """After the batches that run."""
    held = Held()
    service = await started(serving, ScriptedEmbedder(before=held))
    asked = asyncio.create_task(post(service, {"input": ["word " * 100] * 100}))
    await held.wait_begun()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    async with service.session.get(f"{service.url}/livez") as answer:
        assert answer.status == 200
    held.go.set()
    assert (await post(service, {"input": "a"}))[0] == 200
    assert held.batches <= 2 + 2 + 1


async def test_draining_sends_callers_elsewhere(serving: Serving) -> None:
    """What was begun ends with 503 and Retry-After 0, between two batches."""
    held = Held()
    service = await started(serving, ScriptedEmbedder(before=held))
    asked = asyncio.create_task(post(service, {"input": ["word " * 100] * 100}))
    await held.wait_begun()
    service.signals.hear()
    held.go.set()
    status, problem, headers = await asked
    assert (status, problem["code"], headers["Retry-After"]) == (503, "draining", "0")


async def test_the_real_model_answers_openai_s_client(serving: Serving) -> None:
    """With the vectors of the independent implementation, in both encodings."""
    path = ROOT / "tests/engines/minilm_reference.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["kept"]
    opened = contextlib.ExitStack()
    try:
        embedder = opened.enter_context(open_embedder(Settings(), loaded=LoadedModels()))
    except StartupFailed as error:
        pytest.skip(str(error))
    with opened:
        service = await started(serving, embedder)
        async with client_of(service) as client:
            for encoding in ("float", "base64"):
                answer = await client.embeddings.create(
                    model="all-MiniLM-L6-v2",
                    input=[one["text"] for one in kept],
                    encoding_format=encoding,
                )
                vectors = [unpacked(one.embedding) for one in answer.data]
                reference = np.array([one["vector"] for one in kept])
                assert (np.array(vectors) * reference).sum(axis=1).min() >= 0.9999
                assert answer.usage.prompt_tokens == sum(len(one["ids"]) for one in kept)
        assert await service.stop()


def unpacked(embedding: Any) -> np.ndarray[Any, Any]:
    """OpenAI's client leaves base64 as it is, where it was asked for."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding), "<f4")
    return np.array(embedding, np.float32)
