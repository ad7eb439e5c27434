"""Tokens: whose they are, and what a file of them may hold."""

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.tokens import (
    DEFAULT_TENANT,
    MAX_FILE_BYTES,
    MAX_TOKENS,
    Tokens,
    parse_tokens,
    read_content,
    single_token,
)

OLD, NEW, OTHER = "a" * 16, "b" * 43 + "=", "c-._~+/C" * 4


def test_each_token_stands_for_its_tenant() -> None:
    """By itself or by its digest; old and new side by side; comments and blanks are skipped."""
    digest = hashlib.sha256(OTHER.encode()).hexdigest()
    tokens = parse_tokens(
        f"# ours\nacme: {OLD}\r\n\n  acme :{NEW}  \nglobex: sha256:{digest.upper()}".encode()
    )
    assert tokens.required
    assert tokens.tenants == 2
    assert [tokens.tenant_of(one.encode()) for one in (OLD, NEW, OTHER)] == [
        "acme",
        "acme",
        "globex",
    ]


@pytest.mark.parametrize("presented", [b"", b"a", b"a" * 17, b"acme", b"\xff\xfe", b"sha256:"])
def test_anything_else_is_nobody_s(presented: bytes) -> None:
    """No part of a token, no name."""
    assert parse_tokens(f"acme: {OLD}".encode()).tenant_of(presented) is None


def test_a_digest_does_not_let_in() -> None:
    """Who reads the file cannot speak for the tenant."""
    digest = hashlib.sha256(OLD.encode()).hexdigest()
    tokens = parse_tokens(f"acme: sha256:{digest}".encode())
    assert tokens.tenant_of(digest.encode()) is None
    assert tokens.tenant_of(f"sha256:{digest}".encode()) is None


def test_one_token_belongs_to_the_default_tenant() -> None:
    """And without a token everybody does."""
    assert single_token("t").tenant_of(b"t") == DEFAULT_TENANT
    assert single_token("t").tenant_of(b"") is None
    assert single_token("") == Tokens()
    assert not Tokens().required
    assert Tokens().tenant_of(b"whatever") == DEFAULT_TENANT


def test_no_token_is_nobody_s_whatever_the_digests_are() -> None:
    """Not even that of nothing."""
    assert Tokens((("acme", hashlib.sha256().digest()),)).tenant_of(b"") is None


def test_nothing_of_a_token_is_kept_or_shown() -> None:
    """Digests are."""
    assert OLD not in repr(parse_tokens(f"acme: {OLD}".encode()))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("", "no token"),
        ("# nothing\n\n", "no token"),
        (f"acme: {OLD}\nglobex {NEW}", "line 2 .* must begin with a tenant"),
        (f": {OLD}", "line 1 .* must begin with a tenant"),
        (f"a/b: {OLD}", "line 1 .* must begin with a tenant"),
        (f"{'a' * 65}: {OLD}", "line 1 .* must begin with a tenant"),
        ("acme: ", "line 1 .* must hold a token"),
        ("acme: tooshort", "line 1 .* must hold a token"),
        (f"acme: {'a' * 257}", "line 1 .* must hold a token"),
        (f"acme: {OLD} {NEW}", "line 1 .* must hold a token"),
        ("acme: sha256:abcd", "line 1 .* must hold a token"),
        (f"acme: {OLD}\nglobex: {OLD}", "line 2 .* another tenant"),
        (f"acme: sha256:{hashlib.sha256().hexdigest()}", "line 1 .* no token at all"),
        (f"acme: sha256:{hashlib.sha256(bytes([10])).hexdigest()}", "line 1 .* no token at all"),
    ],
)
def test_a_bad_file_is_refused_by_line_and_rule(content: str, rule: str) -> None:
    """And never quoted."""
    with pytest.raises(StartupFailed, match=rule) as refused:
        parse_tokens(content.encode())
    assert refused.value.code is ErrorCode.BAD_TOKENS_FILE
    assert not any(secret in str(refused.value) for secret in (OLD, NEW, "tooshort", "abcd"))


def test_a_file_has_bounds() -> None:
    """So many tokens, so many bytes, and it is text."""
    lines = [f"acme: {number:032}" for number in range(MAX_TOKENS + 1)]
    with pytest.raises(StartupFailed, match="more than 500 tokens"):
        parse_tokens("\n".join(lines).encode())
    assert len(parse_tokens("\n".join(lines[1:]).encode()).entries) == MAX_TOKENS
    with pytest.raises(StartupFailed, match="not UTF-8"):
        parse_tokens(b"\xff")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, a pipe that would be waited for, too large."""
    with pytest.raises(StartupFailed, match="cannot be read: No such file"):
        read_content(tmp_path / "missing")
    with pytest.raises(StartupFailed, match="not a regular file"):
        read_content(tmp_path)
    with pytest.raises(StartupFailed, match="not a regular file"):
        read_content(Path("/dev/null"))
    large = tmp_path / "large"
    large.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(StartupFailed, match="larger than"):
        read_content(large)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes) -> None:
    """Nothing else escapes."""
    with suppress(StartupFailed):
        assert parse_tokens(content).required
