"""``wordloop-ml serve``: the service, until a signal."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine

from wordloop_ml.settings import Settings, read_settings
from wordloop_ml.telemetry import configure_logs
from wordloop_ml.web.serve import serve


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``serve`` command."""
    parser = commands.add_parser(
        "serve",
        help="serve live captions over WebSocket",
        description="Serve live captions over WebSocket until SIGTERM or Ctrl-C. "
        "WORDLOOP_HOST and WORDLOOP_PORT say where; without WORDLOOP_TOKEN or WORDLOOP_TOKENS_FILE only on loopback.",
    )
    parser.set_defaults(handler=_serve)


def _serve(namespace: argparse.Namespace) -> int:
    del namespace
    return run(read_settings(os.environ))


def run(
    settings: Settings, until_signal: Callable[[Settings], Coroutine[None, None, bool]] = serve
) -> int:
    """Serve until a signal; the exit status, which is 0 whatever had to be left behind.

    Does not return when a thread has to be left: then the process ends here.
    """
    configure_logs(settings.log_level, settings.log_format)
    if not asyncio.run(until_signal(settings)):
        # A native call still holds a thread, or the models are still being loaded: joining it
        # could take for ever, and finalising the interpreter under it could crash.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    return 0
