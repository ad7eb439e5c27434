"""Notes that are kept: whose they are, how many, and what they weigh."""

import threading
from dataclasses import dataclass

import numpy as np

from wordloop_ml.analysis.notes import NotesCache, size_of


@dataclass(frozen=True, slots=True)
class Notes:
    """What an engine might keep."""

    vectors: np.ndarray
    texts: tuple[str, ...]


def test_notes_are_found_again_by_their_key() -> None:
    """And only by that."""
    book = NotesCache(10_000).notebook("acme")
    book.keep("a", "notes")
    assert book.get("a") == "notes"
    assert book.get("b") is None
    book.keep("a", "newer")
    assert book.get("a") == "newer"


def test_a_tenant_never_gets_another_s_notes() -> None:
    """Though it posts the same words."""
    cache = NotesCache(10_000)
    cache.notebook("acme").keep("a", "notes")
    assert cache.notebook("globex").get("a") is None


def test_the_notes_that_were_not_used_for_longest_go_first() -> None:
    """When there are more bytes than may be."""
    book = NotesCache(3_500).notebook("acme")
    for key in "abc":
        book.keep(key, b"x" * 1_000)
    assert book.get("a") is not None
    book.keep("d", b"x" * 1_000)
    assert [key for key in "abcd" if book.get(key) is not None] == ["a", "c", "d"]


def test_what_is_held_never_exceeds_the_bound() -> None:
    """Not even by notes that are larger than it; and replaced ones are not counted twice."""
    cache = NotesCache(3_500)
    book = cache.notebook("acme")
    for _ in range(5):
        book.keep("a", b"x" * 1_000)
    assert cache.statistics().notes == 1
    book.keep("b", b"x" * 10_000)
    assert cache.statistics().notes == 0
    assert cache.statistics().held_bytes == 0


def test_without_room_nothing_is_kept() -> None:
    """The cache is switched off with 0."""
    book = NotesCache(0).notebook("acme")
    book.keep("a", "notes")
    assert book.get("a") is None


def test_the_size_of_notes_is_that_of_all_they_hold() -> None:
    """Arrays, texts and whatever lies between, and the array that a view looks into."""
    vectors = np.zeros((100, 384), np.float32)
    notes = Notes(vectors, ("x" * 1_000,) * 3)
    assert size_of(notes) > vectors.nbytes + 3_000
    assert size_of(vectors[:1]) > vectors.nbytes
    assert size_of({"a": [b"x" * 500], "b": {"y" * 500}}) > 1_000


def test_many_threads_may_use_it_at_once() -> None:
    """What is counted stays true."""
    cache = NotesCache(50_000)

    def use(tenant: str) -> None:
        book = cache.notebook(tenant)
        for number in range(500):
            book.keep(str(number % 37), b"x" * (number % 113))
            book.get(str(number % 41))

    threads = [threading.Thread(target=use, args=(f"t{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for tenant in range(4):
        for number in range(37):
            cache.notebook(f"t{tenant}").keep(str(number), b"")
    assert cache.statistics().held_bytes == 4 * 37 * size_of(b"")
