"""The documents say what the code is: a thing without its row, or a row without its thing, fails."""

import ast
import configparser
import json
import os
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from wordloop_ml import __version__
from wordloop_ml.errors import ErrorCode
from wordloop_ml.replay.session import ReplayPolicy
from wordloop_ml.settings import Settings, default_of, variable
from wordloop_ml.tokens import Tokens
from wordloop_ml.web.serve import make_app
from wordloop_ml.web.service import Service
from wordloop_ml.wire.client_messages import StartMessage
from wordloop_ml.wire.close_codes import OUTCOMES, CloseCode
from wordloop_ml.wire.server_messages import NoticeCode

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "wordloop_ml"
IGNORED = {"build", "dist", "out", "node_modules"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(
        part.startswith(".") or part in IGNORED for part in path.relative_to(ROOT).parts[:-1]
    )
)
ADR = ROOT / "docs" / "adr"
DECISIONS = sorted(ADR.glob("[0-9]*.md"))
WORDS_AT_MOST = 25_230
"""In all documents but the decisions, as ``wc -w`` counts them."""

SCRIPT_LINES_AT_MOST, DATA = 7_665, {".flac", ".jsonl", ".csv", ".json"}
"""600 of them build the image and try it, 500 fire each alert by its fault, 130 say what metrics and logs cost:
nothing else of the project does."""

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    """A document's text, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str) -> dict[str, list[str]]:
    """Every table row whose first cell is code or a number: the first cell -> the other cells."""
    found: dict[str, list[str]] = {}
    for line in read(name).splitlines():
        if line.startswith("|"):
            first, *rest = (cell.strip() for cell in line.strip("|").split("|"))
            if re.fullmatch(r"`[^`]+`|\d+", first):
                found[first.strip("`")] = rest
    return found


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_architecture_names_modules_that_exist() -> None:
    """Each file in backticks lies in the package."""
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", read("ARCHITECTURE.md")))
    assert named
    assert [one for one in sorted(named) if not (PACKAGE / one).is_file()] == []


@pytest.mark.parametrize("folder", ["wordloop_ml", "scripts"])
def test_every_module_has_a_docstring(folder: str) -> None:
    """A sentence or more that says what the file is for; an empty ``__init__`` needs none."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.name == "__init__.py" and not text.strip():
            continue
        docstring = ast.get_docstring(ast.parse(text)) or ""
        paragraph = docstring.partition("\n\n")[0]
        assert len(paragraph.split()) >= 4, f"{path.relative_to(ROOT)}: say what the file is for"
        assert paragraph.endswith("."), f"{path.relative_to(ROOT)}: end the sentence"


def test_architecture_draws_the_layers_of_the_contract() -> None:
    """Line by line, as import-linter reads them."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    contract = setup["importlinter:contract:layers"]["layers"].split("\n")
    drawn = re.search(r"^```layers\n(.*?)^```", read("ARCHITECTURE.md"), re.MULTILINE | re.DOTALL)
    assert drawn is not None
    assert drawn[1].splitlines() == [line.strip() for line in contract if line.strip()]


def test_every_room_has_a_colour() -> None:
    """In the table of rooms."""
    rooms = {path.parent.name + "/" for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(rows("ARCHITECTURE.md"))


def test_every_setting_has_its_row() -> None:
    """And no row is left over."""
    documented = {name for name in rows("docs/settings.md") if name.startswith("WORDLOOP_")}
    assert documented == {variable(one.name) for one in fields(Settings)}


@pytest.mark.parametrize("name", [one.name for one in fields(Settings)])
def test_a_setting_s_row_has_its_default_and_its_bounds(name: str) -> None:
    """Defaults that depend on the machine are described in words."""
    field = next(one for one in fields(Settings) if one.name == name)
    default, bounds, meaning = rows("docs/settings.md")[variable(name)]
    if field.default is not MISSING:
        assert default == (f"`{default_of(name)}`" if default_of(name) != "" else "empty")
    if field.metadata["low"] is not None:
        assert bounds == f"{field.metadata['low']:g} to {field.metadata['high']}".removesuffix(".0")
    assert meaning


def test_every_route_has_its_row() -> None:
    """In the README's table, both ways."""
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in make_app(Service(Settings(), Tokens())).router.routes()
        if route.resource is not None and route.method != "HEAD"
        # what a page loads is its own business
        if not route.resource.canonical.startswith("/docs/")
    }
    methods = re.compile(r"[A-Z]+ /")
    assert {one for one in rows("README.md") if methods.match(one)} == routes


