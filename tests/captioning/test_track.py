"""A track, rule by rule. The sound is loud or silent, and the detector hears just that."""

from itertools import pairwise

import numpy as np
import pytest

from tests.captioning.scene import (
    HELLO,
    MS,
    NOTHING,
    TALK,
    Answer,
    LoudnessVoice,
    Scene,
    sentence,
)
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import NoFinal
from wordloop_ml.captioning.track import MOST_WAITING, Ledger, Track
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import (
    AudioContext,
    Caption,
    Committed,
    Flushed,
    Hypothesis,
    JobClass,
    RejectReason,
    Samples,
    SpanLost,
    SpeechStarted,
    Task,
    Word,
)


def failing(_: DecodeRequest) -> Dropped:
    """An engine that has broken down."""
    return Dropped.FAILED


def looping(request: DecodeRequest) -> Hypothesis:
    """An engine that loops, unless it has the full audio context."""
    if request.options.context is AudioContext.FULL:
        return HELLO(request)  # type: ignore[return-value]
    words = tuple(
        Word("so", request.utterance.start, request.utterance.start, 0.9) for _ in "1234567"
    )
    return Hypothesis(request.utterance.start, request.utterance.end, words)


def test_silence_asks_for_nothing_and_commits() -> None:
    """A muted participant costs a few microseconds a frame, and the client may trim its buffer."""
    scene = Scene().hush(4_000)
    assert scene.requests == []
    assert {type(output) for output in scene.out} == {Committed}
    behind = scene.track.received - scene.track.committed
    assert behind <= CaptioningPolicy().quiet_lag_samples + 2 * 512


def test_speech_is_announced_and_its_first_caption_asked_for_in_time() -> None:
    """The first decode has 300 ms of speech and leaves within 350 ms of the onset."""
    scene = Scene().hush(1_000).say(360)
    (started,) = scene.all(SpeechStarted)
    assert abs(started.at - 1_000 * MS) <= 2 * 512
    first = scene.requests[0]
    assert first.kind is JobClass.FIRST_CAPTION
    assert first.utterance.start <= 750 * MS
    assert 1_270 * MS <= first.utterance.end <= 1_350 * MS


def test_first_captions_are_retried_often_until_words_show_then_interims_follow() -> None:
    """Each 80 to 100 ms at first; then each 240 ms, and more rarely after one second and a half."""
    scene = Scene().hush(1_000, NOTHING).say(900, NOTHING)
    ends = [request.utterance.end for request in scene.requests]
    assert set(scene.kinds()) == {JobClass.FIRST_CAPTION}
    assert all(80 * MS <= later - end <= 100 * MS for end, later in pairwise(ends))
    asked = len(scene.requests)
    scene.say(2_500, HELLO)
    ends = [request.utterance.end for request in scene.requests[asked:]]
    assert scene.kinds()[asked + 1 :] == [JobClass.INTERIM] * (len(ends) - 1)
    gaps = [later - end for end, later in pairwise(ends)]
    policy = CaptioningPolicy()
    often, rarely = policy.early_interim_samples, policy.interim_samples
    assert often <= gaps[0] <= often + 40 * MS
    assert all(rarely <= gap <= rarely + 40 * MS for gap in gaps[-2:])


def first_shown_after(*answers: Answer) -> int:
    """How many decodes of speech, answered in this order, the first caption took."""
    waiting = list(answers)

    def answer(request: DecodeRequest) -> Hypothesis | Dropped:
        return (waiting.pop(0) if len(waiting) > 1 else waiting[0])(request)

    scene = Scene().hush(1_000).say(700, answer)
    shown = scene.interims[0].end
    return [request.utterance.end for request in scene.requests].index(shown) + 1


def test_a_first_word_is_shown_once_it_is_sure_or_said_again() -> None:
    """A surer one at once; a less sure one when the next decode begins with it, too."""

    def heard(word: str, confidence: float) -> Answer:
        return sentence((word, 1_000, 1_200), confidence=confidence)

    assert first_shown_after(heard("hello", 0.4)) == 1
    assert first_shown_after(heard("hello", 0.3)) == 2
    assert first_shown_after(heard("yellow", 0.3), heard("hello", 0.3)) == 3
    assert first_shown_after(heard("hello", 0.2)) > 3


