"""What wordloop-nano is taught to say."""

from itertools import islice

from scripts.nano.grammar import is_held_out, normalised, sentences, vocabulary
from scripts.nano.talk import MEETING


def test_the_vocabulary_has_at_least_1500_words() -> None:
    """As many as the issue asks for, and all of them plain words."""
    words = vocabulary()
    assert len(words) >= 1500
    assert all(word == word.lower() and word.strip("'") for word in words)


def test_the_words_really_occur() -> None:
    """Most of the vocabulary turns up within a few thousand sentences."""
    said = {word for text in islice(sentences(3), 8000) for word in normalised(text).split()}
    assert len(said & vocabulary()) >= 1500


def test_every_word_said_is_in_the_vocabulary() -> None:
    """Nothing is said that the tokens of the vocabulary cannot spell."""
    said = {word for text in islice(sentences(4), 3000) for word in normalised(text).split()}
    assert {word.removesuffix("'s") for word in said} <= vocabulary()


def test_the_same_seed_gives_the_same_sentences() -> None:
    """A corpus can be made again; another seed makes another one."""
    first = list(islice(sentences(7), 200))
    assert first == list(islice(sentences(7), 200))
    assert first != list(islice(sentences(8), 200))


def test_sentences_look_like_captions() -> None:
    """A capital at the beginning, one mark at the end, single blanks, no digits."""
    for text in islice(sentences(9), 2000):
        assert text[0].isupper()
        assert text[-1] in ".?!"
        assert text.split() == text.split(" ")
        assert not any(letter.isdigit() for letter in text)


def test_held_out_sentences_are_split_by_text_alone() -> None:
    """Case and marks do not matter, so no reading of a held-out sentence can be trained."""
    texts = list(islice(sentences(11), 5000))
    held = [text for text in texts if is_held_out(text)]
    assert 100 < len(held) < 600
    assert all(is_held_out(text.upper().replace(",", "")) for text in held)


def test_articles_agree_with_the_word_after_them() -> None:
    """No "a answer" and no "an user"."""
    text = " ".join(islice(sentences(12), 3000)).lower()
    for wrong in (" a answer", " a order", " an user", " an unique", " a hour"):
        assert wrong not in text


def test_the_meeting_keeps_to_the_vocabulary() -> None:
    """The sample meeting can be understood by the model that ships."""
    said = {word for _, _, text in MEETING for word in normalised(text).split()}
    assert said <= vocabulary()
