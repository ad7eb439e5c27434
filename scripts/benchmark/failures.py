"""What makes a run worthless."""


class BenchmarkFailed(Exception):
    """The server or a connection did what it must not: there are no figures."""