def test_a_decode_is_no_first_caption_for_long() -> None:
    """Noise that gives no words must not hold the highest priority."""
    scene = Scene().say(4_000, NOTHING)
    late = [request for request in scene.requests if request.utterance.end > 1_600 * MS]
    assert {request.kind for request in late} == {JobClass.INTERIM}


def test_under_load_interims_stretch_and_first_captions_do_not() -> None:
    """Cadence gives before anything else."""
    calm, busy = Scene(), Scene()
    busy.track.set_interim_interval_factor(3.0)
    for scene in (calm, busy):
        scene.say(4_000, sentence(("hello", 20, 300)))
    assert busy.requests[0].utterance.end == calm.requests[0].utterance.end
    assert 2 < calm.kinds().count(JobClass.INTERIM) / busy.kinds().count(JobClass.INTERIM) <= 4


def test_one_feed_asks_for_one_interim() -> None:
    """A replay comes in large frames, of which only the newest audio is worth decoding."""
    scene = Scene()
    scene.out += scene.track.feed(np.full(3_000 * MS, 0.1, dtype=np.float32))
    assert len(scene.requests) == 1


def test_a_caption_carries_its_whole_segment_and_grows() -> None:
    """Every caption replaces the one before it; words become stable when two agree."""
    scene = Scene().hush(1_000).say(1_000, HELLO)
    assert len({caption.segment for caption in scene.interims}) == 1
    assert list(dict.fromkeys(caption.text for caption in scene.interims)) == [
        "hello",
        "hello there",
    ]
    grown = next(caption for caption in scene.interims if caption.text == "hello there")
    assert [(word.text, word.stable) for word in grown.words] == [("hello", True), ("there", False)]


def test_the_final_is_decoded_while_the_speaker_may_still_go_on() -> None:
    """So that the text is ready when the endpoint fires, in the very same call."""
    scene = Scene().hush(1_000).say(800, HELLO).hush(200, HELLO)
    speculation = scene.requests[-1]
    assert speculation.kind is JobClass.FINAL
    assert scene.finals == []
    scene.hush(400, HELLO)
    (final,) = scene.finals
    assert scene.requests[-1] is speculation
    assert (final.start, final.end) == (speculation.utterance.start, speculation.utterance.end)
    assert (final.text, final.speech_final, final.seq) == ("hello there", True, 1)
    assert all(word.stable for word in final.words)
    assert final.committed is not None
    assert final.committed >= final.end


def test_a_speculation_is_thrown_away_when_speech_resumes() -> None:
    """It did not hear all of the segment; its words are shown, its text is no final."""
    scene = Scene().hush(1_000).say(800, HELLO).hush(300).say(500)
    stale = next(request for request in scene.requests if request.kind is JobClass.FINAL)
    scene.hush(600)
    assert [request.kind for request in scene.requests].count(JobClass.FINAL) == 2
    scene.out += scene.track.answer(stale.request_id, HELLO(stale))
    assert scene.finals == []
    scene.answer_all(HELLO)
    assert len(scene.finals) == 1
    assert scene.finals[0].end > stale.utterance.end + 400 * MS


def test_finals_leave_in_order_of_start() -> None:
    """Whatever the order of the answers; and nothing is committed before they left."""
    scene = Scene(language="en").hush(1_000).say(500).hush(700).say(500).hush(700)
    first, second = scene.requests_of(JobClass.FINAL)
    assert scene.track.pending_finals == 2
    scene.out += scene.track.answer(second.request_id, sentence(("two", 2_300, 2_600))(second))
    assert scene.finals == []
    assert scene.track.committed <= first.utterance.start
    scene.out += scene.track.answer(first.request_id, HELLO(first))
    assert [final.seq for final in scene.finals] == [1, 2]
    assert scene.finals[0].committed == scene.finals[1].start
    assert scene.track.pending_finals == 0


