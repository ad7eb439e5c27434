"""``GET /docs``: a page that renders the OpenAPI document.

It holds nothing of this service, so it is open. It asks for the token itself, since a browser sends
none with an address that somebody typed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

from wordloop_ml.web.static_files import StaticFile

PATH: Final = "/docs"

_FOLDER: Final = Path(__file__).parent / "page"

_ICON: Final = Path(__file__).parents[1] / "page" / "icon.svg"

FILES: Final[Mapping[str, StaticFile]] = {
    PATH if path.name == "index.html" else f"{PATH}/{path.name}": StaticFile.read(path)
    for path in (*sorted(_FOLDER.iterdir()), _ICON)
}
"""The files of the page by path."""


async def docs(request: web.Request) -> web.Response:
    """Answer with the file at this path."""
    return FILES[request.path].answer(request)
