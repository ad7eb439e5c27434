"""Sentences, clauses, names, and what is wrong with the form of a statement."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.languages import scripts_of
from wordloop_ml.synthesis.statements import (
    Names,
    clauses_of,
    foreign_scripts,
    has_prefix,
    is_cut,
    is_repeated,
    is_tiny,
    sentences_of,
)
from wordloop_ml.synthesis.words import tokens

HEARD = {"we", "use", "plastic", "remote", "launching", "cost"}


def test_sentences_end_at_stops() -> None:
    """But not behind a title or an initial."""
    text = "Mr. Singh asked. Dr. A. Burns said 1.5 per cent! It is done."
    assert sentences_of(text) == [
        "Mr. Singh asked.",
        "Dr. A. Burns said 1.5 per cent!",
        "It is done.",
    ]


@pytest.mark.parametrize(
    ("sentence", "parts"),
    [
        (
            "Ada proposed plastic cases, and the price is twelve euros.",
            ["Ada proposed plastic cases", ", and the price is twelve euros."],
        ),
        (
            "Ada proposed plastic cases because metal costs more.",
            ["Ada proposed plastic cases", " because metal costs more."],
        ),
        (
            "Ada proposed a case of plastic and metal.",
            ["Ada proposed a case of plastic and metal."],
        ),
        ("Ada agreed, and so.", ["Ada agreed, and so."]),
    ],
)
def test_clauses_begin_at_conjunctions(sentence: str, parts: list[str]) -> None:
    """One that says nothing of its own belongs to its neighbour."""
    assert [one.text for one in clauses_of(sentence)] == parts


@pytest.mark.parametrize("text", ["Ada: hello there", "User Interface: Mm, yeah.", "[s3] Note: so"])
def test_a_name_and_a_colon_are_a_prefix(text: str) -> None:
    """Whoever's it is."""
    assert has_prefix(text, ["Ada"])
    assert has_prefix("ada ben: hello", ["Ada Ben"])


@pytest.mark.parametrize("text", ["We use three: red, blue, green.", "At 10:30 we start."])
def test_a_colon_elsewhere_is_none(text: str) -> None:
    """Nor is that of a clock."""
    assert not has_prefix(text, ["Ada"])


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("We use plastic.", False),
        ("We use plastic", False),
        ("We use plas", True),
        ("We use plastic and the", True),
        ("We use plastic,", True),
        ("We use plastic...", True),
        ("Is it plastic?", False),
        ("", False),
    ],
)
def test_a_text_without_an_end_is_cut(text: str, cut: bool) -> None:
    """In mid-sentence, or in mid-word."""
    assert is_cut(text, HEARD) is cut


def test_scripts_of_others_are_foreign() -> None:
    """Accents are not, nor are kana beside ideographs."""
    assert foreign_scripts("We 使用 plastic", scripts_of("plastic"))
    assert not foreign_scripts("café 12 €", scripts_of("plastic"))
    assert not foreign_scripts("会議です", scripts_of("会議"))


@pytest.mark.parametrize(
    ("text", "tiny"),
    [
        ("On off?", True),
        ("Okay.", True),
        ("We use it.", True),
        ("Send drawings Friday.", False),
        ("会議", True),
        ("会議を始めます", False),
    ],
)
def test_three_content_words_are_the_least(text: str, tiny: bool) -> None:
    """Two characters of a script without blanks are about one."""
    assert is_tiny(tokens(text)) is tiny


def test_the_same_words_are_a_repetition() -> None:
    """Of an earlier sentence, or within one."""
    assert is_repeated("They were excited about the launch.", ["Excited about the launches."])
    assert not is_repeated("They were excited about the launch.", ["The launch costs money."])
    assert is_repeated("we like the case " * 3, [])


def test_voices_are_named_by_a_part_that_is_theirs_alone() -> None:
    """Written as a name; titles are no part of it."""
    names = Names({"Mr. John Barlow", "Mr. John Nater", "Industrial Designer", "Marketing"})
    text = "Barlow told John and the Industrial Designer of Marketing and marketing."
    assert [voice for *_, voice in names.named(text)] == [
        "Mr. John Barlow",
        "Industrial Designer",
        "Marketing",
    ]
    assert Names(set()).named(text) == []


@given(st.text(alphabet="ab ,.;AB\nand", max_size=80))
def test_clauses_are_their_sentence(text: str) -> None:
    """In order, and nothing is lost."""
    clauses = clauses_of(text)
    assert "".join(one.text for one in clauses) == text
    assert not clauses or clauses[-1].end == len(text)


@given(st.text(max_size=60))
def test_sentences_lose_blanks_alone(text: str) -> None:
    """And closing marks behind a stop."""
    joined = "".join(sentences_of(text)).split()
    kept = [letter for letter in "".join(text.split()) if letter not in "\"'”’)"]
    assert [one for one in "".join(joined) if one not in "\"'”’)"] == kept
