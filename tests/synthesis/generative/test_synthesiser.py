"""What is located, asked for, verified and fallen back upon, with answers written here in the place of a model's."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest

from tests.synthesis.extractive.conftest import LAUNCH, Said, transcript_of
from tests.talk import random_talk
from wordloop_ml.engines.scripted import EMBEDDER_CAPABILITIES, ScriptedEmbedder
from wordloop_ml.errors import EngineFailed, ErrorCode
from wordloop_ml.messages import Finish, Generated
from wordloop_ml.synthesis.chunks import Chunk, chunks_of
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.generative.synthesiser import (
    FEWEST_WORDS,
    MOST_NOTED,
    SAID_WORDS,
    GenerativeSynthesiser,
    WrittenNotes,
)
from wordloop_ml.synthesis.messages import Draft, MadeBy, Wishes
from wordloop_ml.synthesis.steps import Embed, Generate, Steps

MADE_BY = MadeBy("generative", "llama_cpp", "some", "ab" * 32)
EXTRACTIVE = ExtractiveSynthesiser(EMBEDDER_CAPABILITIES)
SYNTHESISER = GenerativeSynthesiser(EXTRACTIVE, MADE_BY)

Answer = Callable[[Generate], Generated]

SUMMARY = "The group discussed the launch of the mobile app and the budget."


def told(text: str, finish: Finish = Finish.STOP) -> Generated:
    return Generated(text, finish, 100, 0, 10)


def always(text: str, finish: Finish = Finish.STOP) -> Answer:
    """The same answer to everything."""
    return lambda _: told(text, finish)


faithful = always(SUMMARY)
nothing_more = always("")


def performed(plan: Steps[Any], answer: Answer) -> tuple[Any, list[Generate]]:
    """What the plan comes to when the model answers like this, and what it was asked."""
    embedder = ScriptedEmbedder()
    asked: list[Generate] = []
    go_on: Callable[[], Any] = partial(next, plan)
    while True:
        try:
            request = go_on()
        except StopIteration as end:
            return end.value, asked
        reply: Any = None
        if isinstance(request, Embed):
            reply = embedder.embed(embedder.tokenise(request.texts))
        go_on = partial(plan.send, reply)
        if isinstance(request, Generate):
            asked.append(request)
            try:
                go_on = partial(plan.send, answer(request))
            except EngineFailed as error:
                go_on = partial(plan.throw, error)


def noted(said: Said, answer: Answer) -> tuple[list[WrittenNotes], list[Generate]]:
    """The notes of a meeting's chunks."""
    notes: list[WrittenNotes] = []
    asked: list[Generate] = []
    for chunk in chunks_of(transcript_of(said).segments, SYNTHESISER.chunk_words):
        one, questions = performed(SYNTHESISER.take_notes(chunk, "en"), answer)
        notes.append(one)
        asked += questions
    return notes, asked


def drafted(
    said: Said, answer: Answer, more: Answer = nothing_more, **wishes: Any
) -> tuple[Draft, list[Generate]]:
    """The draft, and what was asked after the notes. more: what is answered then."""
    notes, _ = noted(said, answer)
    transcript = transcript_of(said)
    chunks = list(chunks_of(transcript.segments, SYNTHESISER.chunk_words))
    plan = SYNTHESISER.merge(transcript, chunks, notes, Wishes(**wishes))
    draft, asked = performed(plan, more)
    assert isinstance(draft, Draft)
    return draft, asked


def extractive_draft(said: Said) -> Draft:
    """What the extractive synthesiser says of the same."""
    transcript = transcript_of(said)
    chunks = list(chunks_of(transcript.segments, EXTRACTIVE.chunk_words))
    notes = [performed(EXTRACTIVE.take_notes(chunk, "en"), faithful)[0] for chunk in chunks]
    draft, _ = performed(EXTRACTIVE.merge(transcript, chunks, notes, Wishes()), faithful)
    assert isinstance(draft, Draft)
    return draft


def test_all_but_the_summary_is_extractive() -> None:
    """Decisions and action items as they were said."""
    draft, _ = drafted(LAUNCH, faithful)
    extractive = extractive_draft(LAUNCH)
    assert draft == replace(extractive, summary=draft.summary)
    assert draft.summary != extractive.summary
    assert [len(draft.decisions), len(draft.action_items), len(draft.open_questions)] == [2, 2, 1]


def test_a_summary_cites_what_bears_it_out() -> None:
    """Found afterwards: the model is asked for no numbers."""
    draft, asked = drafted(LAUNCH, faithful)
    assert [one.text for one in draft.summary] == [SUMMARY]
    assert "s0" in draft.summary[0].segments
    assert not asked  # all that was said has been read


