"""Benchmarks of the real service; docs/benchmarks.md defines the figures."""


class BenchmarkFailed(Exception):
    """The server or a connection did what it must not: the run has no figures."""
