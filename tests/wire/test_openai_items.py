"""Items of OpenAI's Realtime transcription: documented order, appended words, one end for each commit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.messages import (
    SAMPLE_RATE,
    Caption,
    CaptionWord,
    Committed,
    Flushed,
    SpanLost,
    SpeechStarted,
)
from wordloop_ml.wire.openai_items import MOST_CHARACTERS, ItemTranslator

STARTED = "input_audio_buffer.speech_started"
STOPPED = "input_audio_buffer.speech_stopped"
COMMITTED = "input_audio_buffer.committed"
ADDED = "conversation.item.added"
DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"

S = SAMPLE_RATE
Events = list[dict[str, Any]]


def caption(start: float, end: float, text: str, stable: int = 0, **fields: Any) -> Caption:
    """A caption of this stretch, in seconds."""
    final = fields.get("final", False)
    words = tuple(
        CaptionWord(word, int(start * S), int(end * S), 0.9, final or index < stable)
        for index, word in enumerate(text.split())
    )
    begins = int(start * S)
    return Caption(f"a-{begins}", "a", begins, int(end * S), words, **fields)


def final(start: float, end: float, text: str, *, paused: bool = True, **fields: Any) -> Caption:
    """A final of this stretch; not paused where a cut or a flush made it."""
    return caption(start, end, text, final=True, speech_final=paused, **fields)


def items(*, turns: bool = True, beta: bool = False) -> ItemTranslator:
    """A connection that begins."""
    translator = ItemTranslator("x", beta=beta)
    assert translator.detect_turns(turns) == []
    return translator


def kinds(events: Events) -> list[str]:
    """Their types, in order."""
    return [event["type"] for event in events]


def said(events: Events, kind: str, field: str) -> list[Any]:
    """One field of the events of one type."""
    return [event[field] for event in events if event["type"] == kind]


def test_a_run_of_speech_is_an_item_in_the_documented_order() -> None:
    """Started, words, stopped, committed, added, completed: all with one id."""
    translator = items()
    events: Events = []
    for event in (
        SpeechStarted("a", int(0.42 * S)),
        caption(0.02, 1, "We ship on", 2),
        final(0.02, 2.3, "We ship on Friday."),
    ):
        events += translator.take(event)
    assert kinds(events) == [STARTED, DELTA, DELTA, STOPPED, COMMITTED, ADDED, COMPLETED]
    assert {event.get("item_id", event.get("item", {}).get("id")) for event in events} == {
        "item_x_1"
    }
    assert events[0]["audio_start_ms"] == 420
    assert said(events, STOPPED, "audio_end_ms") == [2_300]
    assert said(events, COMMITTED, "previous_item_id") == [None]
    assert "".join(said(events, DELTA, "delta")) == "We ship on Friday."
    assert events[-1] == {
        "type": COMPLETED,
        "item_id": "item_x_1",
        "content_index": 0,
        "transcript": "We ship on Friday.",
        "usage": {"type": "duration", "seconds": 1.88},
        "languages": [{"code": "en"}],
    }
    [added] = [event for event in events if event["type"] == ADDED]
    assert added["item"] == {
        "id": "item_x_1",
        "type": "message",
        "object": "realtime.item",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }


def test_a_beta_client_gets_the_names_that_it_knows() -> None:
    """``item.created`` was ``item.added``."""
    translator = items(beta=True)
    translator.take(SpeechStarted("a", S))
    assert "conversation.item.created" in kinds(translator.take(final(1, 2, "yes")))


def test_speech_that_is_cut_stays_one_item() -> None:
    """Nobody paused: its transcript comes at the pause, and is whole."""
    translator = items()
    events = translator.take(SpeechStarted("a", S))
    events += translator.take(final(1, 16, "one two", paused=False))
    assert kinds(events) == [STARTED, DELTA]
    events += translator.take(caption(16, 17, "three", 1))
    events += translator.take(final(16, 18, "three four"))
    assert said(events, COMPLETED, "transcript") == ["one two three four"]
    assert "".join(said(events, DELTA, "delta")) == "one two three four"


def test_a_cut_without_a_rest_ends_with_the_silence_behind_it() -> None:
    """No final says that the speaker paused; what is proven silent does."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    translator.take(final(1, 16, "one", paused=False))
    assert translator.take(Committed("a", 16 * S)) == []
    assert kinds(translator.take(Committed("a", 17 * S))) == [STOPPED, COMMITTED, ADDED, COMPLETED]


