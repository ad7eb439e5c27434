"""The load: shares that forget, levels that do not flutter, admissions that do not show yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.load import (
    FULL_WAIT_S,
    MAX_INTERIM_INTERVAL_FACTOR,
    WINDOW_S,
    Level,
    Load,
    LoadLimits,
    LoadMeter,
    LoadShedder,
    PendingAdmissions,
)
from wordloop_ml.messages import JobClass

LONG_S = 20 * WINDOW_S


def asked(share: float, *, vital: float = 0.1) -> Load:
    """A reading of meetings that want so much."""
    return Load(used=min(1.0, share), vital=vital, asked=share)


def test_a_share_is_of_all_threads_and_forgets() -> None:
    """One of two threads is busy for long, then none is."""
    meter = LoadMeter(threads=2)
    meter.began(0.0, JobClass.FINAL, 1.0)
    assert meter.read(LONG_S).used == pytest.approx(0.5)
    meter.ended(LONG_S, JobClass.FINAL, 1.0, LONG_S)
    assert meter.read(LONG_S + WINDOW_S).used == pytest.approx(0.5 / 2.718, rel=1e-3)
    assert meter.read(3 * LONG_S).used == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("factor", [1.0, 2.0, 5.0])
def test_what_is_asked_does_not_depend_on_how_much_is_stretched(factor: float) -> None:
    """Otherwise stretching would look like relief, and the level would swing."""
    meter = LoadMeter(threads=1)
    now_s, every_s, each_s = 0.0, 0.25, 0.1
    while now_s < LONG_S:
        meter.began(now_s, JobClass.INTERIM, factor)
        meter.ended(now_s + each_s, JobClass.INTERIM, factor, each_s)
        now_s += every_s * factor
    load = meter.read(now_s)
    assert load.asked == pytest.approx(each_s / every_s, rel=0.15)
    assert load.used == pytest.approx(each_s / every_s / factor, rel=0.15)
    assert load.vital == 0.0
    assert load.job_s == pytest.approx(each_s)


def test_a_job_that_never_ends_uses_its_thread_for_ever() -> None:
    """Abandoned or not: the thread is lost."""
    meter = LoadMeter(threads=4)
    meter.began(0.0, JobClass.INTERIM, 1.0)
    assert meter.read(100 * WINDOW_S).used == pytest.approx(0.25)


def test_first_captions_that_wait_are_a_load_until_it_is_forgotten() -> None:
    """A delay is a full load at FULL_WAIT_S, however little the threads do."""
    meter = LoadMeter(threads=1)
    for index in range(100):
        meter.waited(index * 0.01, FULL_WAIT_S)
    assert meter.read(1.0).demand == pytest.approx(1.0, abs=0.02)
    assert meter.read(1.0 + LONG_S).demand == pytest.approx(0.0, abs=1e-6)


def test_a_wait_behind_other_processes_counts_as_one_here() -> None:
    """In an engine that serves several: it belongs to the wait that was noted."""
    here, elsewhere = LoadMeter(threads=1), LoadMeter(threads=1)
    here.waited(0.0, FULL_WAIT_S)
    elsewhere.waited(0.0, 0.0)
    elsewhere.waited_more(0.0, FULL_WAIT_S)
    assert elsewhere.read(0.0) == here.read(0.0)


def test_one_late_first_caption_is_no_overload() -> None:
    """It counts half."""
    meter = LoadMeter(threads=1)
    meter.waited(0.0, FULL_WAIT_S)
    assert meter.read(0.0).demand == pytest.approx(0.5)


def test_levels_rise_in_order_and_fall_with_hysteresis() -> None:
    """Each level at its limit; back only well below it."""
    shedder = LoadShedder(LoadLimits())
    levels = []
    for share in (0.5, 0.6, 0.65, 0.7, 0.65, 0.6, 0.56, 0.54, 0.5, 0.52):
        shedder.look(asked(share))
        levels.append(shedder.level)
    assert levels == [
        Level.CALM,
        Level.STRETCH,
        Level.DROP,
        Level.REFUSE,
        Level.REFUSE,
        Level.REFUSE,
        Level.DROP,
        Level.STRETCH,
        Level.CALM,
        Level.CALM,
    ]


def test_interims_are_stretched_so_that_use_stays_at_the_limit() -> None:
    """Three times what can be done; then even more than stretching can save."""
    shedder = LoadShedder(LoadLimits())
    shedder.look(asked(1.6, vital=0.1))
    assert shedder.interim_interval_factor == pytest.approx(1.5 / 0.5)
    shedder.look(asked(9.0, vital=0.5))
    assert shedder.interim_interval_factor == MAX_INTERIM_INTERVAL_FACTOR
    shedder.look(asked(3.0, vital=0.9))
    assert shedder.interim_interval_factor == MAX_INTERIM_INTERVAL_FACTOR
    shedder.look(asked(0.3))
    assert shedder.interim_interval_factor == 1.0


@given(st.lists(st.floats(0.0, 3.0), max_size=50), st.floats(0.0, 1.0))
def test_the_level_is_never_below_its_load_nor_above_for_long(
    shares: list[float], vital: float
) -> None:
    """Whatever the loads: at least the level of the load, and calm after a long calm."""
    limits = LoadLimits()
    shedder = LoadShedder(limits)
    for share in shares:
        changed_from = shedder.level
        assert shedder.look(asked(share, vital=min(vital, share))) is (
            shedder.level != changed_from
        )
        assert all(share < limits.of(level) for level in Level if level > shedder.level)
        assert 1.0 <= shedder.interim_interval_factor <= MAX_INTERIM_INTERVAL_FACTOR
    shedder.look(Load())
    assert shedder.level is Level.CALM


def test_pending_admissions_count_in_full_at_first_and_fade_as_readings_catch_up() -> None:
    """Those that leave count no more; one that is named twice counts once."""
    pending = PendingAdmissions()
    for meeting in ("a", "b", "b"):
        pending.add(meeting, 0.0)
    assert pending.share(0.0, 0.2) == pytest.approx(0.4)
    pending.remove("a")
    pending.remove("unknown")
    assert pending.share(WINDOW_S, 0.2) == pytest.approx(0.2 / 2.718, rel=1e-3)
    assert pending.share(10 * WINDOW_S, 0.2) == 0.0


def test_limits_that_are_out_of_order_are_refused() -> None:
    """A setting could ask for it."""
    with pytest.raises(ValueError, match="none below"):
        LoadLimits(stretch=0.8)
