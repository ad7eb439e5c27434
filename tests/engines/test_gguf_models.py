"""The written model: the same for the same seed."""

from pathlib import Path

from tests.engines.gguf_models import write_tiny


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    """To the byte; another makes another."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_tiny(tmp_path / name, seed=seed)
    one, same, other = ((tmp_path / name).read_bytes() for name in "abc")
    assert one == same != other
