"""Fetches one URL into a partial file: resumed, hashed, bounded, retried with back-off.

The partial file has one stable name and is kept across restarts; the digest in the manifest decides
whether it is right. Range requests as in RFC 9110, section 14. A validator (If-Range) would add
nothing: revisions are pinned and the digest covers the whole file.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from wordloop_ml import __version__
from wordloop_ml.errors import ErrorCode, StartupFailed, WeightsUnusable
from wordloop_ml.weights.manifest import HttpsSource, WeightsEntry, is_loopback
from wordloop_ml.weights.store import mark, unmark


class PullPhase(Enum):
    """What a pull is doing."""

    WAITING = "waiting for another pull"
    REHASHING = "checking what is kept"
    FETCHING = "fetching"
    UNPACKING = "unpacking"
    CONVERTING = "converting"
    RETRYING = "retrying"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is.

    done_bytes, total_bytes: of the file, not of the wheel around it.
    detail: one short phrase for people: the host, the package, or why a retry is due.
    """

    name: str
    phase: PullPhase
    done_bytes: int
    total_bytes: int
    detail: str = ""


Report = Callable[[PullPhase, int, str], None]
"""Inside a pull: phase, bytes done, detail."""


def _free_bytes(directory: Path) -> int:
    return shutil.disk_usage(directory).free


@dataclass(frozen=True, slots=True)
class PullPolicy:
    """The bounds of a pull; there is no bound on its whole time, which is up to the network.

    attempts: tries in a row, per source, that gain less than ``worthwhile_bytes``.
    first_wait_s, longest_wait_s: the back-off doubles from the one to the other, and an answer's
        Retry-After is honoured up to the longest.
    lock_wait_s: how long another process may take to pull the same file.
    spare_bytes: what a pull leaves free on the disk.
    most_cached_bytes: larger files leave nothing in pip's cache, which nothing else would ask for.
    wheel_deadline_s: how long pip may take to fetch a wheel. wheel_tick_s: how often it is looked
        at meanwhile, to report how much it has.
    jitter: in [0, 1); spreads the retries of a fleet over the second half of each wait.
    now: seconds since the epoch, for a Retry-After that names a date.
    """

    connect_timeout_s: float = 8.0
    read_timeout_s: float = 30.0
    attempts: int = 6
    worthwhile_bytes: int = 1 << 20
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    lock_wait_s: float = 1_800.0
    spare_bytes: int = 64 << 20
    most_cached_bytes: int = 256 << 20
    wheel_deadline_s: float = 900.0
    wheel_tick_s: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = secrets.SystemRandom().random
    now: Callable[[], float] = time.time
    free_bytes: Callable[[Path], int] = _free_bytes


class SourceFailed(Exception):
    """Raised when one source is given up; the next one may do. Never leaves this package."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def size_code(found_bytes: int, expected_bytes: int) -> ErrorCode:
    """Return the error code for a file of the wrong size."""
    short = found_bytes < expected_bytes
    return ErrorCode.WEIGHTS_TRUNCATED if short else ErrorCode.WEIGHTS_CORRUPT


_STEP_BYTES: Final = 1 << 20
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def writing(directory: Path) -> Iterator[None]:
    """Turn ``OSError`` into ``WeightsUnusable`` (``disk_full``) or ``StartupFailed`` (``bad_setting``)."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise WeightsUnusable(
                f"no room left in the weights directory {directory}", code=ErrorCode.DISK_FULL
            ) from error
        raise StartupFailed(
            f"the weights directory {directory} cannot be written: {error.strerror or error}; "
            "set WORDLOOP_WEIGHTS, or give --directory",
            code=ErrorCode.BAD_SETTING,
        ) from error


