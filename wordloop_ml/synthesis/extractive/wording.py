"""Words an item so that it can be read by itself; pure.

Words are left off (a start that was given up, an end that was not reached), never changed or put in.
Whether an item means something that was said before it is told by its words, too.
"""

import re

from wordloop_ml.synthesis.extractive.dues import DUE
from wordloop_ml.synthesis.extractive.lexicon import (
    answer_words,
    decision_words,
    sentence_words,
    task_words,
    withdrawal_words,
)
from wordloop_ml.synthesis.extractive.plain_text import plainly
from wordloop_ml.synthesis.statements import is_tiny
from wordloop_ml.synthesis.words import (
    FUNCTION_WORDS,
    LIGHT_WORDS,
    content_of,
    content_words,
    tokens,
)

_I = re.IGNORECASE

_STUB = re.compile(
    r"(?<![\w'])(?P<lead>(?:[\w']+ )?)(?P<stub>[a-z]{1,2})[.,]? (?:(?:or|no|well) )*(?=(?P=lead)(?P=stub)\w{2,})",
    _I,
)
"""A word that was broken off and then said whole: "the co completely flat case"."""
_LONE_LETTER = re.compile(r"^(?:[B-HJ-Z](?:\. | (?=[a-z])))+")
_LONE_WORD = re.compile(
    r"^[\w']+ (?:and so|yeah,? so|yeah),? (?=(?:i|we|you|they|he|she|it|let's)\b)", _I
)
"""One word of a sentence that went no further: "Basic and so we'll ..."."""
_AUXILIARY = (
    r"(?:'ll| will|'(?:re|m|s) (?:gonna|going to)| should| want to| wanna| need to| have to|"
    r" can| could| would)"
)
_SAID_ANEW = re.compile(
    rf"\b((?:i|we|you|they|he|she|it){_AUXILIARY}) (?:(?!not|never)(\w+)(?: (?:it|them|that|this|the|an?|in|on))? (?=\1 \2\b)"
    r"|(?!not|never)\w+ (?:\w+ )?(?:of|to|the|an?|for|with|at|in|on|from|by) (?=\1 ))",
    _I,
)
"""A clause given up for one that begins alike: "we'll order of we'll buy"."""
_ASKED_ANEW = re.compile(
    r"\b(what|how|who|where|which|when|whether|if) (?:i|we|you|they|he|she|it|the) (?=\1\b)", _I
)
_RESTART = re.compile(
    r"(?<=[\w',]) (?=(?:We|You|They|He|She|It|This|That|These|There|So|But|And|Or|Well|If|Like|What|"
    r"When|Yeah|No|Okay|Because|Maybe|Let's)\b)"
)
"""Where a sentence begins anew in the middle of another, without a stop between them."""
_BROKEN_OFF = re.compile(
    r"(?:\b(?:[b-hj-z]|(?-i:an?)|the|my|our|your|their|and|but|or|of|to|for|from|with|by|at|if|because|so|than|that|which|"
    r"who|whether|when|is|are|was|were|will|would|should|can|could|i|we|they|he|she)|'(?:re|ll|m|ve))$",
    _I,
)
_YEAH_SO = re.compile(r",? (?:and |but )?yeah,? so,? ", _I)
_TAG = re.compile(r",? (?:right|okay|ok|yeah|you know)\s*\?$", _I)
_UNFINISHED = re.compile(
    r"(?:[\s,;]+(?:(?:and|but|or|so|because) (?:i|we|they|he|she|it|if)|and (?:what|let|make)|so that|"
    r"and|but|or|because|if|when|which|whether|than|the|(?-i:an?)|my|our|your|their))+[.\s,;]*$",
    _I,
)
"""The beginning of a clause of which no more was said."""
_CUES = (
    sentence_words.PUT_DOWN,
    decision_words.PROPOSED,
    decision_words.RECAP,
    task_words.REQUEST,
    task_words.NAMED_TASK,
    task_words.SHARED_TASK,
)


def worded(statement: str) -> str:
    """A sentence (a capital first, a stop last) as an item has it: without false starts and unfinished ends."""
    text = _LONE_LETTER.sub("", statement)
    text = _STUB.sub(_without_stub, text)
    text = _LONE_WORD.sub("", text)
    text = _ASKED_ANEW.sub("", _SAID_ANEW.sub("", text))
    text = _begun_once(text)
    text = _TAG.sub(".", text)
    if not text.endswith("?"):
        text = _UNFINISHED.sub("", text).rstrip(" ,;.") + "."
    text = text[0].upper() + text[1:]
    # the words of a false start count towards those that a statement has at least
    kept = len(content_of(text)) and not (is_tiny(tokens(text)) and not is_tiny(tokens(statement)))
    return text if kept else statement


