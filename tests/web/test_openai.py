"""OpenAI's REST interface, as its official client and the programs that speak like it call it."""

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import openai
import pytest
import structlog

from tests.attentive import AttentiveTranscriber
from tests.web.files import sentences, wav
from tests.web.support import WAIT_S, Running, Serving, until
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import (
    Failure,
    ScriptedEmbedder,
    ScriptedTranscriber,
    ScriptedVoiceDetector,
    silence,
    spoken,
)
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Task, Utterance

SAID = "w1 w2 w3 w4 w5"
TALK = wav(sentences([1, 2, 3], [4, 5]))
TRANSCRIPTIONS, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"

Part = tuple[str, str | bytes]


def client_of(service: Running, key: str = "any") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key=key, max_retries=0)


def a_file(content: bytes = TALK, name: str = "talk.wav") -> io.BytesIO:
    """What ``open(name, "rb")`` gives."""
    file = io.BytesIO(content)
    file.name = name
    return file


async def post(
    service: Running, *parts: Part, path: str = TRANSCRIPTIONS, **headers: str
) -> tuple[int, Any, str]:
    """Status, headers and text of the answer to a form of these parts, in order."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in parts:
        if isinstance(value, bytes):
            form.add_field(name, io.BytesIO(value), filename="a")
        else:
            form.add_field(name, value)
    if not parts:
        form.add_field("nothing", "")
    async with service.session.post(service.url + path, data=form, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def refusal(service: Running, *parts: Part, **options: Any) -> tuple[Any, ...]:
    """Status, code and param of what is refused, in OpenAI's form."""
    status, headers, text = await post(service, *parts, **options)
    assert headers["x-request-id"]
    error = json.loads(text)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return status, error["code"], error["param"]


# -- the official client's documented examples -------------------------------------------------


async def test_the_client_s_first_example(serving: Serving) -> None:
    """A file and a model; ``text`` is what was said."""
    service = await serving()
    async with client_of(service) as client:
        answer = await client.audio.transcriptions.create(model="gpt-transcribe", file=a_file())
        path = await client.audio.transcriptions.with_raw_response.create(
            model="whisper-1", file=("talk.wav", TALK, "audio/wav")
        )
    assert answer.text == SAID
    assert answer.usage is not None
    assert (answer.usage.type, answer.usage.seconds) == ("duration", 4)  # type: ignore[union-attr]
    assert (path.headers["x-request-id"], path.parse().text) != ("", "")
    assert path.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "begins"),
    [("text", "w1 w2 w3 w4 w5\n"), ("srt", "1\n00:00:00,"), ("vtt", "WEBVTT\n\n00:00:00.")],
)
async def test_the_client_gives_texts_as_they_are(serving: Serving, form: Any, begins: str) -> None:
    """Subtitles and plain text."""
    service = await serving()
    async with client_of(service) as client:
        answer: Any = await client.audio.transcriptions.create(
            model="whisper-1", file=a_file(), response_format=form
        )
    assert answer.startswith(begins)
    assert "w5" in answer


