"""The key of a request, however its client can send one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.wire.credentials import presented_key

URLSAFE = base64.urlsafe_b64encode(b"a/key+of==any~kind").decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "Token", "token", "TOKEN"])
def test_programs_send_it_in_a_header(scheme: str) -> None:
    """Deepgram's clients say Token, and ``bearer`` with a short-lived key."""
    assert presented_key([f"{scheme} KEY"], []) == b"KEY"


@pytest.mark.parametrize(
    ("offered", "key"),
    [
        (["token, KEY"], b"KEY"),
        (["token", "KEY"], b"KEY"),
        (["bearer, e30.e30.sig"], b"e30.e30.sig"),
        (["token,KEY,x-deepgram-session-id,0b9c"], b"KEY"),
        (["realtime, openai-insecure-api-key.KEY"], b"KEY"),
        (["realtime, openai-insecure-api-key.KEY, openai-beta.realtime-v1"], b"KEY"),
        ([f"wordloop.v1, wordloop.bearer.{URLSAFE}"], b"a/key+of==any~kind"),
        ([f"wordloop.v1, wordloop.bearer.{URLSAFE.rstrip('=')}"], b"a/key+of==any~kind"),
    ],
)
def test_pages_offer_it_as_a_subprotocol(offered: list[str], key: bytes) -> None:
    """In each of the ways that are in use."""
    assert presented_key([], offered) == key


@pytest.mark.parametrize(
    ("authorization", "offered"),
    [
        ([], []),
        (["Basic KEY"], []),
        (["Bearer KEY", "Bearer KEY"], []),
        ([], ["token"]),
        ([], ["KEY, token"]),
        ([], ["wordloop.v1"]),
        ([], ["chat, superchat"]),
        ([], ["token, KEY, openai-insecure-api-key.OTHER"]),
    ],
)
def test_no_key_or_several_are_none(authorization: list[str], offered: list[str]) -> None:
    """Who presents none is told the scheme."""
    assert presented_key(authorization, offered) is None


def test_a_header_counts_before_a_subprotocol() -> None:
    """Clients may send both."""
    assert presented_key(["Token KEY"], ["token, OTHER"]) == b"KEY"


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_anything_is_read_without_an_error(authorization: list[str], offered: list[str]) -> None:
    """Strangers send it."""
    presented_key(authorization, offered)


@given(st.binary())
def test_every_key_fits_into_a_native_subprotocol(key: bytes) -> None:
    """Whatever characters it has: base64url has those of a token of HTTP alone."""
    digits = base64.urlsafe_b64encode(key).decode().rstrip("=")
    assert presented_key([], [f"wordloop.v1, wordloop.bearer.{digits}"]) == key
