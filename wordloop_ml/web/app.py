"""The aiohttp application: every route in one place."""

from aiohttp import web

from wordloop_ml.web.access import access
from wordloop_ml.web.embeddings import embeddings
from wordloop_ml.web.health import livez, readyz, startupz
from wordloop_ml.web.meeting_socket import meeting_socket
from wordloop_ml.web.origins import name_origin
from wordloop_ml.web.problems import problems
from wordloop_ml.web.service import SERVICE, Service
from wordloop_ml.web.synthesis import synthesis

MAX_BODY_BYTES = 65_536


def make_app(service: Service) -> web.Application:
    """The routes over one service."""
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
