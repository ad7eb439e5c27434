"""What a run serves: a profile of the shipped manifest, or a speed twin."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmark.text_twins import prepare_text_twins, text_profile
from scripts.benchmark.twins import prepare_twins, twin_settings
from wordloop_ml.settings import read_settings

TWINS = Path("build/twins")


@dataclass(frozen=True, slots=True)
class Subject:
    """The weights under test.

    name: for the table. settings: the service's variables that choose them.
    has_words: false for a twin: what it says means nothing, so that no figure about words is kept.
    """

    name: str
    settings: Mapping[str, str]
    has_words: bool


def of_profile(profile: str) -> Subject:
    """Weights that were trained."""
    return Subject(profile, {"WORDLOOP_PROFILE": profile}, has_words=True)


def of_texts(name: str) -> Subject:
    """A twin that shares its process with an embedder and a language model's twin; blocking."""
    prepare_text_twins(name, TWINS, read_settings({}).weights)
    settings = {**twin_settings(name, TWINS.resolve()), "WORDLOOP_PROFILE": text_profile(name)}
    return Subject(f"{name} twin", settings, has_words=False)


def of_twin(name: str) -> Subject:
    """A twin of this published model; blocking: it is made when it is not there."""
    prepare_twins([name], TWINS, read_settings({}).weights)
    return Subject(f"{name} twin", twin_settings(name, TWINS.resolve()), has_words=False)
