"""Weights: a manifest that names every file, pulled, verified and mapped read-only. Blocking."""

from wordloop_ml.weights.manifest import (
    HttpsSource,
    Manifest,
    RepositorySource,
    Source,
    WeightsEntry,
    WheelSource,
    load_manifest,
    parse_manifest,
)
from wordloop_ml.weights.store import MappedWeights, is_marked, open_mapped, verify

__all__ = [
    "HttpsSource",
    "Manifest",
    "MappedWeights",
    "RepositorySource",
    "Source",
    "WeightsEntry",
    "WheelSource",
    "is_marked",
    "load_manifest",
    "open_mapped",
    "parse_manifest",
    "verify",
]
