"""Words of a text as they are counted and compared, without any knowledge of the language."""

import re

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Kana and ideographs, written without blanks; Hangul has them."""

_MARKS = (
    "\u0300-\u036f\u064b-\u0652\u0670\u0900-\u0963\u0970-\u0dff\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u0eb1-\u0ece\u0f71-\u0f84\u1000-\u109f\u1780-\u17d3"
)
"""Vowels and accents that are no letters to Unicode, and stand within words."""
WORD_CHARACTER = rf"(?:[^\W_]|[{_MARKS}])"
"""A regular expression for one."""

UNSPACED = re.compile(f"[{_CJK}]")
_TOKEN = re.compile(
    rf"[{_CJK}]|(?:(?![{_CJK}]){WORD_CHARACTER})+(?:['’](?:(?![{_CJK}]){WORD_CHARACTER})+)*"
)

_ELIDED = re.compile(r"^(?:[cdjlmnst]|qu|dell|all|nell|sull|dall|un)'(?=[^\W\d_]{3})")
_ENDING = re.compile(r"(?<=[^\W_]{3})(?:'s|ing|ies|ied|ed|es|s|e|y)$")
_STEM_LETTERS = 6

_ENGLISH = """
a about after again all also am an and any are aren't as at be because been before being both
but by can can't could couldn't did didn't do does doesn't doing don't down each few for from
further had hadn't has hasn't have haven't having he her here hers him his how i i'd i'll i'm
i've if in into is isn't it it'd it'll it's its just let let's like me might more most must my
no nor not now of off oh ok okay on once only or other our ours out over own really same shall
she should shouldn't so some such than that that's the their them then there there's these they
they'd they'll they're they've this those through to too uh uhm um under until up us very was
wasn't we we'd we'll we're we've well were weren't what what's when where which while who whom
why will with won't would wouldn't yeah yes you you'd you'll you're you've your yours
"""
FUNCTION_WORDS = frozenset(_ENGLISH.split())
"""English words that hold sentences together."""


def count_words(text: str) -> int:
    """Count the words of a text; two characters of a script without blanks count as one."""
    return len(text.split()) + len(UNSPACED.findall(text)) // 2


def tokens(text: str) -> list[str]:
    """Return the words in lower case, without punctuation, in order."""
    return [one.replace("’", "'") for one in _TOKEN.findall(text.lower())]


def stems(words: list[str]) -> frozenset[str]:
    """Return the stems by which two texts are compared: words without English endings, and cut.

    "L'équipe" is compared as "équipe". Rough: what matters is that the words of an item are found where they were said.
    """
    return frozenset(map(stem, words))


def stem(word: str) -> str:
    """Return the stem of one word, in lower case."""
    left = _ENDING.sub("", _ELIDED.sub("", word))
    # plan and planned, call and called
    if len(left) > 3 and left[-1] == left[-2]:
        left = left[:-1]
    return left[:_STEM_LETTERS]


def content_words(words: list[str]) -> list[str]:
    """Return the words that are no English function word."""
    return [word for word in words if word not in FUNCTION_WORDS]


def content_stems(words: list[str]) -> frozenset[str]:
    """Return the stems of the words that are no English function word."""
    return stems(content_words(words))
