"""The entry point of the ``wordloop-ml`` command: hear a stop before anything else is loaded.

As process 1 of a container a program without a handler never hears SIGTERM: the kernel drops it.
Importing the native libraries takes about a second, so the handler comes before the imports.
"""

import signal
import sys
from types import FrameType

EXIT_TERMINATED = 128 + signal.SIGTERM
"""What shells expect of a program that SIGTERM ended."""


def main() -> int:
    """Run the command line; until it takes the signal over, SIGTERM ends the process at once."""
    signal.signal(signal.SIGTERM, _leave)
    from wordloop_ml import cli  # noqa: PLC0415 - the point of this module

    return cli.main()


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    sys.exit(EXIT_TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
