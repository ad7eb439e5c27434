"""The three probes. None of them looks at load: a full fleet must not take itself out."""

from aiohttp import web

from wordloop_ml.web.service import SERVICE, Stage


async def livez(request: web.Request) -> web.Response:
    """The event loop turns; nothing else is asked, so that no dependency restarts us."""
    del request
    return web.json_response({"status": "alive"})


async def startupz(request: web.Request) -> web.Response:
    """Every model is loaded and has done one real inference."""
    stage = request.app[SERVICE].stage
    return web.json_response({"stage": stage}, status=503 if stage is Stage.STARTING else 200)


async def readyz(request: web.Request) -> web.Response:
    """Started and not draining."""
    stage = request.app[SERVICE].stage
    return web.json_response({"stage": stage}, status=200 if stage is Stage.READY else 503)
