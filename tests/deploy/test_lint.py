"""YAML and Containerfile by their linters."""

from tests.deploy.tools import ROOT, program, run


def test_yaml_is_tidy() -> None:
    """All of the repository."""
    run(program("yamllint", package="the extra deploy"), "--strict", ".")


def test_the_containerfile_is_tidy() -> None:
    """``.hadolint.yaml`` says what is not asked."""
    run(program("hadolint", package="the extra deploy"), ROOT / "Containerfile")
