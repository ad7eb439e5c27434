"""Transcripts as documents, written and read."""

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml import messages
from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.wire.audio_frames import Positions
from wordloop_ml.wire.transcripts import (
    CUE_LINES,
    LINE_CHARS,
    TranscriptFormat,
    TranscriptSegment,
    TranscriptWord,
    parse_transcript,
    render,
    segment_of,
)


def segment(
    text: str, start: int = 0, track: str = "ana", speaker: str | None = None, word_ms: int = 300
) -> TranscriptSegment:
    """A segment of evenly spoken words."""
    words = tuple(
        TranscriptWord(word, start + n * word_ms, start + (n + 1) * word_ms, 0.9)
        for n, word in enumerate(text.split(" "))
    )
    end = words[-1].end + 100
    return TranscriptSegment(f"{track}-{start}", track, start, end, text, words, speaker)


TALK = [
    segment("Not yet.", 2_500, "bo", "Bo"),
    segment("Shall we start?", 1_000, "ana", "Ana"),
    segment("Now.", 3_661_001, "ana", "Ana"),
]


def test_text_has_a_line_for_each_segment_in_order_of_time() -> None:
    """Whatever the order they came in."""
    assert render(TALK, TranscriptFormat.TXT) == (
        "[00:00:01] Ana: Shall we start?\n[00:00:02] Bo: Not yet.\n[01:01:01] Ana: Now.\n"
    )


def test_subrip_numbers_its_cues() -> None:
    """Comma before the milliseconds, a blank line between cues."""
    assert render(TALK, TranscriptFormat.SRT) == (
        "1\n00:00:01,000 --> 00:00:02,000\nAna: Shall we start?\n\n"
        "2\n00:00:02,500 --> 00:00:03,200\nBo: Not yet.\n\n"
        "3\n01:01:01,001 --> 01:01:01,401\nAna: Now.\n"
    )


def test_webvtt_names_its_voices() -> None:
    """Point before the milliseconds, the speaker as a voice."""
    assert render(TALK[:2], TranscriptFormat.VTT) == (
        "WEBVTT\n\n"
        "00:00:01.000 --> 00:00:02.000\n<v Ana>Shall we start?\n\n"
        "00:00:02.500 --> 00:00:03.200\n<v Bo>Not yet.\n"
    )


def test_json_is_versioned_and_leaves_out_speakers_it_does_not_know() -> None:
    """The shape that docs/protocol.md promises."""
    document = json.loads(render([segment("Hi.", 5, "ana"), TALK[0]], TranscriptFormat.JSON))
    assert document == {
        "format": "wordloop-transcript",
        "version": 1,
        "segments": [
            {
                "id": "ana-5",
                "track": "ana",
                "start": 5,
                "end": 405,
                "text": "Hi.",
                "words": [{"text": "Hi.", "start": 5, "end": 305, "confidence": 0.9}],
            },
            {
                "id": "bo-2500",
                "track": "bo",
                "speaker": "Bo",
                "start": 2500,
                "end": 3200,
                "text": "Not yet.",
                "words": [
                    {"text": "Not", "start": 2500, "end": 2800, "confidence": 0.9},
                    {"text": "yet.", "start": 2800, "end": 3100, "confidence": 0.9},
                ],
            },
        ],
    }


def test_one_track_without_a_name_is_not_named() -> None:
    """There is nobody to tell apart; with two tracks, the track stands for the name."""
    alone = segment("Hi.", track="track-1")
    assert render([alone], TranscriptFormat.TXT) == "[00:00:00] Hi.\n"
    assert "track-1" not in render([alone], TranscriptFormat.SRT)
    assert "<v" not in render([alone], TranscriptFormat.VTT)
    both = [alone, segment("Ho.", 1000, track="track-2")]
    assert render(both, TranscriptFormat.TXT) == (
        "[00:00:00] track-1: Hi.\n[00:00:01] track-2: Ho.\n"
    )


@pytest.mark.parametrize("form", list(TranscriptFormat))
def test_no_segments_make_a_document_all_the_same(form: TranscriptFormat) -> None:
    """Silence is a result."""
    empty = render([], form)
    assert empty == {"vtt": "WEBVTT\n", "txt": "", "srt": ""}.get(form, empty)
    if form is TranscriptFormat.JSON:
        assert json.loads(empty)["segments"] == []


