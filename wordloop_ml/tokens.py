"""Reads bearer tokens and their tenants: a line each in a file, or one in a variable.

Only digests are kept. Tokens are random and long, so that one round of SHA-256 is enough: there
is no dictionary to try. No error holds a token, or what stands in a bad line.
"""

import hashlib
import hmac
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wordloop_ml.errors import ErrorCode, StartupFailed

DEFAULT_TENANT = "default"
"""The tenant where none is named: without a token, or with that of ``WORDLOOP_TOKEN``."""

MAX_FILE_BYTES = 131_072
MAX_TOKENS = 500
MIN_TOKEN_CHARS = 16
"""A shorter one was cut off, or is no random one."""

_TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOKEN = re.compile(rf"[A-Za-z0-9._~+/-]{{{MIN_TOKEN_CHARS},256}}=*")
"""RFC 6750, 2.1: what a client can send after ``Bearer``."""

_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")
_OF_NOTHING = frozenset(hashlib.sha256(nothing).digest() for nothing in (b"", b"\n"))
"""The digests of an empty variable, which a script may have given to ``sha256sum``."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that are accepted. Without an entry none is needed: then only loopback is listened on.

    entries: tenant and SHA-256 of a token; a tenant may have several.
    """

    entries: tuple[tuple[str, bytes], ...] = ()

    @property
    def required(self) -> bool:
        """Whether a request needs a token."""
        return bool(self.entries)

    @property
    def tenants(self) -> int:
        """How many tenants there are."""
        return len({tenant for tenant, _ in self.entries})

    def tenant_of(self, presented: bytes) -> str | None:
        """Return the tenant of a token; None for one that is not known.

        Every entry is compared, whichever matches, so that the time tells nothing.
        """
        if not self.required:
            return DEFAULT_TENANT
        if not presented:
            return None
        digest = hashlib.sha256(presented).digest()
        found = None
        for tenant, known in self.entries:
            if hmac.compare_digest(known, digest):
                found = tenant
        return found


def single_token(token: str) -> Tokens:
    """Make the tokens of ``WORDLOOP_TOKEN``: one of the default tenant; none if it is empty."""
    return Tokens(((DEFAULT_TENANT, _digest_of(token)),) if token else ())


def read_content(path: Path) -> bytes:
    """Read a tokens file; blocking. Raises ``StartupFailed`` (``bad_tokens_file``)."""
    try:
        # a pipe would be waited for, for ever
        if not stat.S_ISREG(path.stat().st_mode):
            raise _bad(f"{path} is not a regular file")
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _bad(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise _bad(f"{path} is larger than {MAX_FILE_BYTES} bytes")
    return content


def parse_tokens(content: bytes) -> Tokens:
    """Parse lines of ``tenant: token`` or ``tenant: sha256:digest``.

    Empty lines and those that begin with ``#`` are skipped. Raises ``StartupFailed``
    (``bad_tokens_file``), which names the line and the rule.
    """
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise _bad("the tokens file is not UTF-8") from None
    entries = dict(_parse_lines(lines))
    if not entries:
        raise _bad("the tokens file holds no token: nobody could come in")
    if len(entries) > MAX_TOKENS:
        raise _bad(f"the tokens file holds more than {MAX_TOKENS} tokens")
    return Tokens(tuple((tenant, digest) for digest, tenant in entries.items()))


def _parse_lines(lines: Iterable[str]) -> Iterable[tuple[bytes, str]]:
    owners: dict[bytes, str] = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        tenant, colon, secret = (part.strip() for part in text.partition(":"))
        if not colon or not _TENANT.fullmatch(tenant):
            raise _bad_line(number, "must begin with a tenant (1 to 64 of A-Z a-z 0-9 _ . -) and :")
        digest = _digest_in(secret, number)
        if owners.setdefault(digest, tenant) != tenant:
            raise _bad_line(number, "holds a token that another tenant has already")
        yield digest, tenant


def _digest_in(secret: str, number: int) -> bytes:
    """Return the digest in a line, or that of the token in it."""
    if (found := _DIGEST.fullmatch(secret)) is not None:
        if (digest := bytes.fromhex(found[1])) in _OF_NOTHING:
            raise _bad_line(number, "holds the digest of no token at all")
        return digest
    if not _TOKEN.fullmatch(secret):
        raise _bad_line(
            number,
            f"must hold a token of {MIN_TOKEN_CHARS} to 256 characters of A-Z a-z 0-9 - . _ ~ + / "
            "with = at its end only, or sha256: and 64 hexadecimal digits",
        )
    return _digest_of(secret)


def _digest_of(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _bad_line(number: int, rule: str) -> StartupFailed:
    return _bad(f"line {number} of the tokens file {rule}")


def _bad(message: str) -> StartupFailed:
    return StartupFailed(message, code=ErrorCode.BAD_TOKENS_FILE)
