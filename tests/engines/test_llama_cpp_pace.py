"""How many tokens fit: by what batches took, and never none."""

from wordloop_ml.engines.llama_cpp_pace import MOST_TOKENS, Pace


def measured(one_s: float, each_s: float) -> Pace:
    """On a machine whose batches take exactly this."""
    pace = Pace()
    pace.note(1, one_s)
    pace.note(16, one_s + 15 * each_s)
    return pace


def test_a_batch_fills_the_time_that_is_left() -> None:
    """The first token is dear, each further one cheap."""
    pace = measured(0.05, 0.02)
    assert pace.fit(0.25, 1_000) == 11
    assert pace.fit(0.25, 5) == 5
    assert pace.fit(60.0, 1_000) == MOST_TOKENS


def test_there_is_always_one() -> None:
    """Also without any time, or before anything was measured."""
    assert measured(0.05, 0.02).fit(-1.0, 1_000) == 1
    assert Pace().fit(0.0, 1_000) == 8
    assert Pace().fit(0.0, 3) == 3


def test_one_more_needs_time_for_one() -> None:
    """A step that is nearly over starts no other call."""
    pace = measured(0.05, 0.02)
    assert pace.fits_one(0.051)
    assert not pace.fits_one(0.049)


def test_a_busier_machine_is_noticed() -> None:
    """Within some batches, so that steps keep to their time."""
    pace = measured(0.05, 0.02)
    for _ in range(20):
        pace.note(1, 0.1)
        pace.note(11, 0.1 + 10 * 0.04)
    assert 4 <= pace.fit(0.25, 1_000) <= 5


def test_a_batch_that_is_no_slower_than_one_token_is_no_free_lunch() -> None:
    """A single slow measure does not make batches endless."""
    pace = Pace()
    pace.note(1, 1.0)
    pace.note(16, 0.5)
    assert pace.each_s > 0.0
