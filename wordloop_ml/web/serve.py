"""The serving process: its routes and probes, and its life: listen, load, become ready, serve, leave.

No probe looks at load: a full fleet must not take itself out.
"""

import asyncio
import ctypes
import gc
import os
import platform
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog
from aiohttp import web

from wordloop_ml import __version__
from wordloop_ml.analysis.embeddings import Embeddings
from wordloop_ml.analysis.file_transcriptions import FileTranscriptions
from wordloop_ml.analysis.jobs import Jobs
from wordloop_ml.analysis.plan_runner import PlanRunner
from wordloop_ml.analysis.syntheses import Syntheses
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.cgroup import memory_limit, usable_cpus
from wordloop_ml.engines.catalogue import Engines, open_engines, synthesisers_of
from wordloop_ml.errors import ErrorCode, StartupFailed, StartupHung
from wordloop_ml.executor import Executor, Job, JobFailed, JobOwner, Outcome, OwnerKind
from wordloop_ml.load import LoadLimits
from wordloop_ml.meetings.roster import Roster
from wordloop_ml.messages import SAMPLE_RATE, AudioContext, DecodeOptions, JobClass, Utterance
from wordloop_ml.metrics import Metrics
from wordloop_ml.ports import TranscriberWorker
from wordloop_ml.settings import Settings, require_token_beyond_loopback, variable
from wordloop_ml.telemetry import name_thread
from wordloop_ml.tokens import single_token
from wordloop_ml.web.access import TokenFile, access, name_origin
from wordloop_ml.web.deepgram import listen, listen_to_turns
from wordloop_ml.web.deepgram_file import listen_to_file
from wordloop_ml.web.drain import Drain, Signals
from wordloop_ml.web.embeddings import embeddings
from wordloop_ml.web.engine_watch import watching
from wordloop_ml.web.errors import FORMS, errors
from wordloop_ml.web.http_server import HttpRunner, ListeningSite
from wordloop_ml.web.meeting_socket import meeting_socket
from wordloop_ml.web.metrics import MetricsServer
from wordloop_ml.web.openai import model, models, transcriptions, translations
from wordloop_ml.web.openai_realtime import openai_realtime
from wordloop_ml.web.openapi.docs_page import FILES, docs
from wordloop_ml.web.openapi.document import openapi
from wordloop_ml.web.page import add_page, read_page
from wordloop_ml.web.refusals import REFUSALS, Refusals
from wordloop_ml.web.service import SERVICE, Service, Stage
from wordloop_ml.web.static_files import StaticFile
from wordloop_ml.web.synthesis import synthesis
from wordloop_ml.web.wyoming import WyomingServer
from wordloop_ml.wire.deepgram_messages import DEEPGRAM_ERRORS
from wordloop_ml.wire.openai import OPENAI_ERRORS

if TYPE_CHECKING:
    from wordloop_ml.web.traces import OpenTelemetry


async def livez(request: web.Request) -> web.Response:
    """``GET /livez``: 200 while the event loop runs; no dependency is asked, so that none restarts us."""
    del request
    return web.json_response({"status": "alive"})


