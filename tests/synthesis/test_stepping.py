"""The stepper: requests out, answers in, one end."""

import pytest

from wordloop_ml.errors import EngineFailed
from wordloop_ml.synthesis.stepping import Done, Stepper
from wordloop_ml.synthesis.steps import Embed, Pause, Steps


def plan(closed: list[bool]) -> Steps[str]:
    try:
        yield Pause()
        try:
            vectors = yield Embed(("one",))
        except EngineFailed:
            vectors = "none"
        return f"ended with {vectors}"
    finally:
        closed.append(True)


def test_a_plan_is_followed_to_its_end() -> None:
    """Each answer goes where the request came from."""
    stepper = Stepper(plan([]))
    assert stepper.start() == Pause()
    assert stepper.answer(None) == Embed(("one",))
    assert stepper.answer("vectors") == Done("ended with vectors")


def test_a_failure_is_the_plan_s_to_handle() -> None:
    """It is thrown where the request was made."""
    stepper = Stepper(plan([]))
    stepper.start()
    stepper.answer(None)
    assert stepper.fail(EngineFailed("lost")) == Done("ended with none")


def test_what_the_plan_does_not_handle_is_raised() -> None:
    """And the plan has ended."""
    closed: list[bool] = []
    stepper = Stepper(plan(closed))
    stepper.start()
    with pytest.raises(EngineFailed):
        stepper.fail(EngineFailed("lost"))
    assert closed == [True]


def test_a_plan_that_nobody_waits_for_is_closed() -> None:
    """Once is enough, twice is harmless."""
    closed: list[bool] = []
    stepper = Stepper(plan(closed))
    stepper.start()
    stepper.close()
    stepper.close()
    assert closed == [True]
