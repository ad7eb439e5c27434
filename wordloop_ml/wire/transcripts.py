"""Transcripts as documents, written and read: the project's own JSON, WebVTT, SubRip; plain text is written only.

The JSON form (``TRANSCRIPT_FORMAT``, version ``TRANSCRIPT_VERSION``) is what other parts of the
service read; docs/protocol.md documents it. Times are integer milliseconds of meeting time.
Subtitles have no ids and divide long segments: when they are read, cues of one voice that follow one
another without a gap are one segment, and segments are numbered.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from wordloop_ml import messages
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.synthesis.messages import Segment, Transcript
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.json_fields import Fields, name_in, parse_json
from wordloop_ml.wire.synthesis import read_segment, segment_fields, transcript_of

TRANSCRIPT_FORMAT = "wordloop-transcript"
TRANSCRIPT_VERSION = 1

LINE_CHARS = 42
"""Subtitle lines this long are read without moving the head (the BBC's and Netflix's guides)."""
CUE_LINES = 2
CUE_MS = 7_000


class TranscriptFormat(StrEnum):
    """The forms a transcript can take; the names are file suffixes."""

    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class TranscriptWord:
    """A word with its times and the engine's confidence in it, in [0, 1]."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class TranscriptSegment:
    """One final caption; ``id`` is the caption's segment, by which others cite it."""

    id: str
    track: str
    start: int
    end: int
    text: str
    words: tuple[TranscriptWord, ...]
    speaker: str | None = None

    @property
    def who(self) -> str:
        """The speaker's name, or the track's where none was given."""
        return self.track if self.speaker is None else self.speaker


def segment_of(
    caption: messages.Caption, positions: Positions, speaker: str | None = None
) -> TranscriptSegment:
    """Make a segment of a final caption; ``positions`` are its track's. Raises ``ValueError`` if not final."""
    if not caption.final:
        raise ValueError("only a final caption belongs into a transcript")
    to_ms = positions.to_ms
    return TranscriptSegment(
        id=caption.segment,
        track=caption.track,
        start=to_ms(caption.start),
        end=to_ms(caption.end),
        text=caption.text,
        words=tuple(
            TranscriptWord(word.text, to_ms(word.start), to_ms(word.end), round(word.confidence, 3))
            for word in caption.words
        ),
        speaker=speaker,
    )


def render(segments: Iterable[TranscriptSegment], form: TranscriptFormat) -> str:
    """Write the document, ending in a line break; segments of all tracks by time, then by track."""
    ordered = sorted(segments, key=lambda segment: (segment.start, segment.track, segment.id))
    return _RENDERERS[form](ordered)


def _txt(segments: Sequence[TranscriptSegment]) -> str:
    name = _names(segments)
    return "".join(
        f"[{_clock(segment.start, '.').partition('.')[0]}] {name(segment)}{_one_line(segment.text)}\n"
        for segment in segments
    )


def _srt(segments: Sequence[TranscriptSegment]) -> str:
    name = _names(segments)
    cues = (cue for segment in segments for cue in _cues(segment, name(segment)))
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n"
        # SubRip has no escapes: what players read as markup is shown as its look-alike
        + "".join(f"{line.translate(_SRT_LOOK_ALIKES)}\n" for line in cue.lines)
        for number, cue in enumerate(cues, start=1)
    )


def _vtt(segments: Sequence[TranscriptSegment]) -> str:
    named = _names_matter(segments)
    blocks = ["WEBVTT\n"]
    for segment in segments:
        voice = f"<v {_vtt_text(_one_line(segment.who))}>" if named else ""
        blocks.extend(
            f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{voice}"
            + "".join(f"{_vtt_text(line)}\n" for line in cue.lines)
            for cue in _cues(segment, "")
        )
    return "\n".join(blocks)


