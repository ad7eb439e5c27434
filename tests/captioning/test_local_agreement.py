"""A word is stable when two consecutive hypotheses agree on it, and then it stays."""

from hypothesis import given, settings
from hypothesis import strategies as st

from wordloop_ml.captioning.local_agreement import LocalAgreement, normalised
from wordloop_ml.messages import Word


def words(text: str, start: int = 0) -> tuple[Word, ...]:
    """Ten samples each, one after the other."""
    return tuple(
        Word(one, start + 10 * at, start + 10 * at + 10, 0.9) for at, one in enumerate(text.split())
    )


def shown(agreement: LocalAgreement) -> str:
    """The caption, its stable words before a bar."""
    stable = [word.text for word in agreement.words if word.stable]
    fresh = [word.text for word in agreement.words if not word.stable]
    return " ".join([*stable, "|", *fresh])


def test_the_first_hypothesis_is_shown_and_nothing_is_stable() -> None:
    """A forecast needs two."""
    agreement = LocalAgreement(agree_samples=100)
    assert agreement.add(words("we should ship"), 1_000)
    assert shown(agreement) == "| we should ship"


def test_words_that_two_hypotheses_share_become_stable() -> None:
    """Only the common prefix: what follows a difference may shift."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("we should ship"), 1_000)
    agreement.add(words("we should shift it"), 1_200)
    assert shown(agreement) == "we should | shift it"


def test_case_and_punctuation_do_not_matter_and_follow_the_newest() -> None:
    """They move with every new word."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("we agree."), 1_000)
    agreement.add(words("We agree, don't"), 1_200)
    assert shown(agreement) == "We agree, | don't"
    agreement.add(words("We agree: dont we"), 1_400)
    assert shown(agreement) == "We agree: dont | we"


def test_a_stable_word_stays_when_a_later_hypothesis_differs() -> None:
    """The newest words follow it, found by alignment, neither doubled nor dropped."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("the budget is tight"), 1_000)
    agreement.add(words("the budget is tight"), 1_200)
    agreement.add(words("the gadget is tight this year"), 1_400)
    assert shown(agreement) == "the budget is tight | this year"
    agreement.add(words("budget is tight this year"), 1_600)
    assert shown(agreement) == "the budget is tight this year |"


def test_a_shorter_hypothesis_takes_no_stable_word_back() -> None:
    """Only words that were not stable yet may go."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("yes we can do that"), 1_000)
    agreement.add(words("yes we can"), 1_200)
    agreement.add(words("yes"), 1_400)
    assert shown(agreement) == "yes we can |"


def test_words_after_a_pinned_prefix_do_not_run_backwards() -> None:
    """Their times are moved behind the last stable word."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("one two", start=500), 1_000)
    agreement.add(words("one two", start=500), 1_200)
    agreement.add(words("won too three"), 1_400)
    times = [(word.start, word.end) for word in agreement.words]
    assert times == [(500, 510), (510, 520), (520, 520)]


def test_hypotheses_over_nearly_the_same_audio_prove_nothing() -> None:
    """They are shown; agreement counts from one comparison to the next."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("hm"), 1_000)
    agreement.add(words("hm"), 1_050)
    assert shown(agreement) == "| hm"
    agreement.add(words("hm yes"), 1_100)
    assert shown(agreement) == "hm | yes"


def test_old_and_empty_hypotheses_say_nothing_new() -> None:
    """Answers may come out of order; a caption never goes back or blank."""
    agreement = LocalAgreement(agree_samples=100)
    agreement.add(words("well then"), 1_000)
    assert not agreement.add(words("well"), 900)
    assert not agreement.add((), 1_100)
    assert shown(agreement) == "| well then"


def test_it_counts_the_stable_words_that_the_final_revises() -> None:
    """Stability is a forecast; how often it fails is a metric."""
    agreement = LocalAgreement(agree_samples=100)
    for until in (1_000, 1_200):
        agreement.add(words("the budget is tight"), until)
    assert agreement.stable_words == 4
    assert agreement.revised_by(words("The budget is tight, this year.")) == 0
    assert agreement.revised_by(words("the gadget is tight")) == 1
    assert agreement.revised_by(()) == 4


def test_a_word_of_signs_alone_is_compared_as_it_is() -> None:
    """Otherwise every dash would agree with every ellipsis."""
    assert normalised("Don't,") == "dont"
    assert normalised("-") == "-"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("abcA.")), st.integers(-50, 150)),
        max_size=12,
    )
)
def test_the_stable_prefix_never_shrinks_and_never_changes_its_letters(
    hypotheses: list[tuple[list[str], int]],
) -> None:
    """And the words of a caption are in order of time, whatever is heard."""
    agreement, stable, until = LocalAgreement(agree_samples=100), list[str](), 1_000
    for texts, more in hypotheses:
        until += more
        agreement.add(words(" ".join(texts)), until)
        now = [normalised(word.text) for word in agreement.words if word.stable]
        assert now[: len(stable)] == stable
        assert len(now) == agreement.stable_words
        stable = now
        times = [time for word in agreement.words for time in (word.start, word.end)]
        assert times == sorted(times)
