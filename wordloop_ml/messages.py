"""The vocabulary of the service: frozen, slotted messages, matched by class.

Time inside the service is counted in samples at 16 kHz, absolute from the first sample of a
track. Nothing here holds milliseconds or bytes; the wire converts at the border.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Samples per second of all audio inside the service."""

Samples = npt.NDArray[np.float32]
"""Mono audio: float32, shape (n,), in [-1, 1], 16 kHz."""

Pcm16 = npt.NDArray[np.int16]
"""Mono audio: int16, shape (n,), 16 kHz; what buffers hold."""


Vectors = npt.NDArray[np.float32]
"""One embedding a row: float32, shape (n, dimensions), each of length 1."""


class JobClass(IntEnum):
    """What an inference job is for, in order of priority (lower runs first)."""

    FIRST_CAPTION = 0
    FINAL = 1
    INTERIM = 2
    EMBEDDING = 3
    SYNTHESIS = 4
    FILE = 5

    @property
    def background(self) -> bool:
        """Work on texts and files: nobody who speaks waits for it, and it waits for everybody who does."""
        return self >= JobClass.EMBEDDING


class DropReason(StrEnum):
    """Why an inference job never ran."""

    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    FORGOTTEN = "forgotten"
    REFUSED = "refused"
    CLOSED = "closed"


class AudioContext(IntEnum):
    """How much silence behind the audio a decode hears; engines say in positions what that is.

    Whisper was trained on 30 s. It hears short audio alone almost as well, at a fraction of the
    cost, but then is likelier to say its end again.
    """

    SHORT = 0
    LONG = 1
    FULL = 2


class Task(StrEnum):
    """What becomes of the words: written in their own language, or in English."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"


VOCABULARY_ENTRIES = 100
"""How many names and terms a track may hint at."""

VOCABULARY_CHARACTERS = 500
"""How many characters they may have together: about what a model's prompt holds."""


class RejectReason(StrEnum):
    """Why a guard refused a hypothesis; a metric label and the ``reason`` of a notice."""

    NO_SPEECH = "no_speech"
    NO_WORDS = "no_words"
    LOW_PROBABILITY = "low_probability"
    REPETITION = "repetition"
    OUTSIDE_AUDIO = "outside_audio"
    NEAR_SILENCE = "near_silence"
    PROMPT_ECHO = "prompt_echo"
    ANNOTATION = "annotation"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech, ready to be decoded.

    start: absolute index of its first sample on its track (16 kHz).
    samples: float32, shape (n,), in [-1, 1]; the job's own copy, never written again.
    """

    start: int
    samples: Samples

    @property
    def end(self) -> int:
        """Absolute index one past the last sample."""
        return self.start + len(self.samples)


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How one native call decodes: one encode, one decode, never more.

    language: what is spoken, by the model's code for it; None lets a multilingual model detect it.
    task: TRANSLATE writes English, and needs a multilingual model.
    prompt: words the decoder may expect (names, jargon); empty for none.
    context: SHORT for what is soon replaced, LONG for finals, FULL where these were doubted or
        a process may have died of the audio.
    expected_language: what was spoken before, where ``language`` is None: it stands when the
        detection is unsure.
    temperature: 0 takes the likeliest token each time; above, another text is wanted.
    beams: how many hypotheses are followed at once, by engines that can; 1 follows the likeliest
        token alone.
    spare_workers: how many other workers have nothing to do: an engine may use their cores, too.
    job_class: what the decode is for; an engine that serves several processes orders by it.
    """

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    prompt: str = ""
    context: AudioContext = AudioContext.SHORT
    temperature: float = 0.0
    beams: int = 1
    spare_workers: int = 0
    expected_language: str | None = None
    job_class: JobClass = JobClass.FINAL


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a hypothesis.

    text: the word as it is to be shown, with its punctuation, without surrounding blanks.
    start, end: absolute samples on the track, start <= end.
    confidence: mean token probability, in [0, 1].
    """

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What an engine heard in one utterance.

    start, end: the span of audio that it heard, absolute samples.
    words: in order; empty when nothing was said.
    language: what was spoken, by the model's code; whatever language the words were translated to.
    no_speech_probability: in [0, 1].
    average_log_probability: mean over the text tokens, natural logarithm; 0.0 without tokens.
    language_probability: in [0, 1]; 1.0 when the language was given, not detected.
    unfinished: a bound on its tokens ended the text, not the model: a loop, as a rule.
    waited_s: how long it waited behind other processes, in an engine that serves several; in seconds.
    """

    start: int
    end: int
    words: tuple[Word, ...]
    language: str = "en"
    no_speech_probability: float = 0.0
    average_log_probability: float = 0.0
    language_probability: float = 1.0
    unfinished: bool = False
    waited_s: float = field(default=0.0, compare=False)

    @property
    def text(self) -> str:
        """The words, joined by single blanks."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class CaptionWord:
    """A word as a caption shows it: a ``Word`` and whether it is expected to stay."""

    text: str
    start: int
    end: int
    confidence: float
    stable: bool


@dataclass(frozen=True, slots=True)
class Caption:
    """The whole text of one segment; replaces the caption before it with the same segment.

    segment: identifier, from the track and the segment's first sample.
    start, end: the segment's audio, absolute samples; every word lies inside.
    final: this text will never change. Then ``seq`` counts the finals of the track, and
        ``committed`` is the position before which audio is no longer needed.
    speech_final: the speaker paused (a forced cut or a ``finalize`` gives ``final`` alone).
    replay: the audio lies before the live edge of a resumed stream.
    flushed: this final answers a flush that wanted an answer: all that was said before it is out.
    """

    segment: str
    track: str
    start: int
    end: int
    words: tuple[CaptionWord, ...]
    final: bool = False
    speech_final: bool = False
    language: str = "en"
    replay: bool = False
    seq: int | None = None
    committed: int | None = None
    flushed: bool = False

    @property
    def text(self) -> str:
        """The words, joined by single blanks."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The voice detector heard speech begin at this absolute sample."""

    track: str
    at: int


