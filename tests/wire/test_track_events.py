from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml import messages
from wordloop_ml.messages import RejectReason
from wordloop_ml.wire.positions import Positions
from wordloop_ml.wire.server_messages import (
    AckMessage,
    CaptionMessage,
    NoticeCode,
    NoticeMessage,
    SpeechStartedMessage,
)
from wordloop_ml.wire.track_events import EventTranslator

AT_48 = EventTranslator(Positions(48_000, origin_ms=1000), epoch=5, speaker="Ana")


def event(times: list[int], *, final: bool = False) -> messages.Caption:
    """A caption whose start, words and end are cut at these increasing samples."""
    start, *inner, end = times
    words = tuple(
        messages.CaptionWord(f"w{n}", a, b, 0.123456, stable=True)
        for n, (a, b) in enumerate(zip(inner[::2], inner[1::2], strict=True))
    )
    return messages.Caption(
        "ana-160",
        "ana",
        start,
        end,
        words,
        final=final,
        speech_final=final,
        seq=7 if final else None,
        committed=end if final else None,
    )


def test_an_interim_caption_is_told_in_meeting_time() -> None:
    """Words joined to a text, confidence rounded, nothing that belongs to finals."""
    told = AT_48.translate(event([160, 320, 800, 800, 1600, 1615]), received=99_999)
    assert isinstance(told, CaptionMessage)
    assert (told.start, told.end, told.text) == (1010, 1100, "w0 w1")
    assert [(word.start, word.end) for word in told.words] == [(1020, 1050), (1050, 1100)]
    assert [word.confidence for word in told.words] == [0.123, 0.123]
    assert (told.epoch, told.speaker, told.seq, told.committed) == (5, "Ana", None, None)


def test_a_final_caption_carries_its_number_and_what_is_committed() -> None:
    """Committed is counted in the stream's own samples."""
    told = AT_48.translate(event([160, 1600], final=True), received=99_999)
    assert isinstance(told, CaptionMessage)
    assert (told.final, told.speech_final, told.seq, told.committed) == (True, True, 7, 4800)


def test_a_language_is_told_by_its_standard_code() -> None:
    """Whisper calls Javanese jw, which is nothing that a client knows."""
    heard = replace(event([160, 1600]), language="jw")
    told = AT_48.translate(heard, received=0)
    assert isinstance(told, CaptionMessage)
    assert told.language == "jv"


@given(
    st.lists(st.integers(0, 1_000_000), min_size=4, max_size=12).filter(lambda t: not len(t) % 2)
)
def test_word_times_stay_inside_the_caption_and_in_order(times: list[int]) -> None:
    """Rounding moves nothing past anything."""
    told = AT_48.translate(event(sorted(times)), received=0)
    assert isinstance(told, CaptionMessage)
    told_times = [told.start]
    for word in told.words:
        told_times += [word.start, word.end]
    told_times.append(told.end)
    assert told_times == sorted(told_times)


def test_the_other_events_have_their_messages() -> None:
    """Each with its place on the client's scales."""
    assert AT_48.translate(messages.SpeechStarted("ana", 1600), 0) == SpeechStartedMessage(1100)
    assert AT_48.translate(messages.Committed("ana", 10), 100) == AckMessage(100, 30)
    lost = messages.SpanLost("ana", "rejected", 160, 320, 20, RejectReason.REPETITION)
    assert AT_48.translate(lost, 1000) == NoticeMessage(
        NoticeCode.REJECTED, 1010, 1020, RejectReason.REPETITION, 60
    )
    for code in ("gap", "decode_failed"):
        told = AT_48.translate(messages.SpanLost("ana", code, 0, 16, 16), 1000)
        assert told == NoticeMessage(NoticeCode(code), 1000, 1001, None, 48)


def test_an_end_that_is_all_committed_is_told_as_all_received() -> None:
    """Two samples more than whole samples at 16 kHz need no second sending."""
    assert AT_48.translate(messages.Committed("ana", 10), 32) == AckMessage(32, 32)
