"""The extractive synthesiser, from transcript to draft."""

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.analysis.plan_runner import run_plan
from wordloop_ml.engines.scripted import EMBEDDER_CAPABILITIES, ScriptedEmbedder
from wordloop_ml.synthesis.chunks import chunks_of
from wordloop_ml.synthesis.extractive.notes import ChunkNotes
from wordloop_ml.synthesis.extractive.synthesiser import ExtractiveSynthesiser
from wordloop_ml.synthesis.messages import OPENING, Draft, Segment, Statement, Transcript, Wishes

Said = Sequence[tuple[str, str]]


def transcript_of(said: Said, language: str | None = "en") -> Transcript:
    segments = [
        Segment(f"s{at}", voice.lower(), text, 5_000 * at, 5_000 * at + 4_000, voice)
        for at, (voice, text) in enumerate(said)
    ]
    return Transcript("meeting", tuple(segments), language)


def drafted(
    transcript: Transcript,
    *,
    lose: Callable[[int], bool] = lambda at: False,
    wishes: Wishes | None = None,
) -> Draft:
    synthesiser = ExtractiveSynthesiser(EMBEDDER_CAPABILITIES)
    embedder = ScriptedEmbedder()
    chunks = list(chunks_of(transcript.segments, synthesiser.chunk_words))
    notes: list[ChunkNotes | None] = [
        None if lose(at) else run_plan(synthesiser.take_notes(chunk, transcript.language), embedder)
        for at, chunk in enumerate(chunks)
    ]
    # the merge asks for no embedding: notes hold all that it needs
    return run_plan(synthesiser.merge(transcript, chunks, notes, wishes or Wishes()), None)


def test_a_meeting_becomes_a_synthesis(launch: Said) -> None:
    """Decisions, tasks with owner and due, and the open question, each with its segment."""
    draft = drafted(transcript_of(launch))
    assert [(one.text, one.segments) for one in draft.decisions] == [
        ("We decided to launch the mobile app in March.", ("s4",)),
        ("Let's go with the smaller hosting plan.", ("s11",)),
    ]
    assert [(one.task, one.owner, one.due) for one in draft.action_items] == [
        ("Can you fix the login screen by Friday, Ben?", "Ben", "Friday"),
        ("I will send the hosting invoice to Anna tomorrow.", "Carla", "tomorrow"),
    ]
    assert [(one.text, one.segments) for one in draft.open_questions] == [
        ("Who is going to write the release notes for the app store?", ("s6",))
    ]


def test_a_meeting_about_two_things_has_two_topics() -> None:
    """They follow one another, and are called by what is said in them."""
    app = ["crashes on older phones", "needs a new login screen", "goes to the app store in March"]
    cost = ["doubled since the winter", "is paid by the head office", "was cut twice this year"]
    said = [("Ann", f"The mobile app {app[at % 3]}, says the developer.") for at in range(25)]
    said += [
        ("Bo", f"Our hosting budget {cost[at % 3]}, as the invoice shows.") for at in range(25)
    ]
    draft = drafted(transcript_of(said))
    assert [one.title.lower().count("mobile app") for one in draft.topics] == [1, 0]
    assert [one.title.lower().count("hosting budget") for one in draft.topics] == [0, 1]
    first, second = draft.topics
    assert (first.start, second.end) == (0, 5_000 * 49 + 4_000)
    assert abs(second.start - 5_000 * 25) <= 10_000
    assert first.end < second.start


def test_the_summary_is_what_was_said(launch: Said) -> None:
    """Every statement is in the segments that it cites, but for fillers and the capital."""
    transcript = transcript_of(launch)
    texts = {segment.id: segment.text.lower() for segment in transcript.segments}
    draft = drafted(transcript, wishes=Wishes(summary_words=40))
    assert draft.summary
    for one in draft.summary:
        said = " ".join(texts[cited] for cited in one.segments)
        assert one.text.lower().rstrip(".?") in said


PANEL = [
    ("Ann" if at % 2 else "Bo", f"The solar panel {told} in the {season}, and we look at it.")
    for season in ("spring", "summer")
    for at, told in enumerate(["has been cleaned", "needs a frame", "was too heavy", "got wet"])
]


