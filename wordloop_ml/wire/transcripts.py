"""Final captions as documents: plain text, SubRip, WebVTT, and the project's own JSON.

The JSON form (``TRANSCRIPT_FORMAT``, version ``TRANSCRIPT_VERSION``) is what other parts of the
service read; docs/protocol.md documents it. Times are integer milliseconds of meeting time.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from wordloop_ml import messages
from wordloop_ml.wire.positions import Positions

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
    """A final caption as a segment; ``positions`` are its track's. ``ValueError`` if not final."""
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
    """The document, ending in a line break; segments of all tracks by time, then by track."""
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
    """The segment in cues of at most two lines and seven seconds, cut between words.

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
    """``HH:MM:SS`` and milliseconds behind ``point``; hours grow beyond two digits."""
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
