"""Who reads answers in time, and our own slowness is not held against a peer."""

from wordloop_ml.wire.heartbeat import ANSWER_WITHIN_S, PING_EVERY_S, Heartbeat


def state(heartbeat: Heartbeat) -> tuple[bool, bool]:
    """Whether to ask, and whether an answer is overdue."""
    return heartbeat.ping_due, heartbeat.pong_overdue


def test_a_peer_is_asked_and_has_time_to_answer() -> None:
    """Again and again."""
    heartbeat = Heartbeat()
    for _ in range(3):
        assert state(heartbeat) == (False, False)
        heartbeat.waited(PING_EVERY_S)
        assert state(heartbeat) == (True, False)
        heartbeat.ping_sent()
        assert state(heartbeat) == (False, False)
        heartbeat.waited(ANSWER_WITHIN_S - 0.1)
        assert state(heartbeat) == (False, False)
        assert heartbeat.pong_received()


def test_one_that_does_not_answer_is_overdue() -> None:
    """All told within ten seconds, its close included."""
    heartbeat = Heartbeat()
    heartbeat.waited(PING_EVERY_S)
    heartbeat.ping_sent()
    heartbeat.waited(ANSWER_WITHIN_S)
    assert heartbeat.pong_overdue
    assert PING_EVERY_S + ANSWER_WITHIN_S + 2.0 < 10.0


def test_time_in_which_we_did_not_wait_for_the_peer_does_not_count() -> None:
    """Nothing is said, so nothing passes; and an answer to no question changes nothing."""
    heartbeat = Heartbeat()
    heartbeat.waited(PING_EVERY_S / 2)
    assert not heartbeat.pong_received()
    heartbeat.waited(PING_EVERY_S / 2)
    assert heartbeat.ping_due
    assert not heartbeat.pong_overdue
