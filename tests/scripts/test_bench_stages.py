"""Where the time of captions went, from the server's log."""

import json

import pytest

from scripts.benchmark.stages import read_stages


def test_the_stages_are_means_by_what_a_caption_was_decoded_for() -> None:
    """Lines of other events and other programs say nothing."""
    row = {"event": "caption_sent", "decoded_for": "first", "audio_ms": 500, "heard_ms": 1.0}
    row |= {"queued_ms": 4.0, "ran_ms": 100.0, "returned_ms": 2.0, "stabilised_ms": 0.5}
    rows = [row | {"send_ms": 1.0}, row | {"ran_ms": 300.0}]
    final = {"event": "caption_sent", "decoded_for": "none", "audio_ms": 0, "send_ms": 0.5}
    lines = ['{"event": "ready"}', "aiohttp: something", *map(json.dumps, [*rows, final])]
    found = read_stages(lines)
    count, means = found["first"]
    assert count == 2
    assert means == pytest.approx([500.0, 1.0, 4.0, 200.0, 2.0, 0.5, 0.5])
    assert found["none"] == (1, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5])
