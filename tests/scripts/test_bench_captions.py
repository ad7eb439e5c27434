"""What a client displays of what the server sent."""

import json

from scripts.benchmark.captions import captions_of, display


def caption(**fields: object) -> str:
    """A caption's text frame."""
    message = {
        "type": "caption",
        "segment": "t0-0",
        "epoch": 0,
        "track": "t0",
        "start": 0,
        "end": 100,
        "text": "Hello,",
        "words": [{"text": "Hello,", "start": 10, "end": 20, "confidence": 0.9, "stable": True}],
        "final": False,
        "speech_final": False,
        "replay": False,
        "language": "en",
    }
    return json.dumps(message | fields)


def test_a_screen_holds_all_segments_until_a_gap_takes_one_back() -> None:
    """In the order of speech; an interim that got no final goes."""
    frames = [
        (0.0, '{"type":"speech_started","at":0}'),
        (1.0, caption(segment="b", start=500, end=600)),
        (2.0, caption(segment="a", start=0, end=100, final=True, seq=1, committed=0)),
        (3.0, '{"type":"notice","code":"rejected","reason":"no_words","start":500,"end":700}'),
        (4.0, '{"type":"notice","code":"degraded"}'),
    ]
    screens = [
        (screen.at_s, [(part.key, part.final) for part in screen.parts])
        for screen in display(frames)
    ]
    assert screens == [
        (1.0, [("b", False)]),
        (2.0, [("a", True), ("b", False)]),
        (3.0, [("a", True)]),
    ]
    assert [one.segment for one in captions_of(frames)] == ["b", "a"]
