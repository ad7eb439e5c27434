"""What a text denies: words in the scope of a negation, and words of opposite meaning; English, pure.

A negation reaches the words behind it, up to a word that begins another clause. What only sounds
negative is none: "why don't we", "shouldn't it", "I don't know if", "no problem", "not only".
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from wordloop_ml.synthesis.words import FUNCTION_WORDS, stem

REACH = 10
"""Words behind a negation that it may reach, fillers not counted."""

_NEGATING = "not never cannot no none neither nor without nobody nothing"
_NEGATORS = frozenset(_NEGATING.split())
_DENYING = """
against avoid avoids avoided avoiding deny denied disagree disagreed disagrees fail failed fails
failing hardly impossible ineligible lack lacks lacked nope oppose opposed opposes refuse refused
refuses reject rejected rejects unable unlikely
"""
_DENIALS = frozenset(_DENYING.split())
"""Words that say no without a negation."""
_UNDOING = "declined declines doubt doubted doubts fail failed fails refuse refused refuses unable unlikely"
_UNDONE = frozenset(_UNDOING.split())
"""Those whose next content word is not done, or not so: "refused to deliver", "I doubt that customers want"."""
_BETWEEN_CLAUSES = "but because so although though whereas while unless except"
_BORDERS = frozenset(_BETWEEN_CLAUSES.split())
_HESITATIONS = "uh um uhm er mm"
_FILLERS = frozenset(_HESITATIONS.split())
_NO_HEADS = FUNCTION_WORDS | _FILLERS
_SHORT_SUBJECTS = "i we you he she it they there this that"
_PRONOUNS = frozenset(_SHORT_SUBJECTS.split())
_NO_DENIAL = frozenset(
    {
        ("not", "only"),
        ("not", "just"),
        ("no", "problem"),
        ("no", "doubt"),
        ("no", "matter"),
        ("don't", "worry"),
        ("can't", "wait"),
        ("nothing", "but"),
    }
)
_DOUBTS = frozenset({"know", "mind", "sure"})
"""A negation of these reaches nothing behind them: "I don't know if we use plastic"."""
_PAIRS = """
accept/reject accept/refuse accept/deny agree/disagree agree/object agree/refuse increase/decrease increase/reduce raise/lower rise/fall more/less more/fewer
most/least high/low higher/lower highest/lowest cheap/expensive cheaper/dearer easy/difficult easy/hard easier/harder before/after allow/forbid
allow/prohibit include/exclude add/remove keep/remove keep/drop start/stop begin/end support/oppose success/failure succeed/fail
likely/unlikely possible/impossible able/unable always/never large/small big/small bigger/smaller larger/smaller long/short
longer/shorter young/old younger/older new/old win/lose open/close buy/sell early/late same/different good/bad better/worse best/worst strong/weak
simple/complex simple/complicated with/without right/wrong fast/slow faster/slower like/dislike prefer/dislike love/hate first/last top/bottom
left/right front/back day/night inside/outside in/out up/down on/off light/heavy light/dark thick/thin wide/narrow near/far full/empty
hot/cold hard/soft clean/dirty many/few much/little approve/reject clear/unclear important/unimportant
eligible/ineligible necessary/unnecessary sufficient/insufficient enough/insufficient improve/worsen expand/shrink
optimistic/pessimistic confident/doubtful public/private safe/dangerous true/false happy/unhappy
satisfied/dissatisfied positive/negative advantage/disadvantage encourage/discourage
"""
_IGNORED_PAIRS = FUNCTION_WORDS | frozenset({"left", "right"})


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.split():
        one, _, other = pair.partition("/")
        if not {one, other} & _IGNORED_PAIRS:
            found.setdefault(stem(one), set()).add(stem(other))
            found.setdefault(stem(other), set()).add(stem(one))
    return {word: frozenset(others) for word, others in found.items()}


OPPOSITES = _opposites()
"""From a stem to the stems that say the opposite."""


def negations(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the place of each negation among a sentence's words, and the end of what it reaches."""
    for at, word in enumerate(words):
        behind = words[at + 1] if at + 1 < len(words) else ""
        if not is_negator(word) or (word, behind) in _NO_DENIAL:
            continue
        if word.endswith("n't") and behind in _PRONOUNS:
            continue  # a question: "don't we", "isn't it"
        if word == "no" and (not behind or behind in _PRONOUNS or at == 0):
            continue  # an answer or a filler, see ``answers_no``
        end, reached = at + 1, 0
        reach = 1 if behind in _DOUBTS else REACH
        while end < len(words) and reached < reach and words[end] not in _BORDERS:
            reached += words[end] not in _FILLERS
            end += 1
        yield at, end


def is_negator(word: str) -> bool:
    """Whether a word negates what comes behind it."""
    return word in _NEGATORS or word.endswith("n't")


def negated(words: Sequence[str]) -> frozenset[int]:
    """Return the places of the words that a negation reaches."""
    return frozenset(at for start, end in negations(words) for at in range(start + 1, end))


def negated_heads(words: Sequence[str]) -> frozenset[int]:
    """Return the places of the first content word that each negation reaches: of "don't use metal", "use"."""
    return _heads(words, negations(words))


def undone_heads(words: Sequence[str]) -> frozenset[int]:
    """Likewise, behind words like "refuse" and "doubt"."""
    return _heads(words, _undoings(words))


def denied_from(words: Sequence[str], start: int) -> bool:
    """Whether what begins here is the first that a negation before it, or a word like "refuse", reaches."""
    scopes = [*negations(words), *_undoings(words)]
    return any(at >= start for at in _heads(words, (scope for scope in scopes if scope[0] < start)))


def _undoings(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    found = (at for at, word in enumerate(words) if word in _UNDONE)
    return ((at, min(at + REACH, len(words))) for at in found)


def says_no(words: Sequence[str]) -> bool:
    """Whether a text has a word that says no without a negation."""
    return any(word in _DENIALS or word in _UNDONE for word in words)


def _heads(words: Sequence[str], scopes: Iterable[tuple[int, int]]) -> frozenset[int]:
    found: set[int] = set()
    for start, end in scopes:
        reached = (
            at
            for at in range(start + 1, end)
            if words[at] not in _NO_HEADS and list(words[at : at + 2]) != ["going", "to"]
        )
        found.update(islice(reached, 1))
    return frozenset(found)


def denied(words: Sequence[str]) -> frozenset[int]:
    """Return the places of the words that a negation or a word like "refuse" reaches, or that stand just before such a word."""
    around = (
        range(max(0, at - 3), min(at + REACH + 1, len(words)))
        for at, word in enumerate(words)
        if word in _DENIALS
    )
    return negated(words).union(*around)


def answers_no(words: Sequence[str]) -> bool:
    """Whether a sentence begins with a no that answers another."""
    return bool(words) and words[0] in {"no", "nope", "nah"}