@dataclass(frozen=True, slots=True)
class SpanLost:
    """A lost span: audio that no final covers, and why.

    code: ``decode_failed``, ``rejected`` or ``gap``.
    reason: for ``rejected``, the guard's reason.
    committed: where the track's committed position stands after it.
    """

    track: str
    code: str
    start: int
    end: int
    committed: int
    reason: RejectReason | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """Audio before ``at`` is no longer needed: finals cover it, or it was proven silence."""

    track: str
    at: int


TrackEvent = Caption | SpeechStarted | SpanLost | Committed
"""What a track tells its listeners, in order."""


@dataclass(frozen=True, slots=True)
class Flushed:
    """Answers a flush that no final answers: nothing was open, or what was has no text.

    Only who wants answers gets them; each flush has exactly one, here or in ``Caption.flushed``.

    at: absolute sample up to which everything that was said is out.
    """

    track: str
    at: int


@dataclass(frozen=True, slots=True)
class TokenisedText:
    """A text as an embedder reads it.

    ids: token ids, with the model's own marks, at most as many as the model reads.
    dropped: how many tokens at its end the model does not read; 0 when it reads all.
    """

    ids: tuple[int, ...]
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a generator answers to; the model's own chat template puts it together.

    system: who it is and what it is to do. user: the material, as marked data.
    """

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How one answer is generated.

    longest_tokens: the answer is cut here.
    temperature: 0 takes the likeliest token each time. seed: of what is sampled.
    scripts: writing systems that its letters may be of, as ``languages.scripts_of`` names them;
        None for all.
    """

    longest_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0
    scripts: frozenset[str] | None = None


class Finish(StrEnum):
    """Why an answer ended. REPETITION: it had begun to say the same again."""

    STOP = "stop"
    LENGTH = "length"
    REPETITION = "repetition"


@dataclass(frozen=True, slots=True)
class Generated:
    """A generator's answer, whole or cut.

    prompt_tokens: of the whole prompt; reused_tokens: that part of it which an earlier call had
        read already. tokens: of the answer.
    """

    text: str
    finish: Finish
    prompt_tokens: int
    reused_tokens: int
    tokens: int
