"""``wordloop-ml serve``: runs the service until a signal."""

import argparse
import asyncio
import logging
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import NoReturn

from wordloop_ml.cli.options import EXIT_FAILED, print_error
from wordloop_ml.engines.catalogue import Engines, open_engines
from wordloop_ml.errors import StartupHung
from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.telemetry import configure_logs, name_thread

CLOSE_S = 10.0


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``serve`` command."""
    parser = commands.add_parser(
        "serve",
        help="serve live captions over WebSocket",
        description="Serve live captions over WebSocket until SIGTERM or Ctrl-C. "
        "Without WORDLOOP_TOKEN or WORDLOOP_TOKENS_FILE only on loopback.",
    )
    parser.add_argument("--host", metavar="H", help="where to listen (default: WORDLOOP_HOST)")
    parser.add_argument(
        "--port", metavar="P", type=_port, help="0 takes a free one (default: WORDLOOP_PORT)"
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="serve the page at /, and open it where there is a desktop (default: WORDLOOP_PAGE)",
    )
    parser.set_defaults(handler=_serve)


def _serve(namespace: argparse.Namespace) -> int:
    settings = read_settings(os.environ)
    if namespace.host is not None:
        settings = replace(settings, host=namespace.host)
    if namespace.port is not None:
        settings = replace(settings, port=namespace.port)
    if namespace.page:
        settings = replace(settings, page="on")
    configure_logs(settings.log_level, settings.log_format)
    engines = _EarlyEngines(settings)
    try:
        from wordloop_ml.web.serve import serve  # noqa: PLC0415 - while the engines are opened

        shown = partial(_show_page, settings) if namespace.page else None
        return run(settings, partial(serve, engines=engines.take, on_ready=shown))
    finally:
        engines.close()


class _EarlyEngines:
    """Opens the engines on a thread of its own while what serves them is imported: each takes half a second.

    The thread is a daemon: a stop in the meantime ends the process at once, without waiting for it.
    """

    def __init__(self, settings: Settings) -> None:
        self._opened: Future[Engines] = Future()
        self._taken = False
        threading.Thread(
            target=self._open, args=(settings,), name="open-engines", daemon=True
        ).start()

    def _open(self, settings: Settings) -> None:
        name_thread()
        try:
            self._opened.set_result(open_engines(settings))
        except BaseException as error:  # carried to the thread that takes them, which raises it
            self._opened.set_exception(error)

    def take(self, settings: Settings) -> Engines:
        """Wait for the engines and hand them over; raises as ``open_engines`` does."""
        del settings  # those of the beginning
        self._taken = True
        return self._opened.result()

    def close(self) -> None:
        """Close engines that nobody has taken, where the process cannot serve; ends it where they hang."""
        if self._taken:
            return
        try:
            failed = self._opened.exception(CLOSE_S)
        except TimeoutError:
            end_process(EXIT_FAILED)
        if failed is None:
            self._opened.result().close()


def _show_page(settings: Settings, port: int) -> None:
    """Say where the page is, and open it in the desktop's browser; a terminal's would take the terminal over.

    Its address holds no token: browsers keep addresses.
    """
    host = settings.host if settings.listens_on_loopback else "localhost"
    url = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
    print(f"\nThe page: {url}\n", flush=True)
    if {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def run(settings: Settings, until_signal: Callable[[Settings], Coroutine[None, None, bool]]) -> int:
    """Serve until a signal; return the exit status, which is 0 whatever had to be left behind.

    Does not return when a thread has to be left: then the process ends here. Raises
    ``StartupFailed`` when the service cannot start.
    """
    configure_logs(settings.log_level, settings.log_format)
    try:
        joined = asyncio.run(until_signal(settings))
    except StartupHung as error:
        print_error(error)
        end_process(EXIT_FAILED)
    if not joined:
        end_process(0)
    return 0


def end_process(status: int) -> NoReturn:
    """End the process at once, where a native call still holds a thread.

    Joining the thread could take for ever, and finalising the interpreter, or freeing what the
    call uses, could crash.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