def test_markup_is_escaped_where_there_are_escapes() -> None:
    """A name or a word cannot open a tag, end a cue or start one."""
    nasty = segment("a<b> --> {\\an8} R&D", speaker="<i>&")
    assert "<v &lt;i&gt;&amp;>a&lt;b&gt; --&gt; {\\an8} R&amp;D" in render(
        [nasty], TranscriptFormat.VTT
    )
    assert "‹i›&: a‹b› --› (\\an8) R&D" in render([nasty], TranscriptFormat.SRT)


def test_line_breaks_in_words_do_not_break_cues() -> None:
    """An empty line would end one."""
    odd = TranscriptSegment("a-0", "a", 0, 9, "x\n\ny", (TranscriptWord("x\n\ny", 0, 9, 1.0),))
    assert render([odd], TranscriptFormat.TXT) == "[00:00:00] x y\n"
    assert render([odd], TranscriptFormat.SRT).endswith("\nx y\n")


def test_a_long_segment_is_cut_into_cues_that_follow_each_other() -> None:
    """Each of two lines at most, from its first word to the next cue's."""
    cues = render([segment(" ".join(["seven77"] * 30))], TranscriptFormat.SRT).split("\n\n")
    assert [cue.split("\n")[1] for cue in cues] == [
        "00:00:00,000 --> 00:00:03,000",
        "00:00:03,000 --> 00:00:06,000",
        "00:00:06,000 --> 00:00:09,100",
    ]
    assert all(len(cue.strip().split("\n")) == 2 + CUE_LINES for cue in cues)


def test_slow_speech_is_cut_by_time() -> None:
    """Seven seconds are enough for one cue."""
    srt = render([segment("a b c d e f", word_ms=2_000)], TranscriptFormat.SRT)
    assert [block.split("\n")[2] for block in srt.split("\n\n")] == ["a b c", "d e f"]


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=60), st.integers(0, 400)), min_size=1, max_size=40
    )
)
def test_subtitles_lose_no_word_and_keep_their_form(said: list[tuple[str, int]]) -> None:
    """Any words at any pace: times rise, lines fit unless one word does not."""
    words, now = [], 0
    for text, ms in said:
        words.append(TranscriptWord(text, now, now + ms, 0.5))
        now += ms
    odd = TranscriptSegment("a-0", "a", 0, now, " ".join(t for t, _ in said), tuple(words))
    srt = render([odd], TranscriptFormat.SRT)
    blocks = srt.removesuffix("\n").split("\n\n") if srt else []
    looks = str.maketrans("<>{}", "‹›()")
    long_words = {" ".join(text.translate(looks).split()) for text, _ in said}
    shown: list[str] = []
    last = ""
    for number, block in enumerate(blocks, start=1):
        head, times, *lines = block.split("\n")
        begin, _, end = times.partition(" --> ")
        assert head == str(number)
        assert last <= begin < end
        last = begin
        assert len(lines) <= CUE_LINES
        assert all(line == line.strip() != "" for line in lines)
        assert all(len(line) <= LINE_CHARS or line in long_words for line in lines)
        shown += " ".join(lines).split()
    assert shown == " ".join(t for t, _ in said).translate(looks).split()


def test_a_segment_comes_from_a_final_caption_alone() -> None:
    """An interim text may still change."""
    word = messages.CaptionWord("Hi.", 1600, 3200, 0.98765, stable=True)
    caption = messages.Caption("a-800", "a", 800, 4000, (word,), final=True, seq=1, committed=0)
    assert segment_of(caption, Positions(48_000, origin_ms=1000), "Ana") == TranscriptSegment(
        "a-800", "a", 1050, 1250, "Hi.", (TranscriptWord("Hi.", 1100, 1200, 0.988),), "Ana"
    )
    interim = messages.Caption("a-800", "a", 800, 4000, (word,))
    with pytest.raises(ValueError, match="final"):
        segment_of(interim, Positions(16_000))


LONG = "one two three four five six seven eight nine ten " * 6


def read_segment(at: int, track: str, text: str, speaker: str | None = None) -> TranscriptSegment:
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
    read_segment(0, "ada", LONG, "Ada <Özil>"),
    read_segment(12_000, "ben", "Fine & good: we agree.", "Ben"),
    read_segment(30_000, "ada", "Goodbye.", "Ada <Özil>"),
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
    meeting = [
        read_segment(0, "ada", LONG, "Ada"),
        read_segment(12_000, "ben", "We agree: yes.", "Ben"),
    ]
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
        named = read_segment(0, "a", "By Friday.", html.unescape(written))
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
