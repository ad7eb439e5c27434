"""Which questions stayed open; pure.

A question counts as answered when somebody else says something of substance about it soon after: a
yes or no to what can be answered so, or a longer reply. A reply that puts it off ("we'll have to
check") leaves it open, unless one that is near to the question came first.
"""

from wordloop_ml.synthesis.extractive import lexicon
from wordloop_ml.synthesis.extractive.gathered import Gathered
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy


def open_questions(meeting: Gathered, policy: ExtractivePolicy) -> list[tuple[int, float]]:
    """(index of the sentence, how surely it is open), in order, without those answered.

    A request is a task, not a question.
    """
    tasks = {at for at, _ in meeting.tasks}
    return [
        (at, sure * openness)
        for at, sure in meeting.questions
        if at not in tasks and (openness := _openness(meeting, at, policy))
    ]


def _openness(meeting: Gathered, asked: int, policy: ExtractivePolicy) -> float:
    """1 when a reply put it off, less when nobody replied at all, 0 otherwise.

    A reply that is neither near nor a way of putting it off is taken for an answer, too, but not
    at once: the next one may say that nobody knows.
    """
    question = meeting.sentences[asked]
    polar = bool(lexicon.POLAR.search(question.text))
    heard = 0
    replied = False
    for at in range(asked + 1, len(meeting.sentences)):
        reply = meeting.sentences[at]
        if heard > policy.reply_words:
            break
        heard += reply.words
        if reply.voice == question.voice:
            continue
        if lexicon.HEDGE.search(reply.text):
            return 1.0
        if polar and lexicon.YES_NO.search(reply.text):
            return 0.0
        if reply.words >= policy.answer_words:
            replied = True
            if meeting.similarity(asked, at) >= policy.answer_similarity:
                return 0.0
    return 0.0 if replied else policy.unanswered
