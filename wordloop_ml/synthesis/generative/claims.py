"""What a small language model says too easily: that it was agreed, that it is needed, that it makes sense; pure.

Rules for English prose, from reading what was kept (docs/synthesis-quality.md). They ask of the cited words what
their share cannot tell: a sentence has them all, and still says more.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from wordloop_ml.synthesis.statements import sentences_of
from wordloop_ml.synthesis.words import LIGHT_WORDS, content_stems, content_words, stems, tokens

_AGREED = re.compile(
    r"\b(?:agree(?:d|s|ing)?|agreement|decid(?:e|ed|ing)|decision|chose|settled|concluded)\b",
    re.IGNORECASE,
)
_NEEDED = re.compile(
    r"\b(?:needs?|needed|importan(?:t|ce)|necessary|must|essential|crucial)\b", re.IGNORECASE
)
_NEEDING = re.compile(
    r"\b(?:needs?|needed|importan(?:t|ce)|ha(?:ve|s) to|must|should|ought|got to|gotta|necessary|essential|crucial|key)\b",
    re.IGNORECASE,
)
_GROUP_PROPOSED = r"^(They|The group) (?:proposed|suggested|considered|recommended)"
_WEAKER: Final = (
    (re.compile(r"^(They|The \w+(?: \w+)?) (?:also|then)\b"), r"\1"),
    (re.compile(r"\b(?:agreed|decided|concluded) that\b"), "said that"),
    (re.compile(r"\b(?:agreed|decided|chose) to\b"), "proposed to"),
    (re.compile(r"\b(?:agreed|decided|settled) (?:up)?on\b"), "discussed"),
    (re.compile(r"\b(?:agreeing|deciding|settling) (?:up)?on\b"), "discussing"),
    (
        re.compile(
            r"\b(discuss(?:ed|ing)|emphasi[sz]ed|highlighted|mentioned|stressed|and) the (?:importance of|need for)\b"
        ),
        r"\1",
    ),
    (re.compile(r"\b(discuss(?:ed|ing)|mentioned|and) the need to\b"), r"\1 how to"),
    (re.compile(rf"{_GROUP_PROPOSED}(?! that| to)\b"), r"\1 discussed"),
    (re.compile(r"\bdiscussed about\b"), "discussed"),
)
"""What a model claims too much in, and what is left of it: of 20 judged sentences that told of an agreement 1 was true.

