"""Nothing keeps a service warm: no pings on a schedule, no loops, no requests but probes.

A service that is fast only after traffic hides its cold start. The one inference of a process at its
start, probes, checks of balancers, scrapes and the heartbeats of connections are not meant.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, documents

KINDS = {"CronJob", "Job", "ScheduledJob", "Probe", "CronWorkflow", "PingSource"}
"""Of objects that send something by themselves; ``Probe`` is the Prometheus operator's."""

PATHS = {"/livez", "/readyz", "/startupz"}

WORDS = {
    "a schedule": r"\b(?:cron(?:tab|job)?|schedules?|systemd-run|OnCalendar|OnUnitActiveSec)\b",
    "warming": r"\b(?:keep|stay)[-_ ]?(?:warm|alive-?job)|\bpre-?warm|\bwarm(?:ing|er)?[-_ ]?up",
    "a loop": r"\bwhile\s+(?:true|:|sleep)|\buntil\s+false|\bwatch\s+-n|\bsleep\s+(?:infinity|\d)",
    "requests": r"\b(?:curl|wget|websocat|httpie|hey|ab|wrk|vegeta|k6)\s+\S*(?:-|https?:|/v\d)",
    "audio to the service": r"/v[12]/(?:listen|audio|realtime|embeddings|synthesis)",
}
"""Regular expressions of what would do it in a script or a command, in lower and upper case."""


def reasons(name: str, text: str) -> list[str]:
    """Say what in a file keeps a service warm; nothing for a file that does not."""
    bare = re.sub(r"(?m)(?:^|\s)#.*$", "", text)
    found = [what for what, words in WORDS.items() if re.search(words, bare, re.IGNORECASE)]
    if name.endswith((".yaml", ".yml")):
        for document in documents(text):
            found += _in_document(document)
    return found


def _in_document(document: dict[str, Any]) -> Iterator[str]:
    if document.get("kind") in KINDS:
        yield f"a {document['kind']}"
    named = {str(key).lower(): value for key, value in document.items()}
    if "schedule" in (named.get("on") or named.get("true") or {}):  # YAML reads "on" as true
        yield "a workflow on a schedule"
    for key, value in _walk(document):
        if key in {"startupProbe", "readinessProbe", "livenessProbe"}:
            if set(value) & {"exec", "grpc"} or value.get("httpGet", {}).get("path") not in PATHS:
                yield f"a {key} that asks for more than a probe's route"
        elif key in {"postStart", "healthcheck"}:
            yield f"{key}, which runs a command"
        elif key == "containers" and len(value) > 1:
            yield "a container beside the service"


def _walk(value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key), inner
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def files() -> list[Path]:
    """List what is deployed and what CI runs, without environments; documents are read by people."""
    places = [DEPLOY, *(ROOT / name for name in (".ci", ".github", ".gitlab", ".circleci"))]
    found = [path for place in places for path in place.rglob("*") if path.is_file()]
    single = [ROOT / "Containerfile", ROOT / ".gitlab-ci.yml"]
    kept = (path for path in (*found, *single) if ".venv" not in path.parts and path.is_file())
    return [path for path in kept if path.suffix != ".md"]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_keeps_nothing_warm(path: Path) -> None:
    """Nor do others that are added later."""
    assert reasons(path.name, path.read_text(encoding="utf-8")) == []


def test_haproxy_s_checks_ask_for_readiness_alone() -> None:
    """As often as they like: it runs no inference."""
    text = (DEPLOY / "haproxy.cfg").read_text(encoding="utf-8")
    assert re.findall(r"httpchk.*?(/\S*)", text) == ["/readyz"]
    assert "http-check send" not in text


POD = {"containers": [{"name": "a"}], "kind": "Pod"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("warm.yaml", "kind: CronJob"),
        ("warm.yaml", "kind: Probe\nspec: {targets: {}}"),
        ("ci.yml", "on:\n  schedule:\n    - cron: '*/5 * * * *'"),
        ("run", "while true; do wordloop-ml transcribe hello.wav; done"),
        ("run", "for i in 1 2 3; do sleep 10; scripts/bench; done"),
        ("run", "curl -s http://localhost:8090/readyz"),
        ("Containerfile", 'CMD ["sh", "-c", "websocat ws://localhost/v1/meetings/warm/audio"]'),
        ("crontab", "*/5 * * * * root systemd-run keep-warm"),
        ("values.yaml", "preWarm: 3"),
        ("pod.yaml", yaml.safe_dump({**POD, "lifecycle": {"postStart": {"exec": {}}}})),
        ("pod.yaml", yaml.safe_dump({**POD, "livenessProbe": {"httpGet": {"path": "/v1/models"}}})),
        ("pod.yaml", yaml.safe_dump({**POD, "readinessProbe": {"exec": {"command": ["warm"]}}})),
        ("pod.yaml", yaml.safe_dump({**POD, "containers": [{"name": "a"}, {"name": "pinger"}]})),
        ("compose.yaml", "services: {a: {healthcheck: {test: [CMD, transcribe]}}}"),
        ("warm.cfg", "option httpchk GET /v1/audio/transcriptions"),
    ],
)
def test_what_would_keep_it_warm_is_found(name: str, text: str) -> None:
    """Each way that comes to mind."""
    assert reasons(name, text)


@pytest.mark.parametrize(
    "text",
    [
        yaml.safe_dump({**POD, "livenessProbe": {"httpGet": {"path": "/livez"}}}),
        "scrape_configs: [{job_name: wordloop-ml, scrape_interval: 5s}]",
        "# warm-up is what nothing here may do",
        "env: {WORDLOOP_IDLE_S: '60'}",
    ],
)
def test_what_does_not_is_let_through(text: str) -> None:
    """Probes, scrapes, comments and settings."""
    assert reasons("any.yaml", text) == []