def test_the_next_final_ends_a_turn_that_none_ended() -> None:
    """Finals leave in order, so that nothing of it can follow."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    translator.take(final(1, 16, "one", paused=False))
    translator.take(SpeechStarted("a", 20 * S))
    events = translator.take(final(20, 21, "two"))
    assert said(events, COMPLETED, "transcript") == ["one", "two"]
    assert said(events, COMMITTED, "previous_item_id") == [None, "item_x_1"]


def test_words_of_the_next_turn_may_come_before_the_final_of_this_one() -> None:
    """Decodes may answer late; each word belongs to its own item."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    translator.take(SpeechStarted("a", 5 * S))
    events = translator.take(caption(4.6, 6, "two", 1))
    events += translator.take(final(0.6, 4, "one"))
    events += translator.take(final(4.6, 7, "two three"))
    deltas = [(event["item_id"], event["delta"]) for event in events if event["type"] == DELTA]
    assert deltas == [("item_x_2", "two"), ("item_x_1", "one"), ("item_x_2", " three")]
    assert said(events, COMPLETED, "item_id") == ["item_x_1", "item_x_2"]


def test_noise_that_began_like_speech_completes_empty() -> None:
    """The client was told that speech began, and must not wait for its end."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    events = translator.take(SpanLost("a", "rejected", S, 2 * S, 2 * S))
    assert kinds(events) == [STOPPED, COMMITTED, ADDED, COMPLETED]
    assert events[-1]["transcript"] == ""


def test_a_decode_that_failed_is_told_of() -> None:
    """``failed`` stands in place of ``completed``; with some text it is ``completed``."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    events = translator.take(SpanLost("a", "decode_failed", S, 2 * S, 2 * S))
    assert kinds(events)[-1] == FAILED
    assert events[-1]["error"]["type"] == "server_error"


def test_speech_goes_on_after_a_part_of_it_was_lost() -> None:
    """What follows is an item of its own, whose beginning is told."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    translator.take(SpanLost("a", "rejected", S, 16 * S, 16 * S))
    events = translator.take(final(16, 18, "yes"))
    assert kinds(events) == [STARTED, DELTA, STOPPED, COMMITTED, ADDED, COMPLETED]


# -- the client commits -----------------------------------------------------------------------------


def test_a_commit_is_answered_at_once_and_completed_when_its_final_is_out() -> None:
    """No speech events: the client detects speech itself."""
    translator = items(turns=False)
    events = translator.take(SpeechStarted("a", S))
    events += translator.take(caption(1, 2, "We ship", 1))
    assert kinds(events) == [DELTA]
    assert kinds(translator.commit(3 * S)) == [COMMITTED, ADDED]
    events = translator.take(final(1, 3, "We ship.", paused=False, flushed=True))
    assert kinds(events) == [DELTA, COMPLETED]
    assert events[-1]["usage"]["seconds"] == 3.0


def test_everything_between_two_commits_is_one_item() -> None:
    """However often the speaker paused; words behind the commit belong to the next."""
    translator = items(turns=False)
    events = translator.take(final(1, 2, "one"))
    events += translator.take(final(3, 4, "two"))
    events += translator.commit(6 * S)
    events += translator.take(caption(6.1, 7, "four", 1))
    events += translator.take(final(5, 6, "three", paused=False, flushed=True))
    events += translator.commit(8 * S)
    events += translator.take(final(6.1, 8, "four", paused=False, flushed=True))
    assert said(events, COMPLETED, "transcript") == ["one two three", "four"]
    assert said(events, COMMITTED, "previous_item_id") == [None, "item_x_1"]


@pytest.mark.parametrize("turns", [True, False])
def test_a_commit_of_nothing_completes_empty(turns: bool) -> None:
    """OpenAI answers with an error, of which clients die."""
    translator = items(turns=turns)
    events = translator.commit(S) + translator.take(Flushed("a", S))
    events += translator.commit(S) + translator.take(Flushed("a", S))
    assert kinds(events) == [COMMITTED, ADDED, COMPLETED] * 2
    assert said(events, COMPLETED, "transcript") == ["", ""]
    assert said(events, COMMITTED, "item_id") == ["item_x_1", "item_x_2"]


def test_commits_that_wait_together_are_completed_in_order() -> None:
    """The client need not wait for one before the next."""
    translator = items(turns=False)
    translator.take(caption(1, 2, "one", 1))
    events = translator.commit(3 * S) + translator.commit(3 * S) + translator.commit(4 * S)
    events += translator.take(final(1, 3, "one", paused=False, flushed=True))
    events += translator.take(Flushed("a", 3 * S)) + translator.take(Flushed("a", 4 * S))
    assert said(events, COMPLETED, "transcript") == ["one", "", ""]


def test_a_client_may_commit_a_turn_that_the_server_has_found() -> None:
    """The turn is what is committed; it is completed once."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    events = translator.commit(2 * S)
    assert kinds(events) == [STOPPED, COMMITTED, ADDED]
    events += translator.take(final(1, 2, "one", paused=False, flushed=True))
    assert said(events, COMPLETED, "item_id") == ["item_x_1"]


