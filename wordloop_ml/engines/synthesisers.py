"""Which ways of writing a synthesis there are, with what a profile has loaded."""

from typing import Any

from wordloop_ml.ports import Embedder, Generator
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.generative.synthesiser import GenerativeSynthesiser
from wordloop_ml.synthesis.messages import MadeBy
from wordloop_ml.synthesis.synthesiser import Synthesiser


def synthesisers_of(
    embedder: Embedder | None, generator: Generator | None
) -> dict[str, Synthesiser[Any]]:
    """By kind (``MadeBy.kind``), the default first. Both need an embedder: it checks the evidence."""
    if embedder is None:
        return {}
    offered: dict[str, Synthesiser[Any]] = {}
    if generator is not None:
        writes = generator.capabilities
        made_by = MadeBy("generative", writes.name, writes.model, writes.digest)
        offered[made_by.kind] = GenerativeSynthesiser(made_by)
    extractive = ExtractiveSynthesiser(embedder.capabilities)
    offered[extractive.made_by.kind] = extractive
    return offered
