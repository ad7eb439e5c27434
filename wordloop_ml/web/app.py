"""The aiohttp application: every route in one place, and the three probes themselves.

No probe looks at load: a full fleet must not take itself out.
"""

from dataclasses import asdict

from aiohttp import web

from wordloop_ml.web.access import access, name_origin
from wordloop_ml.web.embeddings import embeddings
from wordloop_ml.web.http_server import problems
from wordloop_ml.web.meeting_socket import meeting_socket
from wordloop_ml.web.service import SERVICE, Service, Stage
from wordloop_ml.web.synthesis import synthesis


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


def make_app(service: Service) -> web.Application:
    """Make the application with the routes of one service."""
    app = web.Application(middlewares=[problems, access], client_max_size=MAX_BODY_BYTES)
    app[SERVICE] = service
    app.on_response_prepare.append(name_origin)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/startupz", startupz)
    app.router.add_get("/v1/meetings/{meeting_id}/audio", meeting_socket)
    app.router.add_post("/v1/embeddings", embeddings)
    app.router.add_post("/v1/synthesis", synthesis)
    return app
