"""Which windows the voice detector is asked about: it is the dearest step of the event loop."""

import numpy as np

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.track import Track
from wordloop_ml.messages import Samples, SpeechStarted

SECOND = 16_000
QUIET, SOFT, LOUD = 0.00005, 0.0005, 0.1


class CountingVoice:
    """Hears speech in what is loud, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def probability(self, window: Samples) -> float:
        self.asked += 1
        return 0.95 if np.abs(window).max() > 0.01 else 0.02


def _fed(*levels: float) -> tuple[Track, CountingVoice, list[object]]:
    """A track that heard one second of each of these levels."""
    voice = CountingVoice()
    track = Track("ana", voice, CaptioningPolicy())
    out: list[object] = []
    for level in levels:
        out += track.feed(np.full(SECOND, level, np.float32))
    return track, voice, out


def test_silence_outside_speech_is_known_without_asking() -> None:
    """A muted participant costs no call, and is proven silent all the same."""
    track, voice, _ = _fed(QUIET, QUIET)
    assert voice.asked == 0
    assert track.committed > 0


def test_soft_sound_is_asked_about() -> None:
    """Only what no guard would let through is passed over."""
    _, voice, _ = _fed(SOFT)
    assert voice.asked == SECOND // 512


def test_silence_inside_speech_is_asked_about_until_the_segment_ends() -> None:
    """The end of speech is the detector's to tell; after it, silence is free again."""
    _, voice, out = _fed(LOUD, QUIET, QUIET)
    assert SECOND // 512 + 8_000 // 512 <= voice.asked < 2 * SECOND // 512
    assert [type(one) for one in out].count(SpeechStarted) == 1


def test_speech_after_silence_begins_where_it_begins() -> None:
    """Windows that nobody was asked about do not shift the onset."""
    _, _, out = _fed(QUIET, LOUD)
    (began,) = [one for one in out if isinstance(one, SpeechStarted)]
    assert SECOND - 1_024 <= began.at <= SECOND
