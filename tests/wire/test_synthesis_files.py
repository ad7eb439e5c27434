"""Transcripts from files: what `transcribe` writes is read back, in each of its forms."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.wire.synthesis_files import parse_transcript
from wordloop_ml.wire.transcripts import (
    TranscriptFormat,
    TranscriptSegment,
    TranscriptWord,
    render,
)

LONG = "one two three four five six seven eight nine ten " * 6


def segment(at: int, track: str, text: str, speaker: str | None = None) -> TranscriptSegment:
    """Words spread over ten seconds from here."""
    words = text.split()
    each = 10_000 // len(words)
    return TranscriptSegment(
        f"{track}-{at}",
        track,
        at,
        at + 10_000,
        " ".join(words),
        tuple(
            TranscriptWord(word, at + n * each, at + (n + 1) * each, 0.9)
            for n, word in enumerate(words)
        ),
        speaker,
    )


MEETING = [
    segment(0, "ada", LONG, "Ada <Özil>"),
    segment(12_000, "ben", "Fine & good: we agree.", "Ben"),
    segment(30_000, "ada", "Goodbye.", "Ada <Özil>"),
]


@pytest.mark.parametrize("form", [TranscriptFormat.JSON, TranscriptFormat.VTT])
def test_what_transcribe_writes_is_read_back(form: TranscriptFormat) -> None:
    """Segments, who spoke, and when; cues of one segment are joined again."""
    read = parse_transcript(render(MEETING, form).encode(), "m", "en")
    assert (read.meeting_id, read.language) == ("m", "en")
    assert [(one.start, one.end, one.voice, one.text) for one in read.segments] == [
        (one.start, one.end, one.who, one.text) for one in MEETING
    ]


def test_json_keeps_ids_and_tracks() -> None:
    """By which others cite it; word times are not needed."""
    read = parse_transcript(render(MEETING, TranscriptFormat.JSON).encode(), "m")
    assert read.segments[1] == Segment(
        "ben-12000", "ben", "Fine & good: we agree.", 12_000, 22_000, "Ben"
    )


def test_subrip_is_read_as_far_as_it_goes() -> None:
    """A name before a colon is who speaks; cues without one belong to the cue before."""
    meeting = [segment(0, "ada", LONG, "Ada"), segment(12_000, "ben", "We agree: yes.", "Ben")]
    read = parse_transcript(render(meeting, TranscriptFormat.SRT).encode(), "m")
    assert [(one.voice, one.text) for one in read.segments] == [
        ("Ada", meeting[0].text),
        ("Ben", "We agree: yes."),
    ]


def test_other_people_s_subtitles_are_read() -> None:
    """A mark at the beginning, hours left out, settings, styles, notes and carriage returns."""
    content = (
        "\ufeffWEBVTT - a title\r\n\r\nNOTE nobody reads\r\n\r\nSTYLE\r\n::cue { color: red }\r\n\r\n"
        "intro\r\n00:01.000 --> 00:02.500 align:start\r\n<v.loud Ada>Good <b>morning</b>,\r\nall.</v>\r\n"
        "\r\n1:00:00.000 --> 1:00:01.000\r\nno name\r\n"
    )
    read = parse_transcript(content.encode(), "m")
    assert read.segments == (
        Segment("cue-1", "Ada", "Good morning, all.", 1_000, 2_500, "Ada"),
        Segment("cue-2", "speech", "no name", 3_600_000, 3_601_000),
    )


@pytest.mark.parametrize(
    ("written", "voice", "track"),
    [
        ("山田\u3000太郎", "山田 太郎", "speech"),
        ("Mme\u00a0Dupont", "Mme Dupont", "Mme-Dupont"),
        ("\u200fדנה\u200e", "דנה", "speech"),
        ("Ada &lt;Ö&gt;\u200b", "Ada <Ö>", "Ada"),
        ("x" * 200, "x" * 128, "x" * 64),
    ],
)
def test_names_come_in_whatever_spaces_and_marks_are_in_them(
    written: str, voice: str, track: str
) -> None:
    """In subtitles as in the project's own form, and the same name is one voice."""
    cues = (
        f"WEBVTT\n\n00:01.000 --> 00:04.000\n<v {written}>By Friday.\n\n"
        f"00:04.000 --> 00:09.000\n<v {voice.replace('<', '&lt;').replace('>', '&gt;')}>By Monday.\n"
    )
    (read,) = parse_transcript(cues.encode(), "m").segments
    assert (read.speaker, read.track, read.text) == (voice, track, "By Friday. By Monday.")
    if len(written) <= 128:
        named = segment(0, "a", "By Friday.", html.unescape(written))
        (read,) = parse_transcript(render([named], TranscriptFormat.JSON).encode(), "m").segments
        assert read.speaker == voice


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"", ErrorCode.UNREADABLE_TRANSCRIPT, "json, vtt and srt are read"),
        (b"[00:00:01] w1 w2\n", ErrorCode.UNREADABLE_TRANSCRIPT, "json, vtt and srt are read"),
        (b"\xff\xfe", ErrorCode.UNREADABLE_TRANSCRIPT, "not UTF-8"),
        (b'{"format":"other","segments":[]}', ErrorCode.UNREADABLE_TRANSCRIPT, "its format"),
        (b'{"version":2,"segments":[]}', ErrorCode.UNREADABLE_TRANSCRIPT, "its version"),
        (b'{"segments":[]}', ErrorCode.TRANSCRIPT_EMPTY, "no segment"),
        (b"{", ErrorCode.BAD_JSON, "not JSON"),
        (b'{"segments":[{}]}', ErrorCode.BAD_MESSAGE, "segments[0].text is missing"),
        (b"00:01.000 --> 00:02.000\n...\n", ErrorCode.TRANSCRIPT_EMPTY, "no segment"),
    ],
)
def test_what_is_no_transcript_is_refused(content: bytes, code: ErrorCode, said: str) -> None:
    """By name."""
    with pytest.raises(BadInput) as caught:
        parse_transcript(content, "m")
    assert caught.value.code == code
    assert said in str(caught.value)


LINES = st.sampled_from(
    [
        "WEBVTT",
        "",
        "00:01.000 --> 00:02.000",
        "9:00:00,000 --> 00:00:01,000",
        "A: b",
        "<v >x",
        "-->",
    ]
)


@given(st.lists(LINES, max_size=12).map("\n".join) | st.text(max_size=40))
def test_whatever_a_file_holds_is_read_or_refused(text: str) -> None:
    """Segments are in order and have words, and nothing else escapes."""
    try:
        read = parse_transcript(text.encode(errors="replace"), "m")
    except BadInput:
        return
    assert read.segments
    assert all(one.start <= one.end for one in read.segments)
