"""The three probes. None of them looks at load: a full fleet must not take itself out."""

from dataclasses import asdict

from aiohttp import web

from wordloop_ml.web.service import SERVICE, Stage


async def livez(request: web.Request) -> web.Response:
    """The event loop turns; nothing else is asked, so that no dependency restarts us."""
    del request
    return web.json_response({"status": "alive"})


async def startupz(request: web.Request) -> web.Response:
    """Every model is loaded and has done one real inference; and how often each was loaded."""
    service = request.app[SERVICE]
    loads = [asdict(one) for one in service.loaded.statistics()]
    return web.json_response(
        {"stage": service.stage, "model_loads": loads},
        status=503 if service.stage is Stage.STARTING else 200,
    )


async def readyz(request: web.Request) -> web.Response:
    """Started and not draining."""
    stage = request.app[SERVICE].stage
    return web.json_response({"stage": stage}, status=200 if stage is Stage.READY else 503)
