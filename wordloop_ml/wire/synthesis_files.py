"""Transcripts from files, as ``wordloop-ml transcribe`` writes them: its JSON, WebVTT or SubRip.

Subtitles have no ids and divide long segments: cues of one voice that follow one another without a
gap are one segment, and segments are numbered.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.synthesis.messages import Segment, Transcript
from wordloop_ml.wire.json_fields import Fields
from wordloop_ml.wire.names import name_in
from wordloop_ml.wire.synthesis import parse_json, read_segment, segment_fields, transcript_of
from wordloop_ml.wire.transcripts import TRANSCRIPT_FORMAT, TRANSCRIPT_VERSION

MAX_FILE_BYTES = 64 << 20
"""The JSON form has every word with its times."""

_TIMES = re.compile(
    r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})\s+-->\s+(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})"
)
_VOICE = re.compile(r"<v(?:\.[^ \t>]*)?[ \t]([^>]*)>")
_TAG = re.compile(r"</?[A-Za-z0-9][^>]*>")
_NAME = re.compile(r"([^:.!?]{1,40}): (?=\S)")
"""How SubRip files name who speaks; a sentence seldom has a colon in its first words."""


def parse_transcript(content: bytes, meeting_id: str, language: str | None = None) -> Transcript:
    """The transcript that a file holds.

    Raises ``BadInput``: ``UNREADABLE_TRANSCRIPT`` for what is no transcript, else as
    ``parse_request`` does.
    """
    if len(content) > MAX_FILE_BYTES:
        raise BadInput(f"it has more than {MAX_FILE_BYTES} bytes", code=ErrorCode.TOO_LARGE)
    if content.lstrip().startswith(b"{"):
        return transcript_of(meeting_id, _json_segments(content), language)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(f"it is not UTF-8, at byte {error.start}") from None
    cues = list(_cues(text))
    if not cues:
        raise _unreadable("it is no transcript: json, vtt and srt are read")
    return transcript_of(meeting_id, _segments(cues), language)


def _json_segments(content: bytes) -> list[Segment]:
    document = Fields(parse_json(content, most_bytes=MAX_FILE_BYTES))
    if "format" in document and document.text("format") != TRANSCRIPT_FORMAT:
        raise _unreadable(f"its format is not {TRANSCRIPT_FORMAT}")
    if "version" in document and document.integer("version") != TRANSCRIPT_VERSION:
        raise _unreadable(f"its version is not {TRANSCRIPT_VERSION}")
    return [read_segment(fields) for fields in segment_fields(document)]


@dataclass(frozen=True, slots=True)
class _Cue:
    """A subtitle. voice: "" where none is named."""

    start: int
    end: int
    voice: str
    text: str


def _cues(text: str) -> Iterator[_Cue]:
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.strip().split("\n")
        at = next((at for at, line in enumerate(lines[:2]) if _TIMES.match(line)), None)
        if at is None:
            continue
        times = _TIMES.match(lines[at])
        if times is None:
            continue
        voice, said = _said(" ".join(lines[at + 1 :]))
        yield _Cue(_ms(*times.groups()[:4]), _ms(*times.groups()[4:]), voice, said)


def _said(text: str) -> tuple[str, str]:
    """Who speaks, and what; without markup."""
    tagged = _VOICE.search(text)
    plain = html.unescape(_TAG.sub("", text)).strip()
    if tagged is not None:
        return name_in(html.unescape(tagged[1])), plain
    named = _NAME.match(plain)
    return (name_in(named[1]), plain[named.end() :]) if named is not None else ("", plain)


def _ms(hours: str | None, minutes: str, seconds: str, ms: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(ms)


def _segments(cues: list[_Cue]) -> list[Segment]:
    joined: list[_Cue] = []
    for cue in sorted(cues, key=lambda one: one.start):
        before = joined[-1] if joined else None
        if before is not None and cue.start == before.end and cue.voice in ("", before.voice):
            joined[-1] = replace(before, end=cue.end, text=f"{before.text} {cue.text}")
        else:
            joined.append(cue)
    return [
        Segment(
            id=f"cue-{number}",
            track=_track(cue.voice),
            text=" ".join(cue.text.split()),
            start=cue.start,
            end=max(cue.start, cue.end),
            speaker=cue.voice or None,
        )
        for number, cue in enumerate(joined, start=1)
    ]


def _track(voice: str) -> str:
    """The voice in the letters of an identifier."""
    letters = (one if one.isascii() and one.isalnum() else "-" for one in voice)
    return "".join(letters).strip("-")[:64] or "speech"


def _unreadable(why: str) -> BadInput:
    return BadInput(why, code=ErrorCode.UNREADABLE_TRANSCRIPT)
