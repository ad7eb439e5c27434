"""Files for browsers, read once at the start and answered from memory, with a strict content security policy."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""Written down, since what the system says of a suffix differs between systems."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "connect-src 'self'",
        "img-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Scripts, styles and connections of this server alone; nothing inline, nothing evaluated, no frames."""

HEADERS: Mapping[str, str] = {
    # asked for again each time, and mostly answered by 304: a new version is there at once
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its bytes, and what a browser is told about them."""

    content: bytes
    content_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> "StaticFile":
        """Read a file (blocking). Raises ``KeyError`` for a suffix that is not known."""
        content = path.read_bytes()
        return cls(content, CONTENT_TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:32])

    def answer(self, request: web.Request, headers: Mapping[str, str] = HEADERS) -> web.Response:
        """Answer a request for it; 304 without the content where the browser has it already."""
        known = request.if_none_match or ()
        if any(one.value in (self.etag, "*") for one in known):
            response = web.Response(status=304, headers=headers)
        else:
            response = web.Response(
                body=self.content,
                content_type=self.content_type,
                charset="utf-8",
                headers=headers,
            )
        response.etag = self.etag
        return response
