"""What people say who take something back; pure."""

import re

from wordloop_ml.synthesis.extractive.lexicon.alternatives import any_of
from wordloop_ml.synthesis.extractive.lexicon.decision_words import NOT_MEANT

_I = re.IGNORECASE

_DECISION = (
    r"(?:that|this|the|our|my|it|an?)(?: (?:earlier|last|previous|first|original|old))? "
    r"(?:decision|idea|plan|agreement|choice|resolution|motion)s?"
)
NOT_THAT = any_of(
    r"\b(?:scratch|strike) (?:that|it|this|all that|what (?:i|we) (?:just )?\w+)\b",
    r"(?:^|[,;.:!?-] ?|\b(?:actually|no|wait|okay|ok|so|well|and|but|then|just|let['’]?s|please|sorry|oh|now|hold on|we can|we should) )(?:forget|cancel|undo|disregard|ignore|drop|scrap|reverse|never ?mind)(?: about)? (?:that(?! \w+ (?:is|are|was|were|has|have|will)\b)|it|this|all (?:of )?that|what (?:i|we) (?:just )?\w+)\b",
    r"\blet['’]?s not(?: do (?:that|it|this))?(?: (?:after all|then|any ?more|actually))?(?= *(?:[.,;!?]|$))",
    r"\b(?:i|we)(?:['’]?ll| will)? (?:take|took|taking) (?:that|it|this) back\b",
    r"\bwe(?:['’]?re| are) (?:not|no longer) doing (?:that|it|this)\b",
    r"\bwe (?:won['’]?t|will not|(?:['’]?re |are )?not going to) do (?:that|it|this)\b",
    r"\b(?:that|it|this)(?:['’]?s| is) (?:off (?:the table|again)|cancell?ed|scrapped|no longer (?:the plan|valid|happening))\b",
)
"""What somebody says who takes back what was said just before."""
NOT_IT = re.compile(
    r"\b(?:cancel|undo|disregard|ignore|drop|scrap|reverse) (?:it|this)\b|\blet['’]?s not\b", _I
)
"""What is often said of other things: of what was put down at once before alone."""
WAIT_NO = re.compile(r"\b(?:no,? wait|wait,? no|actually,? no)\b", _I)
ON_REFLECTION = re.compile(r"\bon (?:second thoughts?|reflection)\b|\bcome to think of it\b", _I)
CHANGED_MIND = any_of(
    r"\bchang(?:ed|e|ing) (?:my|our|their|his|her) minds?\b",
    r"\bchange of (?:plans?|mind|heart)\b",
    rf"{ON_REFLECTION.pattern}",
    rf"{WAIT_NO.pattern}",
    r"\b(?:reconsidered|rethought|backtracked|gone back on|went back on|go back on)\b",
    rf"\b(?:revers|revok|overturn|withdr[ae]w|rescind|undo|drop|cancel|scrap|overrul)\w* {_DECISION}\b",
)
"""Likewise, of what may have been said long before."""
MIND_OF_OTHERS = re.compile(r"\bchang(?:ed|e|ing) (?:their|his|her) minds?\b", _I)
NO_LONGER = re.compile(r"\b(?:instead(?! of)|after all|no longer|any ?more)\b", _I)
GIVES_UP = re.compile(
    r"(?:^|[,;.:!?-] ?|\b(?:so|okay|ok|let's|now|then|well|just|please|we can|we should) )"
    r"(?:forget|scrap|ditch|scratch|cancel|drop)(?: about)? (?:the|our) (?!fact\b)",
    _I,
)
"""Who says so gives up the thing that is named next."""
BEYOND = re.compile(
    r"\b(?:another|additional|further|a (?:second|third|fourth|fifth)|more than)\b", _I
)
"""Not that, too: what was decided stands."""
NEGATED = any_of(
    r"\b(?:decided|agreed|chose|voted) (?:against|not to)\b",
    r"(?<!\bpeople )(?<!\bthey )(?<!\byou )(?<!\busers )\b(?:won['’]?t|will not|not going to|not gonna|(?:aren|isn)['’]?t going to|not (?=\w+ing\b))(?:\b|(?<= ))",
    rf"\blet['’]?s not (?!{NOT_MEANT})\w+",
)
"""What will not be."""
CHANGED = any_of(
    rf"{CHANGED_MIND.pattern}",
    rf"{NO_LONGER.pattern}",
    rf"{GIVES_UP.pattern}",
    rf"{NEGATED.pattern}",
)
"""Any of those, and weaker signs that an earlier decision does not hold."""
STATES = re.compile(
    r"^(?!.*\b(?:this|that)(?:'s| is) not\b).*\b(?:we|let's|let us|we're|we'll|i'll|will|won't|go with|is|are|agreed|decided|the|launch)\b",
    _I,
)
"""What holds in the place of what was taken back says something of it."""