@pytest.mark.parametrize("side", ["client_message", "server_message"])
def test_every_message_type_has_its_heading(side: str) -> None:
    """In the page of the protocol, both ways; tests/wire holds the schema to the code."""
    schema = json.loads(read("wordloop_ml/wire/protocol.json"))["$defs"]
    kinds = {one["$ref"].removeprefix("#/$defs/") for one in schema[side]["oneOf"]}
    title = side.replace("_message", " messages").capitalize()
    section = re.split(r"^## ", read("docs/protocol.md"), flags=re.MULTILINE)
    chapter = next(part for part in section if part.startswith(title))
    assert set(re.findall(r"^### `(\w+)`$", chapter, re.MULTILINE)) == kinds


def test_the_client_s_page_says_what_to_do_about_every_server_message() -> None:
    """Both ways."""
    schema = json.loads(read("wordloop_ml/wire/protocol.json"))["$defs"]
    kinds = {one["$ref"].removeprefix("#/$defs/") for one in schema["server_message"]["oneOf"]}
    assert set(re.findall(r"^### `(\w+)`$", read("docs/client.md"), re.MULTILINE)) == kinds


def test_the_client_s_page_has_the_numbers_of_the_policy() -> None:
    """Each field with its default, and no other."""
    chapter = read("docs/client.md").split("\n## Numbers\n")[1].split("\n## ")[0]
    said = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", chapter, re.MULTILINE))
    assert said == {one.name: str(one.default) for one in fields(ReplayPolicy)}


def test_the_client_s_page_names_fields_that_start_has() -> None:
    """Those about resuming, all of them."""
    chapter = read("docs/client.md").split("\n## Connecting\n")[1].split("\n## ")[0]
    said = set(re.findall(r"^\| `(\w+)` \|", chapter, re.MULTILINE))
    resuming = {"first_sample", "resume_from", "last_seq", "epoch", "attempt", "live_from"}
    assert said == resuming | {"origin_ms"}
    assert said <= {one.name for one in fields(StartMessage)}


@pytest.mark.parametrize("code", NoticeCode)
def test_every_notice_has_its_row(code: NoticeCode) -> None:
    """In the page of the protocol."""
    assert code in rows("docs/protocol.md")


@pytest.mark.parametrize("code", CloseCode)
def test_every_close_code_has_its_row(code: CloseCode) -> None:
    """In the page of the protocol, with its name."""
    assert rows("docs/protocol.md")[str(int(code))][0] == f"`{code.name.lower()}`"


def test_every_error_code_has_its_row() -> None:
    """Both ways."""
    assert set(rows("docs/errors.md")) == set(ErrorCode)


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_s_row_says_how_it_reaches_a_client(code: ErrorCode) -> None:
    """The close code and the status of the one table, or neither."""
    *reaches, meaning, cure = rows("docs/errors.md")[code]
    outcome = OUTCOMES.get(code)
    assert reaches == ([] if outcome is None else [str(int(outcome.close)), str(outcome.http)])
    assert meaning
    assert cure


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(document: Path) -> None:
    """To a file or folder of the repository and, with a fragment, to a heading of it."""
    text = document.read_text(encoding="utf-8")
    for link in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        if fragment:
            assert fragment in anchors(target.read_text(encoding="utf-8")), link


def test_the_documents_can_be_read() -> None:
    """Whoever adds a page takes words out of another."""
    words = {
        path: len(path.read_text(encoding="utf-8").split())
        for path in DOCUMENTS
        if path.parent != ADR
    }
    assert sum(words.values()) <= WORDS_AT_MOST


