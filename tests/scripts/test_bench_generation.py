"""The benchmark of a language model: whose, and from which reading."""

import pytest

from scripts.benchmark import BenchmarkFailed
from scripts.benchmark.generation import generator_entry, resident_mb
from wordloop_ml.settings import read_settings


def test_the_model_is_that_of_the_profile() -> None:
    """One without a language model is refused by name."""
    entry = generator_entry(read_settings({"WORDLOOP_PROFILE": "generative"}))
    assert entry.engine == "llama_cpp"
    with pytest.raises(BenchmarkFailed, match="embedded names no generator"):
        generator_entry(read_settings({"WORDLOOP_PROFILE": "embedded"}))


def test_resident_memory_is_anonymous_or_of_files() -> None:
    """In megabytes; pytest alone has several of each."""
    resident = resident_mb()
    assert set(resident) == {"anonymous", "file"}
    assert all(1 < size < 100_000 for size in resident.values())
