"""Weights: a manifest that names every file, pulled, verified and mapped read-only. Blocking."""

from wordloop_ml.weights.conversion import Matrices
from wordloop_ml.weights.download import PullPhase, PullPolicy, PullProgress
from wordloop_ml.weights.manifest import (
    Calibration,
    ConvertedSource,
    HttpsSource,
    Manifest,
    RepositorySource,
    Source,
    WeightsEntry,
    WheelMember,
    WheelSource,
    load_manifest,
    parse_manifest,
)
from wordloop_ml.weights.pull import pull
from wordloop_ml.weights.store import (
    MappedWeights,
    is_marked,
    open_mapped,
    require_memory,
    resident_bytes,
    verify,
)

__all__ = [
    "Calibration",
    "ConvertedSource",
    "HttpsSource",
    "Manifest",
    "MappedWeights",
    "Matrices",
    "PullPhase",
    "PullPolicy",
    "PullProgress",
    "RepositorySource",
    "Source",
    "WeightsEntry",
    "WheelMember",
    "WheelSource",
    "is_marked",
    "load_manifest",
    "open_mapped",
    "parse_manifest",
    "pull",
    "require_memory",
    "resident_bytes",
    "verify",
]
