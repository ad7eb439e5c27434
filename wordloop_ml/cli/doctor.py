"""``wordloop-ml doctor``: says what the service would run with here, and what to change; loads no model."""

import argparse
import os
import platform
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from wordloop_ml import __version__
from wordloop_ml.cgroup import cpu_limit, memory_limit, usable_cpus
from wordloop_ml.cli.options import EXIT_FAILED
from wordloop_ml.engines.catalogue import MANIFEST, memory_needs
from wordloop_ml.engines.remote_model import RemoteModel
from wordloop_ml.engines.whisper_cpp_library import (
    built_instructions,
    cpu_instructions,
    find_library,
    open_library,
    read_record,
)
from wordloop_ml.errors import StartupFailed, WordloopError
from wordloop_ml.settings import Settings, read_settings, require_token_beyond_loopback, variable
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.tokens import parse_tokens, read_content
from wordloop_ml.weights.manifest import WeightsEntry, load_manifest
from wordloop_ml.weights.store import MEBIBYTE, MEETINGS_BYTES, resident_bytes, verify

ROOT = Path("/")

FASTER = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
"""Instruction sets that make decodes faster, as Linux spells them."""

OPENTELEMETRY = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")
"""What traces are made and sent with."""

LIMITING = ("DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
"""Variables by which the libraries of CTranslate2's matrix products use less than the CPU has."""


class State(StrEnum):
    """What a finding means for the service."""

    OK = "ok"
    CHANGE = "change"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    found: what there is. cure: what to change; empty for what is right.
    """

    state: State
    what: str
    found: str
    cure: str = ""

    def __str__(self) -> str:
        """Return the finding as a line."""
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.state:<7} {self.what:<12} {self.found}{cure}"


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``doctor`` command."""
    parser = commands.add_parser(
        "doctor",
        help="say what the service would run with here, and what to change",
        description="Look at CPU, libraries, threads, weights, memory and ports, as the service would "
        "find them. The status is 1 if it would not start. 'change' marks what would make it faster.",
    )
    parser.set_defaults(handler=_doctor)


def _doctor(_namespace: argparse.Namespace) -> int:
    configure_logs("error", "console")  # findings say what a log would
    failed = 0
    for finding in diagnose(os.environ):
        print(finding)
        failed += finding.state is State.FAILS
    print(f"It would not start: {failed} to mend." if failed else "It would start.")
    return EXIT_FAILED if failed else 0


def diagnose(environment: Mapping[str, str], filesystem: Path = ROOT) -> Iterator[Finding]:
    """Look at everything that the service needs. Blocking: reads weights that were not verified yet.

    filesystem: where ``proc`` and ``sys`` are.
    """
    yield Finding(
        State.OK,
        "version",
        f"wordloop-ml {__version__}, Python {platform.python_version()}, {platform.machine()}",
    )
    yield from _processor(filesystem)
    try:
        settings = read_settings(environment)
    except StartupFailed as error:
        yield Finding(State.FAILS, "settings", str(error))
        return
    yield from _access(settings)
    yield from _threads(settings, filesystem)
    yield from _traces(settings)
    try:
        manifest = load_manifest(settings.weights / MANIFEST)
        rows = manifest.profile(settings.profile)
    except StartupFailed as error:
        yield Finding(State.FAILS, "weights", str(error))
    else:
        elsewhere = {role: url for role, url in settings.remote_urls.items() if role in rows}
        for role, url in elsewhere.items():
            yield _engine_elsewhere(role, url, rows.pop(role))
        engine = rows["transcriber"].engine if "transcriber" in rows else ""
        yield from _ctranslate2(engine, environment, filesystem)
        yield from _whisper_cpp(engine, settings, filesystem)
        yield _onnxruntime()
        files = [
            file for row in rows.values() for file in (row, *manifest.companions(row).values())
        ]
        weights = [_weights(entry, settings.weights) for entry in files]
        yield from weights
        if all(one.state is State.OK for one in weights):
            yield _memory(settings, filesystem)
    yield from _ports(settings)


def _processor(filesystem: Path) -> Iterator[Finding]:
    source = filesystem / "proc/cpuinfo"
    there = cpu_instructions(source)
    if there is None:
        yield Finding(
            State.OK, "cpu", f"{platform.machine()}, whose instruction sets Linux does not name"
        )
        return
    fast = [name for name in FASTER if name in there]
    yield Finding(State.OK, "cpu", f"{_model_name(source)}: {' '.join(fast) or 'no AVX2'}")


def _model_name(source: Path) -> str:
    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines)
    return next((told.strip() for name, _, told in pairs if name.strip() == "model name"), "a CPU")


