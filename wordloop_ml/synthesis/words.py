"""Words of a text as they are counted and compared, and what tells their language; pure.

The stop words of 58 languages are those of Stopwords ISO; English has a list of its own, on which
syntheses were measured. The lists are read once, when this module is.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import stopwordsiso

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


_LIGHT = """
    monday tuesday wednesday thursday friday saturday sunday january february march april june july
    august september october november december morning afternoon evening
    ability able accept across act actually add added agree agreed ahead allow allowed almost
    alright always another answer anybody anyone anything anyway around ask asked away back
    basic basically believe better big billion bit bring call came can't case cause certain
    certainly chair clear come comes coming course cuz day days definitely different does doing
    done dunno easy eight eighty eleven else enough especially even ever every everybody
    everyone everything exactly fact fairly far feel felt fifty fine first fix forty gave get
    gets getting give given gives go goes going gone gonna good gosh got gotta great guess guy
    guys half happen happened happens happy hard hear hello help high hm hold honourable hope
    hundred idea ideas important instance interesting kay keep kept kind kinda knew know knows
    last later least leave leaving left less let let's level light likely line little long look
    looking looks lot lots love low made main make makes making many matter maybe mean means
    member members might million minute minutes mister mm moment much must name need needs never
    new next nice nine ninety nobody none nothing number obviously often old one ones open
    others ought part particular people perhaps person piece place please point possible
    possibly pretty probably problem put question questions quite rather reason regard remember
    rid right run said saw say saying says second see seems seen sense set seven several show
    simple simply since six sixty small somebody someone something sometimes somewhere soon
    sorry sort sorta sound sounds start stay still stuff sure take taken takes taking talk
    talked talking tell ten terms thank thanks thing things think thinking third thirty though
    thought thousand three time times today together told took top totally tried true try trying
    turn twelve twenty two type um use used using usual usually various wanna want wanted wants
    way ways well went whatever whether whoever whole wise wonder wonderful word words work
    worked working works world worry worth would write wrong year years yep yesterday yet you'd
    zero
"""
LIGHT_WORDS = frozenset(_LIGHT.split())
"""Words that say little about what is talked of, beside the function words."""
_ENGLISH_STOPS = FUNCTION_WORDS | LIGHT_WORDS

_LISTED: dict[str, frozenset[str]] = {
    language: frozenset(
        word.replace("’", "'") for word in stopwordsiso.stopwords(language) if word[:1].isalpha()
    )
    for language in sorted(stopwordsiso.langs())
}
_OF_ANY_LANGUAGE = frozenset().union(*_LISTED.values())
_TOLD_BY = {**_LISTED, "en": FUNCTION_WORDS}
_LANGUAGES_WITH = Counter(word for words in _TOLD_BY.values() for word in words)

_SCRIPTS = {
    "ja": re.compile("[\u3040-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7af]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff]"),
}
"""Scripts that one language is written in; kana before ideographs, which Japanese has as well."""
_LETTERS = re.compile(r"[^\W\d_]")
_SCRIPT_SHARE = 0.2
"""Of the letters, so many are of a script that tells the language."""

_ENOUGH_WORDS = 12
_MOST_WORDS = 3_000
_STOP_SHARE = 0.15
"""Speech has three times as many stop words; what has fewer is in some other language."""

_BESIDE = {
    "fr": r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['’](?=\w)",
    "it": r"^(?:[cdlmnstv]|un|gl|dell|all|dall|nell|sull|quell|quest|tutt|senz)['’](?=\w)",
    "ca": r"^[dlmnst]['’](?=\w)",
    "ko": r"(?<=[\uac00-\ud7af]{2})(?:은|는|이|가|을|를|의|에|에서|에게|으로|로|와|과|도|만|까지|부터)$",
}
"""Articles, prepositions and particles that are written together with a word."""
_BESIDE_WORDS = {language: re.compile(words, re.IGNORECASE) for language, words in _BESIDE.items()}
_CAPITAL_NOUNS = frozenset({"de", "lb"})

UNSPACED_LANGUAGES = frozenset({"ja", "zh"})
_JAPANESE_WORDS = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff々]{2,}|[\u30a1-\u30fa\u30fc]{2,}|[A-Za-z][A-Za-z0-9]+"
)
"""Hiragana is what holds them together."""
_CHINESE_RUN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]{2,}|[A-Za-z][A-Za-z0-9]+")
_CHINESE_PARTICLES = "的了是在和与就都而及着或也很还又把被让给对从到向吗呢吧啊呀嘛么这那哪我你他她它们不没有要为以之其所且但则若因"
"""Of single characters only these: others that are listed as words stand in longer ones as well."""
_CHINESE_STOPS = re.compile(
    "|".join(
        sorted((word for word in _LISTED["zh"] if len(word) > 1 and word.isalpha()), key=len)[::-1]
    )
    + f"|[{_CHINESE_PARTICLES}]"
)
_VERBS = {"ko": re.compile("(?:니다|[아어해]요|지만|는데)$")}
"""Forms that are no nouns, where an ending tells."""


def language_of(texts: Iterable[str]) -> str | None:
    """The code of ISO 639-1 of what the texts are written in; None where they do not tell."""
    words: list[str] = []
    letters: Counter[str] = Counter()
    for text in texts:
        letters["all"] += len(_LETTERS.findall(text))
        for language, script in _SCRIPTS.items():
            letters[language] += len(script.findall(text))
        words += tokens(text)
        if len(words) >= _MOST_WORDS:
            break
    for language in _SCRIPTS:
        if letters[language] > _SCRIPT_SHARE * letters["all"]:
            return language
    if len(words) < _ENOUGH_WORDS:
        return None
    counts = Counter(words)
    best = max(_TOLD_BY, key=lambda language: _weight(counts, language))
    share = sum(counts[word] for word in counts.keys() & _TOLD_BY[best]) / len(words)
    return best if share >= _STOP_SHARE else None


def stop_words(language: str | None) -> frozenset[str]:
    """Words of this language that say little of what is talked about; of an unknown one, those of any."""
    if language == "en":
        return _ENGLISH_STOPS
    return _LISTED.get(language or "", _OF_ANY_LANGUAGE)


def is_verb(word: str, language: str | None) -> bool:
    """Whether its ending says that a word is none that anything could be called by."""
    verbs = _VERBS.get(language or "")
    return verbs is not None and verbs.search(word) is not None


def bare(word: str, language: str | None) -> str:
    """A word without the little ones that are written together with it: équipe for l'équipe."""
    beside = _BESIDE_WORDS.get(language or "")
    return word if beside is None else beside.sub("", word)


