"""Whisper through CTranslate2: spectrograms, files, decodes."""

import hashlib
import json
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.speech import manifest, samples_of, talk, word_error_rate
from wordloop_ml.engines import whisper_ctranslate2
from wordloop_ml.engines.whisper_ctranslate2 import (
    FRAME_SAMPLES,
    HOP_SAMPLES,
    MOST_BEAMS,
    CTranslate2Options,
    CTranslate2Transcriber,
    CTranslate2Worker,
    log_mel,
    mel_filters,
)
from wordloop_ml.engines.whisper_tokens import calibrated
from wordloop_ml.errors import BadInput, ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.messages import SAMPLE_RATE, AudioContext, DecodeOptions, Samples, Task, Utterance
from wordloop_ml.weights.manifest import Calibration, WeightsEntry
from wordloop_ml.weights.store import MappedWeights, open_mapped, resident_bytes

Doubles = npt.NDArray[np.float64]


def mel(hertz: float) -> float:
    """Slaney's scale: linear up to 1 kHz, logarithmic above."""
    if hertz < 1_000:
        return hertz * 3 / 200
    return 15 + 27 * float(np.log(hertz / 1_000) / np.log(6.4))


def hertz(mels: float) -> float:
    """Its inverse."""
    return mels * 200 / 3 if mels < 15 else 1_000 * 6.4 ** ((mels - 15) / 27)


def triangle(band: int, bands: int, frequency: float) -> float:
    """What a band makes of a frequency; each triangle has the area 1."""
    step = mel(SAMPLE_RATE / 2) / (bands + 1)
    low, middle, high = (hertz(step * (band + corner)) for corner in range(3))
    rising, falling = (frequency - low) / (middle - low), (high - frequency) / (high - middle)
    return max(0.0, min(rising, falling)) * 2 / (high - low)


def slowly(samples: Samples, frames: int, bands: int = 80) -> Doubles:
    """The spectrogram by the definition: a sum over samples for each frame and bin."""
    half = FRAME_SAMPLES // 2
    sound = np.concatenate([samples, np.zeros(frames * HOP_SAMPLES + half)]).astype(np.float64)
    times = np.arange(FRAME_SAMPLES)
    window = np.sin(np.pi * times / FRAME_SAMPLES) ** 2
    bins = np.arange(half + 1)
    waves = np.exp(-2j * np.pi * np.outer(bins, times) / FRAME_SAMPLES)
    frequencies = [float(SAMPLE_RATE * one / FRAME_SAMPLES) for one in bins]
    filters = np.array(
        [[triangle(band, bands, one) for one in frequencies] for band in range(bands)]
    )
    columns = []
    for frame in range(frames):
        # mirrored at its start, without saying the first sample twice
        heard = sound[np.abs(frame * HOP_SAMPLES - half + times)]
        columns.append(filters @ np.abs(waves @ (window * heard)) ** 2)
    logs = np.log10(np.maximum(np.array(columns).T, 1e-10))
    clamped: Doubles = (np.maximum(logs, logs.max() - 8) + 4) / 4
    return clamped


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("seconds", [0.1, 0.3331, 1.0])
def test_it_is_the_definition(seconds: float, bands: int) -> None:
    """Of speech, with silence behind it, in each number of bands that Whisper has."""
    samples = samples_of("en_read_jfk_1")[8_000 : 8_000 + int(seconds * SAMPLE_RATE)]
    frames = len(samples) // HOP_SAMPLES + 20
    made = log_mel(samples, frames, bands)
    assert made.shape == (bands, frames)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, slowly(samples, frames, bands), atol=2e-4)


def test_silence_has_one_value() -> None:
    """Log of 1e-10, scaled; also where there is no audio at all."""
    for samples in (0, 1_600):
        made = log_mel(np.zeros(samples, np.float32), 20)
        np.testing.assert_allclose(made, -1.5, rtol=1e-6)


def test_a_tone_is_loudest_in_its_band() -> None:
    """From low to high."""
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    loudest = [
        int(log_mel(np.sin(2 * np.pi * tone * times).astype(np.float32), 100)[:, 50].argmax())
        for tone in (200, 440, 1_000, 3_000, 7_000)
    ]
    assert loudest == sorted(set(loudest))


def test_the_filters_are_shared_and_cannot_be_written() -> None:
    """Every worker reads the same."""
    assert mel_filters(80) is mel_filters(80)
    with pytest.raises(ValueError, match="read-only"):
        mel_filters(80)[0, 0] = 1.0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 4_000), st.integers(0, 30), st.integers(0, 2**32 - 1))
