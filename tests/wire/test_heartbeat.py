"""Who reads answers in time, and our own slowness is not held against a peer."""

from wordloop_ml.wire.heartbeat import ANSWER_WITHIN_S, PING_EVERY_S, Heartbeat


def state(pulse: Heartbeat) -> tuple[bool, bool]:
    """Whether to ask, and whether an answer is overdue."""
    return pulse.due, pulse.overdue


def test_a_peer_is_asked_and_has_time_to_answer() -> None:
    """Again and again."""
    pulse = Heartbeat()
    for _ in range(3):
        assert state(pulse) == (False, False)
        pulse.waited(PING_EVERY_S)
        assert state(pulse) == (True, False)
        pulse.asked()
        assert state(pulse) == (False, False)
        pulse.waited(ANSWER_WITHIN_S - 0.1)
        assert state(pulse) == (False, False)
        assert pulse.answered()


def test_one_that_does_not_answer_is_overdue() -> None:
    """All told within ten seconds, its close included."""
    pulse = Heartbeat()
    pulse.waited(PING_EVERY_S)
    pulse.asked()
    pulse.waited(ANSWER_WITHIN_S)
    assert pulse.overdue
    assert PING_EVERY_S + ANSWER_WITHIN_S + 2.0 < 10.0


def test_time_in_which_we_did_not_wait_for_the_peer_does_not_count() -> None:
    """Nothing is said, so nothing passes; and an answer to no question changes nothing."""
    pulse = Heartbeat()
    pulse.waited(PING_EVERY_S / 2)
    assert not pulse.answered()
    pulse.waited(PING_EVERY_S / 2)
    assert pulse.due
    assert not pulse.overdue
