"""OpenAI's REST interface for speech: ``POST /v1/audio/transcriptions`` and ``translations``, ``GET /v1/models``."""

from aiohttp import web

from wordloop_ml.analysis.file_transcriptions import FileTranscript, FileWork, Wanted
from wordloop_ml.errors import WordloopError
from wordloop_ml.messages import Task
from wordloop_ml.web.access import TENANT
from wordloop_ml.web.errors import request_id
from wordloop_ml.web.event_stream import EventStream
from wordloop_ml.web.http_server import cancel_on_disconnect
from wordloop_ml.web.service import SERVICE, Service
from wordloop_ml.wire.openai import (
    FIELD_NAMES,
    REQUEST_ID_HEADER,
    Heard,
    ResponseFormat,
    TranscriptionRequest,
    check_model,
    encode_answer,
    encode_done,
    encode_failure,
    encode_heard,
    model_fields,
    parse_form,
)


async def models(request: web.Request) -> web.Response:
    """``GET /v1/models``: the model that transcribes, and the one that embeds."""
    service = request.app[SERVICE]
    listed = [model_fields(name, service.created_s) for name in _served(service)]
    return web.json_response({"object": "list", "data": listed}, headers=_headers(request))


async def model(request: web.Request) -> web.Response:
    """``GET /v1/models/{model}``: one that is served, or stood in for. Raises ``BadInput``."""
    service = request.app[SERVICE]
    name = request.match_info["model"]
    if name not in _served(service):
        check_model(name, service.capabilities)
    return web.json_response(model_fields(name, service.created_s), headers=_headers(request))


async def transcriptions(request: web.Request) -> web.StreamResponse:
    """``POST /v1/audio/transcriptions``: a file's words, in the language that they were said in."""
    return await _transcribe(request, Task.TRANSCRIBE)


async def translations(request: web.Request) -> web.StreamResponse:
    """``POST /v1/audio/translations``: a file's words, in English."""
    return await _transcribe(request, Task.TRANSLATE)


async def _transcribe(request: web.Request, task: Task) -> web.StreamResponse:
    """Answer with the transcript of the form's file, unless the caller leaves first.

    Raises ``BadInput``, ``Busy``, ``Draining``, and what the work fails with; ``ConnectionError``
    when the caller leaves.
    """
    service = request.app[SERVICE]
    files = service.transcriptions
    files.queue.check_room()  # before megabytes are read in vain
    with cancel_on_disconnect(request):
        form = await service.uploads.receive_form(request, FIELD_NAMES)
        with service.connection():
            try:
                asked = parse_form(form.fields, task, files.capabilities)
                file = files.begin(request[TENANT], form.file.path, _wanted(asked), form.file.close)
            except BaseException:
                form.file.close()
                raise
            with files.queue.calling(file.work):
                if asked.stream:
                    await file.work.wait_ready()  # until then an error has a status
                    return await _stream(request, asked, file)
                heard = _heard(await file.work.wait())
                media_type, content = await files.compute(
                    lambda: encode_answer(asked, heard), file.work.owner
                )
    return web.Response(
        body=content,
        content_type=media_type,
        charset="utf-8",
        # no cache on the way may keep what a meeting said
        headers={"Cache-Control": "no-store", **_headers(request)},
    )


def _wanted(asked: TranscriptionRequest) -> Wanted:
    return Wanted(
        asked.language,
        asked.task,
        asked.vocabulary,
        by_channel=asked.form is ResponseFormat.DIARIZED_JSON,
    )


def _heard(transcript: FileTranscript) -> Heard:
    return Heard(transcript.captions, transcript.samples, transcript.warnings)


async def _stream(
    request: web.Request, asked: TranscriptionRequest, file: FileWork
) -> web.StreamResponse:
    """Send each final as it comes; abort the response where that fails."""
    stream = EventStream(request, _headers(request))
    try:
        await stream.open()
        try:
            await _send_all(stream, asked, file)
        except WordloopError as error:
            await stream.send(None, encode_failure(error))
        return await stream.end()
    except BaseException:
        stream.abort()  # a second answer cannot follow the one that has begun
        raise


async def _send_all(stream: EventStream, asked: TranscriptionRequest, file: FileWork) -> None:
    """Send the events of a file to its end. Raises what its work fails with."""
    following, sent = file.work.follow(), 0
    while True:
        over = file.work.over
        following.take()
        while sent < len(file.captions):
            sent += 1
            for event in encode_heard(asked, sent, file.captions[sent - 1]):
                await stream.send(None, event)
        if over:
            break
        await stream.wait(following.wait)
    for event in encode_done(_heard(file.work.result())):
        await stream.send(None, event)


def _served(service: Service) -> tuple[str, ...]:
    embedder = service.embedder
    names = [service.capabilities.model]
    return (*names, embedder.model) if embedder is not None else tuple(names)


def _headers(request: web.Request) -> dict[str, str]:
    return {REQUEST_ID_HEADER: request_id(request)}