def test_a_failed_final_is_retried_once_and_then_named() -> None:
    """Nothing disappears in silence, and nothing blocks the track."""
    scene = Scene().hush(1_000).say(500).hush(700)
    scene.forget_requests().answered -= 1
    scene.answer_all(failing)
    assert scene.kinds()[-2:] == [JobClass.FINAL, JobClass.FINAL]
    assert np.array_equal(
        scene.requests[-1].utterance.samples, scene.requests[-2].utterance.samples
    )
    (lost,) = scene.all(SpanLost)
    assert (lost.code, lost.reason) == ("decode_failed", None)
    assert scene.track.committed == lost.committed >= lost.end
    assert scene.track.next_seq == 1


def test_a_retry_that_succeeds_is_the_final() -> None:
    """One hiccup of an engine costs time, not words."""
    scene = Scene().hush(1_000).say(500).hush(700)
    scene.out += scene.track.answer(scene.requests[-1].request_id, Dropped.FAILED)
    scene.forget_requests().answered -= 1
    scene.answer_all(HELLO)
    assert [final.text for final in scene.finals] == ["hello"]


def test_a_loop_is_decoded_once_more_with_care() -> None:
    """A larger audio context often breaks it."""
    scene = Scene().hush(1_000, looping).say(800, looping).hush(700, looping)
    assert [final.text for final in scene.finals] == ["hello there"]
    assert scene.requests[-1].options.context is AudioContext.FULL
    assert scene.track.rejections[RejectReason.REPETITION] > 0


def test_a_loop_that_nothing_breaks_is_said_once() -> None:
    """A careful track has only a temperature left to try."""
    scene = Scene(careful=True)

    def stuck(request: DecodeRequest) -> Hypothesis:
        assert request.options.context is AudioContext.FULL
        words = tuple(Word("so", 16_000, 16_000, 0.9) for _ in range(9))
        return Hypothesis(request.utterance.start, request.utterance.end, words)

    scene.hush(1_000, stuck).say(800, stuck).hush(700, stuck)
    assert [final.text for final in scene.finals] == ["so"]
    finals = [request for request in scene.requests if request.kind is JobClass.FINAL]
    assert [request.options.temperature for request in finals] == [0.0, 0.4]


def test_a_rejected_final_is_a_named_hole() -> None:
    """With its reason, counted, and ``committed`` moves on."""
    engine, reason = NOTHING, RejectReason.NO_WORDS
    scene = Scene().hush(1_000, engine).say(500, engine).hush(700, engine)
    (lost,) = scene.all(SpanLost)
    assert (lost.code, lost.reason) == ("rejected", reason)
    assert scene.interims == []
    assert scene.track.rejections[reason] >= 1
    assert scene.track.committed >= lost.end


def test_speech_without_a_pause_is_cut_between_two_words() -> None:
    """After 15 s; the audio after the cut opens the next segment, and each word comes once."""
    scene = Scene().say(20_000, TALK).hush(800, TALK)
    first, second = scene.finals
    assert (first.speech_final, second.speech_final) == (False, True)
    assert first.end == second.start == first.committed
    assert not any(word.start < first.end < word.end for word in (*first.words, *second.words))
    assert 7_500 * MS < first.end < 15_000 * MS
    said = [word.text for final in scene.finals for word in final.words]
    assert said == [f"w{at}" for at in range(len(said))]
    assert len(said) >= 66


def test_words_after_a_cut_stay_on_the_screen() -> None:
    """They are shown at once as the next segment, not when its first decode comes."""
    scene = Scene().say(15_100, TALK)
    (final,) = scene.finals
    after = scene.out[scene.out.index(final) + 1]
    assert isinstance(after, Caption)
    assert after.start == final.end
    assert after.words


def test_interims_pause_for_a_cut_and_audio_goes_on() -> None:
    """Only where the segment ends says what the next interim has to hear."""
    scene = Scene().say(14_980, TALK)
    scene.forget_requests().say(5_000)
    waiting = scene.requests[scene.answered :]
    assert [request.kind for request in waiting] == [JobClass.FINAL]
    scene.answer_all(TALK).hush(800, TALK)
    assert len(scene.finals) == 2
    assert scene.finals[1].end > 19_900 * MS


def test_a_cut_that_fails_is_a_named_hole_and_the_speech_goes_on() -> None:
    """The next segment begins where the decoded audio ended."""
    scene = Scene().say(15_040).forget_requests()
    scene.answered -= 1
    scene.answer_all(failing)
    (lost,) = scene.all(SpanLost)
    scene.say(1_000, TALK).hush(800, TALK)
    assert scene.finals[0].start == lost.end == lost.committed


