"""completion: what shells complete, tried in the shells that are here."""

import shutil
import subprocess
from pathlib import Path

import pytest

from wordloop_ml.cli import main
from wordloop_ml.cli.completion import SHELLS


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command prints."""
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def test_every_command_and_option_is_in_the_script(
    shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of each shell."""
    text = script(shell, capsys)
    for word in ("transcribe", "synthesise", "weights", "verify", "mic", "port", "profile"):
        assert word in text


def test_a_shell_can_read_its_script(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without running it."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "completion"
    path.write_text(script(shell, capsys))
    assert subprocess.run([program, "-n", str(path)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["tr"], {"transcribe"}),
        (["transcribe", "--mi"], {"--mic"}),
        (["transcribe", "--format", "v"], {"vtt"}),
        (["weights", "pu"], {"pull"}),
        (["synthesise", "no"], {"notes.txt"}),
    ],
)
def test_bash_completes_commands_options_choices_and_files(
    typed: list[str], found: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when Tab is pressed."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    (tmp_path / "notes.txt").touch()
    words = " ".join(["wordloop-ml", *typed])
    ask = f"""
COMP_WORDS=({words}); COMP_CWORD={len(typed)}
$(complete -p wordloop-ml | grep -o -- '-F [^ ]*' | cut -c4-) wordloop-ml "{typed[-1]}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    asked = script("bash", capsys) + ask
    said = subprocess.run(
        [bash, "--norc", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(said.stdout.split()) == found