THINGS = [
    "roof",
    "bench",
    "clock",
    "fence",
    "statue",
    "fountain",
    "lantern",
    "railing",
    "staircase",
    "shelter",
]
PLACES = [
    "library",
    "museum",
    "harbour",
    "school",
    "market",
    "theatre",
    "station",
    "hospital",
    "cemetery",
    "stadium",
]
COLOURS = ["red", "blue", "green", "yellow", "white", "black", "brown"]
NAMED = [
    f"the {COLOURS[at % len(COLOURS)]} {thing} of the {place}"
    for at, (place, thing) in enumerate(product(PLACES, THINGS))
]
MATTERS: Said = [
    (
        ("Anna", "Ben")[at % 2],
        f"{named.capitalize()} {' '.join(talk.text.split()[:10])}.",
    )
    for at, (named, talk) in enumerate(zip(NAMED, random_talk(100, seed=5), strict=True))
]
"""A chunk of different matters, of which a passage tells some."""


def tell(sentences: int) -> Answer:
    """What a model answers that names the first so many matters of what it reads."""

    def answer(asked: Generate) -> Generated:
        read = [one for one in NAMED if f"{one.capitalize()} " in asked.prompt.user]
        return told(" ".join(f"The group discussed {named}." for named in read[:sentences]))

    return answer


def texts_read(asked: Sequence[Generate]) -> list[str]:
    """Without what is asked, which is the same."""
    return [one.prompt.user.partition("</transcript>")[0] for one in asked]


@pytest.mark.parametrize(
    ("sentences", "words", "passages"), [(0, 110, 2), (0, 200, 5), (5, 140, 1), (5, 60, 0)]
)
def test_more_is_asked_for_until_most_words_are_there(
    sentences: int, words: int, passages: int
) -> None:
    """Of sentences that were not read before, so many times at most; a longer summary takes more."""
    _, before = noted(MATTERS, tell(sentences))
    draft, asked = drafted(MATTERS, tell(sentences), tell(sentences), summary_words=words)
    assert len(asked) == passages
    assert len({*texts_read(before), *texts_read(asked)}) == len(before) + len(asked)
    first = " ".join(texts_read(before))
    told_of = [named for named in NAMED if any(named in one.text for one in draft.summary)]
    assert bool(told_of) == bool(sentences)
    assert any(f"{one.capitalize()} " not in first for one in told_of) == bool(asked and sentences)


def test_more_is_asked_of_the_part_of_which_least_holds() -> None:
    """Not of the first one."""
    said = [*MATTERS, *((one.voice, one.text) for one in random_talk(300, seed=6))]
    _, asked = drafted(said, tell(5), tell(5))
    assert len(noted(said, tell(5))[0]) > 1
    [first, *_] = texts_read(asked)
    assert not any(f"{one.capitalize()} " in first for one in NAMED)


def added_to(chunk: Chunk, notes: WrittenNotes, answer: Answer) -> WrittenNotes:
    """All that can be noted of a chunk, one thing after the other."""
    more: WrittenNotes
    while True:
        more, asked = performed(SYNTHESISER.take_more(chunk, notes, "en"), answer)
        assert len(asked) == len(more.passages) - len(notes.passages)
        if more is notes:
            return notes
        notes = more


@pytest.mark.parametrize(
    ("sentences", "passages"), [(0, MOST_NOTED), (3, MOST_NOTED), (5, 2), (10, 1)]
)
def test_more_is_noted_while_there_is_time(sentences: int, passages: int) -> None:
    """As if the meeting were this chunk alone."""
    [notes], _ = noted(MATTERS, tell(sentences))
    [chunk] = chunks_of(transcript_of(MATTERS).segments, SYNTHESISER.chunk_words)
    assert len(added_to(chunk, notes, tell(sentences)).passages) == passages


@pytest.mark.parametrize("sentences", [0, 1, 2])
def test_the_draft_is_the_same_with_more_notes(sentences: int) -> None:
    """And asks for less, or nothing."""
    said = [*MATTERS, *((one.voice, one.text) for one in random_talk(300, seed=6)), *MATTERS[:20]]
    transcript = transcript_of(said)
    chunks = list(chunks_of(transcript.segments, SYNTHESISER.chunk_words))
    few, _ = noted(said, tell(sentences))
    more = [added_to(chunk, one, tell(sentences)) for chunk, one in zip(chunks, few, strict=True)]
    drafts, asked = zip(
        *(
            performed(SYNTHESISER.merge(transcript, chunks, notes, Wishes()), tell(sentences))
            for notes in (few, more)
        ),
        strict=True,
    )
    assert len(chunks) > 1
    assert drafts[0] == drafts[1]
    assert len(asked[0]) == 2
    assert not asked[1]


def test_of_a_few_words_all_is_read_at_once() -> None:
    """Nothing is left to ask for."""
    [notes], _ = noted(LAUNCH, nothing_more)
    [chunk] = chunks_of(transcript_of(LAUNCH).segments, SYNTHESISER.chunk_words)
    more, asked = performed(SYNTHESISER.take_more(chunk, notes, "en"), faithful)
    assert more is notes
    assert not asked


