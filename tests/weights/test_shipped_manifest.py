"""The manifest that this repository ships, and the file that it ships with it."""

import re
from pathlib import Path

import pytest

from wordloop_ml.weights.manifest import (
    ConvertedSource,
    HttpsSource,
    RepositorySource,
    WheelSource,
    load_manifest,
)
from wordloop_ml.weights.store import verify

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "weights"
MANIFEST = load_manifest(WEIGHTS / "manifest.toml")


def test_the_profiles_are_those_of_the_documents() -> None:
    """From the package index, from a hub, and with a language model; each in order of cost."""
    assert list(MANIFEST.profiles) == [
        "embedded",
        "embedded-whisper-cpp",
        "multilingual",
        "multilingual-whisper-cpp",
        "generative",
        "small",
        "quality",
        "small-generative",
        "quality-generative",
    ]


def test_the_generative_profile_needs_a_package_index_at_most() -> None:
    """Its first sources are wheels and the repository itself."""
    files = list(MANIFEST.profile("generative").values())
    files += [one for entry in files for one in MANIFEST.companions(entry).values()]
    firsts = {entry.name: type(entry.sources[0]) for entry in files}
    assert firsts == {
        "tiny.en": WheelSource,
        "tiny.en-vocabulary": WheelSource,
        "tiny.en-config": WheelSource,
        "silero-vad": WheelSource,
        "all-minilm-l6-v2": WheelSource,
        "all-minilm-l6-v2-graph": RepositorySource,
        "all-minilm-l6-v2-tokenizer": WheelSource,
        "qwen2.5-coder-1.5b-instruct": WheelSource,
    }


def test_the_generative_profile_is_the_default_one_and_a_language_model() -> None:
    """So that captions are the same."""
    roles = dict(MANIFEST.profiles["generative"])
    assert roles.pop("generator") == "qwen2.5-coder-1.5b-instruct"
    assert roles == MANIFEST.profiles["embedded"]


@pytest.mark.parametrize(
    ("name", "parts"), [("qwen2.5-coder-0.5b-instruct", 6), ("qwen2.5-coder-1.5b-instruct", 22)]
)
def test_a_language_model_is_joined_in_order_or_fetched_from_its_hub(name: str, parts: int) -> None:
    """Each wheel once, by its number."""
    joined, served = MANIFEST.entries[name].sources
    assert isinstance(joined, WheelSource)
    assert isinstance(served, HttpsSource)
    numbers = [re.findall(r"part(\d+)", f"{one.package} {one.member}") for one in joined.members]
    assert [{int(number) for number in found} for found in numbers] == [
        {number} for number in range(1, parts + 1)
    ]


@pytest.mark.parametrize("profile", ["embedded-whisper-cpp", "multilingual-whisper-cpp"])
def test_a_published_file_is_made_from_wheels_or_fetched_from_its_hub(profile: str) -> None:
    """The same bytes: the digest is the published file's, whichever way they came."""
    made, served = MANIFEST.profile(profile)["transcriber"].sources
    assert isinstance(made, ConvertedSource)
    assert isinstance(served, HttpsSource)
    beside = MANIFEST.profile(profile.removesuffix("-whisper-cpp"))
    assert beside["transcriber"] == made.model
    assert MANIFEST.companions(made.model)["vocabulary"] == made.vocabulary


@pytest.mark.parametrize("profile", ["embedded", "multilingual"])
def test_a_model_of_ctranslate2_has_its_companions_from_the_same_wheel(profile: str) -> None:
    """A vocabulary or configuration of another export would fit its bytes, not its tokens."""
    model = MANIFEST.profile(profile)["transcriber"]
    companions = MANIFEST.companions(model)
    assert set(companions) == {"vocabulary", "config"}
    urls = [
        str(source.url).rpartition("/")[0]
        for entry in (model, *companions.values())
        for source in entry.sources
        if isinstance(source, HttpsSource)
    ]
    assert len(urls) == 3
    assert len(set(urls)) == 1


def test_every_row_is_of_use() -> None:
    """Some profile names it, or a row that a profile names."""
    used = {name for roles in MANIFEST.profiles.values() for name in roles.values()}
    used |= {one for name in used for one in MANIFEST.entries[name].companions.values()}
    # for whoever makes a profile of their own
    unused = {"qwen2.5-0.5b-instruct", "qwen2.5-coder-0.5b-instruct"}
    assert used == set(MANIFEST.entries) - unused


def test_every_hub_url_names_a_commit() -> None:
    """A branch or tag of a hub could move."""
    for entry in MANIFEST.entries.values():
        for source in entry.sources:
            if isinstance(source, HttpsSource) and source.host == "huggingface.co":
                assert re.search(r"/resolve/[0-9a-f]{40}/", source.url), entry.name


def test_every_row_has_a_licence_and_an_engine() -> None:
    """All of this release's may be used by anybody."""
    entries = MANIFEST.entries.values()
    assert {entry.licence for entry in entries} <= {"MIT", "Apache-2.0"}
    engines = {"ctranslate2", "whisper_cpp", "silero_vad", "minilm", "llama_cpp"}
    assert {entry.engine for entry in entries} <= engines


def test_what_is_shipped_is_what_the_manifest_says() -> None:
    """To the bit, and small enough for a repository."""
    entry = MANIFEST.entries["all-minilm-l6-v2-graph"]
    verify(entry, WEIGHTS, rehash=True)
    assert entry.bytes <= 16 << 20


def test_what_lies_in_the_repository_is_copied_into_the_image() -> None:
    """By a line of the Containerfile, past the list of what it may see."""
    copied = (ROOT / "Containerfile").read_text("utf-8")
    seen = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    files = {
        source.path.name
        for entry in MANIFEST.entries.values()
        for source in entry.sources
        if isinstance(source, RepositorySource)
    }
    for file in ("manifest.toml", *files):
        assert f"weights/{file} " in copied, file
        assert f"!weights/{file}" in seen, file