def test_what_an_english_meeting_was_about_opens_its_summary() -> None:
    """It cites where that was said, and takes its words from the summary's."""
    wishes = Wishes(summary_words=30)
    english = drafted(transcript_of(PANEL), wishes=wishes)
    assert english.opening == Statement(f"{OPENING}the solar panel.", ("s0", "s1", "s2"))
    german = drafted(transcript_of(PANEL, "de"), wishes=wishes)
    assert german.opening is None
    assert len(english.summary) < len(german.summary)


def test_a_sentence_that_names_its_speaker_and_no_more_is_no_summary() -> None:
    """A role has content words."""
    said = "So I am the Project Manager, as I have told all of you."
    told = "The supplier of the solar panel wants a deposit for the frame."
    draft = drafted(transcript_of([("Project Manager", said), ("Bo", told)]))
    assert [one.text for one in draft.summary] == [told]


def test_it_says_what_it_is() -> None:
    """Made by extraction, on these weights."""
    made_by = ExtractiveSynthesiser(EMBEDDER_CAPABILITIES).made_by
    assert made_by.kind == "extractive"
    assert made_by.digest == EMBEDDER_CAPABILITIES.digest


def test_a_short_meeting_is_one_topic(launch: Said) -> None:
    """It lasts from the first segment to the last."""
    (topic,) = drafted(transcript_of(launch)).topics
    assert (topic.segments[0], topic.segments[-1]) == ("s0", f"s{len(launch) - 1}")


def test_other_languages_have_no_items_by_rules(launch: Said) -> None:
    """The rules are English; sentences are chosen all the same."""
    draft = drafted(transcript_of(launch, "de"))
    assert (draft.decisions, draft.action_items, draft.open_questions) == ((), (), ())
    assert draft.summary


def test_a_lost_chunk_leaves_the_rest(launch: Said) -> None:
    """Positions of later chunks stay those of the transcript."""
    said = [*(("Ben", f"Filler sentence number {at} about the weather.") for at in range(160))]
    transcript = transcript_of([*said, *launch])
    draft = drafted(transcript, lose=lambda at: at == 0)
    texts = {segment.id: segment.text for segment in transcript.segments}
    assert draft.decisions
    for one in draft.decisions:
        assert one.text.rstrip(".") in texts[one.segments[0]]


SAYINGS = st.sampled_from(
    [
        "We decided to use the red logo.",
        "I'll send the report by Friday.",
        "Who pays for the hosting of the website?",
        "um, uh",
        "Okay.",
        "and so",
        "The budget of the marketing department is too small for the campaign",
        "",
        "?",
        "日本語の会議です。",
        "we need to to check the the battery, and then the battery, you know, is fine",
    ]
)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.sampled_from(["Ann", "Bo", "Cy"]), SAYINGS), min_size=1, max_size=40),
    st.integers(0, 3),
    st.integers(20, 200),
)
def test_whatever_is_said_citations_exist_and_texts_are_not_empty(
    said: list[tuple[str, str]], lost: int, words: int
) -> None:
    """Any meeting, any chunk lost: ids exist and are in order, no text is empty, twice is the same."""
    transcript = transcript_of(said)
    wishes = Wishes(summary_words=words)
    draft = drafted(transcript, lose=lambda at: at == lost - 1, wishes=wishes)
    order = {segment.id: at for at, segment in enumerate(transcript.segments)}
    cited = [one.segments for one in (*draft.summary, *draft.decisions, *draft.open_questions)]
    cited += [one.segments for one in draft.topics] + [one.segments for one in draft.action_items]
    for ids in cited:
        at = [order[one] for one in ids]
        assert at
        assert at == sorted(set(at))
    texts = [one.text for one in (*draft.summary, *draft.decisions, *draft.open_questions)]
    texts += [one.title for one in draft.topics] + [one.task for one in draft.action_items]
    assert all(text.strip() for text in texts)
    for topic in draft.topics:
        assert topic.start <= topic.end
    assert draft == drafted(transcript, lose=lambda at: at == lost - 1, wishes=wishes)
