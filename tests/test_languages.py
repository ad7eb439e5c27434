"""Which language a tag means, and under which code a model has it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.languages import (
    LANGUAGES,
    MAX_TAG_CHARS,
    TAG_PATTERN,
    known_as,
    language_of,
    standard_code,
)

_WHISPER = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th "
    "ur hr bg lt la mi ml cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr "
    "pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt "
    "haw ln ha ba jw su"
)
WHISPER = frozenset(_WHISPER.split())
"""The languages of the models of before 2023, as they spell them."""


def test_languages_are_those_of_iso_639_1() -> None:
    """183 codes; the usual mistakes (countries) are not among them."""
    assert len(LANGUAGES) == 183
    assert {"en", "de", "ja", "uk", "zh"} <= LANGUAGES
    assert not {"jp", "us", "cn", "EN", "eng"} & LANGUAGES


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("en-US", "en"),
        ("EN_gb", "en"),
        ("zh-Hant-TW", "zh"),
        ("sl-rozaj-biske-1994", "sl"),
        ("de-CH-x-phonebk", "de"),
        # three letters, of both kinds
        ("eng", "en"),
        ("deu", "de"),
        ("GER", "de"),
        ("fre-CA", "fr"),
        # superseded codes, and regions that are spelt like them
        ("iw", "he"),
        ("in-ID", "id"),
        ("ar-IN", "ar"),
        ("jw", "jv"),
        ("jav", "jv"),
        ("mo", "ro"),
        ("zh-MO", "zh"),
        ("fil-PH", "tl"),
        # a macrolanguage's own, and members that stand for themselves
        ("cmn-Hans-CN", "zh"),
        ("zh-cmn-Hans", "zh"),
        ("zh-yue-HK", "yue"),
        ("yue", "yue"),
        ("nb-NO", "nb"),
        ("haw", "haw"),
        ("tlh", "tlh"),
    ],
)
def test_a_tag_names_its_language(tag: str, language: str) -> None:
    """By its primary subtag, whatever follows."""
    assert language_of(tag) == language


@pytest.mark.parametrize("tag", ["auto", "Auto", "AUTO", "und", "und-Latn", "mul"])
def test_a_tag_may_leave_the_language_open(tag: str) -> None:
    """As no tag at all does."""
    assert language_of(tag) is None


@pytest.mark.parametrize(
    "tag",
    [
        *("", "e", "jp", "cn", "us", "English", "en US", "en-", "-en", "en--US", "x-klingon", "a1"),
        *("en\n", "de\u00e9", "\u0430uto", "en-" + "a" * 9, "en" + "-abcdefgh" * 7),
    ],
)
def test_what_is_no_tag_is_refused(tag: str) -> None:
    """With the rule, which does not repeat it."""
    with pytest.raises(ValueError, match="must be a language tag") as caught:
        language_of(tag)
    assert not tag or f" {tag} " not in str(caught.value)


@given(st.text(max_size=70) | st.from_regex(TAG_PATTERN))
def test_any_text_names_a_language_leaves_it_open_or_is_refused(text: str) -> None:
    """And what it names names itself."""
    try:
        language = language_of(text)
    except ValueError:
        return
    assert len(text) <= MAX_TAG_CHARS
    if language is not None:
        assert re.fullmatch("[a-z]{2,3}", language)
        assert language_of(language) == standard_code(language) == language


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en-GB", "en"),
        ("nb", "no"),
        ("nn", "nn"),
        ("no", "no"),
        ("jv", "jw"),
        ("jw", "jw"),
        ("he", "he"),
        ("fil", "tl"),
        ("yue-Hant-HK", "zh"),
        ("nan", "zh"),
        ("arz", "ar"),
        ("haw-US", "haw"),
        ("tlh", None),
        ("ku", None),
    ],
)
def test_a_model_has_a_language_under_a_code_of_its_own(tag: str, code: str | None) -> None:
    """Or the macrolanguage that it belongs to."""
    language = language_of(tag)
    assert language is not None
    assert known_as(language, WHISPER) == code


def test_a_model_that_knows_a_language_apart_is_told_it() -> None:
    """Cantonese is another language to the newest models; Hebrew had another code in old ones."""
    assert known_as("yue", WHISPER | {"yue"}) == "yue"
    assert known_as("he", ["en", "iw"]) == "iw"
    assert known_as("nn", ["no"]) == "no"


def test_every_language_of_whisper_can_be_asked_for_by_its_standard_code() -> None:
    """And by what Whisper calls it."""
    for code in WHISPER:
        language = language_of(code)
        assert language is not None
        assert known_as(language, WHISPER) == code
        assert known_as(standard_code(code), WHISPER) == code
