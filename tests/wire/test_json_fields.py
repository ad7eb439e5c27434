"""JSON objects: what is read, and what is refused."""

import json
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.errors import BadInput, ErrorCode
from wordloop_ml.wire.json_fields import (
    MAX_NESTING,
    MAX_SPEAKER_CHARS,
    MAX_TEXT_BYTES,
    likely_terms,
    name_in,
    parse_object,
    plain_name,
    plain_terms,
    valid_identifier,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def refusal(text: str) -> BadInput:
    """The error that this text meets."""
    with pytest.raises(BadInput) as caught:
        parse_object(text)
    return caught.value


def test_an_object_comes_through_as_it_is() -> None:
    """Types survive, and so do brackets inside strings."""
    fields = {"a": 1, "b": -0.5, "c": "]}" * 40 + '"\\', "d": [True, None, {"e": "é"}]}
    assert parse_object(json.dumps(fields)) == fields
    assert parse_object(json.dumps(fields, ensure_ascii=False)) == fields


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "{",
        '{"a":1,}',
        '{"a":1}{}',
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":1e999}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":0.' + "1" * 5000 + "}",
        '{"a":' * 1000,
        "[" * 60_000,
        '{"a":"' + "[" * 60_000,
        '"\\"' * 20_000,
        "\ufeff{}",
        "{'a':1}",
        "\ud800",
    ],
)
def test_what_is_not_strict_json_is_bad_json(text: str) -> None:
    """Whatever a parser would forgive, choke on or take for ever to read."""
    assert refusal(text).code is ErrorCode.BAD_JSON


@pytest.mark.parametrize("text", ["[]", "null", '"start"', "1", "[{}]"])
def test_json_that_is_no_object_is_a_bad_message(text: str) -> None:
    """A message has fields."""
    assert refusal(text).code is ErrorCode.BAD_MESSAGE


def test_nesting_is_read_up_to_its_limit() -> None:
    """The limit itself is allowed, one more is not."""
    deepest = '{"a":' + "[" * (MAX_NESTING - 1) + "]" * (MAX_NESTING - 1) + "}"
    assert parse_object(deepest)
    assert refusal(f'{{"b":{deepest}}}').code is ErrorCode.BAD_JSON


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    """Depth counts, not number."""
    assert parse_object('{"a":[' + ",".join(["[]"] * 1000) + "]}")


@pytest.mark.parametrize("char", ["a", "é", "😀"])
def test_size_counts_bytes_up_to_and_including_the_limit(char: str) -> None:
    """Multi-byte characters count as what they cost on the wire."""
    around = len('{"a":""}')
    room, odd = divmod(MAX_TEXT_BYTES - around, len(char.encode()))
    fits = '{"a":"' + char * room + " " * odd + '"}'
    assert len(fits.encode()) == MAX_TEXT_BYTES
    assert parse_object(fits)
    assert refusal(fits + " ").code is ErrorCode.TOO_LARGE


@given(st.text() | JSON.map(json.dumps) | st.binary().map(lambda b: b.decode("latin-1")))
def test_nothing_but_bad_input_escapes(text: str) -> None:
    """Any text gives an object or a named error."""
    with suppress(BadInput):
        assert isinstance(parse_object(text), dict)


@pytest.mark.parametrize("name", ["a", "A-b_c.d:9", "x" * 64])
def test_identifiers_are_short_and_plain(name: str) -> None:
    """Letters, digits and four marks."""
    assert valid_identifier(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a/b", "ä", "a\n", "a%20", "٣"])
def test_other_identifiers_are_refused(name: str) -> None:
    """Nothing that a URL, a log or a segment id would have to escape."""
    assert not valid_identifier(name)


@pytest.mark.parametrize(
    "name",
    [
        "A",
        "Zoë Ünal",
        "李雷",
        "山田 太郎",
        "نیم\u200cفاصله",
        "x" * 128,
        "👩\u200d🔬",
        "O'Neil-Smith",
        "*",
    ],
)
def test_names_may_be_of_any_script(name: str) -> None:
    """With the joiners that some of them need."""
    assert plain_name(name) == name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("山田\u3000太郎", "山田 太郎"),
        ("Mme\u00a0Dupont", "Mme Dupont"),
        ("Mme\u202fDupont\u2009", "Mme Dupont"),
        (" Ada \t  Lovelace ", "Ada Lovelace"),
        ("\u200fדנה\u200e", "דנה"),
        ("\u202eabc\u202c", "abc"),
        ("\ufeffBen\u200b", "Ben"),
        ("Zoe\u0308", "Zoë"),
        ("a\u2028b", "a b"),
    ],
)
def test_odd_spaces_become_plain_and_invisible_marks_go(name: str, plain: str) -> None:
    """As web forms, word processors and calendars leave them."""
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 129, "a\nb", "a\x00", "\ud800", "\t", "\u3000", "\u200d", "\u202e"]
)
def test_what_nobody_could_read_is_no_name(name: str) -> None:
    """Control characters, and blanks alone."""
    assert plain_name(name) is None


@given(st.text(max_size=140))
def test_a_plain_name_is_a_line_and_stays_as_it_is(text: str) -> None:
    """Whatever it was made of."""
    name = plain_name(text)
    if name is None:
        return
    assert 1 <= len(name) <= MAX_SPEAKER_CHARS
    assert "\n" not in name
    assert name == name.strip(" ")
    assert plain_name(name) == name
    assert all(unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") for letter in name)


@given(st.text(max_size=300))
def test_what_can_be_a_name_is_one(text: str) -> None:
    """Or nothing is."""
    name = name_in(text)
    assert name == (plain_name(name) or "")


def test_a_name_in_a_file_is_cut_and_loses_what_no_name_holds() -> None:
    """Rather than that the file is refused."""
    assert name_in("A\x00da\udce9 " + "x" * 200) == "Ada " + "x" * 124
    assert name_in("\x07\u3000") == ""


def test_terms_are_made_plain_too() -> None:
    """A name is a name wherever it is said."""
    assert plain_terms(["山田\u3000太郎", " Wordloop "]) == ("山田 太郎", "Wordloop")


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ("Ada", "a list of at most 100"),
        (["x"] * 101, "a list of at most 100"),
        (["a\nb"], "printable characters"),
        ([None], "printable characters"),
        (["x" * 65], "1 to 64"),
        (["x" * 60] * 9, "500 characters together"),
    ],
)
def test_a_vocabulary_has_bounds(terms: object, rule: str) -> None:
    """They are named, and never a term."""
    with pytest.raises(ValueError, match=rule):
        plain_terms(terms)


def test_a_vocabulary_that_nobody_can_be_told_of_is_cut() -> None:
    """The first terms that there is room for, each once; what is no term is left out."""
    assert likely_terms(["a", None, " ", "b", "a", "c" * 65, 7]) == ("a", "b")
    many = [f"{number:010}" for number in range(1_000)]
    kept = likely_terms(many)
    assert kept == tuple(many[: len(kept)])
    assert plain_terms(list(kept)) == kept
    assert likely_terms(["long" * 16, *many])[0] == "long" * 16
