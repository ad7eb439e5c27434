"""The key that a request presents, in each of the ways in which clients can send one; pure.

Programs send ``Authorization``, with the scheme ``Bearer`` or, as Deepgram's do, ``Token``. Pages cannot
set a header of a WebSocket, only offer subprotocols; so there the key is one of these:

- ``token, KEY`` and ``bearer, KEY``: Deepgram's clients;
- ``realtime, openai-insecure-api-key.KEY``: OpenAI's;
- ``wordloop.v1, wordloop.bearer.KEY`` with KEY in base64url (RFC 4648, 5), which any key fits into.

A subprotocol that carries a key is never selected, nor logged.
"""

import base64
import binascii
from collections.abc import Sequence

NATIVE_SUBPROTOCOL = "wordloop.v1"
"""What a page offers beside its key on the native route, and the server selects."""

DEEPGRAM_SUBPROTOCOLS = ("token", "bearer")
OPENAI_SUBPROTOCOL = "realtime"

_OPENAI_KEY = "openai-insecure-api-key."
_NATIVE_KEY = "wordloop.bearer."
_SCHEMES = ("bearer", "token")


def presented_key(authorization: Sequence[str], subprotocols: Sequence[str]) -> bytes | None:
    """Return the key that a request presents; None without one, or with several.

    authorization, subprotocols: the values of the headers Authorization and Sec-WebSocket-Protocol.
    The former counts where both carry a key.
    """
    if authorization:
        return _of_header(authorization)
    offered = [one.strip() for value in subprotocols for one in value.split(",")]
    keys = [key for key in (_of_subprotocol(one) for one in offered) if key is not None]
    if offered[:1] and offered[0] in DEEPGRAM_SUBPROTOCOLS and len(offered) > 1:
        keys.append(_encoded(offered[1]))
    return keys[0] if len(keys) == 1 else None


def _of_header(values: Sequence[str]) -> bytes | None:
    if len(values) != 1:
        return None  # a proxy in between may have read the other one
    scheme, _, credentials = values[0].partition(" ")
    return _encoded(credentials.strip()) if scheme.lower() in _SCHEMES else None


def _of_subprotocol(offered: str) -> bytes | None:
    if offered.startswith(_OPENAI_KEY):
        return _encoded(offered.removeprefix(_OPENAI_KEY))
    if not offered.startswith(_NATIVE_KEY):
        return None
    digits = _encoded(offered.removeprefix(_NATIVE_KEY)).rstrip(b"=")
    try:
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""  # presented, and no key


def _encoded(text: str) -> bytes:
    # what is no UTF-8 comes as surrogates, and matches nothing
    return text.encode(errors="surrogateescape")
