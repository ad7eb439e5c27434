"""What a small model says too easily, in sentences that real ones wrote."""

import pytest

from wordloop_ml.synthesis.generative.claims import (
    attributed,
    claims_agreement,
    claims_need,
    claims_question,
    is_garbled,
    names_another,
    points_elsewhere,
    says_little,
    shorter,
    tells_a_question,
    tells_for_all,
    unnamed,
    weakened,
    without_appendage,
)

VOICES = {"Project Manager", "Industrial Designer", "Ada"}


@pytest.mark.parametrize(
    "text",
    [
        "The younger market could use kind of the voice control.",
        "They discussed how to weight the different things, and stuff.",
        "The younger market could use the voice voice control method.",
        "The group discussed the latest version of the belief-net of the proposed belief-net.",
        "They discussed the plastic and then we are there.",
        "The group discussed the possibility of interfacing those two.",
        "The menu button to manipulate the display.",
        "They said that the batteries, kinetic ones, hand dynamo into a bike.",
        "The batteries, they started with the battery, right?",
        "Ada will go back and look at the ones on the list that.",
        "Ada said that the price of the case.",
        "The arrows, up and down, to do the volume.",
        "Ada put the case on the table, she.",
        "Ada defined what can be seen by the user and.",
        "They used nine channels at most, so.",
        "If the price of 2,000 euros was too high.",
        "They set the price at twenty-five Euros for the t.",
        "Jane, who put a mark at the beginning of each turn.",
        "They determined that the size of the base, sustained by the fund.",
        "They determined that the size and strength of the case.",
        "Ben spoke about recording both sides of the Wi-the wizard.",
    ],
)
def test_speech_that_was_copied_is_no_prose(text: str) -> None:
    """Fillers, words said twice, somebody's own words, loose ends, no verb."""
    assert is_garbled(text)


@pytest.mark.parametrize(
    "text",
    [
        "It was decided to go ahead with a touch screen.",
        "They said that the case should be double curved.",
        "The group discussed the cost of the speaker and the weight of the case.",
        "Fifty per cent of users said that they use ten per cent of the buttons.",
        "The microchip is the most expensive part of the whole mechanism.",
        "They heard Jane, who put a mark at the beginning of each turn.",
    ],
)
def test_prose_is_not_garbled(text: str) -> None:
    """Sentences of the third person."""
    assert not is_garbled(text)


def test_agreement_is_told() -> None:
    """A matter that was discussed is none."""
    assert claims_agreement("It was decided to use rubber.")
    assert not claims_agreement("The group discussed rubber.")


def test_need_has_to_be_heard() -> None:
    """An importance that nobody spoke of is the model's."""
    text = "The group discussed the importance of the feel of the buttons."
    assert claims_need(text, "I like the feel of titanium.")
    assert not claims_need(text, "It has to feel right.")
    assert not claims_need("They discussed the buttons.", "I like the feel of titanium.")