async def startupz(request: web.Request) -> web.Response:
    """``GET /startupz``: 503 until every model has done one inference; how often each was loaded."""
    service = request.app[SERVICE]
    loads = [asdict(one) for one in service.loaded.statistics()]
    return web.json_response(
        {"stage": service.stage, "model_loads": loads},
        status=503 if service.stage is Stage.STARTING else 200,
    )


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: 200 from the end of the start to the beginning of the drain, else 503."""
    stage = request.app[SERVICE].stage
    return web.json_response({"stage": stage}, status=200 if stage is Stage.READY else 503)


MAX_BODY_BYTES = 65_536

ERROR_FORMS = {
    "/v1/audio": OPENAI_ERRORS,
    "/v1/models": OPENAI_ERRORS,
    "/v1/realtime": OPENAI_ERRORS,
    "/v1/listen": DEEPGRAM_ERRORS,
    "/v2/listen": DEEPGRAM_ERRORS,
}
"""The form of errors on a path and below it, where that is no problem (RFC 9457)."""


def make_app(service: Service, page: Mapping[str, StaticFile] = {}) -> web.Application:
    """Make the application with the routes of one service. page: the files of the page by path, if it is served."""
    app = web.Application(middlewares=[errors, access], client_max_size=MAX_BODY_BYTES)
    app[SERVICE] = service
    app[REFUSALS] = Refusals(service.metrics)
    app[FORMS] = ERROR_FORMS
    app.on_response_prepare.append(name_origin)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/startupz", startupz)
    app.router.add_get("/v1/listen", listen)
    app.router.add_get("/v1/meetings/{meeting_id}/audio", meeting_socket)
    app.router.add_get("/v1/realtime", openai_realtime)
    app.router.add_get("/v2/listen", listen_to_turns)
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_post("/v1/listen", listen_to_file)
    app.router.add_post("/v1/synthesis", synthesis)
    app.router.add_post("/v1/audio/transcriptions", transcriptions)
    app.router.add_post("/v1/audio/translations", translations)
    app.router.add_get("/v1/models", models)
    app.router.add_get("/v1/models/{model:.+}", model)
    add_page(app, page)
    app.router.add_get("/openapi.json", openapi)
    for path in FILES:
        app.router.add_get(path, docs)
    return app


CLOSE_S = 2.0
"""How long inference threads may take to end when the start has failed."""

TRY_WITHIN_S = 60.0
"""How long the first inference on each worker may take before the start has failed."""

OpenEngines = Callable[[Settings], Engines]

log = structlog.get_logger()


async def serve(
    settings: Settings,
    *,
    engines: OpenEngines = open_engines,
    signals: Signals | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> bool:
    """Serve until a signal; False when a native call hangs, so that the process must be ended.

    signals: already installed; None installs our own. on_ready: called with the bound port.
    Raises ``StartupFailed`` when the service cannot start; ``StartupHung`` when the process must
    be ended besides.
    """
    require_token_beyond_loopback(settings)
    if signals is None:
        signals = Signals()
        signals.install()
    service = Service(settings, single_token(settings.token))
    async with _tokens_in_use(service), _traces(service):
        return await _serve(service, engines, signals, on_ready)


@asynccontextmanager
async def _tokens_in_use(service: Service) -> AsyncIterator[None]:
    """Read the tokens file, then watch it for as long as the context lasts.

    Raises ``StartupFailed`` (``bad_tokens_file``).
    """
    if not service.settings.tokens_file:
        yield
        return
    file = TokenFile(Path(service.settings.tokens_file), service.use_tokens)
    try:
        await file.open()
        yield
    finally:
        file.close()


@asynccontextmanager
async def _traces(service: Service) -> AsyncIterator[None]:
    """Make traces for as long as the context lasts, if the settings want them, and send the last.

    Raises ``StartupFailed`` (``bad_setting``).
    """
    if not service.settings.makes_traces:
        yield
        return
    service.tracing = tracing = await asyncio.to_thread(_open_traces)
    try:
        yield
    finally:
        await tracing.close()


def _open_traces() -> "OpenTelemetry":
    """Blocking: load OpenTelemetry, which nothing does where traces are off. Raises ``StartupFailed``."""
    try:
        from wordloop_ml.web.traces import open_traces  # noqa: PLC0415 - an extra
    except ImportError:
        raise StartupFailed(
            f"{variable('traces')} needs what pip installs as wordloop-ml[tracing]",
            code=ErrorCode.BAD_SETTING,
        ) from None
    return open_traces(os.environ)


async def _serve(
    service: Service,
    engines: OpenEngines,
    signals: Signals,
    on_ready: Callable[[int], None] | None,
) -> bool:
    settings = service.settings
    page = await asyncio.to_thread(read_page) if settings.serves_page else {}
    runner = HttpRunner(make_app(service, page))
    await runner.setup()
    try:
        port = await _listen(runner, settings)
        async with _metrics(service), _wyoming(service):
            loaded = await _load(service, engines, signals)
            if loaded is None:
                return False
            return await _serve_meetings(service, runner, loaded, signals, port, on_ready)
    finally:
        await runner.cleanup()
        service.uploads.close()


async def _listen(runner: HttpRunner, settings: Settings) -> int:
    """Open the listener, and return its port; before the models load, so that probes are answered.

    Raises ``StartupFailed`` (``bad_setting``).
    """
    site = ListeningSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        raise _not_listening(settings.host, settings.port, error) from error
    log.info("listening", host=settings.host, port=site.port)
    return site.port


@asynccontextmanager
async def _metrics(service: Service) -> AsyncIterator[None]:
    """Serve the metrics for as long as the context lasts, if the settings want it.

    Raises ``StartupFailed`` (``bad_setting``).
    """
    host, port = service.settings.host, service.settings.metrics_port
    if not port:
        yield
        return
    server = MetricsServer(service.metrics, service.observe)
    try:
        try:
            await server.start(host, port)
        except OSError as error:
            raise _not_listening(host, port, error) from error
        log.info("listening", host=host, port=port, protocol="metrics")
        yield
    finally:
        await server.stop()


def _not_listening(host: str, port: int, error: OSError) -> StartupFailed:
    return StartupFailed(
        f"cannot listen on {host}:{port}: {error.strerror}", code=ErrorCode.BAD_SETTING
    )


@asynccontextmanager
async def _wyoming(service: Service) -> AsyncIterator[None]:
    """Speak the Wyoming protocol for as long as the context lasts, if the settings want it.

    Raises ``StartupFailed`` (``bad_setting``).
    """
    host, port = service.settings.wyoming_host, service.settings.wyoming_port
    if not port:
        yield
        return
    server = WyomingServer(service)
    try:
        await server.start()
    except OSError as error:
        raise _not_listening(host, port, error) from error
    log.info("listening", host=host, port=port, protocol="wyoming")
    try:
        yield
    finally:
        await server.stop()


class Loaded:
    """The engines of this process and the threads that run them."""

    def __init__(self, engines: Engines, workers: int, metrics: Metrics) -> None:
        self.engines = engines
        self.executor: Executor[TranscriberWorker] = Executor(
            engines.transcriber.open_worker, workers=workers, metrics=metrics
        )

    def close(self) -> bool:
        """Join the threads, then free the engines; False when a native call holds a thread."""
        if not self.executor.close(CLOSE_S):
            return False
        self.engines.close()
        return True


async def _load(service: Service, engines: OpenEngines, signals: Signals) -> Loaded | None:
    """Load and try every engine on a thread of its own; None when a signal came first.

    The thread is a daemon: a stop during a long load leaves at once, without waiting for it.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Loaded] = loop.create_future()

    def settle(loaded: Loaded | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if loaded is not None:
            outcome.set_result(loaded)
        elif error is not None:
            outcome.set_exception(error)

    def load() -> None:
        loaded, failure = None, None
        name_thread()
        try:
            loaded = _load_engines(service.settings, engines, service.metrics)
        except BaseException as error:  # carried to the loop, which raises it
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, loaded, failure)

    threading.Thread(target=load, name="load-engines", daemon=True).start()
    stop = asyncio.create_task(signals.asked.wait(), name="stop-while-loading")
    waiting: set[asyncio.Future[Any]] = {outcome, stop}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if outcome.done():
        return outcome.result()
    outcome.cancel()
    log.info("stopped_while_loading")
    return None