"Also" and "then" claim that another sentence is read before.
"""
_GROUP = r"^(?:They|The (?:group|team|meeting|committee|participants))"
_DISCUSSED = re.compile(rf"{_GROUP} discussed\b")
_MATTER = re.compile(r"\b(?:discussed|spoke about)\b")
_FOR_ALL = re.compile(rf"{_GROUP} (?!discussed\b)")
"""Any deed of the group, also those that no one voice can have told, as ``_TOLD`` can."""
_TOLD = re.compile(
    rf"{_GROUP} (?=(?:said|told|asked|added|agreed|argued|believed|claimed|described|emphasi[sz]ed|explained|felt|found|hoped|identified|"
    r"liked|mentioned|noted|pointed out|preferred|presented|proposed|raised|recommended|replied|reported|stated|stressed|suggested|"
    r"talked|thought|wanted|wondered|considered)\b)"
)
_APPENDED = re.compile(
    r",? which\b|,? includ(?:ing|ed|es?)\b|, (?:with|such as|focusing on)\b", re.IGNORECASE
)
"""What a model appends of another matter."""
_OPINION = re.compile(
    r"\b(?:can|could|should|would|might|suggested|proposed|wanted|believed|thought)\b"
)
_CONDITION = re.compile(r"\b(?:whether|if|unless)\b", re.IGNORECASE)
_OWN_WORDS = re.compile(r"\b(?:I|we|you|us|our|your|my|mine)\b|['’](?:m|ve|ll)\b", re.IGNORECASE)
"""Of somebody who speaks: prose of the third person has none."""

_FILLER = re.compile(
    r"\b\w+-(?:the|an|and|of)\b(?!-)|\b(?:and (?:stuff|so on|things)|or (?:something|whatever)|kind of|sort of|you know|some \w+ things?|those two|like (?:this|that)|the like|(?:with|of|on|for|about) (?:this|that) (?:with|on|in|for|at|and)|this on)\b"
    r"|\b(\w+) \1\b|\b(\w+ \w+)\b(?: \w+){0,3} \2\b|\b([\w-]{6,})\b(?:\W+\w+){0,3}\W+\3\b"
    r"|\b(?:that|this|too|something|stuff|already|now|earlier|again|perhaps|through|of it|the|of|to|he|she|they|who|and|or|but|because|, so|(?:right|up|down|over) here)[.?!]*$"
    r"|^(?:If|Because|Whether|That|Which)\b(?!.*, )|^(?:And|But|Or|So)\b"
    r"|(?<![\w'’.-])(?-i:[b-hj-z])(?![\w'’-]|\.\w)",
    re.IGNORECASE,
)
_POINTING = re.compile(
    r"^(?:He|She|It)\b|\b(?:this|these|those)\b(?! (?:week|month|quarter|year|spring|summer|fall|autumn|winter|morning|afternoon|evening|meeting|project|time)\b)",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"\b(?:ask(?:ed|s|ing)?|question(?:ed|s)?|whether|if|wondered|discuss(?:ed|ing)|considered|queried|how|what|why|"
    r"possibility|propos(?:ed|al)|suggest(?:ed|ing))\b",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"\b(?:asked|wondered|questioned) (?:if|whether|why|how|what|who|when|where|which|about)\b"
)
_BORDER = re.compile(
    r",? (?:which|who|where|while|with [A-Z]|so that|and that|and (?:[Tt]he|they|it)\b)|, (?!but\b|although\b|unless\b|except\b)"
)
"""Where a sentence may end: what stands behind takes nothing back."""
_LISTED = re.compile(r"(?:, [^,]*)*,? (?:and|or) ")
_SUBJECT = re.compile(r"(?:They|The)\b")
_SAYING = re.compile(
    r"^(?:They|The \w+(?: \w+)?|[A-Z]\S*(?: [A-Z]\S*){0,3}) (?:said|thought|found|felt|[a-z]+ed) that\b"
)
_VERB = re.compile(
    r"\b(?<!\bto )(?:is|are|was|were|be|been|has|have|had|do|does|did|can|could|will|would|shall|should|may|might|must|said|made|"
    r"gave|took|went|got|met|saw|found|told|felt|thought|chose|spoke|led|held|set|put|brought|kept|sent|heard|left|lost|"
    r"cost|read|knew|began|came|says|means|needs|wants|takes|uses|works|includes|[a-z]{2,}ed)\b"
)
_RELATIVE = re.compile(r", (?:who|whose|which|\w+ed by)\b[^,]*")
"""What has a verb, and is no sentence for it."""
_NO_THING = re.compile(
    rf"^(?:\w+ing|with|without|for|in|on|at|to|from|by|as|such)\b|{_VERB.pattern}"
)
"""What stands between commas and is no entry of a list."""
_TELLING = stems(
    [
        "group",
        "team",
        "discussed",
        "said",
        "mentioned",
        "noted",
        "explained",
        "asked",
        "suggested",
        "proposed",
        "stated",
        "described",
        "spoke",
        "identified",
        "thought",
    ]
)
_VAGUE = stems(
    [
        "agenda",
        "aspect",
        "detail",
        "discussion",
        "information",
        "issue",
        "meeting",
        "option",
        "possibility",
        "presentation",
        "situation",
        "topic",
    ]
)
"""Beside the light words: what any meeting has."""
_SINGULAR = re.compile(r"\b(?:he|she|his|her|him)\b", re.IGNORECASE)


def is_garbled(text: str) -> bool:
    """Whether a sentence has words of speech or letters alone, asks, repeats itself, is a clause, ends in the air or has no verb."""
    spoken = _FILLER.search(text) or _OWN_WORDS.search(text) or text.endswith("?")
    told = _RELATIVE.sub("", _SAYING.sub("", text))
    return bool(spoken) or _VERB.search(told) is None


def points_elsewhere(text: str) -> bool:
    """Whether a sentence speaks of what another one named: it is read without that one."""
    return _POINTING.search(text) is not None


def names_a_matter(text: str) -> bool:
    """Whether a sentence tells what was talked of: true more often than what was said of it."""
    return _MATTER.search(text) is not None


def matter_of(text: str) -> frozenset[str]:
    """Return the stems of what a sentence tells, without those of who told it: "The group discussed"."""
    return content_stems(tokens(text)) - _TELLING


def says_little(text: str) -> bool:
    """Whether a sentence has fewer than two words of what it tells that not any meeting has."""
    words = [one for one in content_words(tokens(text)) if one not in LIGHT_WORDS]
    return len(stems(words) - _TELLING - _VAGUE) < 2


def tells_an_opinion(text: str) -> bool:
    """Whether a sentence tells what somebody thinks or wants: of 103 judged ones 40 % were true, of 423 others 60 %."""
    return _OPINION.search(text) is not None


def tells_a_condition(text: str) -> bool:
    """Whether a sentence tells of what may be: of 30 judged ones 8 were true, 13 false."""
    return _CONDITION.search(text) is not None


def claims_agreement(text: str) -> bool:
    """Whether a sentence tells that something was agreed or decided."""
    return _AGREED.search(text) is not None


def claims_need(text: str, said: str) -> bool:
    """Whether a sentence tells that something is needed or important, and what was said does not."""
    return _NEEDED.search(text) is not None and _NEEDING.search(said) is None


def claims_question(text: str, said: str) -> bool:
    """Whether a sentence tells that something was asked, and what was said has no question."""
    return _ASKED.search(text) is not None and "?" not in said


def weakened(text: str, voices: Collection[str]) -> str:
    """Return a sentence that tells what was said or discussed where it told what was agreed, what a group proposed, or what is important.

    A voice is one person: "the Marketing team" is Marketing.
    """
    for claimed, said in _WEAKER:
        text = claimed.sub(said, text)
    return re.sub(rf"^(?:The )?({_any_of(voices)}) team\b", r"\1", text)


def tells_a_question(text: str, said: Sequence[str]) -> bool:
    """Whether a sentence tells as a fact what was asked.

    said: the segments that it rests on. The sentence in them with most of its words is a question.
    """
    if _ASKING.search(text):
        return False
    wanted = content_stems(tokens(text))
    spoken = [sentence for one in said for sentence in sentences_of(one)]
    shares = [len(wanted & content_stems(tokens(one))) for one in spoken]
    return bool(spoken) and spoken[shares.index(max(shares))].endswith("?")


def attributed(text: str, voice: str) -> str:
    """Return a sentence about the group as one about the voice who alone said what it tells: nobody has discussed that."""
    if re.search(rf"(?<!\w){re.escape(voice)}(?!\w)", text, re.IGNORECASE):
        return text
    named = voice[:1].upper() + voice[1:]
    told = _DISCUSSED.sub(lambda _: f"{named} spoke about", text)
    return _TOLD.sub(lambda _: f"{named} ", told)


def tells_for_all(text: str) -> bool:
    """Whether a sentence tells what "they" or the group did, said, found or wanted: of 93 judged ones 36 were true, 25 false."""
    return _FOR_ALL.match(text) is not None


def without_appendage(text: str) -> str:
    """Return a sentence without what stands behind "which", "including" or ", with"."""
    found = _APPENDED.search(text)
    return text if found is None else f"{text[: found.start()]}."


def unnamed(text: str, voices: Collection[str]) -> str:
    """Return a sentence that tells of "they" where it began with a voice of the meeting; as it is where it goes on with "her"."""
    if _SINGULAR.search(text):
        return text
    one = rf"(?:the )?(?:{_any_of(voices)})"
    called = rf"^{one}(?:,? and {one})*\b(?!['’])(?P<was> was\b)?"
    return re.sub(
        called, lambda found: "They were" if found["was"] else "They", text, flags=re.IGNORECASE
    )


def _any_of(voices: Collection[str]) -> str:
    return "|".join(re.escape(one) for one in sorted(voices, key=len, reverse=True))


def shorter(text: str) -> list[str]:
    """Return a sentence without what stands behind its last border, the one before, and so on: the longest first."""
    left: list[str] = []
    for border in reversed([*_BORDER.finditer(text)]):
        kept = text[: border.start()]
        _, that, clause = kept.rpartition(" that ")
        if not that or _VERB.search(clause):
            left.append(beginning(text, kept))
    return left


def beginning(text: str, kept: str) -> str:
    """Return the beginning of a sentence as a sentence; kept: up to where. A list of which the end is gone has its "and" again."""
    bare = kept.rstrip(" ,.")
    told, comma, last = bare.rpartition(", ")
    listed = comma and _LISTED.match(text, len(bare)) and _VERB.search(told)
    if listed and _SUBJECT.match(bare) and not _NO_THING.search(last):
        bare = f"{told} and {last}"
    return f"{bare}."


def names_another(text: str, voices: Collection[str], cited: Collection[str]) -> bool:
    """Whether a sentence names one voice of the meeting alone, and rests on what others said.

    cited: the voices of the segments that it rests on. Without its capitals a voice is named at the beginning alone: "a user
    interface" is none.
    """
    named = {
        one
        for one in voices
        if re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text)
        or re.match(rf"(?:the )?{re.escape(one)}(?!\w)", text, re.IGNORECASE)
    }
    return len(named) == 1 and bool(set(cited) - named)
