"""How people ask, and put an answer off; pure."""

import re

_I = re.IGNORECASE

QUESTION_TAG = re.compile(
    r"(?:,|\.|^)\s*(?:right|okay|ok|huh|no|yeah|yes|correct|eh|hey|you know|you see|see|"
    r"or not|really|"
    r"(?:is|isn't|are|aren't|do|don't|does|doesn't|did|didn't|have|haven't|has|hasn't|"
    r"will|won't|can|can't|could|couldn't|would|wouldn't|was|wasn't) (?:it|that|they|we|"
    r"you|he|she|i|there))\s*\?$",
    _I,
)
PROCEDURAL_QUESTION = re.compile(
    r"\b(?:can you (?:hear|see)|(?:any|more|other|further) (?:questions?|comments?)|"
    r"anything else|anybody else|who's next|shall we (?:start|begin|move|go)|"
    r"(?:do you|would you|you) (?:want|wanna|like)(?: me)? (?:to )?(?:go|start|begin)|"
    r"is everyone (?:here|ready)|are (?:you|we) ready|does that make sense|can i (?:just )?(?:welcome|remind|propose|thank)|"
    r"you know what i mean|"
    r"how are you|what did you say|what was that|say (?:that )?again|sorry|pardon|"
    r"excuse me|is that (?:it|okay|right|clear|fine)|"
    r"what do you (?:think|mean|reckon)|see what i mean|where's (?:the|my)|"
    r"do you (?:follow|know what)|what time is it|can i ask)\b",
    _I,
)
_SUBJECT = (
    r"(?:we|you|they|it|that|this|there|the|he|she|i|our|your|anybody|anyone|someone|somebody)"
)
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|should|will|would|shall|have|has)(?:n't)?"
ASKED = re.compile(
    r"^(?:(?:and|but|so|well|okay|then|or|now)[, ]+)*"
    rf"(?:(?:what|when|where|why|how|which|who)(?: (?!(?:{_AUXILIARY}|{_SUBJECT})\b)\w+){{0,2}}(?: {_AUXILIARY}|'s|'re|'ll) {_SUBJECT}\b"
    rf"|who (?:is going to|will|can|could|should|has to|needs to|is) \w+"
    rf"|{_AUXILIARY} {_SUBJECT}\b)",
    _I,
)
"""How a question begins that lacks its mark."""
STILL_OPEN = re.compile(
    r"\b(?:remains to be seen|is still open|open (?:question|issue)|to be decided|"
    r"(?:haven't|have not|hasn't been) (?:yet )?decided|"
    r"(?:still|we|also) (?:need|have) to (?:decide|figure out|find out|work out|determine|establish) (?:on )?(?:whether|if|how|what|which|who|when)|"
    r"needs? (?:a (?:little )?(?:bit )?more|some more|more) (?:working out|work|thought|thinking|discussion)|"
    r"(?:i|we) (?:still |really )?(?:don't|do not) know (?:yet )?(?:whether|if|how|what|which|who|when) (?:we|to|the|it|they|this)|"
    r"(?:i|we) (?:still |really )?(?:don't|do not) know (?:yet )?whether|"
    r"(?:doesn't|does not|didn't|did not|don't|do not) (?:say|tell|explain)(?: \w+){0,2}(?: about)? (?:whether|if|how|what)|"
    r"as to whether)\b",
    _I,
)
"""Who says so asks, and says that nobody knows."""
INDIRECT_QUESTION = re.compile(
    r"\b(?:(?:the|my|one|another|our|open|big) (?:\w+ )?question (?:is|was|would be|for)|"
    r"i (?:was )?wonder(?:ing)? (?:if|whether|how|what|why|who)|"
    r"(?:i|we) (?:still |really )?(?:don't|do not) know (?:whether|if|how|what|which|who|"
    r"when) (?:we|to|the|it|they|this)|"
    r"(?:still|we) (?:need|have) to (?:decide|figure out|find out|work out) (?:whether|if|"
    r"how|what|which|who|when)|(?:i'm|we're) not sure (?:whether|if|how|what|which) (?:we|"
    r"to|the|it|they)|"
    r"remains to be seen|is still open|open (?:question|issue)|to be decided|"
    r"haven't (?:yet )?decided)\b",
    _I,
)
HEDGE = re.compile(
    r"\b(?:i don't know|don't know|dunno|not sure|no idea|we'll see|we'll have to|"
    r"have to (?:check|see|find|look|think|ask)|good question|get back to|"
    r"think about (?:it|that)|hard to say|depends|i'll (?:check|find|look|ask)|"
    r"can't (?:say|tell|answer)|remains to be|we need to (?:find|figure|check)|"
    r"that's (?:a|the) question|have no)\b",
    _I,
)
YES_NO = re.compile(
    r"^(?:yes|yeah|yep|no|nope|sure|right|exactly|correct|of course|absolutely|definitely|"
    r"certainly|i think so|i don't think so|it is|it does|they do|we do|we did|it's|"
    r"that's)\b",
    _I,
)
POLAR = re.compile(
    r"^(?:(?:and|but|so|well|okay|then|or)[, ]+)*(?:is|are|was|were|do|does|did|can|could|"
    r"would|should|will|have|has|shall|may)\b",
    _I,
)
