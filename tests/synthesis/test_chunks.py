"""Chunks: all of the transcript, within bounds, and the same ones for the same content."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.talk import random_talk, said
from wordloop_ml.synthesis.chunks import Chunk, ChunkWords, chunks_of, fewest_words
from wordloop_ml.synthesis.messages import Segment
from wordloop_ml.synthesis.words import count_words

SIZE = ChunkWords(wanted=60, most=90)

TEXTS = st.lists(
    st.sampled_from(["ja", "nein", "well", "okay", "so"]), min_size=1, max_size=25
).map(" ".join)
TALK = st.lists(
    st.builds(Segment, st.just("id"), st.sampled_from("ab"), TEXTS, st.just(0), st.just(1)),
    max_size=120,
)


def digests(segments: tuple[Segment, ...] | list[Segment], size: ChunkWords = SIZE) -> list[str]:
    return [chunk.digest for chunk in chunks_of(segments, size)]


def words_in(chunk: Chunk) -> int:
    return sum(count_words(one.text) for one in chunk.segments)


@given(TALK)
def test_chunks_together_are_the_transcript(segments: list[Segment]) -> None:
    """Every segment once, in order; no chunk is empty."""
    chunks = list(chunks_of(segments, SIZE))
    assert [one for chunk in chunks for one in chunk.segments] == segments
    assert all(chunk.segments for chunk in chunks)


@given(TALK)
def test_chunks_are_neither_too_long_nor_too_short(segments: list[Segment]) -> None:
    """But for the last, which ends where the meeting does."""
    chunks = list(chunks_of(segments, SIZE))
    assert all(words_in(chunk) <= SIZE.most for chunk in chunks)
    assert all(words_in(chunk) >= fewest_words(SIZE) for chunk in chunks[:-1])


@given(TALK, TALK)
def test_what_is_appended_changes_the_last_chunk_only(
    before: list[Segment], added: list[Segment]
) -> None:
    """So that a growing transcript pays for what is new."""
    whole = digests(before)[:-1]
    assert digests(before + added)[: len(whole)] == whole


def test_chunks_are_as_long_as_is_wanted_on_average() -> None:
    """Within a tenth, over a long talk."""
    chunks = list(chunks_of(random_talk(3_000, seed=1), SIZE))
    average = sum(map(words_in, chunks)) / len(chunks)
    assert average == pytest.approx(SIZE.wanted, rel=0.1)


@pytest.mark.parametrize("change", ["insert", "remove", "correct"])
def test_a_change_in_the_middle_changes_the_chunks_around_it(change: str) -> None:
    """Two or three of them, rarely more; what comes later is divided as before."""
    talk = random_talk(600, seed=2)
    size = ChunkWords(wanted=200, most=320)
    old = set(digests(talk, size))
    new_ones = []
    for at in range(50, 550, 10):
        changed = list(talk)
        if change == "insert":
            changed.insert(at, Segment("new", "ada", "and one more thing", 0, 1))
        elif change == "remove":
            del changed[at]
        else:
            changed[at] = replace(changed[at], text="that is what was said")
        new_ones.append(len(set(digests(tuple(changed), size)) - old))
    assert sum(new_ones) / len(new_ones) < 3
    assert sorted(new_ones)[len(new_ones) // 2] <= 2


def test_a_digest_follows_from_who_said_what_alone() -> None:
    """Not from ids and times, which another process may count otherwise."""
    talk = said("Ada: Good morning.", "Ben: Hello.")
    moved = tuple(replace(one, id=f"x{one.id}", start=7, end=8) for one in talk)
    assert digests(moved) == digests(talk)
    for other in (
        replace(talk[1], text="Hello!"),
        replace(talk[1], track="Ada"),
        replace(talk[1], speaker="Ben"),
    ):
        assert digests((talk[0], other)) != digests(talk)


def test_fields_do_not_run_into_one_another() -> None:
    """However the same letters are divided among them."""
    one = said("Ada: Ben: yes")
    other = (replace(one[0], speaker="Ada", text="yes"),)
    assert digests(one) != digests(other)


def test_a_segment_that_is_too_long_is_a_chunk_of_its_own() -> None:
    """It is never divided, and its neighbours keep out of it."""
    long = " ".join(["word"] * 200)
    chunks = list(chunks_of(said("Ada: Hello.", f"Ben: {long}", "Ada: Goodbye."), SIZE))
    assert [len(chunk.segments) for chunk in chunks] == [1, 1, 1]


@settings(max_examples=20)
@given(st.integers(1, 50), st.integers(0, 49))
def test_repeated_words_do_not_run_away(wanted: int, more: int) -> None:
    """A thousand times the same: every border hashes alike."""
    size = ChunkWords(wanted=wanted, most=wanted + more)
    talk = said(*["Ada: yes"] * 500)
    assert max(map(words_in, chunks_of(talk, size))) <= size.most
