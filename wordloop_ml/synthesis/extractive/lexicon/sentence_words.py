"""Where sentences begin and go on that lack their stops; pure."""

import re

from wordloop_ml.synthesis.extractive.lexicon.decision_words import DECIDES
from wordloop_ml.synthesis.extractive.lexicon.task_words import COMMITMENT

_I = re.IGNORECASE

SECOND_THOUGHT = re.compile(
    r"\b(?:(?:oh|no|wait|well|sorry|actually|but|okay|hmm),? )*(?:(?:scratch|strike) that|"
    r"(?:no,? )?wait,? no|actually,? no|on second thoughts?|"
    r"we(?:['’]?ve| have)? changed our minds?|i(?:['’]?ve| have)? changed my mind)\b",
    _I,
)
"""Where a sentence that lacks its stops begins anew, if something was put down before it."""
PROMISES_TOO = re.compile(r"(?:, )?\band (?:then )?(?=(?:i'll|i will|i'm going to)\b)", _I)
"""Where a sentence that has a decision goes on with a task, that begins."""
ASSIGNS = re.compile(
    r"(?:, )?\b(?:and|then|while)(?:,? then)?,? (?=(?:(?:the (?:\w+ ){0,2}\w+|[A-Z][\w'-]+(?: [A-Z][\w'-]+){0,2})"
    r" (?:will|is going to|is gonna|are going to|are gonna|should|needs to)\b"
    r"|you(?:'re|'ll| are| will)\b|i(?:'ll| will)\b))"
)
"""Where one sentence gives out two tasks, the second begins."""
VERB = re.compile(
    r"\b(?:i|you|we|they|he|she|it|this|that|there|what|who|how|why|where|which|"
    r"is|are|was|were|be|been|am|has|have|had|do|does|did|will|would|can|could|should|may|might|must|"
    r"shall|let|let's|look|wait|think|thank|thanks|see|go|goes|come|send|give|put|take|make|get|"
    r"got|tell|ask|check|say|said|know|mean|want|need|like|use|try|keep|stop|move|call|works?|depends|"
    r"sorry|please|okay|ok|yes|yeah|yep|right|sure|exactly|hello|hi|bye|guys|cool|great|good|well|fine)\b|\w'(?:s|re|ve|ll|d|m|t)\b",
    _I,
)
"""Words that fragments do not have: verbs, who does something, and what one says to another."""
GOES_ON = re.compile(
    r"^(?:by|before|until|till|on|in|at|for|with|without|from|to|during|after|about|including|instead of|"
    r"because of|tomorrow|tonight|next|per)\b",
    _I,
)
"""How a fragment begins that goes on with the sentence before."""
PUT_DOWN = re.compile(f"{DECIDES.pattern}|{COMMITMENT.pattern}", _I)
"""A decision or a task."""
