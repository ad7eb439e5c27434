"""The table of the guards."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from scripts.benchmark.guards import AlwaysSpeech, marks_table, row_of, table
from scripts.benchmark.listening import listen, segments, unaccounted
from scripts.benchmark.marks import compare, joined_across, read_marks
from scripts.benchmark.sounds import LEVELS_DB, Sound, wordless
from scripts.nano.noise import KINDS
from wordloop_ml.audio.files import open_audio
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.engines.scripted import ScriptedTranscriber, ScriptedVoiceDetector
from wordloop_ml.engines.scripted_audio import silence, spoken
from wordloop_ml.engines.silero_vad import SileroVoiceDetector
from wordloop_ml.messages import SAMPLE_RATE, Samples

ROOT = Path(__file__).parents[2]
HUMAN = ROOT.parent / "shared" / "data" / "speech" / "jfk.wav"

AUDIO: Samples = np.concatenate([spoken([1, 2] * 10), silence(24_000), spoken([3])]).astype(
    np.float32
) / np.float32(32_768)


@pytest.fixture
def detector() -> Iterator[SileroVoiceDetector]:
    """The published voice detector, or a visible skip."""
    file = ROOT / "weights" / "silero_vad.onnx"
    if not file.is_file():
        pytest.skip("weights/silero_vad.onnx is not there: wordloop-ml weights pull")
    opened = SileroVoiceDetector.open(memoryview(file.read_bytes()))
    yield opened
    opened.close()


@pytest.mark.parametrize("sound", list(wordless(3.0)), ids=lambda sound: sound.name)
def test_sounds_without_words_open_no_segment(sound: Sound, detector: SileroVoiceDetector) -> None:
    """Three seconds of each at three levels: what opens nothing costs no decode."""
    heard = listen(sound.samples, None, detector.open_stream())
    assert heard.onsets == []
    assert heard.silence == heard.committed == len(sound.samples)


@pytest.mark.skipif(not HUMAN.is_file(), reason="needs ../shared/data/speech/jfk.wav")
def test_a_human_s_speech_is_found_where_it_is(detector: SileroVoiceDetector) -> None:
    """Every marked run and nothing else; onsets within 60 ms, and no end cut off."""
    with open_audio(HUMAN) as audio:
        samples = np.concatenate(list(audio))
    heard = listen(samples, None, detector.open_stream())
    whole = joined_across(CaptioningPolicy().endpoint_samples, read_marks()[1])
    found = compare(whole, segments(heard, CaptioningPolicy()))
    assert (found.missed, found.false, found.divided, found.joined) == (0, 0, 0, 0)
    assert max(abs(error) for error in found.onset_errors) < 0.060 * SAMPLE_RATE
    assert min(found.end_errors) >= 0
    assert list(unaccounted(heard)) == []


def test_a_row_says_what_was_shown_and_what_was_refused() -> None:
    """A loop becomes a hole; a word outside the owner's speech is told."""
    worker = ScriptedTranscriber().open_worker()
    heard = listen(AUDIO, worker, ScriptedVoiceDetector().open_stream())
    row = row_of(Sound("a loop", AUDIO, ((0, 80_000),)), heard)
    assert (row.segments, row.final_words, row.foreign, row.problems) == (2, 1, 1, ())
    assert row.lost == {"repetition": 1}
    line = table("Title", [row]).splitlines()[-1]
    assert line.startswith("| a loop, 7 | 2 | ")
    assert line.endswith("| 1 repetition | 0 |")


def test_without_a_detector_all_is_speech() -> None:
    """The guards alone have to keep back what is none."""
    worker = ScriptedTranscriber().open_worker()
    heard = listen(np.full(32_000, 0.01, np.float32), worker, AlwaysSpeech())
    row = row_of(Sound("hum", AUDIO), heard)
    assert (row.segments, row.final_words, row.lost) == (1, 0, {"no_words": 1})


def test_every_kind_of_noise_is_a_sound_at_every_level() -> None:
    """And is as loud as it says."""
    sounds = list(wordless(0.5))
    assert [one.name for one in sounds] == list(KINDS)
    assert all(len(one.samples) == 8_000 * len(LEVELS_DB) and one.wordless for one in sounds)
    white = sounds[0].samples[:8_000]
    assert round(20 * np.log10(float(np.sqrt(np.mean(np.square(white)))))) == LEVELS_DB[0]


def test_errors_of_the_detector_are_told_in_milliseconds() -> None:
    """Median, least and most."""
    text = marks_table({"speech": compare([(1_600, 3_200), (6_400, 8_000)], [(1_440, 3_520)])})
    assert "| marks, segments | 2, 1 |" in text
    assert "| missed, false, divided, joined | 1, 0, 0, 0 |" in text
    assert "| onset error, ms: median, least, most | -10, -10, -10 |" in text
    assert "| end error, ms: median, least, most | +20, +20, +20 |" in text
