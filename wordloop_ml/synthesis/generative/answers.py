"""What is asked of a model, and what of its answer is finished; pure."""

import re
from typing import Final

from wordloop_ml.languages import scripts_of
from wordloop_ml.messages import Finish, Generated, GenerationOptions, Prompt
from wordloop_ml.synthesis.generative.prompts import visible
from wordloop_ml.synthesis.statements import sentences_of

_ENDED: Final = re.compile(r"[.!?。？！][\"'”’)]*$")


def options_for(prompt: Prompt, longest_tokens: int) -> GenerationOptions:
    """Ask for the likeliest words, in the writing systems of the material."""
    return GenerationOptions(longest_tokens, scripts=scripts_of(prompt.user))


def sentences_in(answer: Generated) -> list[str]:
    """Return the finished sentences of an answer, each on one line.

    Where the answer did not end by itself, what stands behind its last stop is cut.
    """
    sentences = [
        sentence for line in answer.text.splitlines() for sentence in sentences_of(visible(line))
    ]
    if answer.finish is not Finish.STOP and sentences and not _ENDED.search(sentences[-1]):
        del sentences[-1]
    return sentences
