"""What was decided, in single sentences and beside their neighbours."""

import pytest

from tests.synthesis.extractive.conftest import sentence
from wordloop_ml.synthesis.extractive.decisions import decisions_in
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy

POLICY = ExtractivePolicy()


@pytest.mark.parametrize(
    "text",
    [
        "We decided to launch the app in March.",
        "Let's go with the smaller hosting plan.",
        "The final decision is that the logo stays red.",
        "We're definitely going for voice recognition.",
        "It was agreed that the budget stays as it is.",
        "we decided, to launch, the app in march",
        "The flat case is definitely out, right?",
        "So to sum up, we have a rubber case and twelve euros.",
        "So we're agreed then, the samples go out on Monday.",
        "Fine by me, go ahead with the blue samples.",
        "Okay, blue it is for the samples.",
        "So no to the marquee for the picnic.",
        "We'll push the launch of the samples to April.",
        "The launch of the samples moves to April then.",
        "Let's lock in Friday for the picnic.",
        "Fine, thirty seconds it is, no factory.",
        "Okay, so we go live on the sixteenth.",
        "No results by phone before eleven from now on.",
        "So all the proceeds go to the minibus repair.",
        "That's the price for the tickets sorted.",
        "Go with the blue handle.",
        "All in favour of the quote, that's four, carried.",
        "We'll park that question until October.",
        "We're all agreed on the rubber case.",
        "Okay, we hold the price of the case until spring.",
        "Fine by me, go ahead with the rubber case.",
        "The motion on the budget is carried.",
        "Okay, Thursday then, with the fix in.",
        "Let's say Tuesday fortnight for the case.",
        "Two sides of handwritten notes it is, then.",
        "Boathouse it is.",
        "Nobody says a word to the shop until the case is paid.",
        "We're still agreed on the rubber case.",
        "We agreed in May the shop moves to Leeds.",
        "Our advice is that he accepts the case.",
        "Then we'll leave the case as it is.",
        "So that's what we'll do, the Tuesday and the Thursday.",
        "The almond case stops from Monday.",
        "Are we all agreed, then, a thousand euros for the case?",
    ],
)
def test_decisions_are_found(text: str) -> None:
    """Each says what was settled."""
    assert [at for at, _ in decisions_in([sentence(text)], POLICY)] == [0]


@pytest.mark.parametrize(
    "text",
    [
        "Should we go with the smaller hosting plan?",
        "We haven't decided on the hosting plan yet.",
        "Maybe we'll go with the smaller plan.",
        "Let's go on to the next slide about hosting.",
        "I agree with the hosting plan of yesterday.",
        "We'll have to look at the hosting plan.",
        "We have found that we want the smaller plan.",
        "I think we should use something like this.",
        "She said that we decided on the smaller plan.",
        "They wrote and said no, we decided against the smaller plan.",
        "We have been quite clear that we are going to keep the plan.",
        "Let's keep the rubber as an option.",
        "We'll start with the hosting plan.",
        "We'll take that away, about the hosting plan.",
        "We never agreed to pay for the hosting.",
        "We almost agreed to buy the printer.",
        "I wish we had chosen the smaller plan.",
        "Last year we decided to skip the picnic.",
        "I know what it is.",
        "So we use our own eyes.",
        "Okay so we run into this problem every week.",
        "We'll keep going with the slides.",
        "No worries, the budget and the case.",
        "Okay, see you at the picnic then.",
        "Let's keep it friendly with the supplier.",
        "Go ahead with a short question.",
        "Before we decided on the smaller plan, the big one was leased.",
        "We agreed to buy the printer, but that is off now.",
        "Okay, we pay them forty euros a month.",
        "Right, any other business then.",
        "Okay, questions about the budget then.",
        "If it rains then we use the tent.",
        "They stay at the office till late.",
        "Let me go ahead with the slides.",
        "All of us were carried.",
        "Yeah, because it is.",
        "Okay, here it is.",
        "Right, we use the tent every summer.",
        "We're so glad you chose our company.",
        "We hear they decided on a tent.",
        "It was decided in the design review on Monday.",
        "That was decided over our heads.",
        "Last week we agreed that the case stays red.",
        "We agreed in September to paint the case.",
        "Then we'll talk about the case.",
        "Then it depends on the case.",
        "Nobody knows about the case until it breaks.",
        "Of course it is.",
        "The sixteenth, then?",
        "Any objections to the case?",
        "Did the vendor of the case raise any objections?",
        "Is that acceptable for a case of our size?",
        "Nobody leaves the office until eight these days.",
        "No one reads the manual unless the case breaks.",
        "Our position is weaker than in spring.",
        "Let's say tomorrow the case breaks and the phone is lost.",
        "Then we'll lose the case.",
        "So then they cancelled the case.",
    ],
)
def test_what_is_open_is_no_decision(text: str) -> None:
    """Questions, hedges and steering of the meeting are not decisions."""
    assert decisions_in([sentence(text)], POLICY) == []