def test_finalize_flushes_what_is_open_and_goes_on() -> None:
    """The client's border: final, although nobody paused; speech after it is a new segment."""
    scene = Scene().hush(1_000, HELLO).say(800, HELLO)
    scene.out += scene.track.finalize()
    scene.answer_all(HELLO).say(700, TALK).hush(700, TALK)
    flushed, rest = scene.finals
    assert (flushed.speech_final, flushed.text) == (False, "hello there")
    assert flushed.end == 1_800 * MS <= rest.start


def test_finalize_in_a_pause_reuses_the_speculation() -> None:
    """What is decoded already need not be decoded again."""
    scene = Scene().hush(1_000, HELLO).say(800, HELLO).hush(300, HELLO)
    asked = len(scene.requests)
    scene.out += scene.track.finalize()
    assert len(scene.finals) == 1
    assert len(scene.requests) == asked


def test_a_flush_that_wants_an_answer_has_exactly_one() -> None:
    """The final of what was open; what follows it at once has none to answer with."""
    scene = Scene().hush(1_000).say(720)
    scene.out += scene.track.finalize(answered=True)
    scene.out += scene.track.finalize(answered=True)
    assert scene.all(Flushed) == []
    scene.answer_all(HELLO)
    assert [one.flushed for one in scene.finals] == [True]
    assert len(scene.all(Flushed)) == 1


def test_a_flush_is_answered_though_nothing_was_open_or_it_has_no_text() -> None:
    """A client that waits for the answer must not wait for ever."""
    silent, rejected = Scene().hush(1_000), Scene().hush(1_000).say(720)
    assert silent.track.finalize(answered=True) == [Flushed("ana", silent.track.received)]
    rejected.out += rejected.track.finalize(answered=True)
    rejected.answer_all(NOTHING)
    assert rejected.finals == []
    assert len(rejected.all(SpanLost)) == len(rejected.all(Flushed)) == 1


def test_a_flush_after_an_endpoint_waits_for_the_final_on_its_way() -> None:
    """It was said before."""
    scene = Scene().hush(1_000).say(720).hush(1_000)
    scene.out += scene.track.finalize(answered=True)
    assert scene.all(Flushed) == []
    scene.answer_all(HELLO)
    assert [one.flushed for one in scene.finals] == [True]


def test_hints_may_change_and_hold_for_what_is_decoded_from_then_on() -> None:
    """As a client that configures its session after it has opened it wants."""
    scene = Scene(vocabulary=("Ada",)).say(720)
    scene.track.set_hints("de", ("Wordloop",))
    asked = len(scene.requests)
    scene.say(720).hush(1_000)
    assert {one.options.language for one in scene.requests[:asked]} == {None}
    changed = [one.options for one in scene.requests[asked:]]
    assert {one.language for one in changed} == {"de"}
    assert all("Wordloop" in one.prompt and "Ada" not in one.prompt for one in changed)


def test_finalize_in_silence_changes_nothing() -> None:
    """There is nothing to flush."""
    scene = Scene().hush(1_000)
    assert scene.track.finalize() == []


def test_a_gap_closes_what_is_open_and_is_named_in_its_place() -> None:
    """Positions go on behind it; the gap is told after the final before it."""
    scene = Scene().hush(1_000).say(800, HELLO)
    scene.out += scene.track.gap(5_000 * MS)
    assert scene.track.received == 6_800 * MS
    assert scene.all(SpanLost) == []
    scene.answer_all(HELLO)
    final, lost = scene.out[-2:]
    assert isinstance(final, Caption)
    assert (final.text, final.speech_final) == ("hello there", False)
    assert lost == SpanLost("ana", "gap", 1_800 * MS, 6_800 * MS, committed=6_800 * MS)
    scene.say(800, TALK).hush(700, TALK)
    assert scene.finals[-1].start == 6_800 * MS


