"""Configures structured logs: constant snake-case events, facts as keys; never a transcript, name or audio."""

import logging
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import structlog

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


_TEMPLATE_CHARS = 120

_UNHEARD = ("opentelemetry.exporter.otlp.proto.http.trace_exporter", "opentelemetry.trace.")
"""Libraries that complain of each try, and of what clients send; ``web/traces.py`` tells what matters of it."""

_THREAD_NAME_CHARS = 15
"""Linux keeps so many."""


def configure_logs(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send every log of this process to one stream (standard error), a line an event.

    level: debug, info, warning or error. style: ``json`` or ``console``.
    """
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, handlers=[LibraryHandler()])


def name_thread() -> None:
    """Tell the kernel the name of this thread, so that ``top -H`` and debuggers show it; Python tells it only from 3.14 on."""
    name = threading.current_thread().name[:_THREAD_NAME_CHARS]
    with suppress(OSError):  # it is a help, and not to be had without /proc
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(name)


class LibraryHandler(logging.Handler):
    """Passes on what libraries (aiohttp, asyncio) log through the standard module, without its values.

    They put headers into warnings, and whole requests into tracebacks. So only the constant part of
    a message is kept, up to the end of its first line, and of an exception its type and place.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record as one event, ``library_log``."""
        if record.name.startswith(_UNHEARD):
            return
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno,
            "library_log",
            library=record.name,
            template=str(record.msg).partition("\n")[0][:_TEMPLATE_CHARS],
            **({} if error is None else describe_bug(error)),
        )


def describe_bug(error: BaseException) -> dict[str, object]:
    """Return what a log may say of an unexpected exception: its type and where, never its message.

    A message can hold whatever was being handled (a word, a name); file and line cannot. Of a
    group of exceptions it is the first.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}:{frame.name}" for frame in frames]
    return {"error": type(error).__name__, "where": where[-6:]}
