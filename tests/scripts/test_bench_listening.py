"""The pipeline without a server, on sounds that carry their own transcript."""

from dataclasses import replace

import numpy as np

from scripts.benchmark.listening import Listened, listen, segments, unaccounted
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.errors import EngineFailed
from wordloop_ml.messages import Caption, JobClass, Pcm16, RejectReason, Samples, SpanLost

POLICY = CaptioningPolicy()
TALK = np.concatenate([silence(16_000), spoken([1, 2, 3]), silence(24_000), spoken([4])])
TALK = np.concatenate([TALK, silence(32_000)])


def heard_of(audio: Pcm16, *, decode: bool = True, interims: bool = True) -> Listened:
    samples: Samples = audio.astype(np.float32) / np.float32(32_768)
    worker = ScriptedTranscriber().open_worker() if decode else None
    return listen(samples, worker, ScriptedVoiceDetector().open_stream(), interims=interims)


def test_what_is_said_is_shown_and_every_sample_accounted_for() -> None:
    """Two runs of speech, two finals, and silence for the rest."""
    heard = heard_of(TALK)
    assert [final.text for final in heard.finals] == ["w1 w2 w3", "w4"]
    assert heard.shown_words == 4
    assert heard.refused_words == {}
    assert list(unaccounted(heard)) == []
    covered = sum(final.end - final.start for final in heard.finals)
    assert heard.silence == heard.samples - covered == heard.committed - covered


def test_segments_are_the_detector_s_own() -> None:
    """From the onset to the beginning of the silence, to a window and its lead."""
    for heard in (heard_of(TALK), heard_of(TALK, decode=False)):
        found = segments(heard, POLICY)
        assert len(found) == 2
        for (start, end), (onset, last) in zip(
            found, [(16_000, 28_000), (52_000, 56_000)], strict=True
        ):
            assert onset - 2 * POLICY.onset_lead_samples <= start <= onset
            assert last <= end <= last + POLICY.window_samples


def test_a_run_that_is_cut_is_one_segment() -> None:
    """However many finals it becomes."""
    heard = heard_of(np.concatenate([spoken(range(80)), silence(16_000)]), interims=False)
    assert len(heard.finals) > 1
    assert heard.interims == [] or all(not one.final for one in heard.interims)
    [(start, end)] = segments(heard, POLICY)
    assert (start, end) == (0, 320_000)


def test_what_the_guards_refuse_is_counted_by_reason() -> None:
    """A loop is refused, tried again, and becomes a named hole."""
    heard = heard_of(np.concatenate([spoken([1, 2] * 10), silence(16_000)]))
    assert heard.finals == []
    assert heard.refused_finals[RejectReason.REPETITION] >= 1
    assert heard.refused_words[RejectReason.REPETITION] >= 20
    assert [hole.reason for hole in heard.lost] == [RejectReason.REPETITION]
    assert list(unaccounted(heard)) == []


def test_an_engine_that_fails_leaves_named_holes() -> None:
    """Nothing crashes, nothing is lost in silence."""
    worker = ScriptedTranscriber(fail=lambda _: EngineFailed("scripted")).open_worker()
    samples: Samples = TALK.astype(np.float32) / np.float32(32_768)
    heard = listen(samples, worker, ScriptedVoiceDetector().open_stream())
    assert [hole.code for hole in heard.lost] == ["decode_failed", "decode_failed"]
    assert list(unaccounted(heard)) == []
    assert [one.kind for one in heard.judged if one.kind is JobClass.FINAL] == []


def test_words_outside_speech_are_counted() -> None:
    """By the middle of the word, with some slack."""
    heard = heard_of(TALK)
    assert heard.words_outside([(16_000, 28_000)], slack=0) == 1
    assert heard.words_outside([(16_000, 28_000)], slack=30_000) == 0
    assert heard.words_outside([], slack=30_000) == 4


def test_samples_that_are_not_accounted_for_once_are_told() -> None:
    """Twice, outside, dropped, or never committed."""
    final = Caption("t-0", "t", 0, 600, (), final=True)
    good = Listened(1_000, committed=1_000, onsets=[100], finals=[final])
    assert list(unaccounted(good)) == []
    hole = SpanLost("t", "gap", 500, 700, 700)
    assert len(list(unaccounted(replace(good, lost=[hole])))) == 1
    assert len(list(unaccounted(replace(good, samples=1_200)))) == 1
    assert len(list(unaccounted(replace(good, onsets=[800])))) == 1
    assert len(list(unaccounted(replace(good, samples=500, committed=500)))) == 1
