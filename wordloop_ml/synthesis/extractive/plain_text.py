"""Writes a sentence as the rules read it; pure."""

import re

FEW_WORDS = 6
"""Most words of a brief sentence."""

_APOSTROPHES = (
    "I'm I've don't can't won't didn't isn't doesn't haven't let's that's what's you're you'll you've "
    "they're they'll we've"
)
_CONTRACTED = {
    "gonna": "going to",
    "wanna": "want to",
    "gotta": "got to",
    "dunno": "don't know",
    **{one.replace("'", "").lower(): one for one in _APOSTROPHES.split()},
}
"""Also those that captions write without their apostrophe."""
_CONTRACTION = re.compile(rf"\b(?:{'|'.join(_CONTRACTED)})\b", re.IGNORECASE)
_ILL = re.compile(
    r"\bill (?=(?:just |also |then )?[a-z]+ (?:it|that|this|the|an?|her|him|them|you|up|with|to|my|our|some)\b)"
)
"""Likewise "ill", where it is no illness."""


def plainly(text: str) -> str:
    """Write a sentence as the patterns have it: straight apostrophes, "going to" for "gonna", no capitals alone."""
    straight = text.replace("’", "'")
    if straight.isupper():
        straight = straight.lower()
    straight = _ILL.sub("i'll ", straight)
    return _CONTRACTION.sub(lambda found: _CONTRACTED[found.group(0).lower()], straight)


def without_commas(text: str) -> str:
    """Captions have commas in odd places: "I'll, send it"."""
    return re.sub(r"\s*[,;:]\s+", " ", text)
