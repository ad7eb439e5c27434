"""Summaries against references, and where the weights come from."""

import numpy as np
import pytest

pytest.importorskip("rouge_score", reason="the extra evaluation is not installed")

from scripts.evaluation import summaries
from scripts.evaluation.meetings import Meeting
from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import ScriptedEmbedder
from wordloop_ml.synthesis.chunks import ChunkWords, chunks_of
from wordloop_ml.synthesis.extractive.notes import gather, notes_of
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.summary import NAMES
from wordloop_ml.synthesis.messages import Segment, Transcript

POLICY = ExtractivePolicy()


def test_only_the_first_words_count() -> None:
    """What comes behind is not read."""
    said = " ".join(f"w{at}" for at in range(110))
    assert summaries.rouge(f"{said} the end", said)[0] == pytest.approx(100)
    assert summaries.rouge("nothing of it", said)[0] == 0


def test_function_words_do_not_count_as_content() -> None:
    """The same form, another subject."""
    score = summaries.rouge("the budget of the group", "the colour of the remote")
    assert score[0] > 0
    assert score[2] == 0


def example(index: int) -> summaries.Example:
    """A meeting in which the sentences of the reference have most of "the" and "of"."""
    said = [
        "The colour of the remote and the price of the battery are the subject of the meeting.",
        "I think you know that I really like what you said about it yesterday evening.",
        "You told me that you would bring me something nice when you come back here.",
    ]
    segments = tuple(Segment(f"s{at}", "a", said[(at + index) % 3], at, at + 1) for at in range(9))
    transcript = Transcript(f"m{index}", segments, "en")
    domain = ("product", "academic", "committee")[index % 3]
    meeting = Meeting(domain, index, transcript, (said[0],), (), ())
    chunks = list(chunks_of(segments, ChunkWords(*POLICY.chunk_words)))
    notes = [run_plan(notes_of(one, True, POLICY), ScriptedEmbedder()) for one in chunks]
    return summaries.example_of(meeting, gather(transcript, chunks, notes), POLICY)


def test_weights_follow_what_is_shared_with_the_reference() -> None:
    """Features of what is in the reference weigh more."""
    fitted = dict(zip(NAMES, summaries.fit([example(index) for index in range(6)]), strict=True))
    assert fitted["articles"] > 0 > fitted["address"]


def test_held_out_meetings_are_summed_up_by_others_weights() -> None:
    """One score a meeting."""
    examples = [example(index) for index in range(6)]
    scores = summaries.held_out(examples, [0, 1, 2, 0, 1, 2], POLICY, 15)
    assert np.mean([one[0] for one in scores]) > 50