def _access(settings: Settings) -> Iterator[Finding]:
    found = f"profile {settings.profile}"
    try:
        require_token_beyond_loopback(settings)
        if settings.tokens_file:
            tokens = parse_tokens(read_content(Path(settings.tokens_file)))
            found += f", tenants with tokens: {tokens.tenants}"
    except StartupFailed as error:
        yield Finding(State.FAILS, "settings", str(error))
    else:
        yield Finding(State.OK, "settings", found)


def _threads(settings: Settings, filesystem: Path) -> Iterator[Finding]:
    usable, quota = usable_cpus(filesystem), cpu_limit(filesystem)
    wanted = settings.workers * settings.threads
    limit = "no quota" if quota is None else f"a quota of {quota:g}"
    found = (
        f"{settings.workers} workers x {settings.threads} for {usable} usable CPUs "
        f"({os.cpu_count()} in the machine, {limit})"
    )
    if wanted > usable:
        cure = f"they take time from each other: {variable('workers')}={max(1, usable // settings.threads)}"
        yield Finding(State.CHANGE, "threads", found, cure)
    elif wanted < min(usable, 8):
        cure = f"CPUs stay idle: unset {variable('workers')}"
        yield Finding(State.CHANGE, "threads", found, cure)
    elif quota is not None and not quota.is_integer():
        cure = "a thread is throttled: make the limit a whole number of CPUs"
        yield Finding(State.CHANGE, "threads", found, cure)
    else:
        yield Finding(State.OK, "threads", found)


def _traces(settings: Settings) -> Iterator[Finding]:
    if not settings.makes_traces:
        return
    try:
        versions = {name: metadata.version(name) for name in OPENTELEMETRY}
    except metadata.PackageNotFoundError as error:
        cure = "pip install wordloop-ml[tracing]"
        yield Finding(State.FAILS, "traces", f"no {error.name}", cure)
    else:
        found = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield Finding(State.OK, "traces", found)


def ctranslate2_kernels(there: frozenset[str] | None, environment: Mapping[str, str]) -> str:
    """Return which of its own kernels CTranslate2 takes, as it logs it (``CT2_VERBOSE=1``).

    It takes AVX-512 only where it is told to; its matrix products are another library's, which
    chooses for itself. there: what the CPU has; None where Linux does not say.
    """
    if forced := environment.get("CT2_FORCE_CPU_ISA"):
        return forced
    return next((name.upper() for name in ("avx2", "avx") if name in (there or ())), "GENERIC")


def _ctranslate2(
    engine: str, environment: Mapping[str, str], filesystem: Path
) -> Iterator[Finding]:
    if engine != "ctranslate2":
        return
    there = cpu_instructions(filesystem / "proc/cpuinfo")
    chosen = ctranslate2_kernels(there, environment)
    found = (
        f"{metadata.version('ctranslate2')}: kernels {chosen}, matrix products choose at run time"
    )
    limiting = [name for name in LIMITING if environment.get(name)]
    if limiting:
        cure = f"unless {', '.join(limiting)} forbids it: unset"
        yield Finding(State.CHANGE, "ctranslate2", found, cure)
    elif chosen in {"AVX", "GENERIC"} and there is not None:
        cure = "slow: unset CT2_FORCE_CPU_ISA" if "avx2" in there else "slow: take a CPU with AVX2"
        yield Finding(State.CHANGE, "ctranslate2", found, cure)
    else:
        yield Finding(State.OK, "ctranslate2", found)


