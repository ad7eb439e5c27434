"""Refused requests: all are counted, and one of each kind is logged in a while."""

import structlog

from tests.executing import Clock
from tests.web.support import Serving
from wordloop_ml.errors import BadInput, Busy, BusyReason, ErrorCode
from wordloop_ml.metrics import Metrics
from wordloop_ml.web.refusals import TELL_EVERY_S, Refusals


def test_a_storm_of_refusals_is_one_line_in_a_while() -> None:
    """And every one of it is counted."""
    clock, metrics = Clock(), Metrics()
    refusals = Refusals(metrics, clock=clock)
    busy = Busy("full", reason=BusyReason.LOAD)
    with structlog.testing.capture_logs() as logs:
        for _ in range(1_000):
            refusals.note("/v1/listen", busy)
        refusals.note("/v1/listen", Busy("full", reason=BusyReason.MEETINGS))
        refusals.note("/v1/listen", BadInput("no", code=ErrorCode.TOKEN_REFUSED))
        clock.now_s += TELL_EVERY_S
        refusals.note("/v1/listen", busy)
    lines = [(one["code"], one["reason"], one["times"]) for one in logs]
    assert lines == [
        ("busy", "load", 1),
        ("busy", "meetings", 1),
        ("token_refused", None, 1),
        ("busy", "load", 1_000),
    ]
    value = metrics.registry.get_sample_value("wordloop_requests_refused_total", {"code": "busy"})
    assert value == 1_002


async def test_a_full_service_says_so_in_its_log(serving: Serving) -> None:
    """Before the upgrade, where nobody has a connection yet."""
    service = await serving(max_meetings=1)
    client = await service.connect("one")
    await client.start()
    await client.until("ready")
    with structlog.testing.capture_logs() as logs:
        async with service.session.get(f"{service.url}/v1/meetings/two/audio") as answer:
            assert answer.status == 503
    [refused] = [one for one in logs if one["event"] == "request_refused"]
    assert refused["route"] == "/v1/meetings/{meeting_id}/audio"
    assert (refused["code"], refused["reason"]) == ("busy", "meetings")
