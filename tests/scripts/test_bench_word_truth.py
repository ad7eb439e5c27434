"""Finals against words with known times."""

import json
from pathlib import Path

import av
import numpy as np

from scripts.benchmark.word_truth import Told, compose_told, score
from wordloop_ml.messages import Caption, CaptionWord

TOLD = [
    Told("a", ("good", "morning"), ((1_000, 2_000), (2_000, 4_000))),
    Told("b", ("hello",), ((20_000, 21_000),)),
]


def final(*words: tuple[str, int, int, float]) -> Caption:
    """A final with these words: text, start, end, confidence."""
    return Caption("t-0", "t", 0, 30_000, tuple(CaptionWord(*one, True) for one in words))


def test_words_are_right_in_their_place_and_have_errors_there() -> None:
    """Late is positive; case and punctuation do not count."""
    [first, second] = score(
        TOLD,
        [
            final(("Good", 900, 2_100, 0.9), ("night,", 2_100, 4_000, 0.4)),
            final(("Hello!", 20_050, 20_900, 1.0)),
        ],
    )
    assert [(word.right, word.start_error, word.end_error) for word in first] == [
        (True, -100, 100),
        (False, None, None),
    ]
    assert [(word.confidence, word.start_error, word.end_error) for word in second] == [
        (1.0, 50, -100)
    ]


def test_a_word_over_no_utterance_is_nobody_s() -> None:
    """Nor is one of another utterance right."""
    assert score(TOLD, [final(("hello", 11_000, 12_000, 0.9))]) == [[], []]
    [first, _] = score(TOLD, [final(("hello", 1_000, 2_000, 0.9))])
    assert [word.right for word in first] == [False]


def test_utterances_are_composed_where_they_are_said_to_be(tmp_path: Path) -> None:
    """Each word's span holds its own samples."""
    ramp = np.arange(1, 8_001, dtype=np.int16)
    with av.open(str(tmp_path / "speech.flac"), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(ramp[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    rows = [
        {
            "voice": "v",
            "text": "One.",
            "first": first,
            "last": first + 2_000,
            "onset": first,
            "end": first + 1_900,
            "words": [{"text": "One.", "start": first + 100, "end": first + 900}],
        }
        for first in (1_000, 5_000)
    ]
    index = {"file": "speech.flac", "sample_rate": 16_000, "utterances": rows}
    (tmp_path / "index.json").write_text(json.dumps(index))
    samples, told = compose_told(tmp_path, seed=1)
    for row, one in zip(rows, told, strict=True):
        [(start, end)] = one.spans
        assert one.words == ("one",)
        expected = ramp[row["words"][0]["start"] : row["words"][0]["end"]]  # type: ignore[index]
        assert np.abs(samples[start:end] * 32_768 - expected).max() < 40
