"""Names and terms become one bounded prompt."""

from wordloop_ml.captioning.vocabulary import glossary


def test_terms_become_one_sentence() -> None:
    """In their order, each once, without stray blanks."""
    assert glossary(("Zoë Özil", " Wordloop\n", "", "Wordloop")) == "Glossary: Zoë Özil, Wordloop."


def test_without_terms_there_is_no_prompt() -> None:
    """An empty glossary would only cost tokens."""
    assert glossary(()) == ""
    assert glossary(("", "  ")) == ""
