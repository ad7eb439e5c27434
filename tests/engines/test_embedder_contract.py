"""What every embedder promises, whatever is behind it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inference_server import InferenceServer, served_elsewhere, serving
from wordloop_ml.engines.catalogue import LoadedModels, open_embedder
from wordloop_ml.engines.remote_engines import RemoteEmbedder
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.engines.served_models import Identity, ServedEmbedder
from wordloop_ml.errors import EngineFailed, StartupFailed
from wordloop_ml.messages import TokenisedText, Vectors
from wordloop_ml.ports import Embedder
from wordloop_ml.settings import Settings

TEXTS = [
    "We ship on Friday.",
    "",
    "The release goes out at the end of the week, if nobody objects.",
    "\0\t\n \u2028 \ufeff",
    "[SEP] [PAD] [CLS]",
    "naïve café, 東京, 👩‍👩‍👧word " * 1_000,
    "unbroken" * 1_000,
    "a",
]


@pytest.fixture(params=["scripted", "minilm", "remote", "elsewhere"], scope="module")
def embedder(request: pytest.FixtureRequest) -> Iterator[Embedder]:
    """Every embedder there is."""
    if request.param == "scripted":
        yield ScriptedEmbedder()
        return
    if request.param == "remote":
        identity = Identity("embedder", "served", "0" * 64)
        server = InferenceServer({"e": ServedEmbedder(ScriptedEmbedder(), identity)})
        with serving(server) as port:
            url = f"http://127.0.0.1:{port}/v2/models/e"
            model = RemoteModel(
                url, role=identity.role, model="served", digest=identity.digest, deadline_s=30.0
            )
            with closing(RemoteEmbedder.open(model)) as elsewhere:
                yield elsewhere
        return
    if request.param == "elsewhere":
        with closing(RemoteEmbedder.open(served_elsewhere("embedder"))) as elsewhere:
            yield elsewhere
        return
    try:
        with open_embedder(Settings(), loaded=LoadedModels()) as one:
            yield one
    except StartupFailed as error:
        pytest.skip(str(error))


def embed(embedder: Embedder, texts: list[str]) -> Vectors:
    return embedder.embed(embedder.tokenise(texts))


def test_vectors_are_as_declared(embedder: Embedder) -> None:
    """float32, one row a text, of length 1."""
    made = embedder.capabilities
    vectors = embed(embedder, TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), made.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert len(made.digest) == 64


def test_no_texts_have_no_vectors(embedder: Embedder) -> None:
    """And no tokens."""
    assert embedder.tokenise([]) == []
    assert embedder.embed([]).shape == (0, embedder.capabilities.dimensions)


def test_what_is_too_long_is_cut_at_its_end_and_counted(embedder: Embedder) -> None:
    """The same marks stand around what is left."""
    longest = embedder.capabilities.longest_tokens
    short, long, longer = embedder.tokenise(["word", "word " * 300, "word " * 1_300])
    assert short.dropped == 0
    assert len(long.ids) == len(longer.ids) == longest
    assert longer.dropped == long.dropped + 1_000
    assert long.dropped + longest == 300 + len(short.ids) - 1
    assert long.ids == longer.ids
    assert (long.ids[0], long.ids[-1]) == (short.ids[0], short.ids[-1])


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(st.text(max_size=200), min_size=1, max_size=8))
def test_any_text_is_tokenised_within_bounds(embedder: Embedder, texts: list[str]) -> None:
    """Whatever a stranger sends; each text as if it were alone."""
    read = embedder.tokenise(texts)
    assert len(read) == len(texts)
    for text, one in zip(texts, read, strict=True):
        assert 1 <= len(one.ids) <= embedder.capabilities.longest_tokens
        assert one.dropped >= 0
        assert embedder.tokenise([text]) == [one]


def test_a_vector_does_not_depend_on_its_company(embedder: Embedder) -> None:
    """Alone, beside longer texts and in any order: the same within 1e-5."""
    together = embed(embedder, TEXTS)
    backwards = embed(embedder, TEXTS[::-1])[::-1]
    alone = np.concatenate([embed(embedder, [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(backwards, alone, atol=1e-5)


def test_threads_do_not_disturb_each_other(embedder: Embedder) -> None:
    """Calls are safe on any thread, at any time."""
    expected = embed(embedder, TEXTS)
    with ThreadPoolExecutor(4) as threads:
        for vectors in threads.map(lambda _: embed(embedder, TEXTS), range(8)):
            np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_texts_about_one_thing_are_near(embedder: Embedder) -> None:
    """Nearer than others."""
    vectors = embed(
        embedder, ["we ship on friday", "on friday we ship it", "the coffee machine leaks"]
    )
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]


def test_tokens_that_no_model_reads_are_refused(embedder: Embedder) -> None:
    """None at all, or more than it said: a bug in the caller, not a wrong vector."""
    longest = embedder.capabilities.longest_tokens
    for ids in ((), (1,) * (longest + 1)):
        with pytest.raises(EngineFailed):
            embedder.embed([TokenisedText(ids)])


def test_a_closed_embedder_embeds_nothing() -> None:
    """Closing twice is harmless."""
    embedder = ScriptedEmbedder()
    read = embedder.tokenise(["a"])
    embedder.close()
    embedder.close()
    with pytest.raises(EngineFailed):
        embedder.embed(read)
