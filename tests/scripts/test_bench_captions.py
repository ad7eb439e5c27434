"""Reading what the server sent."""

import json

from scripts.benchmark.captions import read_frames


def caption(**fields: object) -> str:
    """A caption's text frame."""
    word = {"text": "Hello,", "start": 10, "end": 20, "confidence": 0.9, "stable": True}
    message = {
        "type": "caption",
        "segment": "t0-0",
        "epoch": 0,
        "track": "t0",
        "start": 0,
        "end": 100,
        "text": "Hello,",
        "words": [word],
        "final": False,
        "speech_final": False,
        "replay": False,
        "language": "en",
    }
    return json.dumps(message | fields)


def test_a_caption_keeps_its_words_and_the_time_of_its_arrival() -> None:
    """What the metrics read is what was sent."""
    received = read_frames([(1.5, caption(final=True, seq=1, committed=0))])
    [shown] = received.captions
    assert (shown.at_s, shown.segment, shown.start, shown.end) == (1.5, "t0-0", 0, 100)
    assert shown.final
    assert shown.text == "Hello,"
    assert shown.words[0].stable


def test_other_messages_are_counted_by_name_and_notices_by_code_and_reason() -> None:
    """A rejection is not lost among the notices."""
    frames = [
        (0.0, '{"type":"ready","accept_from":0,"next_seq":1,"limits":{}}'),
        (1.0, caption()),
        (2.0, '{"type":"notice","code":"rejected","reason":"no_words","start":0,"end":9}'),
        (3.0, '{"type":"notice","code":"degraded"}'),
        (4.0, '{"type":"error","code":"internal","message":"it went wrong"}'),
    ]
    assert read_frames(frames).counts == {
        "ready": 1,
        "caption": 1,
        "notice:rejected:no_words": 1,
        "notice:degraded": 1,
        "error:internal": 1,
    }


def test_a_screen_holds_all_segments_until_a_gap_takes_one_back() -> None:
    """In the order of speech; an interim that got no final goes."""
    frames = [
        (1.0, caption(segment="b", start=500, end=600)),
        (2.0, caption(segment="a", start=0, end=100, final=True, seq=1, committed=0)),
        (3.0, '{"type":"notice","code":"rejected","reason":"no_words","start":500,"end":700}'),
        (4.0, '{"type":"notice","code":"degraded"}'),
    ]
    screens = [
        (screen.at_s, [(part.key, part.final) for part in screen.parts])
        for screen in read_frames(frames).screens
    ]
    assert screens == [
        (1.0, [("b", False)]),
        (2.0, [("a", True), ("b", False)]),
        (3.0, [("a", True)]),
    ]
