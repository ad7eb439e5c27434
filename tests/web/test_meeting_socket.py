"""The meeting socket: audio in, captions out, and a named error for everything else."""

import asyncio
import json
import threading
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.attentive import AttentiveTranscriber
from tests.web.support import WAIT_S, Client, Serving
from wordloop_ml.engines.catalogue import Engines
from wordloop_ml.engines.scripted import ScriptedVoiceDetector, silence, spoken
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Task, Utterance

TURN = np.concatenate([silence(8_000), spoken(range(1, 9)), silence(16_000)])
"""Half a second of silence, eight words in two seconds, a second of silence."""

WORDS = [f"w{number}" for number in range(1, 9)]


async def test_a_turn_comes_back_as_captions_and_ends_in_order(serving: Serving) -> None:
    """ready, speech_started, interims, one final with every word, ended, 1000."""
    client = await (await serving()).connect()
    await client.start(speaker="Ada")
    await client.speak(TURN)
    await client.send(type="stop")
    messages = await client.drained()
    assert messages[0] == {
        "type": "ready",
        "accept_from": 0,
        "next_seq": 1,
        "limits": messages[0]["limits"],
    }
    kinds = [message["type"] for message in messages]
    assert kinds.index("speech_started") < kinds.index("caption")
    [final] = [one for one in messages if one["type"] == "caption" and one["final"]]
    assert [word["text"] for word in final["words"]] == WORDS
    assert final["text"] == " ".join(WORDS)
    assert (final["seq"], final["speaker"], final["speech_final"]) == (1, "Ada", True)
    assert 400 <= final["words"][0]["start"] <= 600
    assert all(
        final["start"] <= one["start"] <= one["end"] <= final["end"] for one in final["words"]
    )
    assert messages[-1] == {
        "type": "ended",
        "received": len(TURN),
        "committed": len(TURN),
        "finals": 1,
    }
    assert client.code == 1000


async def test_interims_come_while_people_speak_and_words_become_stable(serving: Serving) -> None:
    """A caption carries the whole text so far and says which words are expected to stay."""
    client = await (await serving()).connect()
    await client.start()
    for piece in np.array_split(TURN[: 8_000 + 8 * 4_000], 10):
        await client.speak(piece)
        await asyncio.sleep(0)
    interim = await client.until("caption", final=False)
    assert interim["text"].startswith("w1")
    assert "seq" not in interim
    assert "committed" not in interim
    await client.send(type="stop")
    await client.drained()
    assert client.words == WORDS


