"""The image: what it is built from is pinned and complete, and it runs as deploy/ says."""

import configparser
import json
import re
import subprocess
import sys
from collections import defaultdict
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.tools import DEPLOY, ROOT, documents
from wordloop_ml import __version__

IMAGE = DEPLOY / "image"
LINES = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
INSTRUCTIONS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
LAST = max(at for at, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM")
LISTS = ("requirements", "llama-cpp-python", "tools")

Pins = dict[str, set[str]]


def pins(name: str) -> Pins:
    """Read a list: the versions of each package, of which one is for this Python."""
    found: Pins = defaultdict(set)
    for line in (IMAGE / f"{name}.txt").read_text("utf-8").splitlines():
        if line[:1].isalnum():
            one = Requirement(line.removesuffix("\\"))
            found[canonicalize_name(one.name)] |= {spec.version for spec in one.specifier}
    return found


def left_out() -> set[str]:
    """Read what the image does without."""
    lines = (IMAGE / "left-out.txt").read_text("utf-8").splitlines()
    return {canonicalize_name(Requirement(line).name) for line in lines if line[:1].isalnum()}


def requirements() -> list[Requirement]:
    """Read what setup.cfg asks for, with the extras that the image has."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    lines = setup["options"]["install_requires"] + extras["tracing"] + extras["llama-cpp-python"]
    return [Requirement(line) for line in lines.splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("one", requirements(), ids=str)
def test_a_requirement_is_pinned_within_its_bounds(one: Requirement) -> None:
    """``scripts/lock`` mends it."""
    pinned = pins("requirements") | pins("llama-cpp-python")
    versions = pinned[canonicalize_name(one.name)]
    assert versions
    assert all(one.specifier.contains(version) for version in versions)


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_has_a_hash(name: str) -> None:
    """Of each file that may be installed."""
    entries = re.split(r"^(?=\w)", (IMAGE / f"{name}.txt").read_text("utf-8"), flags=re.MULTILINE)
    assert len(entries) > 1
    assert all("--hash=sha256:" in one for one in entries[1:])


def test_the_list_is_complete() -> None:
    """Dependencies are not followed when it is installed: each of each is pinned, or left out by name."""
    pinned = pins("requirements")
    for name in pinned:
        try:
            here = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of another system, or an extra that is not here
        for text in here.requires or () if here.version in pinned[name] else ():
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                assert canonicalize_name(one.name) in pinned.keys() | left_out(), (name, text)


def test_what_is_left_out_is_in_no_list() -> None:
    """Nor imported by anything that ``wordloop-ml`` imports."""
    assert left_out()
    assert not left_out() & (pins("requirements").keys() | pins("llama-cpp-python").keys())
    names = [name.replace("-", "_") for name in left_out()]
    code = f"""
import sys
from wordloop_ml.cli import make_parser
make_parser()
sys.exit(not set({names}).isdisjoint(sys.modules))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_extra_has_the_versions_that_the_service_has() -> None:
    """Both lists are installed together."""
    service = pins("requirements")
    for name, versions in pins("llama-cpp-python").items():
        assert name not in service or versions == service[name]


def test_every_stage_stands_on_the_base() -> None:
    """One argument replaces it in all."""
    assert INSTRUCTIONS[0][0] == "ARG"
    assert INSTRUCTIONS[0][1].startswith("BASE=")
    stages = [arguments.split()[0] for name, arguments in INSTRUCTIONS if name == "FROM"]
    assert stages == ["${BASE}", "${BASE}"]


def test_packages_are_installed_by_their_hashes() -> None:
    """All but our own, which was built a line before, and what is compiled on demand."""
    installs = re.findall(r"/pip install ([^&|;]+)", "\n".join(text for _, text in INSTRUCTIONS))
    assert len(installs) == 3
    assert all("--require-hashes" in one or "/opt/wheels/" in one for one in installs)


def test_the_last_stage_installs_nothing() -> None:
    """It removes the base's pip."""
    ran = " ".join(text for name, text in INSTRUCTIONS[LAST:] if name == "RUN")
    assert "pip uninstall" in ran
    assert "install " not in ran.replace("uninstall ", "")
    assert not {"apt-get", "gcc", "g++"} & set(ran.split())


def test_labels_say_what_it_is() -> None:
    """By OCI's names; the version is the package's."""
    labels = next(text for name, text in INSTRUCTIONS[LAST:] if name == "LABEL")
    named = set(re.findall(r"org\.opencontainers\.image\.([a-z.]+)=", labels))
    wanted = {"title", "description", "version", "revision", "source", "licenses", "base.name"}
    assert named == wanted
    assert ["ARG", f"VERSION={__version__}"] in INSTRUCTIONS[LAST:]


def test_its_user_is_the_deployment_s() -> None:
    """A number, since Kubernetes cannot tell that a name is not root's."""
    (deployment,) = documents((DEPLOY / "base" / "deployment.yaml").read_text("utf-8"))
    context = deployment["spec"]["template"]["spec"]["securityContext"]
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    assert [text for name, text in INSTRUCTIONS[LAST:] if name == "USER"] == [user]


def test_the_bill_of_materials_has_packages_and_weights(tmp_path: Path) -> None:
    """Valid by the schema of CycloneDX; of weights those that are there."""
    pytest.importorskip("cyclonedx", reason="no cyclonedx-bom (the extra deploy)")
    python = tmp_path / "python.json"
    component = {"type": "library", "bom-ref": "a", "name": "wordloop-ml", "version": __version__}
    head = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {}}
    python.write_text(json.dumps({**head, "components": [component]}), "utf-8")
    base = tmp_path / "packages"
    base.write_text("libc6 2.36-9+deb12u14 amd64\n", "utf-8")
    (tmp_path / "manifest.toml").write_text((ROOT / "weights/manifest.toml").read_text("utf-8"))
    (tmp_path / "silero_vad.onnx").touch()
    script = ROOT / "scripts/container/bill_of_materials.py"
    command = [sys.executable, *map(str, (script, python, base, tmp_path))]
    bill = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert bill["metadata"]["component"]["version"] == __version__
    kinds = {one["name"]: one["type"] for one in bill["components"]}
    assert kinds == {
        "wordloop-ml": "library",
        "silero-vad": "machine-learning-model",
        "libc6": "library",
    }
    (weights,) = (one for one in bill["components"] if one["name"] == "silero-vad")
    assert len(weights["hashes"][0]["content"]) == 64
