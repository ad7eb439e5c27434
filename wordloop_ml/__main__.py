"""The entry point of the ``wordloop-ml`` command: hear a stop before anything else is loaded.

As process 1 of a container a program without a handler never hears SIGTERM: the kernel drops it.
Importing the native libraries takes about a second, so the handler comes before the imports.
"""

import gc
import os
import signal
import sys
from types import FrameType

EXIT_TERMINATED = 128 + signal.SIGTERM
"""What shells expect of a program that SIGTERM ended."""


def main() -> int:
    """Run the command line; returns its exit status.

    Until ``serve`` takes the signals over, they end it at once with 0, as they do later. Another
    command ends with the status of a program that was stopped.
    """
    serves = sys.argv[1:2] == ["serve"]
    signal.signal(signal.SIGTERM, _leave_well if serves else _leave)
    if serves:
        signal.signal(signal.SIGINT, _leave_well)
    # scripts/serve blocks it, so that none is lost while the interpreter starts
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    # NumPy's library would keep a thread for each core of the machine, whatever a container may
    # use of them, beside the inference threads; read when NumPy is imported
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # what modules make stays: looking for garbage among it would take a tenth of the imports' time
    gc.disable()
    from wordloop_ml import cli  # noqa: PLC0415 - the point of this module

    namespace = cli.parse()
    gc.enable()
    if not serves:
        signal.signal(signal.SIGTERM, _unwind)
    status = cli.run(namespace)
    if serves:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing is left that it could stop
    return status


def _leave_well(number: int, frame: FrameType | None) -> None:
    """End the process with 0, at once."""
    # no exception: a native module that is being imported makes an ImportError of any
    del number, frame
    os._exit(0)


def _leave(number: int, frame: FrameType | None) -> None:
    """End the process with ``EXIT_TERMINATED``, at once."""
    del number, frame
    os._exit(EXIT_TERMINATED)


def _unwind(number: int, frame: FrameType | None) -> None:
    """End a command that is under way by ``SystemExit``, so that it cleans up."""
    del number, frame
    sys.exit(EXIT_TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