def test_scripts_stay_small() -> None:
    """They serve the product; whoever adds a benchmark takes another out. Data does not count."""
    lines = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "scripts").rglob("*")
        if path.is_file() and path.suffix not in DATA and "__pycache__" not in path.parts
    }
    assert sum(lines.values()) <= SCRIPT_LINES_AT_MOST


def test_the_page_of_benchmarks_has_a_summary_of_every_report() -> None:
    """Both ways: no summary without its file."""
    places = re.findall(r"<!-- begin (\S+) -->\n(?!<!-- end)", read("docs/benchmarks.md"))
    assert set(places) == {path.stem for path in (ROOT / "docs" / "measured").iterdir()}


def test_the_readme_quotes_what_was_measured() -> None:
    """Each row of times stands on the page of benchmarks."""
    table = [line for line in read("README.md").splitlines() if line.endswith(" s |")]
    page = read("docs/benchmarks.md").splitlines()
    assert table
    for line in table:
        meetings, first, final, _ = (cell.strip() for cell in line.strip("|").split("|"))
        quoted = [cell.removesuffix(" ms").replace(",", "") for cell in (first, final)]
        rows = [row for row in page if f"| {meetings} |" in row]
        assert any(all(f"| {cell} |" in row for cell in quoted) for row in rows), line


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_scripts_that_are_named_can_be_run(document: str) -> None:
    """By anyone who reads the page."""
    named = set(re.findall(r"(?<![\w/])(?:scripts|\.ci)/\w+", read(document)))
    assert named
    for name in named:
        assert (ROOT / name).is_file(), name
        assert os.access(ROOT / name, os.X_OK), name


def test_the_readme_opens_with_a_sentence_and_two_commands() -> None:
    """Then it says what this is not."""
    text = read("README.md")
    commands = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert commands is not None
    lines = commands[1].splitlines()
    assert [line.split()[0] for line in lines] == ["scripts/demo", "scripts/test"]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == "What this is not"


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts_and_fits_a_page(decision: Path) -> None:
    """And carries its number."""
    text = decision.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Status", "Context", "Decision", "Consequences"]
    assert text.startswith(f"# {int(decision.name[:4])}. ")
    assert len(text.splitlines()) <= 60


def test_every_decision_is_listed() -> None:
    """Numbered without a hole, and linked from the list."""
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    listed = {link for link in LINK.findall(read("docs/adr/README.md")) if link[0].isdigit()}
    assert listed == {path.name for path in DECISIONS}


def test_code_refers_to_decisions_that_exist() -> None:
    """By their numbers, in comments and docstrings."""
    known = {path.name[:4] for path in DECISIONS}
    for path in [*PACKAGE.rglob("*.py"), ROOT / "setup.cfg"]:
        assert set(re.findall(r"docs/adr/(\d{4})", path.read_text(encoding="utf-8"))) <= known, path


def test_the_changelog_has_this_version() -> None:
    """As a release, or as what is not released yet."""
    headings = re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings
    assert headings[0].startswith("[Unreleased]")
    assert any(__version__ in heading for heading in headings)


def test_the_container_has_the_files_that_it_copies() -> None:
    """The ignore file lets each of them through."""
    allowed = {line[1:] for line in read(".containerignore").splitlines() if line.startswith("!")}
    copied: set[str] = set()
    for words in re.findall(r"^COPY (?!--from)(.+)$", read("Containerfile"), re.MULTILINE):
        copied |= set(words.split()[:-1])
    assert copied == allowed


def test_the_container_starts_the_service_itself() -> None:
    """In exec form, so that it is process 1 and hears the signal, and as nobody special."""
    text = read("Containerfile")
    assert 'ENTRYPOINT ["/opt/venv/bin/wordloop-ml", "serve"]' in text
    assert re.search(r"^USER (?!0|root)", text, re.MULTILINE)