@pytest.mark.parametrize(
    ("proposed", "reply", "decides"),
    [
        ("Shall we go with the rubber case?", "Yeah, good idea.", True),
        ("I suggest we use the rubber case.", "Okay.", True),
        ("Shall we go with the rubber case?", "No, it is too dear.", False),
        ("Shall we go with the rubber case?", "Yeah, but it is too dear.", False),
        ("Shall we use the rubber case or the wooden one?", "Okay.", False),
        ("What about the rubber case?", "Yeah, let's do that.", True),
        ("What about the rubber case?", "Yeah.", False),
        ("Shall I order the rubber case?", "Yeah, let's do it.", True),
        ("The rubber case is in the shop.", "Yeah, let's do it.", False),
        ("Can everybody hear me?", "Okay, let's do it.", False),
        ("Can we start with the meeting?", "Okay, let's do it.", False),
        ("Could we paint the rubber case?", "Okay, let's do it.", True),
        ("What about the rubber case?", "I don't think that's a good idea.", False),
        ("What about the rubber case?", "Not perfect, is it.", False),
        ("What about the rubber case?", "We never agreed on that.", False),
        ("Let's run with the rubber case.", "Same here.", True),
        ("I propose we take the rubber case.", "Seconded.", True),
        ("All in favour of the rubber case?", "Aye.", True),
        ("How about we drop the rubber case?", "Works for me.", True),
        ("Let's not paint the rubber case.", "Agreed.", True),
        ("So the plan is rubber first, wood later.", "Makes sense.", True),
        ("We make Amara an offer.", "Yes.", True),
        ("We make Amara an offer.", "Hm.", False),
        ("We make the cases in Taiwan.", "Right.", False),
        ("What about the rubber case?", "Why not, sounds good.", True),
    ],
)
def test_a_proposal_is_decided_when_another_agrees(
    proposed: str, reply: str, decides: bool
) -> None:
    """At once."""
    found = decisions_in([sentence(proposed), sentence(reply, "Bo")], POLICY)
    assert bool(found) is decides


@pytest.mark.parametrize(
    ("lines", "decides"),
    [
        ("The brewery is nicer.|Great, so the brewery.", True),
        ("The brewery is nicer.|Right, so the brewery is nicer.", False),
        ("The brewery is nicer.|Okay, so the invitations.", False),
        ("The brewery is nicer.|Good, so the brewery?", False),
        ("The brewery is Mo's.|Okay, the brewery is Mo's then.", True),
        ("The brewery is Mo's.|Is the brewery big then.", False),
        ("Daniel is at the brewery.|Okay, so Daniel.", False),
        ("Lebanese, but no booth.|Then Lebanese, and no photo booth.", True),
    ],
)
def test_a_few_words_close_what_others_spoke_of(lines: str, decides: bool) -> None:
    """What nobody spoke of is the next matter."""
    voices = ["Bo", "Anna"]
    told = [sentence(text, voices[at]) for at, text in enumerate(lines.split("|"))]
    assert [at for at, _ in decisions_in(told, POLICY)] == ([1] if decides else [])