def test_who_is_named_alone_has_said_it() -> None:
    """In any case of letters; of two that are named, each may have said a part."""
    text = "The industrial designer spoke of the costs."
    assert names_another(text, VOICES, {"Project Manager"})
    assert not names_another(text, VOICES, {"Industrial Designer"})
    assert not names_another(f"{text[:-1]} and Ada of time.", VOICES, {"Ada"})
    assert not names_another("The group spoke of the costs.", VOICES, {"Ada"})
    assert not names_another("They spoke of an industrial designer.", VOICES, {"Ada"})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The case was of rubber, which was cheap.", "The case was of rubber."),
        ("The group discussed parts, including the case.", "The group discussed parts."),
        ("The parts included the case.", "The parts."),
        ("The group discussed the case, with a red back.", "The group discussed the case."),
        ("Ada spoke about chips, focusing on power.", "Ada spoke about chips."),
        ("The case was of rubber.", "The case was of rubber."),
    ],
)
def test_what_is_appended_is_taken_off(text: str, left: str) -> None:
    """A model likes to append what was said of something else."""
    assert without_appendage(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("They agreed that the boom moves.", "They said that the boom moves."),
        ("They also agreed to try the filter.", "They proposed to try the filter."),
        ("The industrial designer then spoke.", "The industrial designer spoke."),
        ("They met, deciding on rubber.", "They met, discussing rubber."),
        ("They proposed using rubber.", "They discussed using rubber."),
        ("They suggested a filter.", "They discussed a filter."),
        ("They suggested that it moves.", "They suggested that it moves."),
        ("Ada proposed to use rubber.", "Ada proposed to use rubber."),
        ("The Ada team proposed rubber.", "Ada proposed rubber."),
        ("The sales team proposed rubber.", "The sales team proposed rubber."),
        ("They discussed about rubber.", "They discussed rubber."),
        ("The group chose this also.", "The group chose this also."),
        ("They agreed on using push-buttons.", "They discussed using push-buttons."),
        ("They discussed the importance of time.", "They discussed time."),
        ("They discussed time and the need to go.", "They discussed time and how to go."),
        ("They had the need to go.", "They had the need to go."),
        ("The agreed price was paid.", "The agreed price was paid."),
    ],
)
def test_a_claim_is_weakened_to_what_was_said(text: str, left: str) -> None:
    """What somebody said was said and discussed, whoever agreed; a weakened sentence stays one."""
    assert weakened(text, ["Ada"]) == left
    assert weakened(left, ["Ada"]) == left


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("The Marketing team proposed to consider this option.", True),
        ("They said that these were new.", True),
        ("They discussed the drawings of this week.", False),
        ("They said that it was cheap.", False),
    ],
)
def test_what_points_at_another_sentence_is_none_of_a_summary(text: str, does: bool) -> None:
    """That one may not have been chosen."""
    assert points_elsewhere(text) is does


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The industrial designer spoke of rubber.", "They spoke of rubber."),
        ("Ada and the Project Manager spoke of rubber.", "They spoke of rubber."),
        ("Ada was asked for the price.", "They were asked for the price."),
        ("Ada's idea was rubber.", "Ada's idea was rubber."),
        ("The group heard Ada.", "The group heard Ada."),
        ("Ada spoke of her rubber.", "Ada spoke of her rubber."),
    ],
)
def test_a_voice_in_front_becomes_they(text: str, left: str) -> None:
    """What was said may stand where who said it does not."""
    assert unnamed(text, VOICES) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "They discussed the case, the chip, and the price of both.",
            ["They discussed the case and the chip.", "They discussed the case."],
        ),
        (
            "They said that rubber was cheap, and that the case, with its chip, was done.",
            ["They said that rubber was cheap."],
        ),
        (
            "They spoke of rubber, with Ada proposing titanium.",
            ["They spoke of rubber."],
        ),
        (
            "They spoke of rubber, with titanium, and plastic.",
            ["They spoke of rubber, with titanium.", "They spoke of rubber."],
        ),
        ("They wanted rubber, but Ada did not.", []),
        ("They said that the parts, such as the case, were of rubber.", []),
        ("They discussed the price of the case.", []),
    ],
)
def test_a_sentence_ends_at_an_earlier_border(text: str, left: list[str]) -> None:
    """The longest first; a list keeps its "and", what is said a verb, and what is taken back stays."""
    assert shorter(text) == left


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("They said that the remote had a touch screen.", True),
        ("They asked whether the remote had a touch screen.", False),
        ("The group discussed the touch screen.", False),
        ("They said that rubber was cheap.", False),
    ],
)
def test_a_question_is_no_fact(text: str, does: bool) -> None:
    """But it was asked, and discussed."""
    said = ["Rubber is cheap.", "Okay. Does the remote have a touch screen? Hm."]
    assert tells_a_question(text, said) is does
    assert not tells_a_question(text, [])


def test_what_was_asked_has_a_question() -> None:
    """Who stated it did not ask."""
    asked = "They asked whether the remote had a touch screen."
    assert claims_question(asked, "The remote has a touch screen.")
    assert not claims_question(asked, "Does the remote have a touch screen?")
    assert not claims_question("Ada asked Ben to test it.", "Ben, test it.")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The group discussed the price of the case.", "Ada spoke about the price of the case."),
        ("They discussed whether to use rubber.", "Ada spoke about whether to use rubber."),
        ("They said that rubber was cheap.", "Ada said that rubber was cheap."),
        ("The team found that rubber was cheap.", "Ada found that rubber was cheap."),
        ("They used rubber.", "They used rubber."),
        ("Ben said that rubber was cheap.", "Ben said that rubber was cheap."),
        ("The group discussed Ada's price.", "The group discussed Ada's price."),
    ],
)
def test_who_alone_said_it_is_named(text: str, left: str) -> None:
    """In place of the group, once in a sentence."""
    assert attributed(text, "Ada") == left
    assert attributed(text, "ada") == left


def test_a_name_inside_of_a_word_is_none() -> None:
    """Al stands in "also"."""
    assert (
        attributed("They said that rubber also bends.", "Al") == "Al said that rubber also bends."
    )


def test_two_words_must_tell_something() -> None:
    """That not any meeting has: neither its agenda nor "an interesting option"."""
    assert says_little("They spoke about an interesting option for the meeting.")
    assert says_little("The group discussed the agenda.")
    assert not says_little("The group discussed the touch screen.")


def test_what_was_told_for_all_is_seen() -> None:
    """A matter is none of that, and neither is what one voice said."""
    assert tells_for_all("They said that rubber was cheap.")
    assert tells_for_all("The group suggested rubber.")
    assert tells_for_all("They used rubber.")
    assert not tells_for_all("The group discussed rubber.")
    assert not tells_for_all("Ada said that rubber was cheap.")