def test_adjacent_gaps_are_one_gap_while_they_wait() -> None:
    """However many messages named it; audio in between keeps two gaps apart."""
    scene = Scene().hush(1_000).say(800, HELLO)
    for _ in range(300):
        scene.out += scene.track.gap(10 * MS)
    scene.hush(100)
    scene.out += scene.track.gap(10 * MS)
    assert scene.all(SpanLost) == []
    scene.answer_all(HELLO)
    assert [(lost.code, lost.start, lost.end) for lost in scene.all(SpanLost)] == [
        ("gap", 1_800 * MS, 4_800 * MS),
        ("gap", 4_900 * MS, 4_910 * MS),
    ]


def test_a_track_is_crowded_while_too_much_waits_for_one_final() -> None:
    """What would leave in one step is bounded; the final lets it go."""
    scene = Scene(language="en").hush(1_000).say(800)
    scene.out += scene.track.finalize()
    first = scene.requests_of(JobClass.FINAL)[0]
    scene.forget_requests()
    while not scene.track.crowded:
        scene.say(40)
        scene.out += scene.track.finalize() + scene.track.gap(10 * MS)
        scene.hush(20).answer_all(sentence())
    before = len(scene.out)
    scene.out += scene.track.answer(first.request_id, HELLO(first))
    left = len(scene.out) - before
    assert (scene.track.crowded, MOST_WAITING <= left <= 2 * MOST_WAITING) == (False, True)


def test_finish_flushes_everything() -> None:
    """The speaker is cut off by the end of the audio; ``done`` once the final is out."""
    scene = Scene().hush(1_000).say(800, HELLO)
    scene.out += scene.track.finish()
    done_before_its_final = scene.track.done
    scene.answer_all(HELLO)
    assert (done_before_its_final, scene.track.done) == (False, True)
    assert (scene.finals[0].text, scene.finals[0].speech_final) == ("hello there", True)
    assert scene.track.committed == scene.track.received == 1_800 * MS
    assert scene.track.room == 0


def test_finish_hears_the_last_part_of_a_window() -> None:
    """A word in the last milliseconds is decoded, not dropped with the rest of a window."""
    scene = Scene().hush(1_024)
    scene.out += scene.track.feed(np.full(500, 0.1, dtype=np.float32))
    scene.out += scene.track.finish()
    (request,) = scene.requests
    assert (request.kind, request.utterance.end) == (JobClass.FINAL, scene.track.received)


def test_a_drain_leaves_the_open_utterance_to_the_next_container() -> None:
    """Closed segments get their finals; ``committed`` stays at or before the open one's start."""
    scene = Scene().hush(1_000).say(800).hush(700).say(800)
    scene.out += scene.track.leave()
    done_before_its_final = scene.track.done
    closed = next(request for request in scene.requests if request.kind is JobClass.FINAL)
    scene.out += scene.track.answer(closed.request_id, HELLO(closed))
    assert (done_before_its_final, scene.track.done) == (False, True)
    assert len(scene.finals) == 1
    assert scene.finals[0].end <= scene.track.committed <= 2_300 * MS
    assert scene.track.finish() == []


def test_a_resumed_track_goes_on_counting() -> None:
    """Positions, seq and replay marks continue; segment ids follow from the audio alone."""
    scene = Scene(first_sample=16_000, last_seq=41, live_from=40_000)
    engine = sentence(("hello", 1_600, 1_900), ("again", 3_200, 3_400))
    scene.hush(500, engine).say(500, engine).hush(1_000, engine).say(600, engine).hush(700, engine)
    replayed, live = scene.finals
    assert (replayed.seq, live.seq, scene.track.next_seq) == (42, 43, 44)
    assert (replayed.replay, live.replay) == (True, False)
    assert replayed.segment == f"ana-{replayed.start}"


def test_stale_and_unknown_answers_are_ignored() -> None:
    """A late answer must not bring back a segment that is final."""
    scene = Scene().hush(1_000).say(800)
    late = scene.requests[0]
    scene.hush(700)
    final = next(request for request in scene.requests if request.kind is JobClass.FINAL)
    scene.out += scene.track.answer(final.request_id, HELLO(final))
    assert scene.track.answer(late.request_id, HELLO(late)) == []
    assert scene.track.answer(final.request_id, HELLO(final)) == []
    assert scene.track.answer(999, Dropped.FAILED) == []


