"""What breaks WebSocket itself: the close that aiohttp makes has the name that we have for it."""

import struct

import aiohttp
import pytest
import structlog

from tests.web.support import Client, Serving, until


async def close_of(client: Client) -> tuple[int, str]:
    """Code and reason of the close frame, past everything that came before it."""
    while True:
        frame = await client.socket.receive()
        if frame.type is aiohttp.WSMsgType.CLOSE:
            return frame.data, str(frame.extra)
        assert frame.type is aiohttp.WSMsgType.TEXT


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize(
    ("frame", "close", "code"),
    [
        (b"\xc1\x80abcd", 1002, "bad_frame"),
        (b"\x83\x80abcd", 1002, "bad_frame"),
        (b"\x80\x80abcd", 1002, "bad_frame"),
        (b"\x09\x80abcd", 1002, "bad_frame"),
        (b"\x88\x82\0\0\0\0" + struct.pack(">H", 999), 1002, "bad_frame"),
        (b"\x81\x82\0\0\0\0\xff\xfe", 1007, "bad_json"),
        (b"\x82\xff" + struct.pack(">Q", 65_538) + b"\0\0\0\0", 1009, "too_large"),
        (b"\x82\xff" + struct.pack(">Q", 2**63) + b"\0\0\0\0", 1009, "too_large"),
    ],
)
async def test_a_broken_frame_is_closed_by_name(
    serving: Serving, started: bool, frame: bytes, close: int, code: str
) -> None:
    """Reserved bits and opcodes, fragments, closes, text that is none, and what is too large."""
    service = await serving()
    client = await service.connect()
    if started:
        await client.start()
        await client.until("ready")
    assert client.socket._response.connection is not None
    transport = client.socket._response.connection.transport
    assert transport is not None
    with structlog.testing.capture_logs() as logs:
        transport.write(frame)
        status, reason = await close_of(client)
        await client.socket.close()
        await until(lambda: any("meeting" in one for one in logs))
    assert status == close
    assert reason.startswith(f"{code}: ")
    assert all(one["log_level"] == "info" for one in logs)
    if not started:
        assert logs[0]["event"] == "connection_refused"
        assert logs[0]["code"] == code


async def test_a_handshake_that_is_wrong_is_refused(serving: Serving) -> None:
    """A key beyond ASCII among them, at which aiohttp stumbles."""
    service = await serving()
    for key in ("schl\u00fcssel", "short", "", "A" * 500):
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
        }
        audio = f"{service.url}/v1/meetings/m/audio"
        async with service.session.get(audio, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json(content_type=None))["code"] == "bad_request"
