"""The sampling profile of a serving process."""

import threading

from scripts.benchmark.hot_path import INFERENCE, LOOP, HotPath, profile
from scripts.benchmark.sampled_server import Sampler

RUN = ("asyncio/base_events.py:BaseEventLoop._run_once", "wordloop_ml/__main__.py:main")
SEND = "wordloop_ml/web/meeting_socket.py:Connection._send"


def test_an_event_loop_that_waits_is_idle_and_one_that_imports_does_not_serve_yet() -> None:
    """Shares are of what is busy; what is there at every look says nothing."""
    stacks = [
        (("selectors.py:EpollSelector.select", *RUN), 60),
        (("json/encoder.py:JSONEncoder.encode", SEND, *RUN), 30),
        ((SEND, *RUN), 10),
        (("importlib/_bootstrap.py:_load", "wordloop_ml/__main__.py:main"), 500),
        (("wordloop_ml/engines/catalogue.py:close", "wordloop_ml/drain.py:drain", *RUN), 70),
    ]
    found = profile(LOOP, stacks)
    assert (found.looks, found.busy) == (100, 0.4)
    assert found.itself == (("json/encoder.py:JSONEncoder.encode", 0.75), (SEND, 0.25))
    assert found.within == ()


def test_a_thread_that_was_never_seen_has_an_empty_profile() -> None:
    """And can be shown all the same."""
    found = profile(INFERENCE, [])
    assert (found.looks, found.busy, found.itself) == (0, 0.0, ())
    assert "inference: busy at 0.0 % of 0 looks" in HotPath("nano", (found,)).markdown()


def test_a_look_sees_every_other_thread_by_name_innermost_function_first() -> None:
    """Files of the package are named from the package on."""
    there, done = threading.Event(), threading.Event()

    def wait_until_done() -> None:
        there.set()
        done.wait(20.0)

    thread = threading.Thread(target=wait_until_done, name="inference-7")
    thread.start()
    try:
        assert there.wait(20.0)
        sampler = Sampler()
        sampler.look()
    finally:
        done.set()
        thread.join()
    [stack] = sampler.counts["inference-7"]
    names = [place.rpartition(":")[2] for place in stack]
    assert any("wait_until_done" in name for name in names)
    assert names[-1] == "Thread._bootstrap"
    assert threading.current_thread().name not in sampler.counts