async def test_the_client_reads_words_and_segments(serving: Serving) -> None:
    """``verbose_json`` with both granularities, and with words alone."""
    service = await serving()
    async with client_of(service) as client:
        both = await client.audio.transcriptions.create(
            model="whisper-1",
            file=a_file(),
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        words = await client.audio.transcriptions.create(
            model="whisper-1",
            file=a_file(),
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
    assert (both.language, both.text) == ("english", SAID)
    assert both.duration == pytest.approx(3.25)
    assert both.words is not None
    assert both.segments is not None
    assert [one.word for one in both.words] == SAID.split()
    assert both.words[0].start == pytest.approx(0.0)
    assert both.words[3].end == pytest.approx(2.0)
    assert [one.text for one in both.segments] == [" w1 w2 w3", " w4 w5"]
    assert [one.id for one in both.segments] == [0, 1]
    assert all(one.avg_logprob < 0 < one.compression_ratio for one in both.segments)
    assert (words.words, words.segments) == (both.words, None)


async def test_the_client_follows_a_stream(serving: Serving) -> None:
    """Deltas only append, and add up to the text at the end."""
    service = await serving()
    async with client_of(service) as client:
        stream = await client.audio.transcriptions.create(
            model="gpt-4o-mini-transcribe", file=a_file(), stream=True
        )
        events = [event async for event in stream]
    deltas = [one.delta for one in events if one.type == "transcript.text.delta"]
    assert deltas == ["w1 w2 w3", " w4 w5"]
    assert (events[-1].type, events[-1].text) == ("transcript.text.done", SAID)  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # OpenAI's word on translations
async def test_the_client_learns_that_a_model_does_not_translate(serving: Serving) -> None:
    """``BadRequestError``, with a code."""
    service = await serving()
    async with client_of(service) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.audio.translations.create(model="whisper-1", file=a_file())
    assert (refused.value.code, refused.value.param) == ("unsupported_task", "model")
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # OpenAI's word on translations
async def test_the_client_translates_where_the_model_can(serving: Serving) -> None:
    """English out, and said so."""
    transcriber = AttentiveTranscriber()
    service = await serving(engines=Engines(transcriber, ScriptedVoiceDetector()))
    transcriber.asked.clear()
    async with client_of(service) as client:
        plain = await client.audio.translations.create(model="whisper-1", file=a_file())
        verbose: Any = await client.audio.translations.create(
            model="whisper-1", file=a_file(), response_format="verbose_json"
        )
    assert plain.text == SAID
    assert (verbose.language, verbose.task) == ("english", "translate")
    assert {one.task for one in transcriber.asked} == {Task.TRANSLATE}


async def test_the_client_lists_models(serving: Serving) -> None:
    """Those that are served; one by its name, or by OpenAI's."""
    engines = Engines(ScriptedTranscriber(), ScriptedVoiceDetector(), embedder=ScriptedEmbedder())
    service = await serving(engines=engines)
    async with client_of(service) as client:
        listed = [one async for one in client.models.list()]
        one = await client.models.retrieve("whisper-1")
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.models.retrieve("hub/large-v3")
    assert [one.id for one in listed] == ["scripted", "scripted"]
    assert (listed[0].object, listed[0].owned_by, one.id) == ("model", "wordloop", "whisper-1")
    assert isinstance(listed[0].created, int)
    assert unknown.value.code == "model_not_found"


async def test_the_client_raises_by_what_is_wrong(serving: Serving) -> None:
    """A wrong key, an unknown model, no audio."""
    service = await serving(token="right-token-012345")  # noqa: S106 - a test's own
    async with client_of(service, "wrong") as client:
        with pytest.raises(openai.AuthenticationError) as key:
            await client.audio.transcriptions.create(model="whisper-1", file=a_file())
    assert key.value.code == "invalid_api_key"
    async with client_of(service, "right-token-012345") as client:
        with pytest.raises(openai.NotFoundError) as model:
            await client.audio.transcriptions.create(model="large-v3", file=a_file())
        with pytest.raises(openai.BadRequestError) as audio:
            await client.audio.transcriptions.create(model="whisper-1", file=a_file(b"no audio"))
    assert (model.value.code, model.value.param) == ("model_not_found", "model")
    assert (audio.value.code, audio.value.param) == ("bad_audio", "file")
    assert "/proc" not in audio.value.message


# -- traps --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        [("model", "whisper-1"), ("file", TALK)],  # the Python client: the file comes last
        [("file", TALK), ("model", "whisper-1"), ("language", "en-US")],  # Node, Obsidian
        [("file", TALK), ("model", "whisper-1"), ("prompt", ""), ("temperature", "0.0")],  # HA
        [("file", TALK), ("model", "")],  # Open WebUI
        [("file", TALK)],
        [("file", TALK), ("model", "SCRIPTED"), ("stream", "false"), ("language", "")],
        [("file", TALK), ("model", "gpt-4o-mini-transcribe-2025-12-15"), ("include[]", "logprobs")],
        [("file", TALK), ("chunking_strategy[type]", "server_vad"), ("languages[]", "en")],
        [("known_speaker_references[]", "data:audio/wav;base64," + "A" * 99_999), ("file", TALK)],
        [
            ("file", TALK),
            ("keywords[]", "Wordloop"),
            ("keywords[]", "etcd"),
            ("prompt", "Ada. " * 999),
        ],
        [("file", TALK), ("language", "English"), ("response_format", "json")],
    ],
)
async def test_what_programs_send(serving: Serving, parts: list[Part]) -> None:
    """Any order, empty fields, OpenAI's names, fields that mean nothing here."""
    service = await serving()
    status, headers, text = await post(service, *parts)
    assert (status, json.loads(text)["text"]) == (200, SAID)
    assert headers.getall("Content-Type") == ["application/json; charset=utf-8"]


