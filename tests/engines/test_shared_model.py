"""A model outlives its users, whatever the order of closing."""

import pytest

from wordloop_ml.engines.shared_model import SharedModel
from wordloop_ml.errors import EngineFailed


def test_it_is_freed_once_when_the_last_user_has_gone() -> None:
    """Closed while two use it, and closed again."""
    freed: list[str] = []
    model = SharedModel("weights", freed.append)
    assert [model.take(str.upper), model.take(str.title)] == ["WEIGHTS", "Weights"]
    model.close()
    model.give_back()
    assert freed == []
    with pytest.raises(EngineFailed, match="closed"):
        model.take(str.upper)
    model.give_back()
    model.close()
    assert model.freed
    assert freed == ["weights"]


def test_without_users_it_is_freed_at_once() -> None:
    """A user that has come and gone holds nothing."""
    model = SharedModel("weights")
    model.take(str.upper)
    model.give_back()
    assert not model.freed
    model.close()
    assert model.freed


def test_a_user_that_could_not_be_made_does_not_count() -> None:
    """Its error comes through."""

    def fail(_: str) -> None:
        raise EngineFailed("no memory for a state")

    model = SharedModel("weights")
    with pytest.raises(EngineFailed, match="no memory"):
        model.take(fail)
    model.close()
    assert model.freed
