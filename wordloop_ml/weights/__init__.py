"""Weights: a manifest that names every file, pulled, verified and mapped read-only. Blocking."""

from wordloop_ml.weights.manifest import (
    Calibration,
    HttpsSource,
    Manifest,
    RepositorySource,
    Source,
    WeightsEntry,
    WheelSource,
    load_manifest,
    parse_manifest,
)
from wordloop_ml.weights.memory import (
    MemoryLimit,
    memory_limit,
    require_memory,
    resident_bytes,
)
from wordloop_ml.weights.pull import pull
from wordloop_ml.weights.store import MappedWeights, is_marked, open_mapped, verify
from wordloop_ml.weights.terms import PullPhase, PullPolicy, PullProgress

__all__ = [
    "Calibration",
    "HttpsSource",
    "Manifest",
    "MappedWeights",
    "MemoryLimit",
    "PullPhase",
    "PullPolicy",
    "PullProgress",
    "RepositorySource",
    "Source",
    "WeightsEntry",
    "WheelSource",
    "is_marked",
    "load_manifest",
    "memory_limit",
    "open_mapped",
    "parse_manifest",
    "pull",
    "require_memory",
    "resident_bytes",
    "verify",
]
