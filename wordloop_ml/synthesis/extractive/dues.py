"""Finds when a task is due, as it was said; English, pure."""

import re

_I = re.IGNORECASE

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
_DAY = (
    r"(?:(?:next|this|the following|coming) )?(?:monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday)(?: (?:morning|afternoon|evening|night|lunch(?:time)?))?(?:,? (?:the )?\d{1,2}(?:st|nd|rd|th)\b)?"
)
_ORDINAL = (
    r"(?:twenty-?|thirty-?)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth"
)
_DATE = (
    rf"\d{{4}}-\d\d-\d\d|(?:the )?(?:{_ORDINAL}) of {_MONTH}|{_MONTH} (?:the )?(?:{_ORDINAL})|"
    rf"(?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}(?:,? \d{{4}})?|"
    rf"{_MONTH} (?:the )?\d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}})?|the \d{{1,2}}(?:st|nd|rd|th)|the (?:{_ORDINAL})"
)
_CLOCK = (
    r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)(?::\d{2})? ?"
    r"(?:o'clock|[ap]\.?m\b\.?)|\d{1,2}:\d{2}|noon|midnight|lunch(?:time)?|(?:the )?break"
)
_NEXT = (
    r"(?:the |our )?next (?:week|month|year|time|meeting|quarter|session|sprint)|"
    r"the day after tomorrow|tomorrow(?: (?:morning|afternoon|evening|night))?|tonight|this (?:afternoon|evening|week|month)|today"
)
_END = (
    rf"(?:eod|cob|close of (?:business|play)|end of play)(?: (?:today|tomorrow|{_DAY}))?|"
    rf"(?:the )?end of (?:the |this |next )?(?:day|week|month|year|quarter|sprint|meeting|{_MONTH})"
)
_SPAN = (
    r"(?:a|an|one|two|three|four|five|six|seven|ten|\d+|a couple of|a few|half an) "
    r"(?:minutes?|hours?|days?|weeks?|months?)(?: time)?"
)
TIME = rf"(?:{_DAY}|{_NEXT}|{_DATE}|{_CLOCK}|{_MONTH}|week \w+)"
"""When something is, without its preposition."""
DUE = re.compile(
    rf"\b(?:by|before|until|till|no later than|due(?: on| by)?) (?:{_DAY}|{_END}|{_NEXT}|{_DATE}|{_CLOCK}|{_MONTH}|christmas|easter|new year)\b(?:'s (?:meeting|session|call|review))?(?!'s)"
    rf"|\bfirst thing (?:tomorrow|on (?:{_DAY}|{_DATE})|{_DAY})|\b(?:over|before|at) the weekend\b|\b(?:right )?after this\b(?! \w)"
    rf"|\bon (?:{_DAY}|{_DATE})\b(?!'s)|\b(?:at|before|after|for|by) (?:the next|our next|the following|(?:the |our )(?:{_MONTH}|{_DAY})) (?:meeting|session)\b"
    rf"|\bat (?:{_CLOCK}|{_END})\b|\b(?:with)?in {_SPAN}\b|\bfor (?:{_NEXT}|{_DAY})\b(?!'s)"
    r"|\b(?:right )?after (?:lunch|work|this meeting|(?:the|my|this) (?:meeting|break|shift|call|session|class|rehearsal))\b"
    r"|\bfirst thing in the morning\b|\bbefore (?:i|we) (?:go home|open)\b"
    rf"|\b(?:{_NEXT}|(?:next|this) (?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)|{_END})\b(?!'s)"
    r"|\bas soon as possible\b|\basap\b|\bas soon as (?:i|we|they|you)(?:'ve| have)? \w+ (?:it|them|that)\b",
    _I,
)

CORRECTED = re.compile(
    r",? (?:no|sorry|wait|actually|rather|i mean|or rather)(?:,? (?:no|wait|sorry|not))*,? ?", _I
)
"""Between two times: the second holds."""
TOLD_OF = re.compile(
    r"(?<!sure )(?<!ensure )\b(?:what|who|which|that)(?:'s| (?:happened|was|were|is|are|has|had)| (?:we|they|i|you|he|she) "
    r"(?:did|discussed|said|saw|had|talked about|decided))\b(?: (?!by\b|before\b|no later\b)[\w'-]+){0,5}",
    _I,
)
"""What is told of something else, its time included."""
_NOT = re.compile(r"\bnot $", _I)


def due_in(text: str, cue: str = "") -> str | None:
    """The first time that is named as a limit, as it was said, without its preposition "by".

    cue: the words that give out the task; a time behind them comes first. What was corrected ("on
    Tuesday, no, on Thursday"), denied ("not this week") or told of something else ("who's away until Monday") is none.
    """
    text = TOLD_OF.sub(lambda told: "~" * len(told.group(0)), text)
    found = [one for one in DUE.finditer(text) if not _NOT.search(text, 0, one.start())]
    begin = text.find(cue) if cue else -1
    behind = [one for one in found if one.start() > begin]
    chosen = next(iter(behind or found), None)
    for other in behind[1:]:
        if chosen is not None and CORRECTED.fullmatch(text[chosen.end() : other.start()]):
            chosen = other
    return re.sub(r"^(?:by|due) ", "", chosen.group(0), flags=re.IGNORECASE) if chosen else None
