"""Reads the settings from ``WORDLOOP_*`` once, at start-up, into one frozen object."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from wordloop_ml.cgroup import usable_cpus
from wordloop_ml.errors import ErrorCode, StartupFailed

PREFIX = "WORDLOOP_"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
"""As browsers send it: lower case, no path, no slash at the end (RFC 6454, 6.2). Programs that are
browsers inside have schemes of their own (``app://obsidian.md``)."""


_MODEL_URL = re.compile(
    r"http://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"/v2/models/[A-Za-z0-9._-]+(?:/versions/[0-9]+)?"
)
"""A model of the Open Inference Protocol."""


_TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""A tenant, as files of tokens name them."""

_REMOVED = {"guards": "is no setting any more: guards judge every text of a model"}
"""Settings of the past, and what holds now: who still sets one learns of it at the start."""


def _default_weights() -> Path:
    """Return ``weights/`` of the checkout that this package runs from, else of the working directory."""
    checkout = Path(__file__).resolve().parent.parent / "weights"
    return checkout if checkout.is_dir() else Path("weights")


def _setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    secret: bool = False,
) -> Any:
    """Make a field with its documentation and its bounds (both inclusive); ``repr`` leaves a secret out."""
    metadata = {"doc": doc, "low": low, "high": high}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set; docs/settings.md has a row for each field."""

    host: str = _setting("127.0.0.1", "address to listen on; loopback only without a token")
    port: int = _setting(8090, "port to listen on; 0 picks a free one", low=0, high=65_535)
    token: str = _setting(
        "", "bearer token that every route but health requires; empty for none", secret=True
    )
    tokens_file: str = _setting("", "file of tenants and their tokens, instead of one token")
    allowed_origins: str = _setting("", "origins whose pages may connect, separated by commas")
    wyoming_port: int = _setting(
        0,
        "port of the Wyoming protocol, which has no authentication; 0 for none",
        low=0,
        high=65_535,
    )
    wyoming_host: str = _setting("127.0.0.1", "address to listen on for the Wyoming protocol")
    wyoming_tenant: str = _setting("default", "tenant of whoever speaks the Wyoming protocol")
    metrics_port: int = _setting(
        0,
        "port of /metrics, on the same address and without a token; 0 for none",
        low=0,
        high=65_535,
    )
    traces: str = _setting("off", "on sends traces by OTLP as OTEL_* variables say, off makes none")
    page: str = _setting("off", "on serves the page at /, off does not")
    weights: Path = _setting(_default_weights, "folder of the manifest and the weight files")
    profile: str = _setting("embedded", "which profile of the manifest to serve")
    workers: int = _setting(
        lambda: min(usable_cpus(), 8), "inference threads, each one decode", low=1, high=64
    )
    threads: int = _setting(1, "native threads inside one decode", low=1, high=64)
    binding: str = _setting(
        "pywhispercpp", "which build of whisper.cpp: pywhispercpp or whisper_cpp_python"
    )
    final_beams: int = _setting(
        0,
        "hypotheses that the decode of a final follows; 0 takes the engine's own number",
        low=0,
        high=8,
    )
    transcriber_url: str = _setting(
        "", "model of the inference protocol that transcribes in place of a local one"
    )
    embedder_url: str = _setting("", "likewise, for embeddings")
    generator_url: str = _setting("", "likewise, for the language model")
    engine_deadline_s: float = _setting(
        10.0, "how long an engine elsewhere may take for one call", low=0.1, high=300.0
    )
    max_meetings: int = _setting(64, "live meetings in this process", low=1, high=10_000)
    max_tracks: int = _setting(32, "live tracks in one meeting", low=1, high=1_000)
    stretch_load: float = _setting(
        0.6, "load from which interims come less often", low=0.01, high=1_000.0
    )
    drop_load: float = _setting(
        0.65, "load from which interims that had to wait are dropped", low=0.01, high=1_000.0
    )
    new_meeting_load: float = _setting(
        0.7, "load from which new meetings are refused", low=0.01, high=1_000.0
    )
    resume_load: float = _setting(
        0.95, "use of the threads from which resumed tracks are refused", low=0.01, high=1_000.0
    )
    audio_frames_per_s: int = _setting(
        500, "messages that one connection may send in a second", low=10, high=1_000
    )
    realtime_factor: int = _setting(
        2, "seconds of live audio that one connection may send in a second", low=1, high=100
    )
    idle_s: float = _setting(
        60.0,
        "a connection that sends no message and no ping for this long is closed",
        low=1.0,
        high=3_600.0,
    )
    syntheses: int = _setting(1, "syntheses that run at once", low=1, high=16)
    syntheses_waiting: int = _setting(
        8, "syntheses that may wait for their turn", low=0, high=1_000
    )
    notes_cache_mb: int = _setting(
        64, "memory for notes of transcripts that may be posted again, grown", low=0, high=4_096
    )
    files: int = _setting(8, "uploaded files that are transcribed at once", low=1, high=64)
    files_waiting: int = _setting(
        16, "uploaded files that may wait for their turn", low=0, high=1_000
    )
    file_mb: int = _setting(256, "MiB that an uploaded file may have", low=1, high=65_536)
    spool_mb: int = _setting(
        1_024, "MiB on disk for all uploaded files together", low=1, high=1_048_576
    )
    spool_dir: str = _setting("", "folder for uploaded files; empty for the system's own")
    drain_listen_s: float = _setting(
        5.0, "on SIGTERM, how long the listener stays open for the balancer", low=0.0, high=60.0
    )
    drain_deadline_s: float = _setting(
        15.0, "on SIGTERM, how long the last finals may take", low=0.1, high=300.0
    )
    log_level: str = _setting("info", "debug, info, warning or error")
    log_format: str = _setting("json", "json, or console for people")

    @property
    def remote_urls(self) -> dict[str, str]:
        """The addresses of engines elsewhere, by role; none for a role that is local."""
        urls = {
            "transcriber": self.transcriber_url,
            "embedder": self.embedder_url,
            "generator": self.generator_url,
        }
        return {role: url for role, url in urls.items() if url}

    @property
    def origins(self) -> frozenset[str]:
        """The origins of ``allowed_origins``."""
        return frozenset(one.strip() for one in self.allowed_origins.split(",") if one.strip())

    @property
    def serves_page(self) -> bool:
        """Whether the page at ``/`` is on."""
        return self.page == "on"

    @property
    def makes_traces(self) -> bool:
        """Whether traces are made and sent."""
        return self.traces == "on"

    @property
    def listens_on_loopback(self) -> bool:
        """Whether nobody outside this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + name.upper()


def default_of(name: str) -> object:
    """Return a field's default, as documents show it; raises ``KeyError`` for no field."""
    for one in fields(Settings):
        if one.name == name:
            if one.default is not MISSING:
                return one.default
            if one.default_factory is not MISSING:
                return one.default_factory()
    raise KeyError(name)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings of this environment.

    Raises ``StartupFailed`` (``bad_setting``), which names the variable and the rule that it breaks.
    """
    for name, rule in _REMOVED.items():
        if environment.get(variable(name), "").strip():
            raise _refused(name, rule)
    values: dict[str, Any] = {}
    for one in fields(Settings):
        text = environment.get(variable(one.name), "").strip()
        if not text:  # how compose files and shells pass on what is not set
            continue
        values[one.name] = _parse(one.name, one.type, text)
        _check_bounds(one.name, values[one.name], one.metadata["low"], one.metadata["high"])
    settings = Settings(**values)
    _check_choices(settings)
    return settings


def require_token_beyond_loopback(settings: Settings) -> None:
    """Refuse to listen beyond loopback without a token. Raises ``StartupFailed`` (``bad_setting``)."""
    if settings.token or settings.tokens_file or settings.listens_on_loopback:
        return
    raise _refused(
        "host",
        f"is not a loopback address and {variable('token')} is not set, nor "
        f"{variable('tokens_file')}: set one, or listen on 127.0.0.1",
    )


def _parse(name: str, kind: Any, text: str) -> Any:
    """Parse a variable's text as the field's type."""
    try:
        return kind(text)
    except ValueError:
        expected = {int: "a whole number", float: "a number"}.get(kind, str(kind))
        raise _refused(name, f"is not {expected}") from None


def _check_bounds(name: str, value: Any, low: float | None, high: float | None) -> None:
    if low is not None and high is not None and not low <= value <= high:
        raise _refused(name, f"is {value}, outside {low:g} to {high:g}")


_CHOICES = {
    "log_level": ({"debug", "info", "warning", "error"}, "is not debug, info, warning or error"),
    "binding": (
        {"pywhispercpp", "whisper_cpp_python"},
        "is neither pywhispercpp nor whisper_cpp_python",
    ),
    "log_format": ({"json", "console"}, "is neither json nor console"),
    "page": ({"on", "off"}, "is neither on nor off"),
    "traces": ({"on", "off"}, "is neither on nor off"),
}


def _check_choices(settings: Settings) -> None:
    for name, (choices, rule) in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise _refused(name, rule)
    loads = ("stretch_load", "drop_load", "new_meeting_load", "resume_load")
    for lower, higher in pairwise(loads):
        if getattr(settings, higher) < getattr(settings, lower):
            raise _refused(higher, f"is below {variable(lower)}: what gives way comes in order")
    if settings.file_mb > settings.spool_mb:
        raise _refused("file_mb", f"is above {variable('spool_mb')}: no such file would fit")
    if settings.token and settings.tokens_file:
        raise _refused(
            "token", f"and {variable('tokens_file')} are both set: tokens have one place"
        )
    if not _TENANT.fullmatch(settings.wyoming_tenant):
        raise _refused("wyoming_tenant", "is no tenant: 1 to 64 of A-Z a-z 0-9 _ . -")
    _check_urls(settings)
    if not all(_ORIGIN.fullmatch(origin) for origin in settings.origins):
        raise _refused(
            "allowed_origins",
            "is not a list of origins as browsers send them, such as https://app.example.org",
        )


def _check_urls(settings: Settings) -> None:
    for role, url in settings.remote_urls.items():
        if not _MODEL_URL.fullmatch(url):
            raise _refused(f"{role}_url", "is not of the form http://host:port/v2/models/name")


def _refused(name: str, rule: str) -> StartupFailed:
    return StartupFailed(f"{variable(name)} {rule}", code=ErrorCode.BAD_SETTING)
