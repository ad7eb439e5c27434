"""The client's state machine and the server's, together, over whatever can go wrong.

By hand, for an hour's peace of mind: ``REPLAY_EXAMPLES=10000 scripts/test tests/replay``.
"""

import os

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.captioning.choices import Choices
from tests.replay.simulation import RATE, WORD_SAMPLES, Crashed, Simulation, Talk, Wire, check, talk
from wordloop_ml.captioning.decodes import DecodeRequest, Dropped
from wordloop_ml.engines.scripted import BASE_LEVEL
from wordloop_ml.replay.breaks import Lost, Unreachable
from wordloop_ml.replay.session import ReplayPolicy

EXAMPLES = int(os.environ.get("REPLAY_EXAMPLES", "150"))
NEVER = 1 << 30

TALKS = st.lists(st.sampled_from([0, 0, 0, 4, 12, 30, 90, 200]), min_size=1, max_size=60).map(talk)
EVENTS = st.binary(min_size=40, max_size=1_200)


def play(simulation: Simulation, choices: Choices, steps: int, *, gentle: bool) -> None:
    """Arbitrary turns. gentle: nothing that costs audio, on the client's side or in a decode."""
    for _ in range(steps):
        step, size = choices.below(32), choices.below(64)
        if step < 22:
            go_on(simulation, step, size)
        else:
            go_wrong(simulation, step, size, gentle=gentle)


def go_on(simulation: Simulation, step: int, size: int) -> None:
    """What happens all the time."""
    if step < 5:
        simulation.speak(1 + size)
    elif step < 9:
        simulation.pump(1 + size % 8)
    elif step < 14 and simulation.wire is not None:
        for _ in range(1 + size % 4):
            simulation.carry_up(simulation.wire)
    elif step < 18 and simulation.wire is not None:
        simulation.decode(simulation.wire, size)
    elif step < 21:
        simulation.carry_down()
    else:
        simulation.keep()
        simulation.connect(size % 3)


def go_wrong(simulation: Simulation, step: int, size: int, *, gentle: bool) -> None:
    """What should never happen, and does."""
    left = [one for one in (*simulation.old, *simulation.seats) if one is not None]
    wire = left[size % len(left)] if left else None
    if step == 22:
        simulation.carry_down(twice=True)
    elif step == 23:
        simulation.lose(Lost(silent=size % 2 == 0))
    elif step == 24:
        simulation.crash(size % 3)
    elif step == 25:
        simulation.drain(size % 3)
    elif step == 26 and not gentle and size < 8:
        simulation.crash_client(stored=size % 2 == 0)
    elif wire is not None and step < 28:
        dropped = Dropped.SUPERSEDED if gentle or size % 2 else Dropped.FAILED
        simulation.decode(wire, size, dropped)
    elif wire is not None and wire is not simulation.wire:
        haunt(simulation, wire, size)


def haunt(simulation: Simulation, wire: Wire, size: int) -> None:
    """A connection that the client has left goes on, and what it says arrives."""
    for _ in range(1 + size % 16):
        simulation.carry_up(wire)
        simulation.decode(wire, size)
    for _ in range(size % 8):
        if wire.down:
            simulation.take(wire.epoch, wire.down.popleft())


@settings(max_examples=EXAMPLES, deadline=None)
@given(TALKS, EVENTS, st.sampled_from([300, 600, 4_000]))
def test_each_sample_is_in_a_final_in_proven_silence_or_in_a_named_hole(
    said: Talk, events: bytes, replay_samples: int
) -> None:
    """Drops, duplicates, late frames, crashes on both sides, failed decodes, too small buffers."""
    policy = ReplayPolicy(replay_s=replay_samples / RATE, in_flight_s=300 / RATE)
    simulation = Simulation(said.audio, policy)
    play(simulation, Choices(events), len(events) // 2, gentle=False)
    simulation.finish()
    assert simulation.client.committed == len(said.audio)
    check(simulation, said)


@settings(max_examples=EXAMPLES, deadline=None)
@given(TALKS, EVENTS)
def test_whatever_breaks_between_them_no_word_is_lost(said: Talk, events: bytes) -> None:
    """As long as the buffer is large enough, and nothing is given up as poison."""
    policy = ReplayPolicy(in_flight_s=300 / RATE, breaks_before_gap=NEVER)
    simulation = Simulation(said.audio, policy)
    play(simulation, Choices(events), len(events) // 2, gentle=True)
    simulation.finish()
    holes = check(simulation, said)
    assert [one.hole for one in holes if one.hole != "rejected"] == []
    assert [word for one in simulation.store for word in one.words] == list(said.markers)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(TALKS, st.integers(0, 59), st.lists(st.integers(1, 60), max_size=40))
def test_audio_that_kills_costs_two_processes_and_one_named_hole(
    said: Talk, which: int, frames: list[int]
) -> None:
    """However it is cut into frames, and wherever in an utterance it stands."""
    number = which % len(said.markers)
    level = (BASE_LEVEL + number) / 32_768

    def dies(request: DecodeRequest) -> None:
        if np.any(request.utterance.samples == np.float32(level)):
            raise Crashed

    policy = ReplayPolicy(in_flight_s=300 / RATE, poison_margin_s=WORD_SAMPLES / RATE)
    simulation = Simulation(said.audio, policy, hurts=dies)
    sizes = iter(frames)
    while simulation.spoken < len(said.audio) and not simulation.over:
        simulation.connect(simulation.crashes % 3)
        simulation.speak(next(sizes, 20))
        simulation.pump(1)
        for _ in range(3):
            if simulation.wire is not None:
                simulation.carry_up(simulation.wire)
        if simulation.wire is not None:
            simulation.decode(simulation.wire, 0)
        simulation.carry_down()
        simulation.keep()
    simulation.finish()
    holes = check(simulation, said)
    assert simulation.crashes <= 2
    assert [one.hole for one in holes if one.hole != "rejected"] in ([], ["gap"])


def test_a_client_that_finds_nobody_keeps_what_fits_and_names_the_rest() -> None:
    """One hole, as long as what fell out, and everything else in order."""
    said = talk([30] * 40)
    policy = ReplayPolicy(replay_s=1_000 / RATE, in_flight_s=300 / RATE)
    simulation = Simulation(said.audio, policy)
    while simulation.spoken < len(said.audio):
        simulation.speak(10)
        simulation.client.broke(Unreachable())
    simulation.finish()
    [hole] = check(simulation, said)
    assert (hole.start, hole.end, hole.hole) == (0, len(said.audio) - 1_000, "gap")
