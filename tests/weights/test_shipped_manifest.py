"""The manifest that this repository ships, and the file that it ships with it."""

import re
from pathlib import Path

import pytest

from wordloop_ml.weights import (
    HttpsSource,
    RepositorySource,
    WheelSource,
    load_manifest,
    verify,
)

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"
MANIFEST = load_manifest(WEIGHTS / "manifest.toml")


def test_the_profiles_are_those_of_the_documents() -> None:
    """In order of cost."""
    assert list(MANIFEST.profiles) == ["embedded", "small", "quality"]


def test_the_embedded_profile_needs_a_package_index_at_most() -> None:
    """Its first sources are a wheel and the repository itself."""
    firsts = [type(entry.sources[0]) for entry in MANIFEST.profile("embedded").values()]
    assert firsts == [RepositorySource, WheelSource]


def test_every_row_is_of_use() -> None:
    """Some profile names it."""
    used = {name for roles in MANIFEST.profiles.values() for name in roles.values()}
    assert used == set(MANIFEST.entries)


def test_every_hub_url_names_a_commit() -> None:
    """A branch or tag of a hub could move."""
    for entry in MANIFEST.entries.values():
        for source in entry.sources:
            if isinstance(source, HttpsSource) and source.host == "huggingface.co":
                assert re.search(r"/resolve/[0-9a-f]{40}/", source.url), entry.name


def test_every_row_has_a_licence_and_an_engine() -> None:
    """All of this release's are MIT."""
    assert {entry.licence for entry in MANIFEST.entries.values()} == {"MIT"}
    assert {entry.engine for entry in MANIFEST.entries.values()} <= {"whisper_cpp", "silero_vad"}


def test_the_model_that_is_shipped_is_the_one_of_the_manifest() -> None:
    """To the bit, and small enough for a repository."""
    nano = MANIFEST.entries["wordloop-nano"]
    if not (WEIGHTS / nano.file).exists():
        pytest.skip("this checkout has no weights/wordloop-nano.bin yet: run scripts/train_nano")
    verify(nano, WEIGHTS, rehash=True)
    assert nano.bytes <= 16 << 20
