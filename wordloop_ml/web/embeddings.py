"""``POST /v1/embeddings``: texts in, vectors out, for OpenAI's clients and anybody else's."""

import asyncio
import io
import itertools
from collections.abc import Iterator
from functools import partial
from typing import Final

from aiohttp import web

from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.executor import JobOwner, OwnerKind
from wordloop_ml.messages import JobClass
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.http_server import Body, cancel_on_disconnect, read_json_body
from wordloop_ml.web.service import SERVICE
from wordloop_ml.wire.embeddings import (
    MAX_REQUEST_BYTES,
    EmbeddingsRequest,
    encode_answer,
    parse_request,
)

PARSE_AT_ONCE_BYTES: Final = 16 << 10
"""A body of this size takes a fraction of a millisecond to parse; a larger one is a job."""

_NUMBERS: Final = itertools.count(1)


async def embeddings(request: web.Request) -> web.StreamResponse:
    """Answer with the vectors, unless the caller leaves first.

    Raises ``BadInput``, ``Busy``, ``Draining``; ``ConnectionError`` when the caller leaves.
    """
    service = request.app[SERVICE]
    made = service.embeddings
    # each request is a caller of its own: a small one waits for one batch of a large one
    caller = JobOwner(OwnerKind.EMBEDDINGS, request[TENANT], str(next(_NUMBERS)))
    # held to the end: texts take about as much memory as the body did
    with cancel_on_disconnect(request), service.bodies.arriving() as arriving:
        body = await read_json_body(request, arriving, most_bytes=MAX_REQUEST_BYTES)
        with service.connection():
            asked = await _parsed(body, made, caller)
            del body
            embedded = await made.embed_and_count(asked.texts, JobClass.EMBEDDING, caller)
            content = await _joined(
                encode_answer(
                    embedded.vectors,
                    embedded.tokens,
                    embedded.dropped,
                    in_base64=asked.in_base64,
                    made=made.capabilities,
                )
            )
    # no cache on the way may keep what a meeting said; aiohttp writes what is no plain bytes in pieces
    return web.Response(
        body=io.BytesIO(content),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def _parsed(body: Body, made: Embeddings, caller: JobOwner) -> EmbeddingsRequest:
    """Parse the body; a large one on an inference thread. Raises ``BadInput``."""
    parse = partial(parse_request, body.content, made.capabilities)
    if len(body.content) <= PARSE_AT_ONCE_BYTES:
        return parse()
    return await made.compute(parse, JobClass.EMBEDDING, caller)


async def _joined(pieces: Iterator[bytes]) -> bytes:
    """Join all pieces; other tasks have a turn of the event loop between any two."""
    written = []
    for piece in pieces:
        written.append(piece)
        await asyncio.sleep(0)
    return b"".join(written)
