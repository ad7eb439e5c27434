"""Models are in memory once."""

import pytest

from wordloop_ml.engines.loaded_models import LoadedModels, ModelLoads
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.weights.manifest import HttpsSource, WeightsEntry


def entry(name: str, sha256: str) -> WeightsEntry:
    source = HttpsSource("https://example.org/weights.bin")
    return WeightsEntry(name, f"{name}.bin", 1, sha256, "MIT", "scripted", (source,))


def test_a_place_is_free_again_after_a_failure() -> None:
    """Whatever went wrong while it was held."""
    models = LoadedModels()
    with pytest.raises(RuntimeError), models.hold("transcriber", entry("a", "0")):
        raise RuntimeError
    with models.hold("transcriber", entry("a", "0")):
        pass
    assert models.statistics() == ()


def test_a_second_model_with_the_same_content_is_refused() -> None:
    """By digest, whatever its row is called; in another role it is another model."""
    models = LoadedModels()
    with models.hold("transcriber", entry("a", "0")):
        with models.hold("voice_detector", entry("a", "0")):
            pass
        with models.hold("transcriber", entry("b", "1")):
            pass
        with (
            pytest.raises(StartupFailed, match="close those engines first") as caught,
            models.hold("transcriber", entry("b", "0")),
        ):
            pass
    assert caught.value.code is ErrorCode.ALREADY_LOADED


def test_loads_are_counted_by_role_and_model() -> None:
    """In the order in which they came."""
    models = LoadedModels()
    models.count("voice_detector", entry("b", "1"))
    models.count("transcriber", entry("a", "0"))
    assert models.statistics() == (
        ModelLoads("voice_detector", "b", 1),
        ModelLoads("transcriber", "a", 1),
    )