async def test_the_text_of_an_engine_that_does_not_hallucinate_is_shown(serving: Serving) -> None:
    """Guards would take these words for a decoder's loop."""
    said = [1, 2] * 6
    client = await (await serving()).connect()
    await client.start()
    await client.speak(np.concatenate([silence(8_000), spoken(said), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert client.words == [f"w{number}" for number in said]


async def test_several_tracks_of_one_meeting_are_captioned_side_by_side(serving: Serving) -> None:
    """Each connection hears only its own track."""
    service = await serving()
    ada, ben = await service.connect(), await service.connect()
    await ada.start(track="ada")
    await ben.start(track="ben")
    await asyncio.gather(
        ada.speak(np.concatenate([spoken([1, 2, 3]), silence(16_000)])),
        ben.speak(np.concatenate([spoken([7, 8, 9]), silence(16_000)])),
    )
    for client in (ada, ben):
        await client.send(type="stop")
        await client.drained()
    assert ada.words == ["w1", "w2", "w3"]
    assert ben.words == ["w7", "w8", "w9"]


async def test_finalize_flushes_what_is_open_and_the_track_goes_on(serving: Serving) -> None:
    """A final without speech_final, and then the next words."""
    client = await (await serving()).connect()
    await client.start()
    await client.speak(spoken([1, 2]))
    await client.send(type="finalize")
    final = await client.until("caption", final=True)
    assert final["speech_final"] is False
    await client.speak(np.concatenate([spoken([3, 4]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert client.words == ["w1", "w2", "w3", "w4"]


async def test_a_gap_is_named_and_later_times_are_right(serving: Serving) -> None:
    """Samples that do not exist still count."""
    client = await (await serving()).connect()
    await client.start()
    await client.speak(np.concatenate([spoken([1]), silence(16_000)]))
    await client.send(type="gap", samples=160_000)
    await client.speak(np.concatenate([spoken([2]), silence(16_000)]))
    await client.send(type="stop")
    messages = await client.drained()
    [notice] = [one for one in messages if one["type"] == "notice"]
    assert (notice["code"], notice["start"], notice["end"]) == ("gap", 1_250, 11_250)
    last = [one for one in messages if one["type"] == "caption"][-1]
    assert last["words"][0]["start"] >= 11_000
    assert messages[-1]["received"] == 4_000 + 16_000 + 160_000 + 20_000


async def test_acks_stand_alone_at_least_every_two_seconds_of_audio(serving: Serving) -> None:
    """And committed moves through proven silence."""
    client = await (await serving()).connect()
    await client.start()
    await client.speak(silence(16_000 * 7))
    await client.send(type="stop")
    messages = await client.drained()
    acks = [one for one in messages if one["type"] == "ack"]
    assert len(acks) >= 3
    assert [ack["committed"] for ack in acks] == sorted(ack["committed"] for ack in acks)
    assert acks[-1]["committed"] > 16_000 * 5


@pytest.mark.parametrize(
    ("encoding", "sample_rate"),
    [
        ("pcm_s16le", 8_000),
        ("pcm_s16le", 44_100),
        ("pcm_f32le", 48_000),
        ("pcm_f32le", 16_000),
        ("pcm_mulaw", 8_000),
    ],
)
async def test_other_rates_and_encodings_are_counted_in_their_own_samples(
    serving: Serving, encoding: str, sample_rate: int
) -> None:
    """``received`` and ``committed`` need no arithmetic by the client."""
    client = await (await serving()).connect()
    await client.start(encoding=encoding, sample_rate=sample_rate)
    dtype = {"pcm_s16le": "<i2", "pcm_f32le": "<f4", "pcm_mulaw": "u1"}[encoding]
    audio = np.full(sample_rate * 3, 0xFF if encoding == "pcm_mulaw" else 0, dtype)
    for start in range(0, len(audio), sample_rate // 50):
        await client.socket.send_bytes(audio[start : start + sample_rate // 50].tobytes())
    await client.send(type="stop")
    ended = (await client.drained())[-1]
    assert (ended["received"], ended["committed"]) == (len(audio), len(audio))


async def test_a_track_may_begin_anywhere_and_early_samples_are_dropped(serving: Serving) -> None:
    """``resume_from`` with an earlier ``first_sample``: nothing before it is captioned again."""
    client = await (await serving()).connect()
    await client.start(first_sample=100_000, resume_from=120_000, last_seq=4, epoch=2)
    early = np.concatenate([spoken([1], word_samples=16_000), silence(4_000)])
    await client.speak(np.concatenate([early, spoken([2, 3]), silence(16_000)]))
    await client.send(type="stop")
    messages = await client.drained()
    assert (messages[0]["accept_from"], messages[0]["next_seq"]) == (120_000, 5)
    final = next(one for one in messages if one["type"] == "caption" and one["final"])
    assert (final["seq"], final["epoch"], final["segment"]) == (5, 2, "a-120000")
    assert client.words == ["w2", "w3"]


async def test_a_failed_final_is_retried_once_then_named(serving: Serving) -> None:
    """Nothing disappears in silence, and the meeting goes on."""

    def fail(utterance: Utterance) -> EngineFailed | None:
        levels = np.rint(utterance.samples * 32_768)
        final = len(levels) and levels[-1] == 0
        return EngineFailed("scripted") if final and np.any(levels == 1_001) else None

    client = await (await serving(fail=fail)).connect()
    await client.start()
    await client.speak(np.concatenate([spoken([1, 2]), silence(16_000)]))
    notice = await client.until("notice")
    assert notice["code"] == "decode_failed"
    await client.speak(np.concatenate([spoken([3, 4]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert client.words == ["w3", "w4"]


async def test_a_bug_ends_its_own_meeting_only(serving: Serving) -> None:
    """1011 for the one, captions for the other."""

    def fail(utterance: Utterance) -> Exception | None:
        bad = np.any(np.rint(utterance.samples * 32_768) == 1_013)
        return ZeroDivisionError("scripted") if bad else None

    service = await serving(fail=fail)
    bad, good = await service.connect("bad"), await service.connect("good")
    await bad.start()
    await good.start()
    await bad.speak(np.concatenate([spoken([13, 14]), silence(16_000)]))
    messages = await bad.drained()
    assert messages[-1] == {
        "type": "error",
        "code": "internal",
        "message": "the track ended unexpectedly",
    }
    assert bad.code == 1011
    await good.speak(TURN)
    await good.send(type="stop")
    await good.drained()
    assert good.words == WORDS


async def test_a_newer_connection_takes_the_track_over(serving: Serving) -> None:
    """The older one is closed with 4503 at once; a lower epoch does not get in."""
    service = await serving()
    older = await service.connect()
    await older.start(epoch=1)
    await older.until("ready")
    newer = await service.connect()
    await newer.start(epoch=2)
    await newer.until("ready")
    assert (await older.drained())[-1]["code"] == "superseded"
    assert older.code == 4503
    late = await service.connect()
    await late.start(epoch=1)
    assert (await late.drained())[-1]["code"] == "superseded"
    assert late.code == 4503
    await newer.speak(TURN)
    await newer.send(type="stop")
    await newer.drained()
    assert newer.words == WORDS


async def test_a_peer_that_vanishes_leaves_nothing_behind(serving: Serving) -> None:
    """The meeting ends with its last connection, and the next one begins anew."""
    service = await serving()
    client = await service.connect()
    await client.start()
    await client.speak(spoken([1, 2]))
    assert client.socket._response.connection is not None
    transport = client.socket._response.connection.transport
    assert transport is not None
    transport.abort()
    again = await service.connect()
    await again.start()
    await again.speak(TURN)
    await again.send(type="stop")
    await again.drained()
    assert again.words == WORDS


START = {
    "type": "start",
    "version": 1,
    "track": "a",
    "encoding": "pcm_s16le",
    "sample_rate": 16_000,
    "channels": 1,
}


START_OPUS = START | {"encoding": "opus", "sample_rate": 48_000}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in START.items() if name != field}


@pytest.mark.parametrize(
    ("frames", "code", "close"),
    [
        (["{"], "bad_json", 1007),
        (["[]"], "bad_message", 1002),
        ([{"type": "dance"}], "unknown_message", 1003),
        ([{"type": "stop"}], "unexpected_message", 1002),
        ([b"\0\0"], "unexpected_message", 1002),
        ([without("track")], "bad_message", 1002),
        ([START | {"version": 2}], "unsupported_version", 4504),
        ([START | {"encoding": "flac"}], "unsupported_encoding", 1003),
        ([START | {"sample_rate": 4_000}], "bad_message", 1002),
        ([START | {"first_sample": 9, "resume_from": 8}], "audio_hole", 4009),
        ([START, START], "unexpected_message", 1002),
        ([START, b"\0"], "bad_audio", 1007),
        ([START, {"type": "gap", "samples": 0}], "bad_message", 1002),
        ([START | {"encoding": "pcm_f32le"}, b"\0\0\xc0\x7f"], "bad_audio", 1007),
        ([START | {"encoding": "opus"}], "bad_message", 1002),
        ([START, b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm\0"], "bad_audio", 1007),
        ([START_OPUS, b"OggS\0\2" + bytes(60)], "bad_audio", 1007),
        ([START_OPUS, b"\xff"], "bad_audio", 1007),
        ([START_OPUS, b"\x03\xbf no packet"], "bad_audio", 1007),
        ([START | {"language": "de"}], "unsupported_language", 1003),
        ([START | {"language": "fr-CA"}], "unsupported_language", 1003),
        ([START | {"language": "English"}], "bad_message", 1002),
        ([START | {"task": "translate"}], "unsupported_task", 1003),
        ([START | {"vocabulary": [""]}], "bad_message", 1002),
    ],
)
async def test_malformed_input_gets_its_named_error_and_close_code(
    serving: Serving, frames: list[Any], code: str, close: int
) -> None:
    """Never a traceback, and the service goes on."""
    service = await serving()
    client = await service.connect()
    for frame in frames:
        if isinstance(frame, bytes):
            await client.socket.send_bytes(frame)
        else:
            await client.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
    errors = [one["code"] for one in await client.drained() if one["type"] == "error"]
    assert errors == [code]
    assert client.code == close


async def test_audio_after_stop_is_refused(serving: Serving) -> None:
    """While the last final is still being decoded."""
    hold = threading.Event()

    def wait(utterance: Utterance) -> None:
        if utterance.samples.any():
            assert hold.wait(WAIT_S)

    client = await (await serving(fail=wait)).connect()
    try:
        await client.start()
        await client.speak(spoken([1, 2]))
        await client.send(type="stop")
        await client.speak(spoken([3]))
        error = await client.until("error")
    finally:
        hold.set()
    assert error["code"] == "unexpected_message"
    await client.drained()
    assert client.code == 1002


async def test_text_that_is_no_utf8_closes_with_1007(serving: Serving) -> None:
    """By the WebSocket layer itself."""
    client = await (await serving()).connect()
    writer = client.socket._writer
    await writer.send_frame(b"\xff\xfe", aiohttp.WSMsgType.TEXT)
    await client.drained()
    assert client.code == 1007


async def test_a_frame_of_64_kib_is_taken_and_a_byte_more_is_not(serving: Serving) -> None:
    """The limit is inclusive."""
    service = await serving()
    fits = await service.connect()
    await fits.start()
    await fits.socket.send_bytes(bytes(65_536))
    await fits.send(type="stop")
    assert (await fits.drained())[-1]["received"] == 32_768
    beyond = await service.connect("other")
    await beyond.start()
    await beyond.socket.send_bytes(bytes(65_538))
    await beyond.drained()
    assert beyond.code == 1009


async def test_a_connection_that_says_nothing_is_closed_as_idle(serving: Serving) -> None:
    """4003, after the setting's seconds."""
    client = await (await serving(idle_s=0.05)).connect()
    await client.start()
    assert (await client.drained())[-1]["code"] == "idle"
    assert client.code == 4003


async def test_keepalive_is_heard_and_changes_nothing(serving: Serving) -> None:
    """A silent client stays."""
    client = await (await serving()).connect()
    await client.start()
    for _ in range(3):
        await client.send(type="keepalive")
    await client.send(type="stop")
    assert (await client.drained())[-1] == {
        "type": "ended",
        "received": 0,
        "committed": 0,
        "finals": 0,
    }


async def test_replayed_audio_comes_faster_than_speech_and_is_marked(serving: Serving) -> None:
    """Back-pressure is the only limit, and nothing is lost."""
    client = await (await serving()).connect()
    turns = [np.concatenate([spoken([n, n + 1]), silence(16_000)]) for n in range(1, 80, 2)]
    audio = np.concatenate(turns)
    await client.start(epoch=3, live_from=len(audio) // 2)
    sending = asyncio.create_task(client.speak(audio, frame_samples=32_000))
    sending.add_done_callback(lambda _: None)
    stopping = asyncio.create_task(_stop_after(client, sending))
    messages = await client.drained()
    await stopping
    assert client.words == [f"w{number}" for number in range(1, 81)]
    finals = [one for one in messages if one["type"] == "caption" and one["final"]]
    assert [one["seq"] for one in finals] == list(range(1, len(finals) + 1))
    assert finals[0]["replay"] is True
    assert finals[-1]["replay"] is False


async def _stop_after(client: Client, sending: "asyncio.Task[None]") -> None:
    await sending
    await client.send(type="stop")


async def test_language_task_and_vocabulary_go_with_every_decode(serving: Serving) -> None:
    """As ``start`` gave them; the vocabulary as a prompt."""
    transcriber = AttentiveTranscriber()
    service = await serving(engines=Engines(transcriber, ScriptedVoiceDetector()))
    client = await service.connect()
    await client.start(language="de", task="translate", vocabulary=["Wordloop", "Zoë Özil"])
    transcriber.asked.clear()  # the first inference of each worker, at start-up
    await client.speak(np.concatenate([spoken([1, 2, 3]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert transcriber.asked
    for options in transcriber.asked:
        assert (options.language, options.task) == ("de", Task.TRANSLATE)
        assert "Wordloop, Zoë Özil" in options.prompt


@pytest.mark.parametrize(
    ("tag", "told"),
    [("en-US", "en"), ("EN", "en"), ("nb-NO", "no"), ("jv", "jw"), ("auto", None), (None, None)],
)
async def test_a_language_goes_with_every_decode_as_the_model_calls_it(
    serving: Serving, tag: str | None, told: str | None
) -> None:
    """Whatever tag ``start`` gave; none, auto and null let the model decide."""
    transcriber = AttentiveTranscriber()
    service = await serving(engines=Engines(transcriber, ScriptedVoiceDetector()))
    client = await service.connect()
    await client.start(language=tag, speaker=None)
    transcriber.asked.clear()
    await client.speak(np.concatenate([spoken([1, 2, 3]), silence(16_000)]))
    await client.send(type="stop")
    await client.drained()
    assert client.words == ["w1", "w2", "w3"]
    if told is None:
        assert transcriber.asked[0].language is None  # what was heard is told to later ones
    else:
        assert {one.language for one in transcriber.asked} == {told}


@pytest.mark.parametrize("tag", ["en-GB", "EN", "eng", "auto"])
async def test_a_model_of_english_takes_any_english(serving: Serving, tag: str) -> None:
    """With a region, in capitals, by three letters."""
    client = await (await serving()).connect()
    await client.start(language=tag)
    await client.until("ready")


SUSPECTED = {"attempt": 1, "epoch": 2, "live_from": 6_000}


@pytest.fixture
def long_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a track says or does ends its turn, no clock."""
    monkeypatch.setattr("wordloop_ml.meetings.roster.TURN_S", 1_000.0)
    monkeypatch.setattr("wordloop_ml.meetings.roster.WAIT_S", 1_000.0)


@pytest.mark.usefixtures("long_turns")
async def test_a_suspected_track_is_answered_when_the_one_before_is_understood(
    serving: Serving,
) -> None:
    """By a caption that reaches its live audio; others need not wait meanwhile."""
    service = await serving()
    first, second, other = [await service.connect(name) for name in ("m1", "m2", "m3")]
    await first.start(**SUSPECTED)
    await first.until("ready")
    await second.start(**SUSPECTED)
    waiting = asyncio.create_task(second.until("ready"))
    await other.start(epoch=2)
    await other.until("ready")
    await first.speak(spoken([1, 2]))
    await first.until("caption")
    await waiting
    await second.speak(np.concatenate([spoken([3, 4]), silence(16_000)]))
    await second.send(type="stop")
    await second.drained()
    assert second.words == ["w3", "w4"]


@pytest.mark.usefixtures("long_turns")
async def test_silence_is_understood_by_an_ack(serving: Serving) -> None:
    """Which comes sooner than others' while the track is suspected."""
    service = await serving()
    first, second = [await service.connect(name) for name in ("m1", "m2")]
    await first.start(**SUSPECTED)
    await first.speak(silence(14_000))
    ack = await first.until("ack")
    assert ack["received"] < 8_000
    await second.start(**SUSPECTED)
    await second.until("ready")
    await first.until("ack")


@pytest.mark.usefixtures("long_turns")
async def test_a_suspected_track_that_ends_makes_way(serving: Serving) -> None:
    """However it ends."""
    service = await serving()
    first, second = [await service.connect(name) for name in ("m1", "m2")]
    await first.start(**SUSPECTED)
    await first.until("ready")
    await first.socket.close()
    await second.start(**SUSPECTED)
    await second.until("ready")
