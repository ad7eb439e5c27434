"""Which language the decodes of a track are told, so that few have to detect it; pure.

A multilingual model that is told none encodes twice: once to detect it. What a final has
established is told to the decodes after it. Told the wrong language, Whisper translates, with
confidence; so a final detects anew after a while, and when a text was refused.
"""

from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.captioning.segment import Segment
from wordloop_ml.messages import Hypothesis


class Languages:
    """What is spoken on one track.

    given: what the client says is spoken, which is never in question; None for nothing.
    """

    def __init__(self, policy: CaptioningPolicy, given: str | None) -> None:
        self._policy = policy
        self._given = given
        self._established: str | None = None
        self._elsewhere: str | None = None
        self._recheck_at = 0

    @property
    def established(self) -> str | None:
        """What a final was sure to hear."""
        return self._established

    @property
    def expected(self) -> str | None:
        """What was spoken last, on this track or else in its meeting: stands when a detection is
        unsure."""
        return self._established or self._elsewhere

    def expect(self, language: str) -> None:
        """Another track of the meeting speaks this language."""
        self._elsewhere = language

    def for_interim(self, segment: Segment) -> str | None:
        """What to tell the decode of what is said so far; None to detect it."""
        return self._given or self._established or segment.language

    def for_final(self, start: int) -> str | None:
        """What to tell the decode of a segment that starts there; None to detect it."""
        if self._given is None and start >= self._recheck_at:
            return None
        return self._given or self._established

    def heard_interim(self, segment: Segment, hypothesis: Hypothesis) -> None:
        """A text that no guard refused; what it is sure of holds for this speech."""
        if self._is_sure(hypothesis):
            segment.language = hypothesis.language

    def heard_final(self, hypothesis: Hypothesis, told: str | None) -> None:
        """A final that no guard refused; told: the language that it was decoded with."""
        if told is None and self._is_sure(hypothesis):
            self._established = hypothesis.language
            self._recheck_at = hypothesis.start + self._policy.language_recheck_samples

    def doubt(self) -> None:
        """A text was refused, perhaps because of the language: the next final detects it."""
        self._recheck_at = 0

    def _is_sure(self, hypothesis: Hypothesis) -> bool:
        heard = hypothesis.end - hypothesis.start
        return (
            hypothesis.language_probability >= self._policy.language_probability
            and heard >= self._policy.language_samples
        )