def _load_engines(settings: Settings, engines: OpenEngines, metrics: Metrics) -> Loaded:
    """Blocking: open the engines and do one real inference on each worker and the detector.

    Raises ``StartupFailed``, ``EngineFailed``; ``StartupHung`` when a native call goes on.
    """
    began_s = time.monotonic()
    _check_spool(settings)
    opened = engines(settings)
    loaded = Loaded(opened, settings.workers, metrics)
    try:
        _try_engines(loaded)
        if opened.elsewhere("transcriber") is None:
            # The first calls are slow; what the second ones take is what a decode may take. They also
            # touch again what decodes need of the memory that is given back before them.
            loaded.executor.forget_load()
            _trim_heap()
            _try_engines(loaded)
        loaded.executor.forget_load(but_job_time=True)
    except BaseException as error:
        if not loaded.close():
            raise StartupHung(str(error)) from error
        raise
    capabilities, memory = opened.transcriber.capabilities, memory_limit()
    log.info(
        "engines_loaded",
        transcriber=capabilities.name,
        model=capabilities.model,
        embedder=None if opened.embedder is None else opened.embedder.capabilities.model,
        workers=settings.workers,
        cpus=usable_cpus(),
        memory_mib=None if memory is None else memory.bytes >> 20,
        seconds=round(time.monotonic() - began_s, 3),
    )
    return loaded


