"""Finds what was asked, sentence by sentence, by patterns; pure. Whether it was answered is for ``items.py``."""

from wordloop_ml.synthesis.extractive.lexicon import question_words
from wordloop_ml.synthesis.extractive.plain_text import plainly
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.sentences import Sentence
from wordloop_ml.synthesis.words import content_of


def question_in(sentence: Sentence, policy: ExtractivePolicy) -> float:
    """How surely the sentence asks something of substance, in [0, 1]; 0 when it does not."""
    text = plainly(sentence.text)
    if not policy.rule_words[0] <= sentence.words <= policy.rule_words[1]:
        return 0.0
    if len(content_of(text)) < policy.question_content or question_words.PROCEDURAL_QUESTION.search(
        text
    ):
        return 0.0
    if question_words.INDIRECT_QUESTION.search(text) or question_words.STILL_OPEN.search(text):
        return policy.asked_indirectly
    marked = text.endswith("?") and not question_words.QUESTION_TAG.search(text)
    # captions have full stops for question marks, or none
    unmarked = not text.endswith("?") and question_words.ASKED.search(text)
    return policy.asked_plainly if marked or unmarked else 0.0
