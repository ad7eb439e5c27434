"""Talk by people, for the drill on a real model; and what became of it.

What a small model makes of an utterance is not certain enough to count words by. So the same audio
is sent a second time, undisturbed: an utterance that has a final there must have one here.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from random import Random

import aiohttp
import numpy as np

from scripts.benchmark.speech import SpokenText
from scripts.drills.fleet.checker import Verdict
from scripts.drills.fleet.history import History
from scripts.drills.fleet.talk import SaidWord
from wordloop_ml.client.track import TrackClient
from wordloop_ml.engines.scripted_audio import silence
from wordloop_ml.messages import SAMPLE_RATE, Pcm16
from wordloop_ml.wire.client_messages import Encoding, Start
from wordloop_ml.wire.server_messages import Caption

SPEECH = Path("scripts/speech")
COVERED_SHARE = 0.5
OVERLAP_MS = 100
_PAUSE_S = (0.8, 2.5)
_FRAME_SAMPLES = SAMPLE_RATE // 5
_PER_MS = SAMPLE_RATE // 1_000


class RecordedTalk:
    """One participant, who says the utterances of a corpus in random order; like ``Talk``.

    said: the audible part of each utterance, as if it were one word, by its place in the talk.
    """

    def __init__(self, random: Random, speech: Sequence[SpokenText]) -> None:
        self._random = random
        self._speech = speech
        self._ending = False
        self._audio: list[Pcm16] = []
        self.said: list[SaidWord] = []
        self.samples = 0

    def end(self) -> None:
        """The utterance at hand is the last."""
        self._ending = True

    def utterances(self) -> Iterator[Pcm16]:
        """Utterance after utterance, each with the pause behind it."""
        while not self._ending:
            one = self._random.choice(self._speech)
            onset, end = self.samples + one.onset, self.samples + one.end
            self.said.append(SaidWord(len(self.said), onset, end))
            pause = silence(round(self._random.uniform(*_PAUSE_S) * SAMPLE_RATE))
            audio = np.concatenate([one.samples, pause])
            self._audio.append(audio)
            self.samples += len(audio)
            yield audio

    def say_next(self, number: int) -> None:
        """Numbers are for scripted talk. Raises ``TypeError``."""
        raise TypeError(f"nobody has recorded {number}")

    @property
    def audio(self) -> Pcm16:
        """All that was said so far."""
        return np.concatenate(self._audio)


async def undisturbed(http: aiohttp.ClientSession, url: str, talk: RecordedTalk) -> History:
    """The same audio in one piece, as fast as the service takes it."""
    history = History("undisturbed")
    stream = Start(1, "undisturbed", Encoding.PCM_S16LE, SAMPLE_RATE, 1, origin_ms=0)
    client = TrackClient(http, url, stream, history, live=False)
    audio = talk.audio
    for start in range(0, len(audio), _FRAME_SAMPLES):
        frame = audio[start : start + _FRAME_SAMPLES]
        client.put(frame.tobytes(), len(frame))
    client.end()
    await client.run()
    return history


def check_recorded(talk: RecordedTalk, history: History, calm: History) -> Verdict:
    """Judge one track against its undisturbed self.

    lost: utterances with a final there and neither final nor notice here. doubled: finals that
    begin before the one before has ended.
    """
    finals = history.finals
    here, there = _spans(finals), _spans(calm.finals)
    told = [(one.start or 0, one.end or 0) for one in history.notices]
    wanted = [word for word in talk.said if _covered(word, there) >= COVERED_SHARE]
    missing = [word for word in wanted if _covered(word, here) < COVERED_SHARE]
    named = [word for word in missing if _covered(word, told) > 0.0]
    return Verdict(
        said=len(talk.said),
        heard=len(wanted) - len(missing),
        lost=len(missing) - len(named),
        doubled=sum(after.start < before.end - OVERLAP_MS for before, after in pairwise(finals)),
        out_of_order=sum(after.start < before.start for before, after in pairwise(finals)),
        named=len(named),
        misnumbered=sum(final.seq != number for number, final in enumerate(finals, 1)),
    )


def _spans(finals: Sequence[Caption]) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in finals if one.words]


def _covered(word: SaidWord, spans: Sequence[tuple[int, int]]) -> float:
    """The share of an utterance that lies in some of these spans, which do not overlap."""
    start, end = word.start / _PER_MS, word.end / _PER_MS
    shared = sum(max(0.0, min(end, to) - max(start, since)) for since, to in spans)
    return shared / (end - start)


def same_words(history: History, calm: History) -> tuple[int, int]:
    """How many words of the undisturbed finals stand in these too, in order; and how many there are."""
    here, there = (
        [word.text for final in one.finals for word in final.words] for one in (history, calm)
    )
    blocks = SequenceMatcher(a=there, b=here, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks), len(there)