def test_room_shrinks_while_finals_are_pending_and_comes_back() -> None:
    """The reader pauses rather than that audio which no final covers is overwritten."""
    scene = Scene().hush(1_000)
    idle = scene.track.room
    scene.say(50_000)
    assert scene.track.room < 10_000 * MS
    with pytest.raises(ValueError, match="room"):
        scene.track.feed(np.zeros(scene.track.room + 1, dtype=np.float32))
    scene.answer_all(TALK).hush(800, TALK)
    assert scene.track.room > idle - CaptioningPolicy().lead_samples


def test_language_task_and_vocabulary_go_with_every_decode() -> None:
    """Interims and finals alike."""
    scene = Scene(language="de", task=Task.TRANSLATE, vocabulary=("Wordloop", "Zoë"))
    scene.say(1_000).hush(600)
    assert {request.kind for request in scene.requests} >= {JobClass.FIRST_CAPTION, JobClass.FINAL}
    options = {(r.options.language, r.options.task, r.options.prompt) for r in scene.requests}
    assert options == {("de", Task.TRANSLATE, "Glossary: Wordloop, Zoë.")}


def test_it_counts_stable_words_and_those_that_finals_revise() -> None:
    """How far a stable word can be trusted is a metric."""
    scene = Scene().hush(1_000, HELLO).say(2_000, HELLO)
    changed = sentence(("hello", 1_000, 1_300), ("dear", 1_320, 1_700))
    scene.hush(700, changed)
    assert (scene.track.stable_words, scene.track.revised_words) == (2, 1)


class BrokenVoice(LoudnessVoice):
    """Fails on every third window."""

    def __init__(self) -> None:
        self.calls = 0

    def probability(self, window: Samples) -> float:
        self.calls += 1
        if self.calls % 3 == 0:
            raise EngineFailed("no probability")
        return super().probability(window)


def test_a_window_that_the_detector_fails_on_is_like_the_one_before() -> None:
    """One failed window costs no word and no meeting; failures are counted."""
    track = Track("ana", BrokenVoice(), CaptioningPolicy())
    out = track.feed(np.full(2_000 * MS, 0.1, dtype=np.float32))
    out += track.finish()
    (final,) = (o for o in out if isinstance(o, DecodeRequest) and o.kind is JobClass.FINAL)
    assert (final.utterance.start, final.utterance.end) == (0, 2_000 * MS)
    assert track.voice_failures > 10


HELLO_WORDS = (Word("hello", 100, 200, 0.9),)


def test_finals_are_counted_on_and_carry_the_commit() -> None:
    """Text and acknowledgement cannot tear apart."""
    ledger = Ledger("ana", first_sample=50, last_seq=7, live_from=0)
    ledger.advance(300)
    final = ledger.final(100, 300, HELLO_WORDS, "en", speech_final=True)
    assert (final.final, final.speech_final, final.seq, final.committed) == (True, True, 8, 300)
    assert ledger.next_seq == 9
    assert all(word.stable for word in final.words)


def test_a_commit_never_moves_back() -> None:
    """What the client trimmed is gone."""
    ledger = Ledger("ana", first_sample=50, last_seq=0, live_from=0)
    ledger.advance(300)
    ledger.advance(200)
    assert ledger.committed == 300


def test_through_silence_a_commit_is_told_in_steps() -> None:
    """And not again when a final or a lost span has told it."""
    ledger = Ledger("ana", first_sample=0, last_seq=0, live_from=0)
    ledger.advance(90)
    assert ledger.untold(100) == []
    ledger.advance(100)
    assert ledger.untold(100) == [Committed("ana", 100)]
    ledger.advance(200)
    lost = ledger.lost(120, 180, NoFinal("rejected", RejectReason.NO_WORDS))
    assert (lost.committed, lost.reason) == (200, RejectReason.NO_WORDS)
    assert ledger.untold(1) == []


def test_a_segment_is_named_after_its_track_and_first_sample() -> None:
    """The same name in whichever container; and replay is what starts before the live edge."""
    ledger = Ledger("ana", first_sample=0, last_seq=0, live_from=150)
    assert ledger.interim(100, 300, (), "en").segment == "ana-100"
    assert ledger.interim(100, 300, (), "en").replay
    assert not ledger.interim(150, 300, (), "en").replay