def _without_stub(found: re.Match[str]) -> str:
    stub = found["stub"].lower()
    # "HR hired" has no stub, nor has "an angle"
    named = not found["stub"].islower() and found.start("stub") > 0
    return found.group(0) if named or stub in FUNCTION_WORDS or stub in LIGHT_WORDS else ""


def _begun_once(text: str) -> str:
    """The part that matters of a sentence that begins anew: what has an item in it, else what says most."""
    parts = [""]
    last = 0
    for found in _RESTART.finditer(text):
        head = text[last : found.start()].rstrip(" ,")
        if _BROKEN_OFF.search(head):
            parts[-1] = head
            parts.append("")
            last = found.end()
    parts[-1] = text[last:]
    if len(parts) > 1:
        telling = [part for part in parts if _has_cue(part)]
        if len(telling) > 1:
            return text
        text = telling[0] if telling else max(parts, key=lambda part: len(content_of(part)))
        given_up = text != parts[-1]
        while given_up and (end := _BROKEN_OFF.search(text)):
            text = text[: end.start()].rstrip(" ,")
    for found in _YEAH_SO.finditer(text):
        if not _has_cue(text[: found.start()]) and _has_cue(text[found.end() :]):
            return text[found.end() :]
    return re.sub(r"^(?:so|but|and|well|or|yeah|okay),? ", "", text, flags=_I)


def _has_cue(text: str) -> bool:
    said = plainly(text)
    return any(cue.search(said) for cue in _CUES)


_THE_SAME = re.compile(
    rf"\b(?:do|doing) (?:that|it|this|so|the same|those|them){answer_words.BEHIND_OBJECT}", _I
)
_WHEN_DONE = re.compile(
    r"\b(?:when|if|once|after|before|because|than|as|how|until) (?:i|we|you|they|he|she) $", _I
)
_CLAUSE_END = re.compile(r"[,;]|\b(?:and|but|so|because|before|after)\b", _I)
_BARE_OBJECT = re.compile(
    rf"(?<=\w )(?:them|him|her|those|these|it|that|this|there|something|which ones?|the others?){answer_words.BEHIND_OBJECT}",
    _I,
)
_POINTS = re.compile(r"\b(?:them|him|her|those|these|it|that|this|there|something|ones?)\b", _I)
_NO_OBJECT = re.compile(
    r"\b(?:check|ask|find out|look|see|follow up|get back|let (?:you|me|us|him|her|them|everybody|everyone) know)\W*$",
    _I,
)
_FRAGMENT = 3
"""Words, at most, of what names something and says nothing of it."""
_FEW, _FEWER = 2, 1
"""Content words of a text that has little of its own."""
_SAID_OF_IT = re.compile(r"^(?:[\w']+,? )?(?:that|it)(?:'s| is| was| would| will)\b", _I)
_SHORT = 16
"""Words of a text that may lack what it is about; a longer one has room to say it."""
_GROPING = re.compile(
    r"\b(?:i (?:dunno|don't know)|(?<!let )(?<!that )you know|or something|or whatever|i mean)\b",
    _I,
)


def points_back(text: str) -> bool:
    """Whether a text means something that was said before it, and does not say it itself."""
    text = DUE.sub(" ", withdrawal_words.NOT_THAT.sub(" ", text))
    if does_the_same(text):
        return True
    own = len(set(content_of(text)))
    if own > _FEW or len(tokens(text)) > _SHORT:
        return False
    return _has_bare_object(text) or (own <= _FEWER and _POINTS.search(text) is not None)


def says_nothing(text: str) -> bool:
    """Whether a text that points back is of no use without what it points to."""
    return len(set(content_of(text))) <= _FEWER


def explains(text: str, *, nearest: bool = False) -> bool:
    """Whether a neighbour of an item can tell what the item points back to; the nearest may do so in few words, with a verb."""
    least = _FEWER if nearest else _FEW
    own = len(set(content_of(text)))
    return (
        own > 0
        and len(set(content_words(tokens(text)))) > least
        and (len(tokens(text)) > _FRAGMENT or sentence_words.VERB.search(text) is not None)
        and not does_the_same(text)
        and not (own <= _FEW and _SAID_OF_IT.search(text))
        and not (own <= _FEWER and _has_bare_object(text))
        and not _BROKEN_OFF.search(text.rstrip(" .?!,"))
        and not _RESTART.search(text)
        and not _GROPING.search(text)
    )


def does_the_same(text: str) -> bool:
    """Whether "do that" stands for what is to be done, and nothing before it in the text says what."""
    for found in _THE_SAME.finditer(text):
        before = text[: found.start()]
        if _WHEN_DONE.search(before):
            continue
        clauses = [one.start() for one in _CLAUSE_END.finditer(before)]
        if not clauses or len(content_of(before[: clauses[-1]])) < _FEW:
            return True
    return False


def _has_bare_object(text: str) -> bool:
    return bool(_BARE_OBJECT.search(text) or _NO_OBJECT.search(text))
