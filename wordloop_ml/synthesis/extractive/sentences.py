"""Segments become sentences, written as one would write them; pure.

A final ends where somebody paused, not where a sentence does. So pieces of one voice are joined
while the sentence has not ended, across short pauses and short remarks of others, then divided at
stops, and at a clause when a sentence will not end. Captions have stops where there are none, too: a
fragment that goes on with the sentence before ("By Friday.") is joined to it again, and so are those
of a list ("No joystick. Push-buttons."). Where captions have hardly any stops, a pause ends a sentence.

What is taken away carries no meaning (``um``, a word said twice, ``you know`` between commas);
nothing is ever put in but a capital and a full stop.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wordloop_ml.synthesis.extractive.lexicon.decision_words import DECIDES
from wordloop_ml.synthesis.extractive.lexicon.sentence_words import (
    ASSIGNS,
    GOES_ON,
    PROMISES_TOO,
    PUT_DOWN,
    SECOND_THOUGHT,
    VERB,
)
from wordloop_ml.synthesis.extractive.lexicon.task_words import ASSIGNED
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.words import (
    UNSPACED,
    WORD,
    content_of,
    spoken_words,
    words_of,
)

_STOP = re.compile(r"[.?!…]+[\"'”’)]*\s+|[。？！]+[」』”）]*\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|hon|st|vs|etc|e\.g|i\.e|no|inc|ltd|approx)|\b[A-Za-z])\.$",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[,;:]\s+(?=(?:and|but|so|because|which|then|or|if|when|that)\b)|;\s+", re.IGNORECASE
)
_UNENDING = r"the|(?-i:an?)|and|or|my|our|your|their|because|i'll|we'll|i'm|we're|(?:can|could|will|would) you"
_DANGLING = re.compile(
    rf"(?:^|[^.?!] )\b({_UNENDING}|to|of|with|by|for|from|at)[.…]+$", re.IGNORECASE
)
"""Words that no sentence ends with, whatever stop a caption has behind them."""
_DANGLING_WITHIN = re.compile(
    rf"((?<=[\w,] )(?:{_UNENDING})|\b(?:can|could|will|would) you)[.…]+(?= \w)", re.IGNORECASE
)
_ENDS = re.compile(rf"(?:[.?!…][\"'”’)]*|[。？！][」』”）]*|{UNSPACED.pattern})$")
"""A final in writing without blanks ends where somebody paused, often without a stop."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a chunk.

    text: without fillers, as it was said otherwise. voice: whose it is. first, last: positions of
        its first and last segment in the chunk. words: how many it has. statement: the
        sentence as it may stand alone; empty where it may not. plain: the words of that, without
        case and punctuation; what has the same ones says the same. fragments: of so many, without a
        verb, it is made; 0 of a sentence.
    """

    text: str
    voice: str
    first: int
    last: int
    words: int
    statement: str = ""
    plain: tuple[str, ...] = ()
    fragments: int = 0


@dataclass(slots=True)
class _Open:
    """Pieces of one voice whose sentence has not ended: (position, text).

    until: when the last one ended, in milliseconds.
    """

    voice: str
    pieces: list[tuple[int, str]]
    words: int = 0
    until: int = 0


def sentences_of(
    segments: Sequence[Segment], policy: ExtractivePolicy, *, english: bool = True
) -> list[Sentence]:
    """The sentences of a chunk, in order of their first segment, those without a word left out.

    english: fillers are taken out, and a second thought begins a sentence.
    """
    found: list[Sentence] = []
    waiting: dict[tuple[str, str], _Open] = {}
    stopped = _has_stops(segments, policy)
    paused = _before_pauses(segments, policy)
    for position, segment in enumerate(segments):
        for whose, turn in list(waiting.items()):
            if _given_up(turn, position, segment, policy):
                found.extend(_divided(waiting.pop(whose), policy, english))
        text = segment.text.strip()
        if english:
            text = _DANGLING_WITHIN.sub(r"\1", text)
        ends = position in paused if not stopped else _ENDS.search(text) is not None
        if english and (dangling := _DANGLING.search(text)):
            text, ends = text[: dangling.end(1)], False
        # two tracks may have one name, "iPhone"
        whose = (segment.track, segment.voice)
        turn = waiting.setdefault(whose, _Open(segment.voice, []))
        turn.pieces.append((position, text))
        turn.words += spoken_words(text)
        turn.until = max(turn.until, segment.end)
        if ends or turn.words >= policy.longest_turn_words:
            found.extend(_divided(waiting.pop(whose), policy, english))
    for turn in waiting.values():
        found.extend(_divided(turn, policy, english))
    found.sort(key=lambda sentence: (sentence.first, sentence.last))
    return _rejoined(found, segments, policy) if english else found


def _before_pauses(segments: Sequence[Segment], policy: ExtractivePolicy) -> set[int]:
    """The positions of finals behind which their speaker was silent; others were only too long."""
    found: set[int] = set()
    starts: dict[tuple[str, str], int] = {}
    for position in range(len(segments) - 1, -1, -1):
        one = segments[position]
        following = starts.get((one.track, one.voice))
        if following is None or following - one.end >= policy.pause_ms:
            found.add(position)
        starts[one.track, one.voice] = one.start
    return found


def _has_stops(segments: Sequence[Segment], policy: ExtractivePolicy) -> bool:
    """Whether sentences end at stops; few words with one tell nothing, and a few more without.

    A stop within some finals ("right. so ...") is none at the ends of all.
    """
    ended = sum(_ENDS.search(segment.text.strip()) is not None for segment in segments)
    if len(segments) >= policy.many_finals and ended < policy.ended_share * len(segments):
        return False
    words = sum(spoken_words(segment.text) for segment in segments)
    stops = sum(len(_STOP.findall(f"{segment.text.strip()} ")) for segment in segments)
    if not stops:
        return words < policy.few_words
    return words < policy.stopless_words or stops * policy.stopless_words >= words


def _rejoined(
    sentences: Sequence[Sentence], segments: Sequence[Segment], policy: ExtractivePolicy
) -> list[Sentence]:
    """Join fragments to what they go on with, and those of a list."""
    joined: list[Sentence] = []
    latest: dict[str, int] = {}
    for one in sentences:
        at = latest.get(one.voice)
        before = joined[at] if at is not None else None
        if before is not None and at is not None:
            others = sum(other.words for other in joined[at + 1 :])
            silent_ms = segments[one.first].start - segments[before.last].end
            near = others <= policy.join_remark_words and silent_ms <= policy.join_within_ms
            if near and _goes_on(before, one, policy):
                joined[at] = _together(before, one)
                continue
        latest[one.voice] = len(joined)
        joined.append(one)
    return joined


def _goes_on(before: Sentence, one: Sentence, policy: ExtractivePolicy) -> bool:
    if not one.fragments or before.text.endswith("?") or one.text.endswith("?"):
        return False
    if before.words + one.words > policy.longest_sentence_words:
        return False
    listed = before.fragments > 0 and content_of(one.text) and content_of(before.text)
    return bool(listed) or (
        before.words >= policy.embedded_words - 1 and GOES_ON.search(one.text) is not None
    )


def _together(before: Sentence, one: Sentence) -> Sentence:
    fragments = before.fragments + one.fragments if before.fragments else 0
    text = before.text if fragments else before.text.rstrip(" .!,")
    text = f"{text} {one.text if fragments else one.text[0].lower() + one.text[1:]}"
    statement = as_statement(text)
    return Sentence(
        text,
        one.voice,
        before.first,
        max(before.last, one.last),
        before.words + one.words,
        statement,
        tuple(words_of(statement or text)),
        fragments,
    )


def _given_up(turn: _Open, position: int, segment: Segment, policy: ExtractivePolicy) -> bool:
    """Whether a sentence is over although no stop came: others said too much meanwhile, or its
    speaker was silent for too long."""
    others = position - turn.pieces[-1][0] - (segment.voice == turn.voice)
    silent_ms = segment.start - turn.until
    return others > policy.join_across_segments or silent_ms > policy.join_within_ms


def _divided(turn: _Open, policy: ExtractivePolicy, english: bool) -> Iterator[Sentence]:
    """The sentences of pieces that belong together."""
    text = ""
    starts: list[int] = []
    for _, piece in turn.pieces:
        text += " " if text else ""
        starts.append(len(text))
        text += piece
    positions = [position for position, _ in turn.pieces]
    for begin, end in _spans(text, policy, english):
        cleaned = without_fillers(text[begin:end]) if english else text[begin:end].strip()
        words = spoken_words(cleaned)
        if words:
            first = max(k for k, start in enumerate(starts) if start <= begin)
            last = max(k for k, start in enumerate(starts) if start < end)
            statement = as_statement(cleaned, english=english)
            plain = tuple(words_of(statement or cleaned))
            fragment = english and words <= policy.fragment_words and _is_fragment(cleaned)
            yield Sentence(
                cleaned,
                turn.voice,
                positions[first],
                positions[last],
                words,
                statement,
                plain,
                int(fragment),
            )


def _is_fragment(text: str) -> bool:
    """Whether it names something, without a verb."""
    return VERB.search(text) is None and bool(content_of(text) or GOES_ON.search(text))


def _spans(text: str, policy: ExtractivePolicy, english: bool) -> Iterator[tuple[int, int]]:
    """Where each sentence begins and ends."""
    begin = 0
    stops = [
        stop.end()
        for stop in _STOP.finditer(text)
        if text[stop.start()] != "." or not _ABBREVIATION.search(text[: stop.start() + 1])
    ]
    thoughts = [thought.start() for thought in SECOND_THOUGHT.finditer(text)] if english else []
    thoughts = [at for at in thoughts if PUT_DOWN.search(text, begin, at)]
    if english:
        others = [other.start() for other in ASSIGNS.finditer(text)]
        thoughts += [at for at in others if ASSIGNED.search(_sentence_before(text, at))]
        promises = [promise.start() for promise in PROMISES_TOO.finditer(text)]
        thoughts += [
            at for at in promises if DECIDES.search(_sentence_before(text, at).replace(",", ""))
        ]
    for end in sorted({*stops, *thoughts} - {0}):
        yield from _clauses(text, begin, end, policy)
        begin = end
    if begin < len(text):
        yield from _clauses(text, begin, len(text), policy)


_TAIL = 4
"""Words too few to be a sentence of their own behind a long one."""


def _sentence_before(text: str, at: int) -> str:
    return re.split(r"[.?!] ", text[:at])[-1]


def _clauses(
    text: str, begin: int, end: int, policy: ExtractivePolicy
) -> Iterator[tuple[int, int]]:
    """One span, or several when it is too long: cut at the clause nearest behind what is wanted."""
    longest = policy.longest_sentence_words
    while True:
        words = list(WORD.finditer(text, begin, end))
        if len(words) <= longest + _TAIL:
            break
        reach = words[longest - 1].end()
        wanted = words[longest // 3].start()
        cuts = [cut.end() for cut in _CLAUSE.finditer(text, wanted, reach)]
        cut = cuts[-1] if cuts else words[longest].start()
        yield begin, cut
        begin = cut
    yield begin, end


_FILLER = re.compile(
    r"\b(?:u+h+|u+m+|e+rm*|h+m+|m+h*m+|mm+|ah+|eh+|oh|huh|uh[- ]huh|mm[- ]?hmm)\b[,.?]?",
    re.IGNORECASE,
)


_ASIDE = re.compile(
    r"(?:^|(?<=,))\s*(?:you know|i mean|you see|like|sort of|kind of|well|right|okay|"
    r"actually(?!\s*,?\s*no\b)|basically)\s*,",
    re.IGNORECASE,
)


_BLANKS = re.compile(r"\s+")


_LOOSE_STOP = re.compile(r"\s+([,.;:?!])")


_STOPS = re.compile(r",(?:\s*,)+")


_COMMA_BEFORE_STOP = re.compile(r"[,;:]\s*([.?!])")


_STAMMER = re.compile(r"\b(\w[\w'’]*(?: \w[\w'’]*){0,3})(?:,? \1\b)+", re.IGNORECASE)


_MAY_REPEAT = frozenset({"that", "had", "very", "no", "really", "far", "many", "bye"})


_NAMES_TOO = frozenset({"will", "may"})


_DIGITS = frozenset(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
)


_OPENING = re.compile(
    r"^(?:[,;:.\-–—]\s*|(?:and|but|so|well|okay|ok|yeah|yes|yep|right|now|then|also|alright|"
    r"all right|"
    r"anyway|i mean|you know|you see|like|because|cause|cuz|'cause)\b[,;.]?\s*)+",
    re.IGNORECASE,
)


_ENDING = re.compile(
    r"(?:[\s,;:\-–—]+(?:and|but|so|or|because|if|when|which|the|(?-i:an?)|my|our|i mean|yeah|right|okay)|"
    r"(?<!\blet)(?<!\bso that)[\s,;:\-–—]+you know)*"
    r"[\s,;:\-–—]*$",
    re.IGNORECASE,
)


def without_fillers(text: str) -> str:
    """The text without fillers, asides and stammers; may be empty."""
    text = _FILLER.sub(" ", text)
    text = _ASIDE.sub(" ", text)
    text = _tidied(text)
    text = _STAMMER.sub(_once, text)
    return _tidied(text).strip(" ,;:")


def as_statement(text: str, *, english: bool = True) -> str:
    """A cleaned sentence as it may stand alone: opened by a capital, ended by a stop."""
    said = text.rstrip(" .,;:!-–—。、！；")
    if english:
        said = _ENDING.sub("", _OPENING.sub("", said))
    if not WORD.search(said):
        return ""
    stop = "。" if UNSPACED.match(said[-1]) else "."
    if said.endswith(("?", "？")):
        stop = ""
    return said[0].upper() + said[1:] + stop


def _tidied(text: str) -> str:
    text = _LOOSE_STOP.sub(r"\1", _BLANKS.sub(" ", text))
    text = _STOPS.sub(",", text)
    return _COMMA_BEFORE_STOP.sub(r"\1", text).strip()


def _once(match: re.Match[str]) -> str:
    said: str = match.group(1)
    once = said.lower()
    # "Will will send it", "five five one"
    named = once in _NAMES_TOO and said[0].isupper() and match.group(0)[-len(said)].islower()
    around = (*match.string[: match.start()].split()[-1:], *match.string[match.end() :].split()[:1])
    number = once in _DIGITS and any(one.lower().strip(",.") in _DIGITS for one in around)
    keep = once in _MAY_REPEAT or said.isdigit() or named or number
    return match.group(0) if keep else said
