"""Word figures of clips, pools and targets."""

import json
from pathlib import Path

import pytest

from scripts.evaluation.clips import Clip, read_clips
from scripts.evaluation.speech_figures import (
    LIVE,
    REFERENCE,
    as_json,
    measure,
    summary,
    tables,
    targets,
)
from scripts.evaluation.ways import Heard
from wordloop_ml.errors import BadInput


def clip(name: str, kind: str, text: str, language: str | None = "en") -> Clip:
    """A clip of 4 s."""
    return Clip(Path(f"{name}.flac"), 4.0, language, kind, "somebody", text)


def test_targets_are_measured_on_the_live_path_beside_the_reference() -> None:
    """Points over the reference, insertions, phrases, annotations and invented words."""
    clips = [
        clip("a", "read", "we have ten words here and one more of them"),
        clip("b", "noise", "", None),
    ]
    run = {
        LIVE: {
            "a": Heard(("we have ten words here", "and one more of them of them"), language="en"),
            "b": Heard((), interims=(("Thank", "Thank you."), ("[music]",))),
        },
        REFERENCE: {"a": Heard((clips[0].text,), language="en"), "b": Heard(())},
    }
    found = {one.what: (one.measured, one.reached) for one in targets(clips, run)}
    assert found == {
        "read, telephone, noisy, fast, pauses: words wrong over whisper.cpp's": (
            pytest.approx(100 * 2 / 11),  # "ten" is two digits
            False,
        ),
        "inserted, of the words said": (pytest.approx(100 * 2 / 11), False),
        "phrases twice that were said once": (1, False),
        "annotations in finals and interims": (1, False),
        "words on noise, music and silence": (2, False),
    }
    assert "| read | 1 | 11 | 18.2 % | 0.0 % |" in tables(clips, run)[0].markdown()
    assert summary(clips, run)[0].rows[1] == ["all", "11", "18.2 %", "0.0 %"]
    assert summary(clips[1:], run) == []


def test_a_clip_is_right_in_language_when_the_reference_hears_the_same() -> None:
    """Whatever was spoken: an unsure clip should not be held against the live path."""
    clips = [clip("a", "read", "hej", "sv"), clip("b", "read", "hallo", "de")]
    run = {
        LIVE: {"a": Heard(("hej",), language="no"), "b": Heard(("hello",), language="en")},
        REFERENCE: {"a": Heard(("hej",), language="no"), "b": Heard(("hallo",), language="de")},
    }
    other, alone = [one for one in targets(clips, run) if "language" in one.what][1:]
    assert (other.measured, other.reached) == (1, True)
    assert (alone.measured, alone.reached) == (1, False)


def test_a_segments_interims_count_with_their_longest_text() -> None:
    """Each display of a segment replaces the one before."""
    heard = Heard((), interims=(("So", "So we", "So"), ("Yes",)))
    assert measure(clip("a", "read", "so"), heard).shown_words == 3


@pytest.mark.parametrize("line", ["{}", "[]", "no JSON", '{"file": "a.flac"}'])
def test_a_line_that_is_no_clip_is_named(tmp_path: Path, line: str) -> None:
    """With its file and its number."""
    (tmp_path / "manifest.jsonl").write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"manifest.jsonl:2"):
        read_clips(tmp_path)


def test_a_manifest_is_read_in_its_order(tmp_path: Path) -> None:
    """Language ``none`` is a clip without speech; further keys do not matter."""
    rows = [
        {"file": "a.flac", "seconds": 1, "language": "en", "kind": "read", "speaker": "s", "text": "x", "note": ""},
        {"file": "b.flac", "seconds": 2, "language": "none", "kind": "noise", "speaker": "", "text": ""},
    ]  # fmt: skip
    for row in rows:
        (tmp_path / str(row["file"])).touch()
    text = "\n".join(map(json.dumps, rows))
    (tmp_path / "manifest.jsonl").write_text(text, encoding="utf-8")
    assert [(one.name, one.language) for one in read_clips(tmp_path)] == [("a", "en"), ("b", None)]
    (tmp_path / "a.flac").unlink()
    with pytest.raises(BadInput, match="not there"):
        read_clips(tmp_path)


def test_what_was_heard_is_written_as_json() -> None:
    """Also where a segment was refused, by its reason."""
    clips = [clip("a", "read", "hello")]
    run = {LIVE: {"a": Heard(("hello",), language="en", refused={"no_speech": 2})}}
    (written,) = json.loads(json.dumps(as_json(clips, run)))
    assert written["ways"][LIVE]["refused"] == {"no_speech": 2}
