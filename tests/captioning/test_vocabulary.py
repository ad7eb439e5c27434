"""Names and terms become one bounded prompt, and are known when they come back as text."""

from wordloop_ml.captioning.guards import Glossary
from wordloop_ml.messages import Word


def words(text: str) -> tuple[Word, ...]:
    """Words without times."""
    return tuple(Word(word, 0, 0, 0.9) for word in text.split())


def test_terms_become_one_sentence() -> None:
    """In their order, each once, without stray blanks."""
    glossary = Glossary(("Zoë Özil", " Wordloop\n", "", "Wordloop"))
    assert glossary.prompt == "Glossary: Zoë Özil, Wordloop."


def test_without_terms_there_is_no_prompt() -> None:
    """It would only cost tokens; and then nothing is an echo of it."""
    for glossary in (Glossary(), Glossary(("", "  "))):
        assert glossary.prompt == ""
        assert not glossary.is_echoed(words("Glossary"), 2)


def test_an_echo_is_known_whatever_its_case_and_however_often_it_comes() -> None:
    """Part of the prompt, or all of it twice; a word beyond it makes it speech."""
    glossary = Glossary(("Ana", "Ben Wu", "Cleo"))
    assert glossary.is_echoed(words("ana, ben wu, cleo"), 2)
    assert glossary.is_echoed(words("Glossary: Ana, Ben Wu, Cleo. Glossary: Ana,"), 2)
    assert not glossary.is_echoed(words("ana, ben wu"), 2)
    assert not glossary.is_echoed(words("ana, ben wu, cleo and me"), 2)