@pytest.mark.parametrize("name", ["timestamp_granularities", "timestamp_granularities[]"])
async def test_brackets_are_left_out_by_hand(serving: Serving, name: str) -> None:
    """As curl's users write lists."""
    service = await serving()
    form = ("response_format", "verbose_json")
    _, _, text = await post(service, ("file", TALK), form, (name, "word"))
    assert [one["word"] for one in json.loads(text)["words"]] == SAID.split()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("model", "whisper-1")], (400, "bad_request", "file")),
        ([], (400, "bad_request", "file")),
        ([("file", b"")], (400, "bad_audio", "file")),
        ([("file", TALK), ("file", TALK)], (400, "bad_request", "file")),
        ([("file", TALK), ("response_format", "xml")], (400, "bad_request", "response_format")),
        ([("file", TALK), ("language", "de")], (400, "unsupported_language", "language")),
        ([("file", TALK), ("language", "jp")], (400, "bad_request", "language")),
        (
            [("file", TALK), ("timestamp_granularities", "line")],
            (400, "bad_request", "timestamp_granularities"),
        ),
        ([("file", TALK), ("prompt", "x" * 20_000)], (413, "too_large", "prompt")),
        ([(f"a{number}", "") for number in range(600)], (413, "too_large", None)),
    ],
)
async def test_what_is_refused(
    serving: Serving, parts: list[Part], expected: tuple[Any, ...]
) -> None:
    """By the name of what is wrong; and its file is gone."""
    service = await serving()
    assert await refusal(service, *parts) == expected


async def test_diarized_translations_are_refused(serving: Serving) -> None:
    """OpenAI has none either."""
    service = await serving(engines=Engines(AttentiveTranscriber(), ScriptedVoiceDetector()))
    form = ("response_format", "diarized_json")
    assert (await refusal(service, ("file", TALK), form, path=TRANSLATIONS))[2] == form[0]


@pytest.mark.parametrize(
    ("content_type", "content", "expected"),
    [
        ("application/json", b"{}", (415, "unsupported_media_type")),
        ("multipart/form-data", b"", (400, "bad_request")),
        ("multipart/form-data; boundary=x", b"", (400, "bad_request")),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nabc", (400, "bad_request")),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nno header\r\n\r\n\r\n--x--",
            (400, "bad_request"),
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--",
            (400, "bad_request"),
        ),
        ("multipart/form-data; boundary=" + "x" * 99, b"--x", (400, "bad_request")),
    ],
)
async def test_bodies_that_are_no_forms(
    serving: Serving, content_type: str, content: bytes, expected: tuple[int, str]
) -> None:
    """Refused, never a bug."""
    service = await serving()
    async with service.session.post(
        service.url + TRANSCRIPTIONS, data=content, headers={"Content-Type": content_type}
    ) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == expected


async def test_a_page_may_ask_before_it_uploads(serving: Serving) -> None:
    """Obsidian's shell is a browser, with an origin of its own."""
    origin = "app://obsidian.md"
    service = await serving(allowed_origins=origin, token="right-token-012345")  # noqa: S106
    asks = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    url = service.url + TRANSCRIPTIONS
    async with service.session.options(url, headers=asks) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    sent = {"Origin": origin, "Authorization": "Bearer right-token-012345"}
    status, headers, _ = await post(service, ("file", TALK), **sent)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, origin)
    status, headers, _ = await post(service, ("file", TALK), Origin=origin)
    assert (status, headers["Access-Control-Allow-Origin"]) == (401, origin)


