"""``POST /v1/listen``: a file of any kind, by the habits of those who send it."""

import hashlib
from typing import Any

import numpy as np
import pytest

from tests.web.files import sentences, wav
from tests.web.support import Running, Serving
from wordloop_ml.engines.scripted import silence

Answer = dict[str, Any]

TALK = wav(sentences([1, 2, 3], [4, 5]))


async def post(
    service: Running, content: Any, query: str = "", **headers: str
) -> tuple[int, Answer]:
    url = f"{service.url}/v1/listen?{query}"
    async with service.session.post(url, data=content, headers=headers) as answered:
        body: Answer = await answered.json()
        request_id = body["metadata"]["request_id"] if answered.ok else body["request_id"]
        assert answered.headers["dg-request-id"] == request_id
        return answered.status, body


async def test_a_file_is_transcribed_whatever_its_type_is_said_to_be(serving: Serving) -> None:
    """In the shape that clients and makers of subtitles read."""
    service = await serving()
    for kind in ("audio/wav", "application/octet-stream"):
        status, answer = await post(
            service, TALK, "model=nova-3&punctuate=true&tag=a", **{"Content-Type": kind}
        )
        assert status == 200
    metadata, results = answer["metadata"], answer["results"]
    assert metadata["sha256"] == hashlib.sha256(TALK).hexdigest()
    assert metadata["duration"] == pytest.approx((len(TALK) - 44) / 32_000, abs=0.01)
    assert (metadata["channels"], metadata["tags"]) == (1, ["a"])
    assert list(metadata["model_info"]) == metadata["models"]
    [channel] = results["channels"]
    assert channel["detected_language"] == "en"
    [text] = channel["alternatives"]
    assert text["transcript"] == "w1 w2 w3 w4 w5"
    assert [word["word"] for word in text["words"]] == text["transcript"].split()
    assert 0 < text["confidence"] <= 1
    assert "utterances" not in results


async def test_utterances_come_where_they_are_wanted(serving: Serving) -> None:
    """One for each final."""
    _, answer = await post(await serving(), TALK, "utterances=true&language=en")
    utterances = answer["results"]["utterances"]
    assert [one["transcript"] for one in utterances] == ["w1 w2 w3", "w4 w5"]
    assert all(one["start"] < one["end"] and one["id"] for one in utterances)
    assert "detected_language" not in answer["results"]["channels"][0]


async def test_channels_are_told_apart_where_that_is_wanted(serving: Serving) -> None:
    """Two people on one line."""
    stereo = wav(sentences([1, 2, 3], [4]), np.concatenate([silence(12_000), sentences([7, 8, 9])]))
    _, answer = await post(await serving(), stereo, "multichannel=true")
    texts = [one["alternatives"][0]["transcript"] for one in answer["results"]["channels"]]
    assert texts == ["w1 w2 w3 w4", "w7 w8 w9"]
    assert answer["metadata"]["channels"] == 2


@pytest.mark.parametrize("content", [TALK[44:], TALK])
async def test_samples_need_no_container_where_they_are_described(
    serving: Serving, content: bytes
) -> None:
    """And a container that is there all the same is read as one."""
    _, answer = await post(await serving(), content, "encoding=linear16&sample_rate=16000")
    assert answer["results"]["channels"][0]["alternatives"][0]["transcript"] == "w1 w2 w3 w4 w5"


async def test_a_body_may_come_in_chunks(serving: Serving) -> None:
    """As the clients stream a file."""

    async def chunks() -> Any:
        for start in range(0, len(TALK), 1_000):
            yield TALK[start : start + 1_000]

    status, _ = await post(await serving(), chunks())
    assert status == 200


async def test_silence_is_an_empty_text(serving: Serving) -> None:
    """And no error."""
    _, answer = await post(await serving(), wav(np.zeros(16_000, np.int16)))
    assert answer["results"]["channels"] == [
        {"alternatives": [{"transcript": "", "confidence": 0.0, "words": []}]}
    ]


@pytest.mark.parametrize(
    ("content", "query", "kind", "status"),
    [
        (b'{"url": "http://127.0.0.1/secret.wav"}', "", "application/json", 400),
        (TALK, "callback=http://example.org", "audio/wav", 400),
        (TALK, "language=de", "audio/wav", 400),
        (b"no audio at all", "", "audio/wav", 400),
        (b"", "", "audio/wav", 400),
        (bytes(100), "encoding=opus", "audio/wav", 400),
        (bytes(100), "encoding=flac", "audio/wav", 415),
    ],
)
async def test_what_cannot_be_done_is_refused(
    serving: Serving, content: bytes, query: str, kind: str, status: int
) -> None:
    """In Deepgram's form; an address is never fetched."""
    got, answer = await post(await serving(), content, query, **{"Content-Type": kind})
    assert (got, set(answer)) == (status, {"err_code", "err_msg", "request_id"})
    assert "secret" not in str(answer)


async def test_a_key_is_wanted(serving: Serving) -> None:
    """401 in Deepgram's form."""
    service = await serving(token="right-s3cret-key")  # noqa: S106 - a test's own
    status, answer = await post(service, TALK, Authorization="Token wrong")
    assert (status, answer["err_code"]) == (401, "INVALID_AUTH")
    status, _ = await post(service, TALK, Authorization="Token right-s3cret-key")
    assert status == 200
