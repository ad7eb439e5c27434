"""Captions in a terminal: redrawn in place, told apart without colours, and plain lines anywhere else."""

import io
import re
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.terminal import Terminal
from tests.test_process import scripted
from wordloop_ml.cli.live_view import MAY_CHANGE, LiveView
from wordloop_ml.cli.options import console_on
from wordloop_ml.engines.scripted import silence, spoken
from wordloop_ml.messages import Caption, CaptionWord, Pcm16

__all__ = ["scripted"]

SAID = (
    "He was not an ill-disposed young man, unless to be rather cold-hearted is to be ill-disposed."
)


def caption(text: str, *, final: bool = True, stable: int = 0, track: str = "a") -> Caption:
    """A caption six seconds in. stable: how many words of one that is not final stay."""
    words = tuple(
        CaptionWord(
            word, 96_000 + 1_000 * at, 96_900 + 1_000 * at, 0.9, stable=final or at < stable
        )
        for at, word in enumerate(text.split(" "))
    )
    return Caption(f"{track}-96000", track, 96_000, words[-1].end, words, final=final)


def opened(text: str, stable: int = 0, track: str = "a") -> Caption:
    """A caption that is still open."""
    return caption(text, final=False, stable=stable, track=track)


NAMES = {"a": "austen", "b": "gaskell"}


def on_paper(*captions: Caption) -> str:
    """What a plain stream gets."""
    stream = io.StringIO()
    with LiveView(NAMES, console_on(stream)) as view:
        for one in captions:
            view.show(one)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def terminal_has_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that moves its cursor."""
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def seen(*captions: Caption, columns: int = 50, rows: int = 12) -> list[str]:
    """What a terminal shows after these captions."""
    with Terminal(columns, rows) as terminal, LiveView(NAMES, terminal.console()) as view:
        for one in captions:
            view.show(one)
        return terminal.catch_up()


def test_words_keep_to_their_column_in_a_terminal() -> None:
    """Long lines go on below the words, not below the time."""
    first, *others = seen(caption(SAID))
    assert first.startswith("00:06  austen   He was not")
    assert others
    assert all(line.startswith(" " * 16) and len(line) <= 50 for line in others)


def test_in_a_narrow_terminal_words_stand_below_their_speaker() -> None:
    """Nothing is wider than the terminal."""
    first, *others = seen(caption(SAID), columns=22)
    assert first == "00:06  austen"
    assert " ".join(line.strip() for line in others) == SAID
    assert seen(caption("so"), columns=10) == ["00:06  au\N{HORIZONTAL ELLIPSIS}", " so"]


def test_plain_streams_get_a_line_for_each_final() -> None:
    """However wide their readers are, without a colour or a movement of the cursor."""
    said = on_paper(opened("He was"), caption(SAID), opened("And", track="b"))
    assert said == f"00:06  austen   {SAID}\n"


def test_an_open_caption_is_redrawn_in_place_and_marked_where_it_may_change() -> None:
    """Not by colour alone: words that stay are before the mark, and a final has none."""
    shown = []
    with Terminal(50) as terminal:
        with LiveView(NAMES, terminal.console()) as view:
            for one in (
                opened("he was hot"),
                opened("He was not an", stable=3),
                opened("He was not", stable=3),
                caption("He was not."),
            ):
                view.show(one)
                shown.append(terminal.catch_up())
            cursor = [terminal.shows_cursor]
        terminal.catch_up()
        cursor.append(terminal.shows_cursor)
    assert cursor == [False, True]
    assert shown == [
        [f"00:06  austen   {MAY_CHANGE} he was hot"],
        [f"00:06  austen   He was not {MAY_CHANGE} an"],
        [f"00:06  austen   He was not {MAY_CHANGE}"],
        ["00:06  austen   He was not."],
    ]


def test_a_track_whose_audio_has_no_text_loses_its_open_caption() -> None:
    """The others keep theirs."""
    with Terminal(50) as terminal, LiveView(NAMES, terminal.console()) as view:
        view.show(opened("mhm"))
        view.show(opened("yes", track="b"))
        view.forget("a")
        assert terminal.catch_up() == [f"00:06  gaskell  {MAY_CHANGE} yes"]


def test_of_long_captions_the_ends_are_seen() -> None:
    """All that is open fits into the terminal, each track with as many lines as the others."""
    lines = seen(opened(SAID), opened(SAID, track="b"), columns=40, rows=5)
    assert len(lines) == 4
    assert lines[0].startswith("00:06  austen   ")
    assert lines[2].startswith("00:06  gaskell  ")
    assert [line.endswith("ill-disposed.") for line in lines] == [False, True, False, True]
    assert len(seen(opened(SAID), opened("so", track="b"), columns=40, rows=1)) == 1


def test_what_a_server_sends_does_not_steer_the_terminal() -> None:
    """Neither words nor names."""
    with Terminal() as terminal:
        with LiveView({"a": "a\x1b]0;b\x07"}, console_on(terminal.stream)) as view:
            view.show(caption("\x1b[2Jgone \x9b5A"))
            [line] = terminal.catch_up()
        assert "\N{REPLACEMENT CHARACTER}[2Jgone \N{REPLACEMENT CHARACTER}5A" in line


def test_a_terminal_that_knows_no_more_than_ascii_gets_a_mark_that_it_has() -> None:
    """Whatever the words are."""
    with Terminal() as terminal:
        stream = open(terminal.stream.fileno(), "w", encoding="ascii", closefd=False)  # noqa: SIM115
        with stream, LiveView(NAMES, console_on(stream)) as view:
            view.show(opened("He was", stable=1))
            stream.flush()
            assert terminal.catch_up() == ["00:06  austen   He | was"]


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot move its cursor."""
    monkeypatch.setenv("TERM", "dumb")
    with Terminal() as terminal, LiveView(NAMES, console_on(terminal.stream)) as view:
        view.show(opened("He was"))
        view.show(caption("He was not."))
        assert terminal.catch_up() == ["00:06  austen   He was not."]
        assert b"\x1b" not in terminal.written


COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])[;m]")


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_colours_are_left_out_where_nobody_wants_them(
    no_colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By NO_COLOR (no-color.org), which counts when it is not empty."""
    monkeypatch.setenv("NO_COLOR", no_colour)
    with Terminal() as terminal, LiveView(NAMES, terminal.console()) as view:
        view.show(caption("He was not."))
        terminal.catch_up()
    assert (COLOUR.search(terminal.written) is None) == bool(no_colour)
    assert b"\x1b[1" in terminal.written


texts = st.lists(st.text("abcdefgh世界é", min_size=1, max_size=12), min_size=1, max_size=30).map(
    " ".join
)
captions = st.builds(
    caption, texts, final=st.booleans(), stable=st.integers(0, 30), track=st.sampled_from("ab")
)


@settings(max_examples=30)
@given(st.lists(captions, max_size=8), st.integers(8, 60), st.integers(2, 10))
def test_whatever_came_before_the_screen_is_that_of_a_fresh_terminal(
    history: list[Caption], columns: int, rows: int
) -> None:
    """Nothing of an open caption stays behind, and no final is lost."""
    finals = [one for one in history if one.final]
    open_now: dict[str, Caption] = {}
    for one in history:
        if one.final:
            open_now.pop(one.track, None)
        else:
            open_now[one.track] = one
    screens = []
    for shown in (history, [*finals, *open_now.values()]):
        with (
            Terminal(columns, rows) as terminal,
            LiveView(NAMES, terminal.console()) as view,
        ):
            for one in shown:
                view.show(one)
                terminal.catch_up()
            screens.append(terminal.scrolled)
    assert screens[0] == screens[1]


def write_wav(path: Path, samples: Pcm16) -> str:
    """A file of 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())
    return str(path)


@pytest.fixture
def live(tmp_path: Path, scripted: Path) -> tuple[list[str], dict[str, str]]:
    """A command that plays a file with noise behind its words, and its environment."""
    words = np.concatenate(
        [spoken([1, 2, 3, 4, 5, 6]), silence(16_000), np.full(16_000, 3_000, np.int16)]
    )
    path = write_wav(tmp_path / "ada.wav", words)
    return ["transcribe", "--live", path], {"WORDLOOP_WEIGHTS": str(scripted)}


def test_a_meeting_in_a_terminal(live: tuple[list[str], dict[str, str]]) -> None:
    """Words come, settle and become final on one line; what was refused is told above, and nothing is left behind."""
    with Terminal() as terminal:
        status, _ = terminal.run(*live)
    assert status == 0
    open_line = re.compile(rf"00:00  ada  (w\d )*{MAY_CHANGE}( w\d)*")
    states = [lines[0] for lines in terminal.screens if lines]
    assert any(
        open_line.fullmatch(line) and "w1 " in line.partition(MAY_CHANGE)[0] for line in states
    )
    first, *others = terminal.lines
    assert first == "00:00  ada  w1 w2 w3 w4 w5 w6"
    assert others
    assert all(re.fullmatch(r"ada: \d\.\d to \d\.\d s: rejected \(\w+\)", line) for line in others)
    assert terminal.shows_cursor


def test_what_goes_to_a_file_is_not_in_the_terminal(live: tuple[list[str], dict[str, str]]) -> None:
    """Notices go where standard error goes."""
    with Terminal() as terminal:
        status, errors = terminal.run(*live, stderr=subprocess.PIPE)
    assert status == 0
    assert terminal.lines == ["00:00  ada  w1 w2 w3 w4 w5 w6"]
    assert b"rejected" in errors


def test_what_is_piped_is_plain(live: tuple[list[str], dict[str, str]]) -> None:
    """Even where colours are forced elsewhere."""
    arguments, environment = live
    with Terminal() as terminal:
        status, said = terminal.run(
            arguments, {**environment, "FORCE_COLOR": "1"}, stdout=subprocess.PIPE
        )
    assert status == 0
    assert said == b"00:00  ada  w1 w2 w3 w4 w5 w6\n"
    assert "rejected" in terminal.lines[0]
