"""``POST /v1/listen``: a whole file in, as Deepgram's clients send it; its transcript out."""

import hashlib
from datetime import UTC, datetime
from functools import partial
from string import ascii_uppercase

from aiohttp import web

from wordloop_ml.analysis.file_transcriptions import FileTranscript, Wanted
from wordloop_ml.errors import BadInput
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.deepgram import model_info, written_time
from wordloop_ml.web.errors import request_id
from wordloop_ml.web.http_server import cancel_on_disconnect
from wordloop_ml.web.service import SERVICE
from wordloop_ml.wire.deepgram_file import encode_file, header_of
from wordloop_ml.wire.deepgram_messages import REQUEST_ID_HEADER, audio_metadata, seconds
from wordloop_ml.wire.deepgram_query import ListenQuery, parse_query


async def listen_to_file(request: web.Request) -> web.Response:
    """Transcribe the body, unless the caller leaves first.

    Raises ``BadInput``, ``Busy``, ``Draining``, and what the work fails with; ``ConnectionError``
    when the caller leaves.
    """
    if request.content_type == "application/json":
        # whoever fetches addresses for strangers reads what only its own network may
        raise BadInput("a file is not fetched from its url: send its content")
    query = parse_query(request.query.items())
    service = request.app[SERVICE]
    files = service.transcriptions
    language = files.capabilities.code_of(query.language)
    files.queue.check_room()  # before megabytes are read in vain
    created, digest = datetime.now(UTC), hashlib.sha256()
    with cancel_on_disconnect(request):
        spooled = await service.uploads.receive_body(
            request, begin=partial(header_of, query), seen=digest.update
        )
        with service.connection():
            try:
                wanted = Wanted(
                    language, vocabulary=query.vocabulary, by_channel=query.multichannel
                )
                file = files.begin(request[TENANT], spooled.path, wanted, spooled.close)
            except BaseException:
                spooled.close()
                raise
            with files.queue.calling(file.work):
                heard = await file.work.wait()
                metadata = audio_metadata(
                    request_id(request),
                    model_info(service),
                    sha256=digest.hexdigest(),
                    created=written_time(created),
                    duration=seconds(heard.samples),
                    channels=heard.speakers,
                    tags=query.tags,
                )
                content = await files.compute(
                    lambda: _encode(query, metadata, heard), file.work.owner
                )
    return web.Response(
        body=content,
        content_type="application/json",
        # no cache on the way may keep what a meeting said
        headers={"Cache-Control": "no-store", REQUEST_ID_HEADER: request_id(request)},
    )


def _encode(query: ListenQuery, metadata: dict[str, object], heard: FileTranscript) -> bytes:
    speakers = ascii_uppercase[: heard.speakers]
    return encode_file(query, metadata, heard.captions, speakers, heard.warnings)