def test_a_turn_that_ends_while_it_is_committed_is_completed_once() -> None:
    """Its own final was on the way."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    events = translator.commit(3 * S)
    events += translator.take(final(1, 2, "one"))
    events += translator.take(Flushed("a", 3 * S))
    assert said(events, COMPLETED, "transcript") == ["one"]


def test_what_is_cleared_is_never_completed() -> None:
    """Whatever its final says; what follows is a new item."""
    translator = items(turns=False)
    translator.take(caption(1, 2, "secret", 1))
    assert kinds(translator.clear(2 * S)) == ["input_audio_buffer.cleared"]
    assert translator.take(final(1, 2, "secret thing", paused=False, flushed=True)) == []
    events = translator.commit(4 * S)
    events += translator.take(final(3, 4, "open", paused=False, flushed=True))
    assert said(events, COMPLETED, "transcript") == ["open"]
    assert said(events, COMPLETED, "usage") == [{"type": "duration", "seconds": 2.0}]


def test_a_clear_drops_nothing_that_was_committed() -> None:
    """Also where a later turn was lost, so that a committed one is the newest."""
    translator = items()
    translator.take(SpeechStarted("a", S))
    translator.take(SpeechStarted("a", 4 * S))
    assert said(translator.commit(6 * S), COMMITTED, "item_id") == ["item_x_1", "item_x_2"]
    events = translator.take(SpanLost("a", "rejected", 4 * S, 5 * S, 5 * S))
    assert said(events, COMPLETED, "item_id") == ["item_x_2"]
    translator.clear(7 * S)
    events = translator.take(Flushed("a", 6 * S)) + translator.take(Flushed("a", 7 * S))
    assert said(events, COMPLETED, "item_id") == ["item_x_1"]


def test_the_end_of_a_track_ends_its_turns_and_answers_what_waits() -> None:
    """A drain answers no flush: nobody is to wait for ever."""
    translator = items(turns=False)
    translator.take(final(1, 2, "one"))
    translator.commit(3 * S)
    assert said(translator.end(), COMPLETED, "transcript") == ["one"]


@pytest.mark.parametrize("turns", [True, False])
def test_what_is_open_is_ended_when_who_commits_changes(turns: bool) -> None:
    """It would wait for a commit, or a pause, that nobody tells of any more."""
    translator = items(turns=turns)
    translator.take(SpeechStarted("a", S))
    translator.take(final(1, 2, "one", paused=False))
    assert translator.detect_turns(turns) == []
    events = translator.detect_turns(not turns)
    assert kinds(events)[-3:] == [COMMITTED, ADDED, COMPLETED]
    assert translator.end() == []


def test_an_item_without_an_end_is_bounded() -> None:
    """A turn is ended at a cut; a client that never commits is told."""
    words = " ".join(["word"] * 1_000)
    turn, own = items(), items(turns=False)
    turn.take(SpeechStarted("a", S))
    events: Events = []
    for second in range(1, 2 + MOST_CHARACTERS // 5_000):
        events += turn.take(final(second, second + 1, words, paused=False))
    assert kinds(events)[-1] == COMPLETED
    for second in range(1, 1 + MOST_CHARACTERS // 5_000):
        own.take(final(second, second + 1, words))
    with pytest.raises(BadInput) as caught:
        own.take(final(50, 51, words))
    assert caught.value.code is ErrorCode.TOO_LARGE


STEPS = st.lists(st.sampled_from(["speak", "pause", "commit", "clear", "answer"]), max_size=40)


@given(STEPS, st.booleans())
def test_each_commit_has_one_end_and_words_are_lost_by_clears_alone(
    steps: list[str], turns: bool
) -> None:
    """A model of a track: finals and flushes are answered in order, at any later time."""
    translator = items(turns=turns)
    events: Events = []
    waiting: list[Caption | Flushed] = []
    expected: list[str] = []
    dropped: set[str] = set()
    now, began, commits, uncommitted = 1, None, 0, []
    for step in [*steps, "pause", *["answer"] * len(steps), "answer"]:
        now += 1
        if step == "speak" and began is None:
            began = now
            events += translator.take(SpeechStarted("a", began * S))
        elif step == "pause" and began is not None:
            word = f"w{began}"
            waiting.append(final(began, now, word))
            expected.append(word)
            uncommitted.append(word)
            began = None
        elif step in ("commit", "clear"):
            commits += step == "commit"
            events += translator.commit(now * S) if step == "commit" else translator.clear(now * S)
            if began is not None:
                word = f"w{began}"
                waiting.append(final(began, now, word, paused=False, flushed=True))
                expected.append(word)
                uncommitted.append(word)
                began = None
            else:
                waiting.append(Flushed("a", now * S))
            if step == "clear":
                dropped.update(uncommitted)
            uncommitted = []
        elif step == "answer" and waiting:
            events += translator.take(waiting.pop(0))
    events += translator.end()
    if not turns:
        events += translator.commit(now * S) + translator.take(Flushed("a", now * S))
        commits += 1
    completed = said(events, COMPLETED, "item_id")
    assert len(completed) == len(set(completed))
    assert set(said(events, COMMITTED, "item_id")) == set(completed)
    if not turns:
        assert len(completed) == commits
        text = " ".join(said(events, COMPLETED, "transcript")).split()
        assert text == [word for word in expected if word not in dropped]
