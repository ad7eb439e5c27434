"""The tokens file while the service runs: read again and again, so that tokens rotate.

A thread reads, since a disk can hang; it is a daemon, so that a hung disk cannot hold the exit.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import structlog

from wordloop_ml.errors import StartupFailed
from wordloop_ml.telemetry import describe_bug
from wordloop_ml.tokens import Tokens, parse_tokens, read_content

READ_EVERY_S = 2.0
"""Kubernetes itself takes up to a minute to bring a changed Secret to a container."""

log = structlog.get_logger()


class TokenFile:
    """Watches one file from the start of the service to its end.

    What it holds is compared, not its time: a Secret is a link that is swapped, and an edit within
    one tick of the clock changes no time. A file that turned bad changes nothing, and is named in
    the log, once until it changes again.

    use: called in the event loop with each new set of tokens.
    """

    def __init__(
        self, path: Path, use: Callable[[Tokens], None], *, read_every_s: float = READ_EVERY_S
    ) -> None:
        self._path = path
        self._use = use
        self._read_every_s = read_every_s
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._first: asyncio.Future[None] = self._loop.create_future()
        self._last: Tokens | str | None = None  # what was read, or why nothing was

    async def open(self) -> None:
        """Begin to watch; return when the tokens are in use.

        Raises ``StartupFailed`` (``bad_tokens_file``) when the file is bad at the start.
        """
        threading.Thread(target=self._watch, name="watch-tokens", daemon=True).start()
        await self._first

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()

    def _watch(self) -> None:
        """Read again and again, on the thread, and hand what was read to the event loop."""
        while True:
            outcome = _read(self._path)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._take, outcome)
            if self._stop.wait(self._read_every_s):
                return

    def _take(self, outcome: Tokens | Exception) -> None:
        """Use what was read, if it is new and good."""
        seen = outcome if isinstance(outcome, Tokens) else str(_facts(outcome))
        if seen == self._last or self._stop.is_set():
            return
        self._last = seen
        if isinstance(outcome, Tokens):
            self._use(outcome)
            log.info("tokens_read", tenants=outcome.tenants, tokens=len(outcome.entries))
            if not self._first.done():
                self._first.set_result(None)
        elif self._first.done():
            log.error("tokens_refused", **_facts(outcome))
        else:
            self._first.set_exception(outcome)


def _read(path: Path) -> Tokens | Exception:
    """Read and parse the file (blocking); return the error where that fails."""
    try:
        return parse_tokens(read_content(path))
    except Exception as error:  # carried to the loop: without its thread no token would rotate
        return error


def _facts(error: Exception) -> dict[str, object]:
    """Return what a log may say of an error: a bug's text may hold what stood in the file."""
    if isinstance(error, StartupFailed):
        return {"code": error.code, "reason": str(error)}
    return describe_bug(error)
