"""Small meetings for the extractive synthesis."""

from collections.abc import Callable, Sequence

import pytest

from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.synthesis.chunks import ChunkWords, chunks_of
from wordloop_ml.synthesis.extractive.notes import Gathered, gather, notes_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.messages import Segment, Transcript

Said = Sequence[tuple[str, str]]


def sentence(text: str, voice: str = "Anna") -> Sentence:
    """One sentence, as the rules are given it."""
    return Sentence(text, voice, 0, 0, len(text.split()))


def transcript_of(said: Said, language: str | None = "en") -> Transcript:
    """Lines of (voice, text), five seconds each."""
    segments = [
        Segment(f"s{at}", voice.lower(), text, 5_000 * at, 5_000 * at + 4_000, voice)
        for at, (voice, text) in enumerate(said)
    ]
    return Transcript("meeting", tuple(segments), language)


def gathered(transcript: Transcript) -> Gathered:
    """A transcript, read with an embedder of hashed words."""
    policy = ExtractivePolicy()
    chunks = list(chunks_of(transcript.segments, ChunkWords(*policy.chunk_words)))
    embedder = ScriptedEmbedder()
    notes = [run_plan(notes_of(chunk, True, policy), embedder) for chunk in chunks]
    return gather(transcript, chunks, notes)


@pytest.fixture
def read_meeting() -> Callable[[Said], Gathered]:
    """Lines of (voice, text), read."""
    return lambda said: gathered(transcript_of(said))


LAUNCH: Said = (
    (
        "Anna",
        "Good morning everyone, today we look at the launch of the mobile app and the budget.",
    ),
    (
        "Ben",
        "The mobile app is nearly ready, but the login screen of the mobile app still crashes.",
    ),
    ("Anna", "Can you fix the login screen by Friday, Ben?"),
    ("Ben", "Sure."),
    ("Carla", "We decided to launch the mobile app in March."),
    ("Anna", "Yes."),
    ("Carla", "Who is going to write the release notes for the app store?"),
    ("Anna", "I don't know yet, we'll see."),
    ("Anna", "Now the budget. The marketing budget is forty thousand euros for the spring."),
    ("Ben", "The hosting budget has doubled since the winter."),
    ("Carla", "I will send the hosting invoice to Anna tomorrow."),
    ("Anna", "Let's go with the smaller hosting plan."),
    ("Ben", "Okay."),
)


@pytest.fixture
def launch() -> Said:
    """Two topics, two decisions, two tasks, one open question."""
    return LAUNCH
