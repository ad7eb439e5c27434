"""The Containerfile: what it builds from is there, reaches the build, and is all that is needed."""

import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from wordloop_ml.weights.manifest import (
    ConvertedSource,
    RepositorySource,
    WeightsEntry,
    load_manifest,
)

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "weights"
MANIFEST = load_manifest(WEIGHTS / "manifest.toml")
IGNORED = (ROOT / ".containerignore").read_text().splitlines()


def copied() -> dict[str, str]:
    """Every path that is copied from the repository, and where to."""
    lines = (ROOT / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    places = {}
    for line in lines:
        instruction, *arguments = line.split() or [""]
        if instruction == "COPY" and not arguments[0].startswith("--from="):
            *sources, to = arguments
            for source in sources:
                places[source] = to + Path(source).name if to.endswith("/") else to
    return places


def reaches_the_build(path: str) -> bool:
    """By .containerignore, whose last line that matches decides; a folder decides for its files."""
    ignored = False
    paths = [path, *(str(one) for one in Path(path).parents)]
    for line in IGNORED:
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            bare = pattern.removeprefix("!")
            names = paths
            if bare.startswith("**/"):
                bare, names = bare.removeprefix("**/"), [Path(one).name for one in paths]
            if any(fnmatch(one, bare) for one in names):
                ignored = not pattern.startswith("!")
    return not ignored


def files_of(profile: str) -> list[WeightsEntry]:
    """Everything that a pull of the profile may fetch."""
    files: list[WeightsEntry] = []
    left = list(MANIFEST.profile(profile).values())
    while left:
        entry = left.pop()
        files.append(entry)
        left += MANIFEST.companions(entry).values()
        for source in entry.sources:
            if isinstance(source, ConvertedSource):
                left += [source.model, source.vocabulary]
    return files


@pytest.mark.parametrize("profile", MANIFEST.profiles)
def test_every_file_that_the_repository_ships_for_a_profile_is_copied(profile: str) -> None:
    """To its place beside the manifest: the pull inside the build finds nothing else."""
    places = copied()
    shipped = [
        source.path
        for entry in files_of(profile)
        for source in entry.sources
        if isinstance(source, RepositorySource)
    ]
    assert shipped
    for path in [WEIGHTS / "manifest.toml", *shipped]:
        assert places.get(str(path.relative_to(ROOT))) == f"/opt/{path.relative_to(ROOT)}"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what is part of it is asked of git")
@pytest.mark.parametrize("path", copied())
def test_what_is_copied_is_there_and_reaches_the_build(path: str) -> None:
    """It is part of the repository, and .containerignore lets it through."""
    tracked = subprocess.run(
        ["git", "ls-files", "--", path],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert tracked
    assert all(reaches_the_build(one) for one in [path, *tracked])


def test_what_is_not_copied_does_not_reach_the_build() -> None:
    """Gigabytes of weights would be sent to the builder each time."""
    assert not reaches_the_build("weights/ggml-small.en.bin")
    assert not reaches_the_build("tests/conftest.py")
    assert not reaches_the_build("wordloop_ml/__pycache__/cli.pyc")
