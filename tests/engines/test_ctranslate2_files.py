"""The table of tokens in a vocabulary.txt; test_whisper_ctranslate2 has files that do not fit each other."""

import pytest

from wordloop_ml.engines.ctranslate2_files import TokenTable
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.weights.store import MappedWeights

SHOWN = [*range(33, 127), *range(161, 173), *range(174, 256)]
"""The bytes that GPT-2 writes as themselves; the others are letters from U+0100 on, in order."""

HIDDEN = [byte for byte in range(256) if byte not in SHOWN]
LETTERS = {byte: chr(byte) for byte in SHOWN} | {
    byte: chr(256 + index) for index, byte in enumerate(HIDDEN)
}
MARKS = ("transcribe", "startoflm", "startofprev", "nospeech", "notimestamps", "0.00", "0.02")


def table_of(
    pieces: list[bytes], languages: tuple[str, ...] = ("en", "de"), text_tokens: int = 50_256
) -> str:
    """A vocabulary of these pieces and filler, with the marks of Whisper behind them."""
    lines = ["".join(LETTERS[byte] for byte in piece) for piece in pieces]
    lines += [f"filler{number}" for number in range(text_tokens - len(lines))]
    marks = ("endoftext", "startoftranscript", *languages, "translate", *MARKS)
    return "\n".join([*lines, *(f"<|{mark}|>" for mark in marks)])


def test_every_byte_comes_back() -> None:
    """Alone, and beside all the others."""
    pieces = [*(bytes([byte]) for byte in range(256)), bytes(range(256)), " Grüße".encode()]
    assert list(TokenTable(table_of(pieces)).pieces[: len(pieces)]) == pieces


def test_marks_and_languages_have_their_numbers() -> None:
    """A model of English has one text token less, and tokens for languages that it cannot speak."""
    english, all_of_them = TokenTable(table_of([])), TokenTable(table_of([], text_tokens=50_257))
    assert (english.multilingual, english.languages) == (False, ("en",))
    assert (all_of_them.multilingual, all_of_them.languages) == (True, ("en", "de"))
    assert len(english.pieces) == english.end_of_text == 50_256
    assert (all_of_them.end_of_text, all_of_them.start) == (50_257, 50_258)
    assert [all_of_them.language(code) for code in ("en", "de")] == [50_259, 50_260]
    assert (all_of_them.translate, all_of_them.transcribe) == (50_261, 50_262)
    assert (all_of_them.previous, all_of_them.first_timestamp) == (50_264, 50_267)


@pytest.mark.parametrize("mark", ["<|endoftext|>", "<|startofprev|>", "<|0.00|>", "<|translate|>"])
def test_a_table_that_is_not_whisper_s_is_refused(mark: str) -> None:
    """It names what is missing."""
    with pytest.raises(StartupFailed, match="not Whisper's") as caught:
        TokenTable(table_of([]).replace(mark, "other"))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE
    assert mark in str(caught.value)


def test_the_published_vocabularies_are_read(
    tiny_ctranslate2_files: tuple[MappedWeights, ...],
) -> None:
    """That of tiny.en: English alone, and " hello" is a token."""
    table = TokenTable(bytes(tiny_ctranslate2_files[1].buffer).decode())
    assert table.languages == ("en",)
    assert (table.end_of_text, table.start, table.first_timestamp) == (50_256, 50_257, 50_363)
    assert b" hello" in table.pieces
    assert len(set(table.pieces)) == len(table.pieces)


def test_the_published_vocabulary_of_all_languages_is_read(
    base_ctranslate2_files: tuple[MappedWeights, ...],
) -> None:
    """99 of them."""
    table = TokenTable(bytes(base_ctranslate2_files[1].buffer).decode())
    assert table.multilingual
    assert len(table.languages) == 99
    assert table.languages[:3] == ("en", "zh", "de")
    assert (table.start, table.first_timestamp) == (50_258, 50_364)