def test_a_short_meeting_has_a_short_summary() -> None:
    """A word for each six that were said, or FEWEST_WORDS: no more is asked for."""
    said = [(voice, f"{text} {text}") for voice, text in LAUNCH]
    wanted = FEWEST_WORDS * SAID_WORDS
    assert sum(len(text.split()) for _, text in said) < wanted
    lines = " ".join(f"They discussed {text.rstrip('.?!').lower()}." for _, text in LAUNCH)

    draft, asked = drafted(said, always(lines), summary_words=200)
    words = sum(len(one.text.split()) for one in draft.summary)
    assert FEWEST_WORDS <= words < 2 * FEWEST_WORDS
    assert asked == []


def test_little_that_is_left_of_a_sentence_is_left_out() -> None:
    """A beginning says something only where it is long enough."""
    whole = "The marketing budget is forty thousand euros for the spring."
    long = "Carla will send the hosting invoice to Anna tomorrow, and they will dance in Lisbon."
    short = "Carla mentioned the hosting invoice, and they will dance in Lisbon."
    draft, _ = drafted(LAUNCH, always(f"{whole} {long} {short}"))
    assert [one.text for one in draft.summary] == [
        whole,
        "Carla will send the hosting invoice to Anna tomorrow.",
    ]
    assert sum(draft.refused.values()) == 2


def test_notes_ask_for_one_passage() -> None:
    """With the likeliest words, in the writing systems of the material."""
    _, [asked] = noted(LAUNCH, faithful)
    assert asked.options.temperature == 0.0
    assert asked.options.scripts == frozenset({"LATIN"})


def test_sentences_that_do_not_hold_are_dropped_and_counted() -> None:
    """The others stand, each once."""
    invented = "The group agreed to open an office in Lisbon."
    draft, _ = drafted(LAUNCH, always(f"{SUMMARY} {invented} {SUMMARY}"))
    assert [one.text for one in draft.summary] == [SUMMARY]
    assert sum(draft.refused.values()) == 2
    assert draft.extractive == ()


@pytest.mark.parametrize("written", ["They danced all night.", "The hosting budget has doubled."])
def test_a_summary_of_which_little_holds_is_the_extractive_one(written: str) -> None:
    """It says more of the meeting; and so it is called."""
    draft, _ = drafted(LAUNCH, always(written))
    assert draft.extractive == ("summary",)
    assert draft.summary == extractive_draft(LAUNCH).summary


def test_a_sentence_that_was_cut_is_dropped() -> None:
    """Where the answer ended at its length, or in a circle."""
    cut = f"{SUMMARY} The hosting budget has doubled since the"
    draft, _ = drafted(LAUNCH, always(cut, Finish.LENGTH))
    assert [one.text for one in draft.summary] == [SUMMARY]
    assert not draft.refused


@pytest.mark.parametrize("noted_one", [False, True])
def test_what_does_not_fit_the_context_is_extractive(noted_one: bool) -> None:
    """A language of which each word is many tokens; any other failure is the caller's."""

    def fails(code: ErrorCode) -> Answer:
        def answer(asked: Generate) -> Generated:
            raise EngineFailed("scripted", code=code)

        return answer

    too_large, failed = fails(ErrorCode.TOO_LARGE), fails(ErrorCode.ENGINE_FAILED)
    first = tell(0) if noted_one else too_large
    draft, asked = drafted(MATTERS, first, too_large)
    assert draft.extractive == ("summary",)
    assert len(asked) == 1  # there is one part to ask of
    with pytest.raises(EngineFailed):
        drafted(MATTERS, tell(0) if noted_one else failed, failed)


def test_notes_of_a_lost_chunk_are_missed_and_nothing_else() -> None:
    """The draft is made of what there is."""
    transcript = transcript_of(LAUNCH)
    chunks = list(chunks_of(transcript.segments, SYNTHESISER.chunk_words))
    plan = SYNTHESISER.merge(transcript, chunks, [None] * len(chunks), Wishes())
    draft, asked = performed(plan, faithful)
    assert draft.decisions == ()
    assert not asked


@pytest.mark.parametrize("told_language", ["de", None])
def test_a_summary_in_another_language_is_held_to_no_english_rule(
    told_language: str | None,
) -> None:
    """Nor where the language is only heard: its verbs are others."""
    said = [
        ("Anna", "Wir bringen die neue Version der Anwendung im Frühling auf den Markt."),
        ("Ben", "Das Budget für die Werbung im Frühling liegt bei vierzigtausend Euro."),
        ("Anna", "Die Anmeldung in der Anwendung stürzt aber noch immer ab, das ist schlecht."),
    ]
    summary = "Die neue Version der Anwendung kommt im Frühling auf den Markt."
    transcript = transcript_of(said, told_language)
    chunks = list(chunks_of(transcript.segments, SYNTHESISER.chunk_words))
    notes = [
        performed(SYNTHESISER.take_notes(chunk, told_language), always(summary)) for chunk in chunks
    ]
    plan = SYNTHESISER.merge(transcript, chunks, [one for one, _ in notes], Wishes())
    draft, _ = performed(plan, faithful)
    assert [one.text for one in draft.summary] == [summary]
    assert "the code de" in notes[0][1][0].prompt.user