def _check_spool(settings: Settings) -> None:
    """Raise ``StartupFailed`` (``bad_setting``) for a spool folder that takes no files."""
    folder = settings.spool_dir
    if folder and not (Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise StartupFailed(f"{variable('spool_dir')} is no folder that can be written to")


def _trim_heap() -> None:
    """Return what loading has freed to the kernel; glibc, which has the call, would keep it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _try_engines(loaded: Loaded) -> None:
    """Run every worker and the voice detector on silence: no first caption pays for first calls.

    Raises ``StartupFailed`` when that takes too long.
    """
    executor, detector = loaded.executor, loaded.engines.voice_detector
    trying = JobOwner(OwnerKind.START_UP, "", "")
    together = threading.Barrier(executor.workers)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    def run(worker: TranscriberWorker) -> None:
        # a thread that is done must not take its neighbour's job
        if together.wait(TRY_WITHIN_S) == 0:
            detector.open_stream().probability(np.zeros(detector.window_samples, np.float32))
        silence = Utterance(0, np.zeros(SAMPLE_RATE, np.float32))
        for context in (AudioContext.SHORT, AudioContext.LONG):
            worker.transcribe(silence, DecodeOptions(context=context))

    for index in range(executor.workers):
        executor.submit(
            Job(
                job_class=JobClass.FINAL,
                owner=trying,
                part=str(index),
                deadline_s=0.0,
                run=run,
                deliver=outcomes.put,
            )
        )
    until_s = time.monotonic() + TRY_WITHIN_S
    for _ in range(executor.workers):
        try:
            outcome = outcomes.get(timeout=max(0.0, until_s - time.monotonic()))
        except queue.Empty:
            raise StartupFailed(
                f"the first inference did not end within {TRY_WITHIN_S:g} s",
                code=ErrorCode.ENGINE_FAILED,
            ) from None
        if isinstance(outcome, JobFailed):
            raise outcome.error
    executor.forget(trying)


async def _serve_meetings(
    service: Service,
    runner: web.AppRunner,
    loaded: Loaded,
    signals: Signals,
    port: int,
    on_ready: Callable[[int], None] | None,
) -> bool:
    settings, capabilities = service.settings, loaded.engines.transcriber.capabilities
    policy = CaptioningPolicy(
        guards=capabilities.hallucinates,
        final_beams=settings.final_beams or capabilities.final_beams,
    )
    transcriber = loaded.engines.elsewhere("transcriber")
    roster = Roster(
        loaded.executor,
        loaded.engines.voice_detector,
        policy=policy,
        max_meetings=settings.max_meetings,
        max_tracks=settings.max_tracks,
        limits=LoadLimits(
            stretch=settings.stretch_load,
            drop=settings.drop_load,
            refuse=settings.new_meeting_load,
            resume=settings.resume_load,
        ),
        engine_away=None if transcriber is None else partial(getattr, transcriber, "away"),
        metrics=service.metrics,
    )
    # What was made while starting lives as long as the process: looking through it again and
    # again for garbage would only hold up captions.
    gc.collect()
    gc.freeze()
    service.loaded = loaded.engines.loaded
    engines, jobs = loaded.engines, Jobs(loaded.executor)
    embeddings = (
        None
        if engines.embedder is None
        else Embeddings(jobs, engines.embedder, metrics=service.metrics)
    )
    syntheses = _syntheses(service, engines, jobs, embeddings)
    files = FileTranscriptions(
        jobs,
        engines.voice_detector,
        capabilities,
        policy,
        at_once=settings.files,
        waiting=settings.files_waiting,
    )
    service.become_ready(roster, capabilities, syntheses, embeddings, files)
    _tell_ready(service, engines, port)
    if on_ready is not None:
        on_ready(port)
    async with watching(engines.remote, jobs, service.metrics):
        await signals.asked.wait()
        return await _leave(service, runner, loaded, roster, syntheses, files, embeddings, signals)


async def _leave(
    service: Service,
    runner: web.AppRunner,
    loaded: Loaded,
    roster: Roster,
    syntheses: Syntheses,
    files: FileTranscriptions,
    embeddings: Embeddings | None,
    signals: Signals,
) -> bool:
    works = (syntheses.queue, syntheses.live_notes.queue, files.queue)
    leaving = Drain(
        service=service,
        runner=runner,
        executor=loaded.executor,
        engines=loaded.engines,
        roster=roster,
        works=works,
        embeddings=embeddings,
    )
    return await leaving.run(signals)


def _tell_ready(service: Service, engines: Engines, port: int) -> None:
    """Log and count what this process runs with."""
    settings, weights = service.settings, service.loaded.weights()
    capabilities = engines.transcriber.capabilities
    models = {role: (one.name, one.sha256) for role, one in weights.items()}
    models |= {one.role: (one.model, one.digest) for one in engines.remote}
    for one in service.loaded.statistics():
        service.metrics.loaded(one.role, one.model, one.loads, weights[one.role].bytes)
    service.metrics.built(
        version=__version__,
        profile=settings.profile,
        engine=capabilities.name,
        model=capabilities.model,
    )
    log.info(
        "ready",
        port=port,
        version=__version__,
        python=platform.python_version(),
        profile=settings.profile,
        models={role: f"{name}@{digest[:12]}" for role, (name, digest) in models.items()},
        remote=[one.role for one in engines.remote],
        workers=settings.workers,
        threads=settings.threads,
        max_meetings=settings.max_meetings,
        max_tracks=settings.max_tracks,
        traces=settings.traces,
        loads=[
            settings.stretch_load,
            settings.drop_load,
            settings.new_meeting_load,
            settings.resume_load,
        ],
    )


def _syntheses(
    service: Service, engines: Engines, jobs: Jobs, embeddings: Embeddings | None
) -> Syntheses:
    """Make the syntheses of this process: by a language model where the profile has one, else extractive."""
    settings = service.settings
    return Syntheses(
        PlanRunner(jobs, None if embeddings is None else embeddings.embed, engines.generator),
        synthesisers_of(engines.embedder, engines.generator),
        at_once=settings.syntheses,
        waiting=settings.syntheses_waiting,
        notes_bytes=settings.notes_cache_mb << 20,
        metrics=service.metrics,
        tracing=service.tracing,
    )
