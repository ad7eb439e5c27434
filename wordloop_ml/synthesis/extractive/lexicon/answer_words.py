"""How people answer: yes, no, and who does it; pure."""

import re

from wordloop_ml.synthesis.extractive.lexicon.alternatives import any_of

_I = re.IGNORECASE

STRONGLY_AGREES = re.compile(
    r"^(?:(?!\b(?:(?<!why )not|never|no|don't|isn't|doesn't|hardly|can't)\b).)*\b(?:let's do (?:that|it)|let's go (?:for|with) (?:it|that)|works for me|fine by me|agreed|i agree|sounds good|good idea|perfect)\b",
    _I,
)
"""What it takes to decide what was asked about so."""
AGREES = re.compile(
    r"^(?:yes|yeah|yep|yup|okay|ok|right|sure|exactly|agreed|definitely|absolutely|good idea|"
    r"sounds? (?:good|great|fine)|fine|perfect|great|cool|excellent|i agree|of course|alright|"
    r"all right|will do|no problem|that's (?:fine|good|right|great|okay|it)|i think so|"
    r"let's do (?:that|it)|let's go for it|go for it|i'm (?:fine|happy|okay) with|makes sense|works for me|fine by me|me too|"
    r"same here|seconded|i second|aye|deal|i'm in|no objections?|love it|i'm sold|sold)\b"
    r"(?! (?:but|though|i don't|not|whatever))(?!,? (?:but|though|no\b))",
    _I,
)
_WELL = r"^(?:(?:oh|well|um|hmm|sorry|but|wait|hang on|hold on|okay|actually|unfortunately),? )*"
REFUSES = re.compile(
    rf"{_WELL}(?:no|nope|nah|sorry|i (?:really )?(?:can't|cannot|won't)|i don't (?:think|have|want)|i'm afraid|"
    r"not (?:me|now|really)|i(?:'d| would) rather not|i'm (?:away|off|out|on (?:holiday|leave|vacation)))\b"
    r"(?!,? (?:problem|worries))"
    r"|\b(?:so|but|because|sorry,?|unfortunately,?) i (?:can't|cannot|won't)\b(?! wait)(?!.*\b(?:before|until|till)\b)",
    _I,
)
OBJECTS = re.compile(
    rf"{_WELL}(?:(?:no,? )?(?:absolutely|definitely|certainly|of course|please) not|not (?:so fast|yet)(?=\W*$|,)(?!.*\?$)|"
    r"(?:no,? )?i (?:\w+ )?disagree|(?:no,? )?i (?:\w+ )?(?:don't|do not) (?:like|agree|want)|(?:no,? )?i'm (?:against|not (?:happy|convinced|in favour))|"
    r"i (?:veto|object)|that (?:won't|doesn't|will not) work|let's (?:wait\b(?!.*\bnext\b)|not(?: do (?:that|it|this))?(?=\W*$)))(?!\w)",
    _I,
)
SAYS_NO = re.compile(
    rf"{_WELL}(?:no|nope|nah)\b(?:\W*$|[,.]? (?:never|no|way|please|sorry|not|(?:the|our|they|he|she|it) [\w' ]{{0,40}}\b(?:won't|can't|doesn't|isn't|don't|wouldn't|shouldn't)|(?:it|that)(?:'s| is) (?:too|not|wrong)|too|because|"
    r"(?:i|we|you) (?:can't|cannot|don't|won't|shouldn't|hate|would not|wouldn't)|(?:i|we)(?:'d| would) rather)\b)(?! (?:doubt|worries|problem))",
    _I,
)
ASKS_FOR_NO = re.compile(
    r"\b(?:(?:any|no) (?:objections?|questions?|other (?:views|ideas|thoughts))|any(?:body|one) (?:against|opposed|minds?|objects?|disagrees?|else)|anything else)\b",
    _I,
)
"""To which "no" is a yes."""
HAS_ONE = re.compile(r"^(?:well,? )?(?:yes|yeah|yep|i do|one|a few|just one)\b", _I)
"""Who was asked for objections, has one."""
THANKS = re.compile(r"^(?:thanks|thank you|lovely|brilliant|that'd be|that would be)\b", _I)
"""It accepts what was offered."""
_LEFT_TO_ME = r"\bleave (?:it|that|this) (?:to|with) me\b"
TAKES_ON = re.compile(
    rf"\b(?:i'll|i will|i'd rather) (?:do|take|handle|grab) (?:it|that|this)\b|{_LEFT_TO_ME}",
    _I,
)
"""It says nothing of what, but that somebody does it."""
BEHIND_OBJECT = (
    r"(?=\W*$|[,.;?!]|\s+(?:for|as|by|before|after|when|if|in|on|at|to|with|from|then|too|there|now|today|"
    r"tomorrow|tonight|and|but|so|or|next|later|again|because|until|first|myself|yourself|together|up|out|"
    r"round|around|over|down|off|back|a|i|we|you|soon|also|anyway|instead)\b)"
)
"""What may follow "it" and "that" where they are all that is done."""
TAKES_OVER = any_of(
    r"\bi'd rather (?:take|do) (?:it|that)\b",
    rf"\b(?:i'll|i will|i can|i could|let me) (?:just )?(?:(?:do|take|handle|grab|catch|cover|take (?:care of|over)|deal with) (?:it|that|this)\b|(?P<deed>write|send|make|call|fix|check|prepare|finish) (?:it|that|this){BEHIND_OBJECT})",
    _LEFT_TO_ME,
)
"""Who says so takes on what another was asked for, or promised; with a deed, if it is the same one."""
ASKED_ON = re.compile(
    r"\b(?:can|could|would|will) (?:you|someone|somebody) (?:\w+ )?(?:do|take|handle) (?:it|that|this)\b",
    _I,
)
"""What is asked of the next one when somebody cannot."""
WAVED_OFF = re.compile(
    r"^(?:(?:no|oh|well|that's|it's),? )*(?:not (?:so |that |really )?(?:important|necessary)|no need|never ?mind|"
    r"(?:don't|do not) (?:worry|bother)|you (?:don't|do not) (?:have|need) to(?=\W*$))\b",
    _I,
)
"""Who says so does not need what was promised."""