def _json(segments: Sequence[TranscriptSegment]) -> str:
    document = {
        "format": TRANSCRIPT_FORMAT,
        "version": TRANSCRIPT_VERSION,
        "segments": [_segment_fields(segment) for segment in segments],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _segment_fields(segment: TranscriptSegment) -> dict[str, object]:
    speaker = {} if segment.speaker is None else {"speaker": segment.speaker}
    return {
        "id": segment.id,
        "track": segment.track,
        **speaker,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "words": [
            {"text": w.text, "start": w.start, "end": w.end, "confidence": w.confidence}
            for w in segment.words
        ],
    }


_RENDERERS: dict[TranscriptFormat, Callable[[Sequence[TranscriptSegment]], str]] = {
    TranscriptFormat.TXT: _txt,
    TranscriptFormat.SRT: _srt,
    TranscriptFormat.VTT: _vtt,
    TranscriptFormat.JSON: _json,
}


@dataclass(frozen=True, slots=True)
class _Cue:
    start: int
    end: int
    lines: tuple[str, ...]


def _cues(segment: TranscriptSegment, prefix: str) -> Iterator[_Cue]:
    """Divide a segment into cues of at most two lines and seven seconds, cut between words.

    A cue lasts until the next one of its segment; a pause inside a segment is short.
    """
    groups = _grouped(segment, prefix)
    # not strict: a segment without words has no group, and None follows nothing
    for group, following in zip(groups, [*groups[1:], None], strict=False):
        end = segment.end if following is None else following.start
        # a cue must last: WebVTT refuses an end that is not after the start
        yield _Cue(group.start, max(end, group.start + 1), tuple(group.lines))


@dataclass(slots=True)
class _Group:
    """Words that go into one cue, laid out in lines."""

    start: int
    lines: list[str]

    def takes(self, word: str, end: int) -> bool:
        """Add the word, unless the cue would grow too long in either direction."""
        if end - self.start > CUE_MS:
            return False
        if len(self.lines[-1]) + 1 + len(word) <= LINE_CHARS:
            self.lines[-1] += f" {word}"
        elif len(self.lines) < CUE_LINES:
            self.lines.append(word)
        else:
            return False
        return True


def _grouped(segment: TranscriptSegment, prefix: str) -> list[_Group]:
    groups: list[_Group] = []
    for word in segment.words:
        text = _one_line(word.text)
        if not text:
            continue
        if not groups:
            groups.append(_Group(segment.start, [prefix + text]))
        elif not groups[-1].takes(text, word.end):
            groups.append(_Group(max(word.start, groups[-1].start + 1), [text]))
    return groups


def _names_matter(segments: Sequence[TranscriptSegment]) -> bool:
    """Whether to say who speaks: unless one unnamed track is all there is."""
    several = len({segment.track for segment in segments}) > 1
    return several or any(segment.speaker is not None for segment in segments)


def _names(segments: Sequence[TranscriptSegment]) -> Callable[[TranscriptSegment], str]:
    if _names_matter(segments):
        return lambda segment: f"{_one_line(segment.who)}: "
    return lambda _: ""


def _clock(ms: int, point: str) -> str:
    """Format ``HH:MM:SS`` and milliseconds behind ``point``; hours grow beyond two digits."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"


def _one_line(text: str) -> str:
    # an empty line would end a cue
    return " ".join(text.split())


_SRT_LOOK_ALIKES = str.maketrans("<>{}", "‹›()")
_VTT_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _vtt_text(text: str) -> str:
    return text.translate(_VTT_ESCAPES)


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
    """Parse the JSON form, WebVTT or SubRip.

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
    cues = list(_read_cues(text))
    if not cues:
        raise _unreadable("it is no transcript: json, vtt and srt are read")
    return transcript_of(meeting_id, _joined_segments(cues), language)


def _json_segments(content: bytes) -> list[Segment]:
    document = Fields(parse_json(content, most_bytes=MAX_FILE_BYTES))
    if "format" in document and document.text("format") != TRANSCRIPT_FORMAT:
        raise _unreadable(f"its format is not {TRANSCRIPT_FORMAT}")
    if "version" in document and document.integer("version") != TRANSCRIPT_VERSION:
        raise _unreadable(f"its version is not {TRANSCRIPT_VERSION}")
    return [read_segment(fields) for fields in segment_fields(document)]


@dataclass(frozen=True, slots=True)
class _ReadCue:
    """A subtitle. voice: "" where none is named."""

    start: int
    end: int
    voice: str
    text: str


def _read_cues(text: str) -> Iterator[_ReadCue]:
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = block.strip().split("\n")
        at = next((at for at, line in enumerate(lines[:2]) if _TIMES.match(line)), None)
        if at is None:
            continue
        times = _TIMES.match(lines[at])
        if times is None:
            continue
        voice, said = _voice_and_text(" ".join(lines[at + 1 :]))
        yield _ReadCue(_ms(*times.groups()[:4]), _ms(*times.groups()[4:]), voice, said)


def _voice_and_text(text: str) -> tuple[str, str]:
    """Split a cue into its speaker, "" for none, and its text; without markup."""
    tagged = _VOICE.search(text)
    plain = html.unescape(_TAG.sub("", text)).strip()
    if tagged is not None:
        return name_in(html.unescape(tagged[1])), plain
    named = _NAME.match(plain)
    return (name_in(named[1]), plain[named.end() :]) if named is not None else ("", plain)


def _ms(hours: str | None, minutes: str, seconds: str, ms: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(ms)


def _joined_segments(cues: list[_ReadCue]) -> list[Segment]:
    joined: list[_ReadCue] = []
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
    """Spell a voice in the letters of an identifier."""
    letters = (one if one.isascii() and one.isalnum() else "-" for one in voice)
    return "".join(letters).strip("-")[:64] or "speech"


def _unreadable(why: str) -> BadInput:
    return BadInput(why, code=ErrorCode.UNREADABLE_TRANSCRIPT)
