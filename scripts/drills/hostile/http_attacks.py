"""Attacks before the upgrade: what is no HTTP, too much of it, and requests that may not come in."""

from collections.abc import Callable
from random import Random

from scripts.drills.hostile.attack import START, STOP, Attack, handshake, random_bytes, text

Rule = Callable[[Random], Attack]

_JUNK_LINES = (
    b"GET\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1 HTTP/1.1\r\n\r\n",
    b"G\x00T / HTTP/1.1\r\n\r\n",
    b"get /livez http/1.1\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://x:99999999/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"HELO drill\r\n",
    b"*1\r\n$4\r\nPING\r\n",
)
_JUNK_HEADERS = (
    b"No colon here",
    b": no name",
    b"Na me: x",
    b"X: a\x00b",
    b"X: \xff\xfe",
    b"X: a\r\n folded",
    b"Content-Length: -1",
    b"Content-Length: 1e3",
    b"Content-Length: 99999999999999999999999999",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: nonsense",
    b"Host: y",
    b"Upgrade: h2c",
    b"Expect: the impossible",
    b"Expect: 100-continue",
    b"Connection: close, keep-alive, upgrade",
    b"Sec-WebSocket-Protocol: bearer, drill-secret",
    b"Content-Encoding: gzip",
    b"Range: bytes=0-0,1-1,2-2",
)
_JUNK_PATHS = (
    "/nothing",
    "/v1/meetings//audio",
    "/v1/meetings/%00/audio",
    "/v1/meetings/%ff%fe/audio",
    "/v1/meetings/../../livez/audio",
    "/v1/meetings/a%2fb/audio",
    "/v1/meetings/a b/audio",
    "/v1/meetings/" + "m" * 65 + "/audio",
    "/v1/meetings/m/audio/",
    "/v1/meetings/m/audio;x=1",
    "//v1/meetings/m/audio",
    "/livez/../v1/meetings/m/audio",
    "/" + "a/" * 3_000,
    "/?" + "q=1&" * 1_500,
)
_METHODS = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "HEAD")


def _request(path: str, *headers: bytes, method: str = "GET", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: drill\r\n".encode()
    return head + b"".join(one + b"\r\n" for one in headers) + b"\r\n" + body


def random_request(rng: Random) -> Attack:
    """Bytes that nobody meant."""
    return Attack(payload=random_bytes(rng, 2_000) + b"\r\n\r\n", must_refuse=False)


def junk_line(rng: Random) -> Attack:
    """Another protocol, or a request line that is none."""
    return Attack(payload=rng.choice(_JUNK_LINES), must_refuse=False)


def junk_header(rng: Random) -> Attack:
    """One bad header on a request that would be good."""
    header = rng.choice(_JUNK_HEADERS)
    body = rng.choice([b"", random_bytes(rng, 64)])
    return Attack(payload=_request("/livez", header, body=body), must_refuse=False)


def mutated_request(rng: Random) -> Attack:
    """A proper handshake with some of its bytes changed, lost or doubled."""
    request = bytearray(handshake("m") + text(START) + STOP)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(request))
        match rng.randrange(3):
            case 0:
                request[at] = rng.randrange(256)
            case 1:
                del request[at : at + rng.randint(1, 20)]
            case _:
                request[at:at] = rng.randbytes(rng.randint(1, 20))
    return Attack(payload=bytes(request), must_refuse=False)


def long_line(rng: Random) -> Attack:
    """Beyond what a request line may have."""
    return Attack(payload=_request("/" + "a" * rng.randint(9_000, 60_000)))


def long_header(rng: Random) -> Attack:
    """Beyond what a header may have, in its name or its value."""
    size = rng.randint(9_000, 60_000)
    header = rng.choice([b"X" * size + b": y", b"X: " + b"y" * size])
    return Attack(payload=_request("/readyz", header))


def many_headers(rng: Random) -> Attack:
    """Beyond how many headers a request may have."""
    headers = [b"X-%d: y" % number for number in range(rng.randint(80, 400))]
    return Attack(payload=_request("/readyz", *headers))