@pytest.mark.parametrize(
    ("lines", "decides"),
    [
        ("Two people go to the fair without a booth.|Everyone okay with that?|Yes.", True),
        ("Two people go to the fair without a booth.|Any objections?|No.", True),
        ("Two people go to the fair without a booth.|Is that acceptable?|It is.", True),
        ("Two people go to the fair without a booth.|Everyone happy?|I disagree.", False),
        ("Two people go to the fair without a booth.|Are we agreed?|Yes.", True),
        ("Two people go to the fair without a booth.|Ann, are you okay with that?|Yes.", True),
        ("So two people for the fair, everyone alright with that?|Fine.|Good.", True),
        ("I'm recording the meeting about the fair.|Everyone okay with that?|Yes.", False),
        ("The booth at the fair burned down last night.|Everyone okay with that?|Yes.", False),
        ("The booth at the fair is wet this year.|Is everyone all right?|Yes.", False),
        ("Two people go to the fair without a booth.|Any objections?|Yes, it is too far.", False),
        ("All in favour of the booth at the fair?|That's four.|Carried.", True),
        ("All in favour of the booth at the fair?|That's one.|Hm.", False),
    ],
)
def test_what_is_put_to_all_is_decided_unless_somebody_objects(lines: str, decides: bool) -> None:
    """Or carried by a vote."""
    one, two, three = lines.split("|")
    asked = "?" in one
    told = [sentence(one), sentence(two, "Bo" if asked else "Anna"), sentence(three, "Bo")]
    assert [at for at, _ in decisions_in(told, POLICY)] == ([0] if decides else [])


@pytest.mark.parametrize(
    ("lines", "decides"),
    [
        ("Ann: Red is out.|Bo: Okay.|Bo: We use the blue case.", True),
        ("Ann: Do you have cases?|Bo: Yes.|Bo: We use the blue case.", False),
        ("Ann: Red is out.|Bo: Do it like this.|Bo: We use the blue case.", False),
    ],
)
def test_an_okay_of_its_own_begins_the_next_sentence(lines: str, decides: bool) -> None:
    """Where it answers no question."""
    told = [sentence(*line.split(": ")[::-1]) for line in lines.split("|")]
    assert [at for at, _ in decisions_in(told, POLICY)] == ([2] if decides else [])


def test_no_vote_makes_up_for_a_refusal() -> None:
    """Where none was called."""
    said = ["Shall we choose the blue case?", "No, blue is cold.", "That's everybody."]
    assert (
        decisions_in(
            [sentence(text, voice) for text, voice in zip(said, "ABC", strict=True)], POLICY
        )
        == []
    )


def test_a_recap_goes_on_behind_its_beginning() -> None:
    """As long as its speaker does not ask, doubt or talk of something else."""
    texts = [
        "So we've basically worked out that we're going with a simple battery.",
        "We're having push-buttons on the outside.",
        "And it's gonna be in bright vegetable colours.",
        "Do we have lunch now?",
        "We have sandwiches with cheese.",
    ]
    found = decisions_in([sentence(text) for text in texts], POLICY)
    assert [at for at, _ in found] == [0, 1, 2]


@pytest.mark.parametrize(
    ("talk", "decides"),
    [
        ("The first field trial of the sensor failed in the winter.", False),
        ("To sum up, we have a sensor for the winter.", True),
        ("Today we spoke of the sensor for the winter.", True),
    ],
)
def test_a_long_speech_tells_what_was_decided_once(talk: str, decides: bool) -> None:
    """Unless it sums a meeting up, or somebody else has a word in it."""
    speech = [talk, *["The sensor was wet and it froze in the first winter of all."] * 20]
    decision = "We decided on a sealed case for the sensor."
    told = [sentence(text) for text in (*speech, decision)]
    found = [at for at, _ in decisions_in([*told, sentence("Thanks.", "Ben")], POLICY)]
    assert (len(speech) in found) is decides
    spoken = [*told[:-1], sentence("Mm.", "Ben"), told[-1]]
    assert len(speech) + 1 in [at for at, _ in decisions_in(spoken, POLICY)]