class Part:
    """``<file>.part``, open for one pull under its lock.

    size: bytes held, never more than the entry's.
    inherited: whether some of them may come from elsewhere than the source at work.
    """

    def __init__(self, entry: WeightsEntry, directory: Path, report: Report) -> None:
        """Open what an earlier pull has left, and hash it again."""
        self.entry = entry
        self.directory = directory
        self.path = directory / f"{entry.file}.part"
        self._report = report
        self._digest = hashlib.sha256()
        with writing(directory):
            self._file = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
            try:
                self.size = self._rehash()
            except BaseException:
                self._file.close()
                raise
        self.inherited = self.size > 0

    @property
    def missing_bytes(self) -> int:
        """How many bytes are still to come."""
        return self.entry.bytes - self.size

    @property
    def is_right(self) -> bool:
        """Whether it is the file of the manifest, to the bit."""
        return self.missing_bytes == 0 and self._digest.hexdigest() == self.entry.sha256

    def append(self, data: bytes) -> None:
        """Write and hash the next bytes; at most ``missing_bytes`` of them."""
        with writing(self.directory):
            self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def restart(self) -> None:
        """Drop everything held."""
        with writing(self.directory):
            self._file.seek(0)
            self._file.truncate()
        self._digest = hashlib.sha256()
        self.size = 0
        self.inherited = False

    def cut(self, size: int) -> None:
        """Drop everything behind the first ``size`` bytes, and hash those again."""
        with writing(self.directory):
            self._file.truncate(size)
            self._file.seek(0)
            self._digest = hashlib.sha256()
            self.size = self._rehash()

    def place(self) -> Path:
        """Give the complete file its own name, durably and at once; returns its path."""
        target = self.directory / self.entry.file
        with writing(self.directory):
            self._file.flush()
            os.fsync(self._file.fileno())
            facts = os.fstat(self._file.fileno())
            unmark(target)
            self.path.replace(target)
            _sync_directory(target.parent)
        mark(self.entry, target, facts)
        return target

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Keep what was written for the next pull; an empty part is not kept."""
        with writing(self.directory):
            self._file.close()
            if self.size == 0:
                self.path.unlink(missing_ok=True)

    def _rehash(self) -> int:
        """Hash what is kept; a part that is too long cannot be this file's."""
        kept = os.fstat(self._file.fileno()).st_size
        if kept > self.entry.bytes:
            self._file.truncate(0)
            return 0
        size = 0
        while data := self._file.read(_STEP_BYTES):
            self._digest.update(data)
            size += len(data)
            self._report(PullPhase.REHASHING, size, "")
        return size


def _sync_directory(directory: Path) -> None:
    """Make a rename durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_CHUNK_BYTES: Final = 256 << 10
_MOST_REDIRECTS: Final = 8
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Model hubs answer 401 and 403 in passing, for files that anybody may read.
_PASSING: Final = frozenset({401, 403, 408, 425, 429})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


class _Passing(Exception):
    """Raised when a try failed in a way that another may not."""

    def __init__(
        self,
        reason: str,
        *,
        code: ErrorCode = ErrorCode.WEIGHTS_UNREACHABLE,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.retry_after_s = retry_after_s


class _Session(requests.Session):
    """A session that leaves redirects alone, even where it would only look ahead at them."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None: looking ahead would read a redirect's whole body, without a bound."""
        return None


def fetch(source: HttpsSource, part: Part, policy: PullPolicy, report: Report) -> None:
    """Fill the part up to its declared size; its digest is the caller's to check.

    Raises ``SourceFailed``, with everything kept that another try or source can build on.
    """
    with _Session() as session:
        session.headers["User-Agent"] = f"wordloop-ml/{__version__}"
        # Sizes and ranges are those of the file itself.
        session.headers["Accept-Encoding"] = "identity"
        _Fetch(session, source, part, policy, report).run()