def unspaced_runs(text: str, language: str | None) -> Iterator[list[str]]:
    """What may be words in a text without blanks: those of one list follow one another.

    Of Japanese, ideographs and katakana that stand together; of Chinese, characters between stop
    words, for any two or more of which may be a word.
    """
    if language == "ja":
        run: list[str] = []
        last = 0
        for found in _JAPANESE_WORDS.finditer(text):
            if found.start() != last:
                yield run
                run = []
            last = found.end()
            if found[0] not in _LISTED["ja"]:
                run.append(found[0])
        yield run
        return
    for found in _CHINESE_RUN.finditer(_CHINESE_STOPS.sub(" ", text)):
        yield [found[0]] if found[0].isascii() else list(found[0])


def writes_nouns_with_capitals(language: str | None) -> bool:
    """Whether a capital tells a noun, wherever it stands."""
    return language in _CAPITAL_NOUNS


def _weight(counts: Counter[str], language: str) -> float:
    """How many stop words of a language there are; those of few languages weigh more."""
    return sum(
        counts[word] * math.log(1 + len(_TOLD_BY) / _LANGUAGES_WITH[word])
        for word in counts.keys() & _TOLD_BY[language]
    )


WORD = re.compile(rf"{WORD_CHARACTER}+(?:['’]{WORD_CHARACTER}+)*")
"""A word with its apostrophes; numbers are words."""


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def spoken_words(text: str) -> int:
    """How many words were said; two characters of a script without blanks are one."""
    return len(WORD.findall(text)) + len(UNSPACED.findall(text)) // 2


def content_of(text: str, language: str | None = "en") -> list[str]:
    """The words that say what a text is about, in lower case, in order.

    In Chinese and Japanese, which write no blanks, what may be words.
    """
    if language in UNSPACED_LANGUAGES:
        return [word.lower() for run in unspaced_runs(text, language) for word in run]
    stop = stop_words(language)
    words = (bare(word, language) for word in tokens(text) if not is_verb(word, language))
    return [word for word in words if word not in stop and (len(word) > 2 or word.isdigit())]
