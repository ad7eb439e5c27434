"""llama.cpp through the low-level functions of ``llama-cpp-python``, an extra of this package.

Its own ``Llama`` class is not used: it reads a prompt in one uninterruptible go (docs/adr/0021).
The functions are ctypes declarations of one llama.cpp, so that the version is checked before any
of them is called.
"""

import ctypes
import functools
import importlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from wordloop_ml.errors import ErrorCode, StartupFailed

EXPECTED_VERSION = "0.3.36"
"""The llama-cpp-python whose behaviour this engine was written and tested against."""

DISTRIBUTION = "llama-cpp-python"

_ERROR_LEVEL = 4
_SHOWN_CHARACTERS = 200


class NativeLog:
    """Receives llama.cpp's log, which would go to standard error.

    Nothing of it is ever logged: nobody promises that it holds no text of a prompt. Only what is
    said while a model is loaded, which is about the file alone, is listened to.
    """

    def __init__(self, functions: Any, libc: Any) -> None:
        self._functions = functions
        self._last_error = ""
        # the library keeps these pointers: they must live as long as the process
        self._listener = functions.llama_log_callback(self._take)
        # any function that does nothing and never waits for the interpreter's lock
        self._silence = ctypes.cast(libc.abs, functions.llama_log_callback)
        self._set(self._silence)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Keep the last error that is logged inside this context."""
        self._last_error = ""
        self._set(self._listener)
        try:
            yield
        finally:
            self._set(self._silence)

    @property
    def last_error(self) -> str:
        """The last error in one printable line; empty without one."""
        return self._last_error

    def _set(self, callback: Any) -> None:
        self._functions.llama_log_set(callback, ctypes.c_void_p(0))

    def _take(self, level: int, text: bytes, _data: object) -> None:
        if level == _ERROR_LEVEL:
            line = " ".join(text.decode("utf-8", "replace").split())
            self._last_error = "".join(filter(str.isprintable, line))[:_SHOWN_CHARACTERS]


class LlamaLibrary:
    """The package's modules, loaded and checked; one for the process.

    functions: llama.h, by its names. log: what it says.
    """

    def __init__(self) -> None:
        self.functions: Any = _module("llama_cpp.llama_cpp")
        self._chat_format: Any = _module("llama_cpp.llama_chat_format")
        for unused in vars(_module("llama_cpp._utils")).values():
            if isinstance(unused, io.TextIOBase):  # it opens /dev/null twice, and never closes it
                unused.close()
        self.libc = ctypes.CDLL(None)
        self.log = NativeLog(self.functions, self.libc)
        self.libc.fdopen.restype = ctypes.c_void_p
        self.libc.fdopen.argtypes = [ctypes.c_int, ctypes.c_char_p]
        self.libc.fclose.argtypes = [ctypes.c_void_p]
        # llama.cpp asks before each operation whether to go on, hundreds of times for a token. A
        # Python function would wait for the interpreter's lock each time. This one of the C library
        # looks at one byte: an empty string has the length 0, which is false (docs/adr/0021).
        self.is_raised = ctypes.cast(self.libc.strlen, self.functions.ggml_abort_callback)
        self.functions.llama_backend_init()

    def chat_formatter(self, template: str, *, bos: str, eos: str) -> Any:
        """Make the renderer of a model's chat template; raises jinja2's ``TemplateError``."""
        return self._chat_format.Jinja2ChatFormatter(template, eos_token=eos, bos_token=bos)


@functools.cache
def load_library() -> LlamaLibrary:
    """Load the library, once for the process.

    Raises ``StartupFailed`` (``engine_incompatible``) when the extra is missing or of another
    version.
    """
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise _unusable("is not installed") from None
    if version != EXPECTED_VERSION:
        raise _unusable(f"is installed in version {version}, {EXPECTED_VERSION} is expected")
    # one libgomp more in this process, and none of them may spin between two calls
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    return LlamaLibrary()


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError, RuntimeError) as error:
        raise _unusable(f"cannot be loaded ({type(error).__name__})") from error


def _unusable(what: str) -> StartupFailed:
    return StartupFailed(
        f"the profile names a generator, and {DISTRIBUTION} {what}: install the extra "
        "(pip install 'wordloop-ml[llama-cpp-python]'; it is compiled, which takes some minutes), "
        "or choose a profile without a generator",
        code=ErrorCode.ENGINE_INCOMPATIBLE,
    )