class _Fetch:
    """The tries at one URL."""

    def __init__(
        self,
        session: requests.Session,
        source: HttpsSource,
        part: Part,
        policy: PullPolicy,
        report: Report,
    ) -> None:
        self._session = session
        self._source = source
        self._part = part
        self._policy = policy
        self._report = report
        self._resumes = True

    def run(self) -> None:
        failures, furthest = 0, self._part.size
        while self._part.missing_bytes:
            try:
                self._try_once()
            except _Passing as problem:
                # Against the furthest point, not the last: a server without ranges that breaks off
                # here and there would otherwise seem to get on for ever.
                gained = self._part.size - furthest >= self._policy.worthwhile_bytes
                furthest = max(furthest, self._part.size)
                failures = 1 if gained else failures + 1
                if failures >= self._policy.attempts:
                    reason = f"{problem}, the last of {failures} tries in a row"
                    raise SourceFailed(problem.code, reason) from problem
                self._wait(problem, failures)

    def _wait(self, problem: _Passing, failures: int) -> None:
        policy = self._policy
        doubled = policy.first_wait_s * 2.0 ** (failures - 1)
        wait_s = min(doubled, policy.longest_wait_s) * (1 + policy.jitter()) / 2
        if problem.retry_after_s is not None:
            wait_s = min(max(wait_s, problem.retry_after_s), policy.longest_wait_s)
        self._report(PullPhase.RETRYING, self._part.size, f"{problem}; again in {wait_s:.0f} s")
        policy.sleep(wait_s)

    def _try_once(self) -> None:
        offset = self._part.size if self._resumes else 0
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self._get(headers) as response:
            self._read(response, self._admit(response, offset))

    def _get(self, headers: dict[str, str]) -> requests.Response:
        """Send the request, following redirects by hand: none of them may leave https."""
        url = self._source.url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._get_once(url, headers)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or location is None:
                return response
            response.close()
            url = _redirected(url, location)
        raise _refused(f"redirects more than {_MOST_REDIRECTS} times")

    def _get_once(self, url: str, headers: dict[str, str]) -> requests.Response:
        timeout = (self._policy.connect_timeout_s, self._policy.read_timeout_s)
        # The texts of these errors hold whole URLs, signed ones among them: only their kind shows.
        try:
            return self._session.get(
                url, headers=headers, timeout=timeout, stream=True, allow_redirects=False
            )
        except requests.exceptions.SSLError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise _refused("has a certificate that is not trusted here") from error
            raise _Passing("no TLS connection") from error
        except requests.ConnectTimeout as error:
            raise _Passing(f"no connection within {timeout[0]:g} s") from error
        except requests.ReadTimeout as error:
            raise _Passing(f"no answer within {timeout[1]:g} s") from error
        except requests.exceptions.ProxyError as error:
            raise _Passing("no connection through the proxy") from error
        except requests.ConnectionError as error:
            raise _Passing("no connection") from error
        except requests.RequestException as error:
            raise _refused(f"no usable answer ({type(error).__name__})") from error

    def _admit(self, response: requests.Response, offset: int) -> int:
        """Check the head of an answer; returns how many bytes of its body are wanted."""
        status = response.status_code
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _refused("sends the file compressed, though asked not to")
        if status == 200:
            self._check_length(response)
            self._part.restart()
            return self._part.missing_bytes
        if status == 206 and offset:
            return self._ranged_bytes(response, offset)
        if status == 416 and offset:
            self._resumes = False
            raise _Passing("has no such range: starting over")
        if status in _PASSING or status >= 500:
            raise _Passing(f"answers {status}", retry_after_s=self._retry_after_s(response))
        raise _refused(f"answers {status}")

    def _check_length(self, response: requests.Response) -> None:
        """Refuse another file before a byte of it is read, and before a byte kept is dropped."""
        stated = response.headers.get("Content-Length", "")
        expected = self._part.entry.bytes
        if stated.isdecimal() and int(stated) != expected:
            raise SourceFailed(
                size_code(int(stated), expected), f"offers {int(stated)} bytes, not {expected}"
            )

    def _ranged_bytes(self, response: requests.Response, offset: int) -> int:
        """Return the length of a partial answer, which must go on exactly where the part ends."""
        stated = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if stated is not None:
            first, last, total = int(stated[1]), int(stated[2]), stated[3]
            expected = self._part.entry.bytes
            if first == offset <= last < expected and total in {"*", str(expected)}:
                return last - first + 1
        self._resumes = False
        raise _Passing("answers with another range than was asked for: starting over")

    def _read(self, response: requests.Response, wanted: int) -> None:
        """Append what was wanted and not a byte more, whatever else the server sends."""
        part = self._part
        while wanted:
            data = self._read_some(response, min(wanted, _CHUNK_BYTES))
            if not data:
                raise _Passing(
                    f"ended after {part.size} of {part.entry.bytes} bytes",
                    code=ErrorCode.WEIGHTS_TRUNCATED,
                )
            part.append(data)
            wanted -= len(data)
            self._report(PullPhase.FETCHING, part.size, self._source.host)

    def _read_some(self, response: requests.Response, most: int) -> bytes:
        part = self._part
        try:
            # Not ``read``: what came before a break would be lost with it.
            data: bytes = response.raw.read1(most, decode_content=False)
        except (HTTPError, HTTPException, OSError) as error:
            reason = f"broke off after {part.size} of {part.entry.bytes} bytes"
            raise _Passing(reason) from error
        return data

    def _retry_after_s(self, response: requests.Response) -> float | None:
        """Parse Retry-After, in seconds or as a date (RFC 9110, section 10.2.3)."""
        stated = response.headers.get("Retry-After", "").strip()
        if stated.isdecimal():
            return float(stated[:9])
        try:
            return max(0.0, parsedate_to_datetime(stated).timestamp() - self._policy.now())
        except (ValueError, OverflowError):
            return None


def _refused(reason: str) -> SourceFailed:
    return SourceFailed(ErrorCode.WEIGHTS_UNREACHABLE, reason)


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads: https, or from loopback to loopback."""
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
    except ValueError as error:
        raise _refused("redirects to what is no URL") from error
    local = parts.scheme == "http" and is_loopback(target) and is_loopback(url)
    if parts.scheme != "https" and not local:
        raise _refused("redirects to what is not https")
    return target
