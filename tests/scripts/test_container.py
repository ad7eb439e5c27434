"""The trial of the image: how it is measured, and how little its containers may do."""

import json
from pathlib import Path

from scripts.container import runc
from scripts.container.buildah import index_configuration
from scripts.container.sizes import measure, unwanted


def test_a_size_counts_each_file_once(tmp_path: Path) -> None:
    """By part; hard links are one file."""
    packages = tmp_path / "opt/venv/lib/python3.11/site-packages"
    for folder in ("av", "av.libs"):
        (packages / folder).mkdir(parents=True)
        (packages / folder / "a.so").write_bytes(bytes(1_000_000))
    (packages / "av" / "same.so").hardlink_to(packages / "av" / "a.so")
    (tmp_path / "etc").write_bytes(bytes(500_000))
    table, total_mb = measure(tmp_path)
    assert total_mb == 2.5
    assert table.rows == [
        ["Python packages", "2.0"],
        ["system", "0.5"],
        ["  of these av", "2.0"],
        ["all", "2.5"],
    ]


def test_pip_and_compilers_are_found(tmp_path: Path) -> None:
    """Wherever a base may have them, and as links that lead nowhere."""
    assert unwanted(tmp_path) == []
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/cc").symlink_to("/etc/alternatives/cc")
    pip = "usr/local/lib/python3.11/site-packages/pip"
    (tmp_path / pip).mkdir(parents=True)
    assert unwanted(tmp_path) == ["usr/bin/cc", pip]


def test_a_container_may_do_little(tmp_path: Path) -> None:
    """Nobody's user, a read-only root, no capabilities; settings replace the image's variables."""
    image = {"Entrypoint": ["/opt/venv/bin/wordloop-ml", "serve"], "Env": ["WORDLOOP_PORT=1"]}
    command = runc.command(tmp_path / "1", Path("/root-of-image"), image, {"WORDLOOP_PORT": "2"})
    assert command[-3:] == ("--bundle", str(tmp_path / "1"), "wordloop-1")
    config = json.loads((tmp_path / "1/config.json").read_text("utf-8"))
    process = config["process"]
    assert config["root"] == {"path": "/root-of-image", "readonly": True}
    assert process["user"]["uid"] == runc.NOBODY
    assert not any(process["capabilities"].values())
    assert process["noNewPrivileges"]
    assert process["args"] == image["Entrypoint"]
    assert process["env"] == ["WORDLOOP_PORT=2"]
    assert not any("rw" in mount.get("options", []) for mount in config["mounts"])


def test_a_build_asks_this_machine_s_index() -> None:
    """Without the folders of this machine, which a build cannot see."""
    listed = """:env:.find-links='/opt/wheels'
global.cert='/etc/bundle.crt'
global.extra-index-url='file:///opt/simple https://b.example/simple'
global.index-url='https://a.example/simple'
user.trusted-host='a.example'"""
    assert index_configuration(listed).splitlines() == [
        "[global]",
        "extra-index-url = https://b.example/simple",
        "index-url = https://a.example/simple",
        "trusted-host = a.example",
    ]
