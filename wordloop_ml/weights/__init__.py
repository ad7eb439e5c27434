"""Weights: a manifest that names every file, pulled, verified and mapped read-only. Blocking."""

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
from wordloop_ml.weights.memory import (
    require_memory,
    resident_bytes,
)
from wordloop_ml.weights.pull import pull
from wordloop_ml.weights.store import MappedWeights, is_marked, open_mapped, verify
from wordloop_ml.weights.terms import PullPhase, PullPolicy, PullProgress
from wordloop_ml.weights.whisper_ggml import Matrices

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