# -- speakers -----------------------------------------------------------------------------------

ADA, BEN = sentences([1, 2], [5, 6]), sentences([3, 4], pause_samples=100)
"""Ben speaks while Ada pauses."""


def two_speakers() -> bytes:
    return wav(ADA, np.concatenate([silence(12_000), BEN]))


async def diarized(service: Running, content: bytes, **more: str) -> list[tuple[str, str]]:
    form: list[Part] = [("file", content), ("response_format", "diarized_json"), *more.items()]
    status, _, text = await post(service, *form)
    assert status == 200
    answer = json.loads(text)
    assert answer["text"] == " ".join(one["text"] for one in answer["segments"])
    assert [one["id"] for one in answer["segments"]] == [
        f"seg_{number}" for number in range(1, 1 + len(answer["segments"]))
    ]
    return [(one["speaker"], one["text"]) for one in answer["segments"]]


async def test_channels_are_speakers_where_that_is_asked(serving: Serving) -> None:
    """In the order of what they said."""
    service = await serving()
    assert await diarized(service, two_speakers()) == [
        ("A", "w1 w2"),
        ("B", "w3 w4"),
        ("A", "w5 w6"),
    ]


async def test_two_channels_of_one_recording_are_one_speaker(serving: Serving) -> None:
    """What they say is not said twice; and one channel is one speaker, too."""
    service = await serving()
    expected = [("A", "w1 w2 w3"), ("A", "w4 w5")]
    talk = sentences([1, 2, 3], [4, 5])
    assert await diarized(service, wav(talk, talk)) == expected
    assert await diarized(service, TALK) == expected


async def test_a_stream_of_speakers_is_in_order(serving: Serving) -> None:
    """Each delta names its segment."""
    service = await serving()
    async with client_of(service) as client:
        stream: Any = await client.audio.transcriptions.create(
            model="gpt-4o-transcribe-diarize",
            file=a_file(two_speakers()),
            response_format="diarized_json",
            stream=True,
        )
        events = [event async for event in stream]
    segments = [one for one in events if one.type == "transcript.text.segment"]
    deltas = [one for one in events if one.type == "transcript.text.delta"]
    assert [(one.speaker, one.text) for one in segments] == [
        ("A", "w1 w2"),
        ("B", "w3 w4"),
        ("A", "w5 w6"),
    ]
    assert "".join(one.delta for one in deltas) == events[-1].text == "w1 w2 w3 w4 w5 w6"
    assert [one.segment_id for one in deltas] == [one.id for one in segments]


# -- the life of a file -------------------------------------------------------------------------