def broken_body(rng: Random) -> Attack:
    """Chunks that are none, or fewer bytes than were promised; nobody asked for a body."""
    coding = b"Transfer-Encoding: chunked"
    body = rng.choice([b"zz\r\nab\r\n0\r\n\r\n", b"5\r\nab", b"-1\r\n\r\n", b"f" * 40 + b"\r\n"])
    return Attack(payload=_request("/v1/meetings/m/audio", coding, method="POST", body=body))


def big_body(rng: Random) -> Attack:
    """More than any route takes."""
    body = bytes(rng.randint(70_000, 200_000))
    length = b"Content-Length: %d" % len(body)
    return Attack(payload=_request("/v1/meetings/m/audio", length, method="POST", body=body))


def wrong_path(rng: Random) -> Attack:
    """Nothing lies there."""
    return Attack(payload=handshake("m", path=rng.choice(_JUNK_PATHS)))


def wrong_method(rng: Random) -> Attack:
    """The routes are asked with GET. HEAD has no body in which a code could stand."""
    method = rng.choice(_METHODS)
    path = rng.choice(["/livez", "/readyz", "/startupz", "/v1/meetings/m/audio"])
    return Attack(payload=_request(path, method=method), must_refuse=method != "HEAD")


def wrong_handshake(rng: Random) -> Attack:
    """An upgrade with something missing, doubled or wrong."""
    good = handshake("m").decode()
    key = "Sec-WebSocket-Key: d29yZGxvb3AgZHJpbGwhIQ=="
    bad = rng.choice(
        [
            good.replace("Upgrade: websocket", "Upgrade: h2c"),
            good.replace("Connection: Upgrade", "Connection: close"),
            good.replace("Version: 13", "Version: 12"),
            good.replace("Version: 13", "Version: thirteen"),
            good.replace(key, "X-No-Key: here"),
            good.replace(key, "Sec-WebSocket-Key: short"),
            good.replace(key, "Sec-WebSocket-Key: ключ"),
            good.replace(key, "Sec-WebSocket-Key: " + "A" * 500),
        ]
    )
    return Attack(payload=bad.encode())


def no_token(rng: Random) -> Attack:
    """None, a wrong one, the right one in the wrong place, or several."""
    header = rng.choice(
        [
            "X-Nothing: here",
            "Authorization: Bearer " + "w" * rng.randint(1, 4_000),
            "Authorization: Bearer",
            "Authorization: bearer ",
            "Authorization: Basic ZHJpbGw6ZHJpbGw=",
            "Authorization: Bearer tokén",
            "Authorization: Bearer \udcff\udcfe",
            "Authorization: Bearer a, Bearer b",
            "Authorization: Bearer a\r\nAuthorization: Bearer b",
            "Sec-WebSocket-Protocol: bearer, drill-secret",
            "Cookie: token=drill-secret",
        ]
    )
    path = f"/v1/meetings/m/audio?token={rng.randrange(10**9)}"
    return Attack(payload=handshake("m", header, authorised=False, path=path))


def browser(rng: Random) -> Attack:
    """A page that is not on the list, whatever it says of itself."""
    origin = rng.choice(
        [
            "https://evil.example",
            "null",
            "",
            "http://localhost",
            "https://good.example.evil.example",
            "https://good.example/",
            "HTTPS://GOOD.EXAMPLE",
            "https://good.example\r\nOrigin: https://evil.example",
        ]
    )
    return Attack(payload=handshake("m", f"Origin: {origin}"))


def vanish(rng: Random) -> Attack:
    """Gone in the middle of a request."""
    request = handshake("m") + text(START)
    return Attack(payload=request[: rng.randint(1, len(request))], must_refuse=False, vanish=True)


RULES: tuple[Rule, ...] = (
    random_request,
    junk_line,
    junk_header,
    mutated_request,
    long_line,
    long_header,
    many_headers,
    broken_body,
    big_body,
    wrong_path,
    wrong_method,
    wrong_handshake,
    no_token,
    browser,
    vanish,
)
