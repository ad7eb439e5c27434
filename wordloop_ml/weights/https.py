"""One URL into a partial file: resumed, bounded, retried with back-off. The digest decides later.

Range requests as in RFC 9110, section 14. A validator (If-Range) would add nothing: revisions
are pinned and the digest covers the whole file.
"""

import re
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from wordloop_ml import __version__
from wordloop_ml.errors import ErrorCode
from wordloop_ml.weights.manifest import HttpsSource, is_loopback
from wordloop_ml.weights.part import Part
from wordloop_ml.weights.terms import PullPhase, PullPolicy, Report, SourceFailed, size_code

_CHUNK_BYTES: Final = 256 << 10
_MOST_REDIRECTS: Final = 8
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Model hubs answer 401 and 403 in passing, for files that anybody may read.
_PASSING: Final = frozenset({401, 403, 408, 425, 429})
_CONTENT_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")


class _Passing(Exception):
    """This try failed in a way that another may not."""

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
        """None of them; looking ahead would read a redirect's whole body, without a bound."""
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
        """Ask, following redirects by hand: none of them may leave https."""
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
        """The length of a partial answer, which must go on exactly where the part ends."""
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
        """Retry-After, in seconds or as a date (RFC 9110, section 10.2.3)."""
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
    """Where a redirect leads; https, or from loopback to loopback."""
    try:
        target = urljoin(url, location)
        parts = urlsplit(target)
    except ValueError as error:
        raise _refused("redirects to what is no URL") from error
    local = parts.scheme == "http" and is_loopback(target) and is_loopback(url)
    if parts.scheme != "https" and not local:
        raise _refused("redirects to what is not https")
    return target