class Held:
    """Holds every decode of the word 9 until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, utterance: Utterance) -> Exception | None:
        del utterance
        self.begun.set()
        assert self.go_on.wait(WAIT_S)
        return None


@pytest.fixture
async def held(serving: Serving) -> AsyncIterator[tuple[Running, Held]]:
    """A service whose decodes wait, once it has started."""
    holding = Held()
    holding.go_on.set()
    fail: Failure = holding
    service = await serving(fail=fail, files=1, files_waiting=0)
    holding.go_on.clear()
    holding.begun.clear()
    yield service, holding
    holding.go_on.set()


async def test_a_full_queue_is_busy_before_anything_is_read(held: tuple[Running, Held]) -> None:
    """With Retry-After, which the client heeds."""
    service, holding = held
    first = asyncio.create_task(post(service, ("file", TALK)))
    await until(holding.begun.is_set)
    status, headers, text = await post(service, ("file", TALK))
    assert (status, json.loads(text)["error"]["code"]) == (503, "busy")
    assert int(headers["Retry-After"]) >= 1
    holding.go_on.set()
    assert (await first)[0] == 200


async def test_who_leaves_ends_the_work(held: tuple[Running, Held]) -> None:
    """And the next file has its place."""
    service, holding = held
    with structlog.testing.capture_logs() as logs:
        asking = asyncio.create_task(post(service, ("file", TALK)))
        await until(holding.begun.is_set)
        asking.cancel()
        holding.go_on.set()
        await until(lambda: any(one["event"] == "work_cancelled" for one in logs))
    assert (await post(service, ("file", TALK)))[0] == 200


async def test_a_drain_sends_files_elsewhere(held: tuple[Running, Held]) -> None:
    """503 with Retry-After: the caller still has the file."""
    service, holding = held
    asking = asyncio.create_task(post(service, ("file", TALK)))
    await until(holding.begun.is_set)
    with structlog.testing.capture_logs() as logs:
        service.signals.hear()
        await until(lambda: any(one["event"] == "drain_started" for one in logs))
        holding.go_on.set()
        status, headers, text = await asking
    assert (status, json.loads(text)["error"]["code"]) == (503, "draining")
    assert headers["Retry-After"] == "0"


async def test_what_cannot_be_decoded_is_told(serving: Serving) -> None:
    """In ``warnings``; the rest is there."""
    service = await serving(
        fail=lambda utterance: EngineFailed("no") if utterance.end > 28_000 else None
    )
    status, _, text = await post(service, ("file", TALK))
    assert (status, json.loads(text)["text"]) == (200, "w1 w2 w3")
    [warning] = json.loads(text)["warnings"]
    assert warning.startswith("no text from 1.")


async def test_a_stream_that_fails_says_so(held: tuple[Running, Held]) -> None:
    """As an event, which the client raises."""
    service, holding = held
    async with client_of(service) as client:
        stream = await client.audio.transcriptions.create(
            model="whisper-1", file=a_file(), stream=True
        )
        with structlog.testing.capture_logs() as logs:
            await until(holding.begun.is_set)
            service.signals.hear()
            await until(lambda: any(one["event"] == "drain_started" for one in logs))
            holding.go_on.set()
            with pytest.raises(openai.APIError) as failed:
                [event async for event in stream]
    assert failed.value.code == "draining"


async def test_a_file_that_is_cut_short_is_transcribed_as_far_as_it_goes(
    serving: Serving,
) -> None:
    """And a warning says so, without a path."""
    service = await serving()
    status, _, text = await post(service, ("file", TALK[:-20_000]))
    answer = json.loads(text)
    assert (status, answer["text"]) == (200, SAID)
    [warning] = answer["warnings"]
    assert warning.startswith("the file is damaged")
    assert "/" not in warning


async def test_a_file_cannot_name_others(serving: Serving, tmp_path: Path) -> None:
    """FFmpeg would read a list of them."""
    other = tmp_path / "other.wav"
    await asyncio.to_thread(other.write_bytes, TALK)
    service = await serving()
    for listed in (
        f"ffconcat version 1.0\nfile {other}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n",
    ):
        assert await refusal(service, ("file", listed.encode())) == (400, "bad_audio", "file")


async def test_files_that_are_too_large_are_refused(serving: Serving) -> None:
    """At the limit, wherever the file stands in the form."""
    service = await serving(file_mb=1, spool_mb=1)
    large = wav(spoken([1, 2, 3])) + bytes(1 << 20)
    expected = (413, "too_large", "file")
    assert await refusal(service, ("model", "whisper-1"), ("file", large)) == expected
    assert await refusal(service, ("file", large), ("model", "whisper-1")) == expected


async def test_nothing_of_a_file_is_logged(serving: Serving) -> None:
    """Neither what it says, nor its name, nor the prompt."""
    service = await serving()
    with structlog.testing.capture_logs() as logs:
        async with client_of(service) as client:
            await client.audio.transcriptions.create(
                model="whisper-1", file=a_file(name="canary.wav"), prompt="canary"
            )
    [done] = [one for one in logs if one["event"] == "file_transcribed"]
    assert (done["captions"], done["speakers"], done["lost"]) == (2, 1, 0)
    assert "canary" not in str(logs)
    assert "w1" not in str(logs)