def _whisper_cpp(engine: str, settings: Settings, filesystem: Path) -> Iterator[Finding]:
    if engine != "whisper_cpp" or settings.binding != "pywhispercpp":
        return
    try:
        path = find_library()
        built = built_instructions(open_library(path))
    except StartupFailed as error:
        yield Finding(State.FAILS, "whisper.cpp", str(error))
        return
    native = "native" if read_record(path) is not None else "wheel"
    found = f"{metadata.version('pywhispercpp')} ({native}), compiled for {_listed(built)}"
    there = cpu_instructions(filesystem / "proc/cpuinfo") or frozenset()
    unused = there.intersection(FASTER) - built
    if unused:
        cure = f"{_listed(unused)} unused: scripts/setup --native, or NATIVE=1 for the image"
        yield Finding(State.CHANGE, "whisper.cpp", found, cure)
    else:
        yield Finding(State.OK, "whisper.cpp", found)


def _listed(instructions: frozenset[str]) -> str:
    return " ".join(name for name in FASTER if name in instructions) or "no AVX2"


def _onnxruntime() -> Finding:
    return Finding(
        State.OK, "onnxruntime", f"{metadata.version('onnxruntime')} chooses at run time"
    )


def _engine_elsewhere(role: str, url: str, entry: WeightsEntry) -> Finding:
    """Ask an engine in another process what it is, and compare it with the manifest."""
    model = RemoteModel(url, role=role, model=entry.name, digest=entry.sha256, deadline_s=1.0)
    try:
        model.describe()
    except WordloopError as error:
        return Finding(State.FAILS, "engine", f"{role} at {url}: {error}", "docs/serving.md")
    finally:
        model.close()
    return Finding(State.OK, "engine", f"{role} at {url}: {entry.name}")


def _weights(entry: WeightsEntry, directory: Path) -> Finding:
    try:
        verify(entry, directory)
    except StartupFailed as error:
        return Finding(State.FAILS, "weights", str(error))
    return Finding(State.OK, "weights", f"{entry.name}: verified, {entry.bytes / 1e6:.1f} MB")


def _memory(settings: Settings, filesystem: Path) -> Finding:
    try:
        needs = memory_needs(settings)
    except StartupFailed as error:
        return Finding(State.FAILS, "memory", str(error))
    needed = resident_bytes(filesystem) + sum(needs.values()) + MEETINGS_BYTES
    limit = memory_limit(filesystem)
    found = f"about {-(-needed // MEBIBYTE)} MiB needed"
    if limit is None:
        return Finding(State.OK, "memory", f"{found}, no limit")
    found += f", {limit.bytes // MEBIBYTE} MiB allowed ({limit.source})"
    if needed <= limit.bytes:
        return Finding(State.OK, "memory", found)
    return Finding(
        State.FAILS, "memory", found, "raise it, or take fewer workers or a smaller profile"
    )


def _ports(settings: Settings) -> Iterator[Finding]:
    ports = [("port", settings.host, settings.port)]
    if settings.metrics_port:
        ports.append(("metrics_port", settings.host, settings.metrics_port))
    if settings.wyoming_port:
        ports.append(("wyoming_port", settings.wyoming_host, settings.wyoming_port))
    for name, host, port in ports:
        if port == 0:
            yield Finding(State.OK, "port", "a free one is taken")
            continue
        try:
            _bind(host, port)
        except OSError as error:
            found = f"{host}:{port} cannot be had: {error.strerror or error}"
            yield Finding(
                State.FAILS, "port", found, f"end what has it, or change {variable(name)}"
            )
        else:
            yield Finding(State.OK, "port", f"{host}:{port} is free")


def _bind(host: str, port: int) -> None:
    """Bind the port for a moment; raises ``OSError``."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in found:
        with closing(socket.socket(family, kind, protocol)) as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