def test_every_length_fits_its_frames(samples: int, more: int, seed: int) -> None:
    """Numbers within two of each other, the silence behind the audio at the floor, nothing written."""
    sound = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    before = sound.copy()
    frames = -(-samples // HOP_SAMPLES) + more + 1
    made = log_mel(sound, frames)
    assert made.shape == (80, frames)
    assert np.isfinite(made).all()
    assert made.max() - made.min() <= 2.0 + 1e-6
    behind = made[:, -(-(samples + FRAME_SAMPLES // 2) // HOP_SAMPLES) + 1 :]
    assert np.all(behind == made.min())
    np.testing.assert_array_equal(sound, before)


Files = tuple[MappedWeights, MappedWeights, MappedWeights]
FIRST_TIMESTAMP = 50_363


@pytest.fixture
def english(tiny_ctranslate2_files: Files) -> Iterator[CTranslate2Worker]:
    """A worker with tiny.en."""
    opened = CTranslate2Transcriber.open(*tiny_ctranslate2_files)
    with closing(opened) as transcriber, closing(transcriber.open_worker()) as worker:
        yield worker


@pytest.fixture(scope="module")
def multilingual(base_ctranslate2_files: Files) -> Iterator[CTranslate2Worker]:
    """A worker with base, of 99 languages."""
    opened = CTranslate2Transcriber.open(*base_ctranslate2_files)
    with closing(opened) as transcriber, closing(transcriber.open_worker()) as worker:
        yield worker


def heard(clip: str) -> Utterance:
    """A clip, from the first sample of a track."""
    return Utterance(0, samples_of(clip))


def test_words_have_times_where_they_are_said(english: CTranslate2Worker) -> None:
    """They rise, and none takes longer than people take for one."""
    hypothesis = english.transcribe(heard("en_read_jfk_1"), DecodeOptions(beams=5))
    starts = [word.start for word in hypothesis.words]
    assert starts == sorted(starts)
    assert len(set(starts)) > len(starts) * 0.8
    assert all(word.end - word.start < 3 * SAMPLE_RATE for word in hypothesis.words)
    assert hypothesis.average_log_probability > -0.6
    assert hypothesis.no_speech_probability < 0.5
    assert not hypothesis.unfinished


@pytest.mark.parametrize("prompt", ["", "Wordloop " * 5, "Wordloop " * 500])
@pytest.mark.parametrize("tokens", [6, 12])
def test_a_text_that_its_bound_ends_is_unfinished(
    tokens: int, prompt: str, english: CTranslate2Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer tokens than there are words; a prompt of any length takes none of them."""
    bound = dict.fromkeys(AudioContext, tokens)
    monkeypatch.setattr(whisper_ctranslate2, "_TOKEN_BASE", bound)
    monkeypatch.setattr(whisper_ctranslate2, "_TOKENS_PER_SECOND", dict.fromkeys(AudioContext, 0))
    hypothesis = english.transcribe(heard("en_read_jfk_1"), DecodeOptions(prompt=prompt))
    assert hypothesis.unfinished
    assert tokens - 4 <= len(hypothesis.words) <= tokens


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [
        ([0, 101, 102, 50], ([101, 102], 50)),
        ([0, 101, 50, 50, 102, 90], ([101, 102], 90)),
        ([0, 101, 102], ([101, 102], None)),
        ([0, 101, 100, 100, 102, 120], ([101], 100)),
        ([0, 101, 100, 130, 102], ([101], 100)),
        ([100, 101], ([], None)),
        ([], ([], None)),
    ],
)
def test_text_that_opens_behind_the_end_is_dropped(
    english: CTranslate2Worker, tokens: list[int], kept: tuple[list[int], int | None]
) -> None:
    """Of two seconds, 100 positions: numbers up to 100 and 120, 130 here are timestamps."""
    numbers = [one if one in {101, 102} else FIRST_TIMESTAMP + one for one in tokens]
    assert english._within(numbers, 2 * SAMPLE_RATE) == kept


def test_confidences_are_calibrated(tiny_ctranslate2_files: Files) -> None:
    """As the manifest says; the words are the same."""
    found = []
    for calibration in (Calibration(), Calibration(0.5, -1.0)):
        options = CTranslate2Options(calibration=calibration)
        opened = CTranslate2Transcriber.open(*tiny_ctranslate2_files, options)
        with closing(opened) as transcriber, closing(transcriber.open_worker()) as worker:
            found.append(worker.transcribe(Utterance(0, talk(32_000)), DecodeOptions()).words)
    for raw, worth in zip(*found, strict=True):
        assert (raw.text, raw.start, raw.end) == (worth.text, worth.start, worth.end)
        assert worth.confidence == calibrated(raw.confidence, Calibration(0.5, -1.0))


@pytest.mark.parametrize("beams", [0, MOST_BEAMS + 1])
def test_too_many_beams_are_refused(english: CTranslate2Worker, beams: int) -> None:
    """A bug of the caller."""
    with pytest.raises(BadInput):
        english.transcribe(Utterance(0, talk(16_000)), DecodeOptions(beams=beams))


def test_two_channels_are_refused(english: CTranslate2Worker) -> None:
    """Another bug of the caller."""
    with pytest.raises(BadInput):
        english.transcribe(Utterance(0, np.zeros((16_000, 2), np.float32)), DecodeOptions())


def test_long_prompts_are_cut(english: CTranslate2Worker) -> None:
    """The decoder has room for half of its context."""
    prompt = DecodeOptions(prompt="Wordloop " * 2_000, context=AudioContext.LONG)
    clip = "en_read_ls1272_1"
    assert english.transcribe(heard(clip), prompt).words


@pytest.mark.parametrize(
    ("clip", "language"), [("de_read_mls_1", "de"), ("es_read_veneno_1", "es")]
)
def test_people_are_understood_in_a_language_that_nobody_named(
    clip: str, language: str, multilingual: CTranslate2Worker
) -> None:
    """A man in German, and one in Spanish."""
    options = DecodeOptions(context=AudioContext.LONG, beams=5, expected_language="en")
    hypothesis = multilingual.transcribe(heard(clip), options)
    assert hypothesis.language == language
    assert hypothesis.language_probability > 0.5
    assert word_error_rate(manifest()[clip]["text"], hypothesis.text) <= 0.2


def test_what_was_spoken_before_stands_where_the_model_is_unsure(
    multilingual: CTranslate2Worker,
) -> None:
    """Of noise it cannot tell; a language that it does not have never stands."""
    random = np.random.default_rng(0)
    noise = Utterance(0, random.normal(0, 0.02, 16_000).astype(np.float32))
    plain = multilingual.transcribe(noise, DecodeOptions())
    assert plain.language_probability < 0.5
    expected = multilingual.transcribe(noise, DecodeOptions(expected_language="sv"))
    assert (expected.language, expected.language_probability) == ("sv", 0.0)
    assert multilingual.transcribe(noise, DecodeOptions(expected_language="xx")) == plain


def test_translation_is_another_task_of_the_same_model(multilingual: CTranslate2Worker) -> None:
    """The words are English, the language is what was spoken."""
    options = DecodeOptions(task=Task.TRANSLATE, context=AudioContext.LONG, beams=5)
    hypothesis = multilingual.transcribe(heard("de_read_mls_1"), options)
    assert hypothesis.language == "de"
    words = {word.text.lower().strip(".,") for word in hypothesis.words}
    assert len(words & {"and", "experience", "knowledge", "technical", "with"}) >= 3
    given = multilingual.transcribe(heard("de_read_mls_1"), DecodeOptions(language="de"))
    assert (given.language, given.language_probability) == ("de", 1.0)


Damage = Callable[[bytes], bytes]


def swapped(name: bytes) -> Damage:
    """Writes the two dimensions of a matrix the other way round."""

    def damage(content: bytes) -> bytes:
        at = content.index(name + b"\0") + len(name) + 2
        rows, columns = struct.unpack_from("<2I", content, at)
        return content[:at] + struct.pack("<2I", columns, rows) + content[at + 8 :]

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"\n",
        lambda content: content[:10],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-3],
        lambda content: content + b"\0",
        lambda content: np.random.default_rng(0).bytes(1 << 16),
        lambda content: content.replace(b"WhisperSpec", b"WhimperSpec", 1),
        lambda content: content.replace(b"decoder/layer_norm/gamma", b"decoder/layer_norm/gamme"),
        lambda content: content.replace(b"decoder/num_heads", b"decoder/num_hats!"),
        lambda content: content.replace(b"decoder/embeddings/weight", b"decoder/embeddings/weighs"),
        swapped(b"decoder/embeddings/weight"),
        swapped(b"decoder/layer_0/self_attention/linear_0/weight"),
        swapped(b"encoder/layer_3/ffn/linear_1/weight"),
    ],
)
def test_damaged_weights_are_refused(
    damage: Damage, tiny_ctranslate2_files: Files, tmp_path: Path
) -> None:
    """By name, and without a crash; the library would read beyond some of them."""
    model, vocabulary, config = contents(tiny_ctranslate2_files)
    refused(tmp_path, damage(model), vocabulary, config)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"\n",
        lambda content: b"\xff" + content,
        lambda content: content[: len(content) // 2],
        lambda content: content + b"one\ntwo\n",
        lambda content: content.replace(b"\n", b"\none more\n", 1),
    ],
)
def test_the_vocabulary_of_another_model_is_refused(
    damage: Damage, tiny_ctranslate2_files: Files, tmp_path: Path
) -> None:
    """The library would end the process over a line too many."""
    model, vocabulary, config = contents(tiny_ctranslate2_files)
    refused(tmp_path, model, damage(vocabulary), config)


@pytest.mark.parametrize(
    "change",
    [
        {"suppress_ids": "x"},
        {"suppress_ids": [51_864]},
        {"suppress_ids_begin": [-1]},
        {"lang_ids": [True]},
        {"alignment_heads": []},
        {"alignment_heads": [[4, 0]]},
        {"alignment_heads": [[0, 6]]},
        {"alignment_heads": [3]},
    ],
)
def test_the_configuration_of_another_model_is_refused(
    change: dict[str, object], tiny_ctranslate2_files: Files, tmp_path: Path
) -> None:
    """Otherwise every decode would fail, or read what is not there."""
    model, vocabulary, config = contents(tiny_ctranslate2_files)
    changed = json.loads(config) | change
    refused(tmp_path, model, vocabulary, json.dumps(changed).encode())


@pytest.mark.parametrize("config", [b" ", b"{not json", b"[1, 2]", b"{}", b"\xff", b"[" * 100_000])
def test_a_configuration_that_is_none_is_refused(
    config: bytes, tiny_ctranslate2_files: Files, tmp_path: Path
) -> None:
    """Whatever it is instead."""
    model, vocabulary, _ = contents(tiny_ctranslate2_files)
    refused(tmp_path, model, vocabulary, config)


def test_files_of_other_names_are_refused(tiny_ctranslate2_files: Files) -> None:
    """The library finds them by their names."""
    model, vocabulary, config = tiny_ctranslate2_files
    with pytest.raises(StartupFailed, match=r"vocabulary\.txt is no config\.json"):
        CTranslate2Transcriber.open(model, config=vocabulary, vocabulary=vocabulary)
    with pytest.raises(StartupFailed, match=r"config\.json is no vocabulary\.txt"):
        CTranslate2Transcriber.open(model, config, vocabulary)


def test_a_file_that_changed_since_it_was_verified_is_refused(
    tiny_ctranslate2_files: Files, tmp_path: Path
) -> None:
    """The library reads it by its name, which may be another file's by then."""
    with ExitStack() as opened:
        files = mapped(tmp_path, contents(tiny_ctranslate2_files), opened)
        files[2].path.rename(tmp_path / "before")
        shutil.copy(tmp_path / "before", files[2].path)
        with pytest.raises(WeightsUnusable) as caught:
            CTranslate2Transcriber.open(*files)
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT


def test_no_copy_of_the_file_stays(tiny_ctranslate2_files: Files) -> None:
    """The int8 model takes some two thirds of it."""
    before = resident_bytes()
    with closing(CTranslate2Transcriber.open(*tiny_ctranslate2_files)):
        assert resident_bytes() - before < len(tiny_ctranslate2_files[0].buffer)


def contents(files: Files) -> tuple[bytes, ...]:
    """What they hold."""
    return tuple(bytes(one.buffer) for one in files)


def mapped(folder: Path, parts: Sequence[bytes], opened: ExitStack) -> Files:
    """The three files of a model, written and verified; closed with ``opened``."""

    def written(file: str, part: bytes) -> MappedWeights:
        (folder / file).write_bytes(part)
        digest = hashlib.sha256(part).hexdigest()
        entry = WeightsEntry("x", file, len(part), digest, "MIT", "ctranslate2", ())
        return opened.enter_context(open_mapped(entry, folder))

    model, vocabulary, config = parts
    return (
        written("model.bin", model),
        written("vocabulary.txt", vocabulary),
        written("config.json", config),
    )


def refused(folder: Path, *parts: bytes) -> None:
    """With the code that operators see."""
    with ExitStack() as opened, pytest.raises(StartupFailed) as caught:
        CTranslate2Transcriber.open(*mapped(folder, parts, opened))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
