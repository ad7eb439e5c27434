"""What names may look like on the wire: meetings, tracks, speakers, terms."""

import re

from wordloop_ml.messages import VOCABULARY_CHARACTERS, VOCABULARY_ENTRIES

MAX_IDENTIFIER_CHARS = 64
MAX_SEGMENT_ID_CHARS = 128
"""A track, and the number of a sample; others may have other ids."""
MAX_SPEAKER_CHARS = 128
MAX_TERM_CHARS = 64

IDENTIFIER_PATTERN = "^[A-Za-z0-9_.:-]{1,64}$"
"""Meeting and track identifiers; they go into URLs, segment ids and logs unescaped."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

SEGMENT_ID_PATTERN = "^[A-Za-z0-9_.:-]{1,128}$"

_SEGMENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

# joiners are invisible, hence "unprintable" to Unicode, but names in several scripts need them
_JOINERS = str.maketrans("", "", "\u200c\u200d")


def valid_identifier(name: str) -> bool:
    """Whether ``name`` may name a meeting or a track."""
    return _IDENTIFIER.fullmatch(name) is not None


def valid_meeting_id(meeting_id: str) -> bool:
    """Whether ``meeting_id``, as it stands in the URL path, may name a meeting."""
    return valid_identifier(meeting_id)


def valid_segment_id(name: str) -> bool:
    """Whether ``name`` may stand for a segment of a transcript."""
    return _SEGMENT_ID.fullmatch(name) is not None


def valid_speaker(name: str) -> bool:
    """Whether ``name`` may be shown beside a caption: one printable line, not all blank."""
    return _printable_line(name, MAX_SPEAKER_CHARS)


def valid_term(term: str) -> bool:
    """Whether ``term`` may be an entry of a vocabulary: one printable line, not all blank."""
    return _printable_line(term, MAX_TERM_CHARS)


def fault_of_vocabulary(terms: object) -> str | None:
    """The rule that a vocabulary breaks, or None; never a term itself."""
    if not isinstance(terms, list) or len(terms) > VOCABULARY_ENTRIES:
        return f"must be a list of at most {VOCABULARY_ENTRIES} terms"
    if not all(isinstance(term, str) and valid_term(term) for term in terms):
        return f"must hold terms of 1 to {MAX_TERM_CHARS} printable characters, not all blank"
    if sum(map(len, terms)) > VOCABULARY_CHARACTERS:
        return f"must hold at most {VOCABULARY_CHARACTERS} characters together"
    return None


def _printable_line(text: str, most_chars: int) -> bool:
    if not 1 <= len(text) <= most_chars or not text.strip():
        return False
    return text.translate(_JOINERS).isprintable()
