"""The OpenAPI document: valid, the same routes as the application's, and kept by a live process."""

import asyncio
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from wave import open as wave_open

import aiohttp
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.test_process import scripted, serving
from tests.web.conftest import serving as in_process
from tests.web.support import Serving
from wordloop_ml.engines.scripted import spoken
from wordloop_ml.errors import ErrorCode
from wordloop_ml.settings import Settings
from wordloop_ml.tokens import Tokens
from wordloop_ml.web.access import OPEN_ROUTES
from wordloop_ml.web.openapi import deepgram_clients, openai_schemas
from wordloop_ml.web.openapi.document import make_document
from wordloop_ml.web.openapi.parts import PROBLEMS, reference, wire_schemas
from wordloop_ml.web.serve import ERROR_FORMS, make_app
from wordloop_ml.web.service import Service
from wordloop_ml.wire.close_codes import OUTCOMES
from wordloop_ml.wire.error_forms import form_for

__all__ = ["in_process", "scripted"]

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
CHECK_S = 360.0
TOKEN = "a token of these tests"  # noqa: S105 - as it says

DOCUMENT = make_document()
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}


def test_the_document_is_one() -> None:
    """By the schema of OpenAPI 3.1, and each of its own schemas is one, too."""
    validate(DOCUMENT)
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_the_document_has_the_application_s_routes() -> None:
    """Every method and path, both ways; HEAD goes with GET."""
    routes = {
        (route.method, route.resource.canonical)
        for route in make_app(Service(Settings(), Tokens())).router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert set(OPERATIONS) == routes


def test_operations_say_whether_they_want_the_token() -> None:
    """As access has it; those that do may be refused by it."""
    for (_, path), operation in OPERATIONS.items():
        assert (operation.get("security") == []) == (path in OPEN_ROUTES), path
        assert ("401" in operation["responses"]) == (path not in OPEN_ROUTES), path


def test_operations_have_ids_of_their_own_and_a_group() -> None:
    """Clients that are generated name their functions by them."""
    ids = [one["operationId"] for one in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    tags = {one["name"] for one in DOCUMENT["tags"]}
    assert {tag for one in OPERATIONS.values() for tag in one["tags"]} == tags


def references(value: Any) -> set[str]:
    """Every reference inside a part of the document."""
    if isinstance(value, list):
        return {one for item in value for one in references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {one for item in value.values() for one in references(item)}


def test_every_reference_leads_somewhere() -> None:
    """Those that validators do not follow, too."""
    for place in references(DOCUMENT):
        found: Any = DOCUMENT
        for name in place.removeprefix("#/").split("/"):
            found = found[name]
        assert found


@pytest.mark.parametrize("name", ["synthesis", "protocol"])
def test_schemas_of_the_wire_are_taken_over_whole(name: str) -> None:
    """Under the name of their file, none left out."""
    file = Path(__file__).parents[2] / "wordloop_ml" / "wire" / f"{name}.json"
    definitions = json.loads(file.read_text())["$defs"]
    taken = wire_schemas(name)
    assert set(taken) == {f"{name}.{one}" for one in definitions}
    assert "#/$defs/" not in json.dumps(taken)


def test_each_code_stands_under_its_status() -> None:
    """As the one table has it."""
    statuses = {str(code): str(outcome.http) for code, outcome in OUTCOMES.items()}
    seen = set()
    for operation in OPERATIONS.values():
        for status, answer in operation["responses"].items():
            problem = answer.get("content", {}).get("application/problem+json")
            if problem is not None:
                codes = problem["schema"]["allOf"][1]["properties"]["code"]["enum"]
                assert {statuses[code] for code in codes} == {status}
                seen |= set(codes)
    assert ErrorCode.BUSY in seen


FORMS = {one.form: one for one in (PROBLEMS, openai_schemas.ERRORS, deepgram_clients.ERRORS)}


def test_errors_are_in_the_form_of_their_path() -> None:
    """As the service has it."""
    for (_, path), operation in OPERATIONS.items():
        form = FORMS[form_for(path, ERROR_FORMS)]
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and not path.endswith("z"):
                [(media_type, content)] = answer["content"].items()
                assert media_type == form.form.media_type
                assert content["schema"]["allOf"][0] == reference(form.schema)


async def test_the_document_wants_the_token_and_the_page_does_not(in_process: Serving) -> None:
    """Nobody without one learns of a route; a browser that has none yet can ask for it."""
    service = await in_process(token=TOKEN)
    async with service.session.get(f"{service.url}/openapi.json") as answer:
        assert answer.status == 401
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with service.session.get(f"{service.url}/openapi.json", headers=bearer) as answer:
        assert await answer.json() == json.loads(json.dumps(DOCUMENT))
    async with service.session.get(f"{service.url}/docs") as answer:
        assert answer.status == 200
        page = await answer.text()
    assert "/v1/" not in page


async def test_what_the_page_loads_is_there_and_it_may_load_nothing_else(
    in_process: Serving,
) -> None:
    """No script or style stands in it, none comes from elsewhere."""
    service = await in_process()
    paths = [path for _, path in OPERATIONS if path.startswith("/docs")]
    for path in paths:
        async with service.session.get(f"{service.url}{path}") as answer:
            assert answer.status == 200
            policy = answer.headers["Content-Security-Policy"]
            text = await answer.text()
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "://" not in text.replace("http://www.w3.org", "")
        for name in set(map(Path, paths)) - {Path("/docs")}:
            if path == "/docs" and name.name in {"page.js", "page.css"}:
                assert f"docs/{name.name}" in text
    index = Path(__file__).parents[2] / "wordloop_ml/web/openapi/page/index.html"
    assert "<style" not in index.read_text()
    assert "style=" not in index.read_text()


def talk() -> bytes:
    """A file in which three words are said."""
    wave = io.BytesIO()
    with wave_open(wave, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(spoken([1, 2, 3]).tobytes())
    return wave.getvalue()


def is_as_described(answer: object, schema: str) -> None:
    """Whether an answer keeps to a schema of the document."""
    described = {**reference(schema), "components": DOCUMENT["components"]}
    Draft202012Validator(described).validate(answer)


async def test_deepgram_s_transcript_of_a_file_is_as_it_is_described(in_process: Serving) -> None:
    """Schemathesis has no speech."""
    service = await in_process()
    where = f"{service.url}/v1/listen?utterances=true&tag=a&keyterm=b&keyterm=c"
    async with service.session.post(where, data=talk()) as answer:
        assert answer.status == 200
        transcript = await answer.json()
    assert transcript["results"]["utterances"][0]["transcript"] == "w1 w2 w3"
    is_as_described(transcript, "deepgram.transcript")


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        ("json", "openai.transcript"),
        ("verbose_json", "openai.verbose_transcript"),
        ("diarized_json", "openai.diarized_transcript"),
    ],
)
async def test_transcripts_of_files_are_as_they_are_described(
    in_process: Serving, form: str, schema: str
) -> None:
    """In each form that is JSON."""
    service = await in_process()
    body = aiohttp.FormData({"response_format": form, "timestamp_granularities[]": "word"})
    body.add_field("file", talk(), filename="talk.wav")
    where = f"{service.url}/v1/audio/transcriptions"
    async with service.session.post(where, data=body) as answer:
        assert answer.status == 200
        transcript = await answer.json()
    assert transcript["text"] == "w1 w2 w3"
    is_as_described(transcript, schema)


@pytest.mark.timeout(420)
async def test_a_live_service_keeps_to_the_document(scripted: Path, tmp_path: Path) -> None:
    """Whatever Schemathesis makes of it: a few hundred requests, right and wrong ones."""
    manifest = scripted / "manifest.toml"
    manifest.write_text(
        manifest.read_text().replace("[weights.", 'embedder = "scripted"\n[weights.', 1)
    )
    async with serving(scripted, token=TOKEN) as process:
        # a process whose log nobody reads stands still when the pipe is full
        assert process.child.stderr is not None
        logs = asyncio.create_task(process.child.stderr.read())
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run"),
            f"http://127.0.0.1:{process.port}/openapi.json",
            *("--header", f"Authorization: Bearer {TOKEN}"),
            *("--exclude-path-regex", "|".join(SOCKETS), "--no-color"),
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(CHECK_S):
                said, _ = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.communicate()
            process.child.send_signal(signal.SIGINT)
            logged = (await logs).decode()
            await process.child.wait()
    report = "\n".join(line[:400] for line in said.decode().splitlines())
    assert child.returncode == 0, report
    assert "Traceback" not in logged
    assert "request_failed" not in logged


SOCKETS = [
    path.replace("{", r"\{") + "$"
    for (_, path), operation in OPERATIONS.items()
    if "101" in operation["responses"]
]
