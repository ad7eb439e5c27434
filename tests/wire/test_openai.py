"""OpenAI's forms, read and written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attentive import AttentiveTranscriber
from wordloop_ml.engines.scripted import CAPABILITIES
from wordloop_ml.errors import BadInput
from wordloop_ml.messages import (
    VOCABULARY_CHARACTERS,
    VOCABULARY_ENTRIES,
    Caption,
    CaptionWord,
    Task,
)
from wordloop_ml.wire.json_fields import plain_terms
from wordloop_ml.wire.openai import (
    FIELD_NAMES,
    Heard,
    ResponseFormat,
    TranscriptionRequest,
    encode_answer,
    encode_done,
    encode_heard,
    parse_form,
)

SEVERAL = AttentiveTranscriber().capabilities


def asked(*fields: tuple[str, str], served: Any = SEVERAL) -> TranscriptionRequest:
    return parse_form(fields, Task.TRANSCRIBE, served)


def caption(text: str, start: int, *, track: str = "A", language: str = "en") -> Caption:
    """A final whose words last for a tenth of a second each."""
    words = tuple(
        CaptionWord(word, start + 1_600 * at, start + 1_600 * (at + 1), 0.9, True)
        for at, word in enumerate(text.split())
    )
    end = start + 1_600 * len(words)
    return Caption(f"{track}-{start}", track, start, end, words, final=True, language=language)


def test_an_empty_form_is_all_defaults() -> None:
    """JSON, whatever is spoken, and times of segments where there are any."""
    assert (
        asked()
        == asked(("model", ""), ("language", " "), ("stream", ""))
        == (TranscriptionRequest(Task.TRANSCRIBE))
    )


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ([("language", "en-US")], "en"),
        ([("language", "DE_at")], "de"),
        ([("language", "German")], "de"),
        ([("language", "javanese")], "jw"),
        ([("language", "auto")], None),
        ([("languages[]", "de")], "de"),
        ([("languages[]", "de"), ("languages[]", "en")], None),
        ([("language", "en"), ("languages[]", "de")], "en"),
    ],
)
def test_languages_are_the_model_s(fields: list[tuple[str, str]], language: str | None) -> None:
    """By tag, by name, or left open."""
    assert asked(*fields).language == language


@pytest.mark.parametrize("name", ["languages", "languages[]"])
def test_a_wrong_language_names_its_field(name: str) -> None:
    """Without brackets, as the documentation calls it."""
    with pytest.raises(BadInput) as refused:
        asked((name, "jp"))
    assert refused.value.field == "languages"
    assert "jp" not in str(refused.value)


def test_keywords_and_prompts_are_vocabulary() -> None:
    """Keywords whole; a prompt between its stops."""
    fields = (
        ("prompt", "Ada Lovelace, Kubernetes; and this is how it goes.\nWordloop"),
        ("keywords[]", "etcd, the store"),
        ("keywords[]", "gRPC"),
    )
    assert asked(*fields).vocabulary == (
        "etcd, the store",
        "gRPC",
        "Ada Lovelace",
        "Kubernetes",
        "and this is how it goes",
        "Wordloop",
    )


def test_of_a_long_prompt_the_end_counts() -> None:
    """As in OpenAI's interface."""
    prompt = ", ".join(f"term{number}" for number in range(1_000))
    vocabulary = asked(("prompt", prompt)).vocabulary
    assert vocabulary[-1] == "term999"
    assert len(vocabulary) > 50
    assert asked(("prompt", prompt), ("keywords", "first")).vocabulary[0] == "first"


@given(keywords=st.lists(st.text(max_size=200), max_size=120), prompt=st.text(max_size=2_000))
def test_any_text_makes_a_vocabulary_that_tracks_take(keywords: list[str], prompt: str) -> None:
    """Within every bound, whatever stands in the form."""
    fields = [("keywords[]", one) for one in keywords] + [("prompt", prompt)]
    vocabulary = asked(*fields).vocabulary
    assert plain_terms(list(vocabulary)) == vocabulary
    assert len(vocabulary) <= VOCABULARY_ENTRIES
    assert sum(map(len, vocabulary)) <= VOCABULARY_CHARACTERS


@given(st.lists(st.tuples(st.sampled_from(sorted(FIELD_NAMES)), st.text(max_size=80))))
def test_any_form_is_read_or_refused_by_field(fields: list[tuple[str, str]]) -> None:
    """Never a bug, and never a value in the error."""
    try:
        asked(*fields, served=CAPABILITIES)
    except BadInput as error:
        field, told = error.field, str(error)
    else:
        return
    assert field is not None
    assert all(len(value) < 9 or value not in told for _, value in fields)


HEARD = Heard(
    (caption("We ship", 0), caption("on Friday.", 16_000, track="B")), 40_000, ("a warning",)
)


def answer(form: ResponseFormat, heard: Heard = HEARD, **more: Any) -> Any:
    request = TranscriptionRequest(more.pop("task", Task.TRANSCRIBE), form, **more)
    return json.loads(encode_answer(request, heard)[1])


def test_the_json_answers() -> None:
    """With what was not heard, where there is any."""
    assert answer(ResponseFormat.JSON) == {
        "text": "We ship on Friday.",
        "languages": [{"code": "en"}],
        "usage": {"type": "duration", "seconds": 3},
        "warnings": ["a warning"],
    }
    verbose = answer(ResponseFormat.VERBOSE_JSON, words=True, segments=False)
    assert (verbose["language"], verbose["duration"]) == ("english", 2.5)
    assert verbose["words"][2] == {"word": "on", "start": 1.0, "end": 1.1}
    assert "segments" not in verbose
    diarized = answer(ResponseFormat.DIARIZED_JSON)
    assert [one["speaker"] for one in diarized["segments"]] == ["A", "B"]


def test_the_language_is_what_was_spoken_for_longest() -> None:
    """By its English name; of a translation it is English, of silence what was told."""
    heard = Heard((caption("a", 0), caption("b c d", 9_000, language="jw")), 90_000)
    assert answer(ResponseFormat.VERBOSE_JSON, heard)["language"] == "javanese"
    assert answer(ResponseFormat.JSON, heard)["languages"] == [{"code": "jv"}]
    assert answer(ResponseFormat.VERBOSE_JSON, heard, task=Task.TRANSLATE)["language"] == "english"
    silent = Heard((), 90_000)
    assert answer(ResponseFormat.VERBOSE_JSON, silent, language="de")["language"] == "german"
    assert answer(ResponseFormat.VERBOSE_JSON, silent)["language"] is None
    assert answer(ResponseFormat.JSON, silent)["text"] == ""


@given(
    st.lists(st.text("ab ", min_size=1).filter(str.strip), max_size=9),
    st.sampled_from(sorted(ResponseFormat)),
)
def test_deltas_add_up(texts: list[str], form: ResponseFormat) -> None:
    """To the text of the end, in every form."""
    captions = [caption(text, 16_000 * at) for at, text in enumerate(texts)]
    request = TranscriptionRequest(Task.TRANSCRIBE, form, stream=True)
    events = [
        json.loads(event)
        for number, one in enumerate(captions, 1)
        for event in encode_heard(request, number, one)
    ]
    done, end = encode_done(Heard(captions, 0))
    assert end == b"[DONE]"
    deltas = [one["delta"] for one in events if one["type"] == "transcript.text.delta"]
    assert "".join(deltas) == json.loads(done)["text"]
    segments = [one for one in events if one["type"] == "transcript.text.segment"]
    assert len(segments) == (len(texts) if form is ResponseFormat.DIARIZED_JSON else 0)
