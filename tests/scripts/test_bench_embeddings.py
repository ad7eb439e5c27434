"""The benchmark of embeddings: its texts, its plain loop, and its tables."""

from collections.abc import Iterator

import numpy as np
import pytest

from scripts.benchmark.embeddings import PlainLoop, mixed_texts, report
from wordloop_ml.engines.catalogue import open_embedder
from wordloop_ml.engines.loads import LoadedModels
from wordloop_ml.errors import StartupFailed
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings


@pytest.fixture(scope="module")
def embedder() -> Iterator[Embedder]:
    """The real model, where its weights are."""
    try:
        with open_embedder(Settings(), loaded=LoadedModels()) as one:
            yield one
    except StartupFailed as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("embedder")
def test_the_texts_are_mixed_and_always_the_same() -> None:
    """Most are short, a few are long."""
    texts = mixed_texts(Settings())
    assert texts == mixed_texts(Settings())
    lengths = sorted(len(text.split()) for text in texts)
    assert len(texts) == 256
    assert lengths[0] >= 3
    assert lengths[128] < 40
    assert lengths[-1] > 100


def test_the_plain_loop_is_the_same_model(embedder: Embedder) -> None:
    """In the order asked."""
    texts = mixed_texts(Settings(), 40)
    expected = np.concatenate([embedder.embed(embedder.tokenise([text])) for text in texts])
    loop = PlainLoop(Settings(), embedder.tokenise, 1)
    np.testing.assert_allclose(loop.embed(texts), expected, atol=1e-5)


def test_the_tables_show_every_figure() -> None:
    """As Markdown."""
    shown = report(
        {
            "processor": "a CPU",
            "tokens": 1_000,
            "seconds": {"service": 2.0, "loop": 4.0},
            "short_ms": [{"tokens": 9, "p50": 6.04, "p95": 7.0, "p99": 9.0}],
            "largest_difference": 1e-7,
            "idle_mib": 245.2,
            "grown_mib": 300.9,
        }
    )
    assert "| service | 2.00 | 128 | 500 |" in shown
    assert "| 9 tokens | 6.0 | 7.0 | 9.0 |" in shown
    assert "245 MiB idle, 301 MiB" in shown
