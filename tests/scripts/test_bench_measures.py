"""The benchmarks beside captions: starts, memory, work on texts, embeddings; from given figures."""

import json
import os
import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from scripts.benchmark import embeddings, memory, starts, texts
from scripts.benchmark.memory_parts import resident_bytes, steps
from scripts.benchmark.server_process import CpuReading, CpuUse, Meters, cpu_use
from scripts.benchmark.starts import Start
from scripts.benchmark.text_load import SEGMENTS, transcript
from scripts.benchmark.texts import ALONE, BESIDE, Turn
from tests.scripts.support import EACH, ONE
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.errors import StartupFailed
from wordloop_ml.settings import Settings
from wordloop_ml.wire.synthesis import parse_request

MEBI = 2**20


def start(first_s: float | None, hundredth_s: float | None) -> Start:
    return Start(2.0, 0.01, replace(EACH, first_s=first_s), replace(EACH, first_s=hundredth_s))


def test_the_ratio_of_starts_is_the_median_of_pairs_and_the_upgrade_counts_for_the_first() -> None:
    """Each pair comes from one process; a start without a caption is no success."""
    report = starts.report("embedded", [start(0.4, 0.4), start(0.6, 0.4), start(0.44, 0.4)])
    assert [one.measured for one in report.aims] == pytest.approx([1.1, 610])
    assert all(one.reached for one in report.aims)
    report = starts.report("embedded", [start(0.4, 0.4), start(None, 0.4)])
    assert [one.reached for one in report.aims] == [True, False]
    assert "| first caption: first segment | 400 | never | 2 |" in report.tables[0].markdown()


def test_memory_is_explained_part_by_part_with_aims_in_millions_of_bytes() -> None:
    """The last row is what a process by itself did not have."""
    parts = [("the interpreter", 10 * MEBI), ("numpy", 30 * MEBI)]
    report = memory.report("embedded", parts, (50 * MEBI, 60 * MEBI, 60 * MEBI + 16_000_000))
    idle, track = report.aims
    assert idle.measured == pytest.approx(52.4288)
    assert (track.measured, track.reached) == (2.0, True)
    rows = report.tables[0].rows
    assert ["numpy", "20.0", "30.0"] in rows
    assert ["event loop, application, allocator", "20.0", "50.0"] in rows


def test_the_parts_of_the_real_service_can_be_loaded_one_by_one() -> None:
    """As far as the imports: weights are loaded by other tests."""
    loading: Iterator[str] = steps()
    names = [next(loading) for _ in range(4)]
    assert names[0] == "the interpreter"
    assert "imported" in names[-1]
    assert resident_bytes() > MEBI


def test_use_is_split_by_who_used_it() -> None:
    """What no one of us used, another process did."""
    before, after = CpuReading(10.0, 3.0, 3.0, 50.0), CpuReading(20.0, 5.5, 3.25, 55.0)
    assert cpu_use(before, after) == CpuUse(10.0, 2.5, 0.25, 2.25)
    meters = Meters(os.getpid())
    assert meters.cpu().server_s > 0.0
    assert meters.rss_bytes() == meters.peak_rss_bytes > 0


def turn(mode: str, *first_s: float | None) -> Turn:
    each = tuple(replace(EACH, first_s=one) for one in first_s)
    return Turn(mode, replace(ONE, each=each))


def test_the_ratio_beside_texts_is_that_of_all_turns_together() -> None:
    """Of the 95th percentiles; an utterance that was never captioned is no success."""
    turns = [turn(ALONE, 0.4, 0.5), turn(BESIDE, 0.3, 0.55), turn(BESIDE, 0.2)]
    report = texts.report("embedded", 2, turns)
    assert report.aims[0].measured == pytest.approx(1.1)
    assert all(one.reached for one in report.aims)
    assert "| beside texts | 300 | 550 | 3 |" in report.tables[0].markdown()
    assert json.dumps(report.document)
    report = texts.report("embedded", 2, [turn(ALONE, 0.4), turn(BESIDE, 0.4, None)])
    assert [one.reached for one in report.aims] == [False, False]


def test_the_load_asks_for_what_the_service_takes() -> None:
    """Another meeting each time."""
    randomness = random.Random(1)
    asked = [transcript(["Hello.", "Who comes?"], randomness) for _ in range(2)]
    for one in asked:
        assert len(parse_request(json.dumps(one).encode()).transcript.segments) == SEGMENTS
    assert asked[0]["segments"] != asked[1]["segments"]


def test_the_plain_loop_of_embeddings_is_the_same_model() -> None:
    """In the order asked; the texts are mixed, and always the same."""
    try:
        with open_embedder(Settings()) as embedder:
            some = embeddings.mixed_texts(Settings(), 40)
            expected = [embedder.embed(embedder.tokenise([text])) for text in some]
            loop = embeddings.PlainLoop(Settings(), embedder.tokenise)
            np.testing.assert_allclose(loop.embed(some), np.concatenate(expected), atol=1e-5)
    except StartupFailed as error:
        pytest.skip(str(error))
    assert some == embeddings.mixed_texts(Settings(), 40)
    assert {len(text.split()) < 10 for text in some} == {True, False}


def test_the_figures_of_embeddings_are_medians_and_percentiles() -> None:
    """A question has its aim."""
    report = embeddings.report(
        {
            "tokens": 1_000,
            "seconds": {"service": [2.0, 1.0, 9.0], "loop": [4.0]},
            "short_tokens": [4, 9, 17],
            "short_ms": [[5.0], [6.04, 7.0], [9.0]],
            "difference": 1e-7,
            "rss": [245 * MEBI, 301 * MEBI],
        }
    )
    whole, short = report.tables
    assert ["service", "2.00", "128", "500"] in whole.rows
    assert ["9 tokens", "6.0", "7.0", "7.0"] in short.rows
    assert all(one.reached for one in report.aims)
