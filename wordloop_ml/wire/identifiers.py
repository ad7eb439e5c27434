"""What may identify a meeting, a track or a segment on the wire."""

import re

MAX_IDENTIFIER_CHARS = 64
MAX_SEGMENT_ID_CHARS = 128
"""A track, and the number of a sample; others may have other ids."""

IDENTIFIER_PATTERN = "^[A-Za-z0-9_.:-]{1,64}$"
"""Meeting and track identifiers; they go into URLs, segment ids and logs unescaped."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,64}")

SEGMENT_ID_PATTERN = "^[A-Za-z0-9_.:-]{1,128}$"

_SEGMENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def valid_identifier(name: str) -> bool:
    """Whether ``name`` may name a meeting or a track."""
    return _IDENTIFIER.fullmatch(name) is not None


def valid_meeting_id(meeting_id: str) -> bool:
    """Whether ``meeting_id``, as it stands in the URL path, may name a meeting."""
    return valid_identifier(meeting_id)


def valid_segment_id(name: str) -> bool:
    """Whether ``name`` may stand for a segment of a transcript."""
    return _SEGMENT_ID.fullmatch(name) is not None
