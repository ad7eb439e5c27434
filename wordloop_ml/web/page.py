"""The page at ``/``: captions for whoever has no client. Its files lie in ``page/``; it is a client like others.

The files are open to everyone, as they are in the repository; what they ask for needs the token.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from wordloop_ml.tokens import Tokens
from wordloop_ml.web.static_files import CONTENT_TYPES, HEADERS, StaticFile

FOLDER = Path(__file__).parent / "page"
PREFIX = "/page/"

PAGE_HEADERS: Mapping[str, str] = {
    **HEADERS,
    "Permissions-Policy": "microphone=(self), display-capture=(self), camera=(), geolocation=()",
}


def read_page() -> dict[str, StaticFile]:
    """Read the page's files by their paths (blocking)."""
    files = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in CONTENT_TYPES:
            name = path.relative_to(FOLDER).as_posix()
            files["/" if name == "index.html" else PREFIX + name] = StaticFile.read(path)
    return files


def add_page(app: web.Application, files: Mapping[str, StaticFile]) -> None:
    """Add a route for each file of the page."""

    async def answer(request: web.Request) -> web.Response:
        return files[request.path].answer(request, PAGE_HEADERS)

    for path in files:
        app.router.add_get(path, answer)


def is_file_of_page(request: web.Request) -> bool:
    """Whether a request asks for one of the page's files, which need no token."""
    resource = request.match_info.route.resource
    return resource is not None and (
        resource.canonical == "/" or resource.canonical.startswith(PREFIX)
    )


def is_own_page(request: web.Request, tokens: Tokens) -> bool:
    """Whether the page sent a request: its origin is the host that was asked.

    Without tokens that host must be loopback, too: to a browser a stranger's name that is made to point
    to this machine (DNS rebinding) is as much an origin of its own as ours.
    """
    origins = request.headers.getall("Origin", ())
    if len(origins) != 1:
        return False
    host = origins[0].partition("://")[2]
    if not host or host != request.headers.get("Host", "").lower():
        return False
    return tokens.required or _is_loopback(host)


def _is_loopback(host: str) -> bool:
    """Whether this host, perhaps with a port, is this machine by its very name."""
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
