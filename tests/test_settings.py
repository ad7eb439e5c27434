"""Settings: read once, typed, bounded, and refused with the variable's name."""

import dataclasses
from pathlib import Path

import pytest

from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.settings import (
    Settings,
    default_of,
    read_settings,
    require_token_beyond_loopback,
    variable,
)


def test_without_variables_everything_has_its_default() -> None:
    """The defaults listen on loopback, with the embedded profile."""
    settings = read_settings({})
    assert (settings.host, settings.port, settings.profile) == ("127.0.0.1", 8090, "embedded")
    assert settings.workers >= 1


def test_each_field_is_read_from_its_variable() -> None:
    """Text becomes the field's type."""
    settings = read_settings(
        {
            "WORDLOOP_PORT": " 9000 ",
            "WORDLOOP_WEIGHTS": "/models",
            "WORDLOOP_DRAIN_LISTEN_S": "2.5",
            "UNRELATED": "x",
        }
    )
    assert settings.port == 9000
    assert settings.weights == Path("/models")
    assert settings.drain_listen_s == 2.5


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    """Compose files and shells pass on what has no value as nothing."""
    names = [variable(one.name) for one in dataclasses.fields(Settings)]
    assert read_settings(dict.fromkeys(names, " ")) == read_settings({})


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("WORDLOOP_PORT", "eighty", "is not a whole number"),
        ("WORDLOOP_PORT", "70000", "is 70000, outside 0 to 65535"),
        ("WORDLOOP_IDLE_S", "soon", "is not a number"),
        ("WORDLOOP_IDLE_S", "nan", "is nan, outside 1 to 3600"),
        ("WORDLOOP_WORKERS", "0", "is 0, outside 1 to 64"),
        ("WORDLOOP_LOG_LEVEL", "loud", "is not debug, info, warning or error"),
        ("WORDLOOP_LOG_FORMAT", "xml", "is neither json nor console"),
        ("WORDLOOP_PAGE", "yes", "is neither on nor off"),
        ("WORDLOOP_GUARDS", "off", "is no setting any more: guards judge every text of a model"),
        ("WORDLOOP_DROP_LOAD", "0.5", "is below WORDLOOP_STRETCH_LOAD: what gives way .*"),
        ("WORDLOOP_FINAL_BEAMS", "9", "is 9, outside 0 to 8"),
        ("WORDLOOP_WYOMING_TENANT", "a b", "is no tenant: .*"),
        ("WORDLOOP_ALLOWED_ORIGINS", "*", "is not a list of origins.*"),
        ("WORDLOOP_ALLOWED_ORIGINS", "null", "is not a list of origins.*"),
        ("WORDLOOP_ALLOWED_ORIGINS", "app.example.org", "is not a list of origins.*"),
        ("WORDLOOP_ALLOWED_ORIGINS", "https://app.example.org/", "is not a list of origins.*"),
        ("WORDLOOP_ALLOWED_ORIGINS", "https://a.org https://b.org", "is not a list of origins.*"),
        ("WORDLOOP_ALLOWED_ORIGINS", "https://App.example.org", "is not a list of origins.*"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, text: str, rule: str) -> None:
    """One line names the variable and the rule."""
    with pytest.raises(StartupFailed, match=f"^{name} {rule}$") as refused:
        read_settings({name: text})
    assert refused.value.code is ErrorCode.BAD_SETTING


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])  # noqa: S104
def test_other_addresses_than_loopback_need_a_token(host: str) -> None:
    """Nobody serves meetings to a network by accident."""
    with pytest.raises(StartupFailed, match="WORDLOOP_TOKEN is not set"):
        require_token_beyond_loopback(read_settings({"WORDLOOP_HOST": host}))
    for variable_of_tokens in ("WORDLOOP_TOKEN", "WORDLOOP_TOKENS_FILE"):
        require_token_beyond_loopback(
            read_settings({"WORDLOOP_HOST": host, variable_of_tokens: "t"})
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    """Trying it out stays simple."""
    require_token_beyond_loopback(read_settings({"WORDLOOP_HOST": host}))


def test_tokens_have_one_place() -> None:
    """Two would leave it open which of them counts."""
    with pytest.raises(StartupFailed, match="WORDLOOP_TOKEN and WORDLOOP_TOKENS_FILE are both set"):
        read_settings({"WORDLOOP_TOKEN": "t", "WORDLOOP_TOKENS_FILE": "/tokens"})


def test_a_token_is_not_shown_with_the_other_settings() -> None:
    """Whoever prints them."""
    assert "canary" not in repr(read_settings({"WORDLOOP_TOKEN": "canary"}))


def test_origins_are_read_one_by_one() -> None:
    """An address may be a number, and may have a port; programs have schemes of their own."""
    settings = read_settings(
        {
            "WORDLOOP_ALLOWED_ORIGINS": "https://app.example.org, http://[::1]:3000,http://10.0.0.1,app://obsidian.md,"
        }
    )
    assert settings.origins == {
        "https://app.example.org",
        "http://[::1]:3000",
        "http://10.0.0.1",
        "app://obsidian.md",
    }
    assert read_settings({}).origins == frozenset()


def test_every_field_has_a_variable_a_default_and_a_meaning() -> None:
    """What docs/settings.md shows."""
    for field in dataclasses.fields(Settings):
        assert variable(field.name) == f"WORDLOOP_{field.name.upper()}"
        assert field.metadata["doc"]
        assert default_of(field.name) is not None
    with pytest.raises(KeyError):
        default_of("nothing")
