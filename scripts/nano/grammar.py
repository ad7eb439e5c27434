"""Meeting talk from a small grammar: what wordloop-nano is taught to say.

`sentences(seed)` and `scrambled(seed)` are endless, deterministic streams; `is_held_out` splits them
by text, so that a sentence kept for measuring is never heard in training, whoever speaks it.

As in talk, common words are common: the word at place n of a long list (counted from 0) is drawn
with weight 1 / (n + 10). Scrambled texts draw every word evenly; only its sound can tell it.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate, chain

from scripts.nano.lexicon import LEXICON, SOUNDALIKES, TALK
from scripts.nano.phrases import PHRASES
from scripts.nano.templates import SENTENCES, WEIGHTS

_SLOT = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z']+")
_AN = re.compile(r"\b([Aa]) (?=[aeioAEIO]|hour|honest|u(?!se|ni))")
_HELD_OUT_SHARE = 16
# Lists up to this length are closed (days, numbers, ordinals): each word is as likely as another.
_EVEN_WORDS = 21


@cache
def _choices(slot: str) -> tuple[str, ...]:
    """What `slot` may become: the phrases of a template slot or the words of a list."""
    return PHRASES[slot] if slot in PHRASES else tuple(LEXICON[slot].split())


@cache
def _cumulative(slot: str) -> tuple[float, ...] | None:
    """Running sums of the weights of `slot`'s words, or None where all are as likely."""
    if slot in PHRASES or len(_choices(slot)) <= _EVEN_WORDS:
        return None
    return tuple(accumulate(1 / (place + 10) for place in range(len(_choices(slot)))))


def _expand(text: str, rng: random.Random) -> str:
    while match := _SLOT.search(text):
        (chosen,) = rng.choices(_choices(match[1]), cum_weights=_cumulative(match[1]))
        text = text[: match.start()] + chosen + text[match.end() :]
    return text


def _polish(text: str) -> str:
    """Give `text` the articles, capital and marks that a caption has."""
    text = _AN.sub(r"\1n ", text)
    return text[0].upper() + text[1:]


@cache
def vocabulary() -> frozenset[str]:
    """Every word a sentence may hold, in lower case, without marks."""
    fixed = chain.from_iterable(SENTENCES.values())
    phrases = chain.from_iterable(PHRASES.values())
    literal = " ".join(_SLOT.sub(" ", text) for text in chain(fixed, phrases))
    listed = " ".join(LEXICON.values()) + " " + TALK
    return frozenset(
        word.lower() for word in _WORD.findall(f"{literal} {listed} an") if word != "'s"
    )


@cache
def _scrambling_words() -> tuple[str, ...]:
    """The vocabulary as it is written inside a sentence, without soundalikes."""
    proper = {
        w
        for slot in ("name", "surname", "place", "day", "month", "project")
        for w in _choices(slot)
    }
    capital = {word.lower() for word in proper}
    alike = frozenset(SOUNDALIKES.split())
    plain = {w for w in vocabulary() - capital if w not in alike and not w.endswith("'s")}
    return tuple(sorted(plain | {w for w in proper if w.lower() not in alike}))


def scrambled(seed: int) -> Iterator[str]:
    """Yield words in no order without end; the same `seed` gives the same ones."""
    rng = random.Random(seed)
    while True:
        words = rng.choices(_scrambling_words(), k=min(9, 1 + int(rng.expovariate(0.28))))
        if len(words) > 5 and rng.random() < 0.4:
            words[rng.randrange(1, len(words) - 1)] += ","
        yield _polish(" ".join(words) + ("?" if rng.random() < 0.12 else "."))


def sentences(seed: int) -> Iterator[str]:
    """Yield sentences without end; the same `seed` gives the same ones."""
    rng = random.Random(seed)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    while True:
        kind = rng.choices(kinds, weights)[0]
        yield _polish(_expand(rng.choice(SENTENCES[kind]), rng))


def normalised(text: str) -> str:
    """Lower case, words and apostrophes only: the form in which texts are compared and scored."""
    return " ".join(_WORD.findall(text.lower()))


def is_held_out(text: str) -> bool:
    """Whether `text` is kept for measuring: about one in 16, decided by its normalised form.

    Sentences of one to three words are all for training: there are too few of them to split.
    """
    plain = normalised(text)
    digest = hashlib.blake2b(plain.encode(), digest_size=4).digest()
    return plain.count(" ") >= 3 and int.from_bytes(digest, "big") % _HELD_OUT_SHARE == 0
