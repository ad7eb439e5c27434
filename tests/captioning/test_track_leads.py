"""A final is decoded together with the segment shortly before it; its words are its own."""

from itertools import pairwise

from tests.captioning.scene import MS, TALK, Scene
from wordloop_ml.captioning.decodes import DecodeRequest
from wordloop_ml.captioning.policy import CaptioningPolicy
from wordloop_ml.messages import JobClass


def leads(scene: Scene) -> list[bool]:
    """Of each final's first decode, whether it heard audio from before its segment."""
    finals = scene.requests_of(JobClass.FINAL)
    return [
        any(
            request.utterance.start < final.start for request in finals if _ends(request, final.end)
        )
        for final in scene.finals
    ]


def _ends(request: DecodeRequest, end: int) -> bool:
    return request.utterance.end == end


def test_a_final_hears_the_segment_before_it_and_says_its_own_words_once() -> None:
    """What was said before makes what is said now likelier to be heard as it was meant."""
    scene = Scene().hush(1_000, TALK)
    for _ in range(4):
        scene.say(1_600, TALK).hush(900, TALK)
    assert leads(scene) == [False, True, True, True]
    words = [word for final in scene.finals for word in final.words]
    assert len({word.text for word in words}) == len(words)
    assert all(one.end <= other.start for one, other in pairwise(words))


def test_after_a_long_pause_there_is_no_lead() -> None:
    """It belongs to something else."""
    gap = CaptioningPolicy().lead_gap_samples // MS
    scene = Scene().hush(1_000, TALK).say(1_600, TALK).hush(gap + 700, TALK)
    scene.say(1_600, TALK).hush(900, TALK)
    assert leads(scene) == [False, False]


def test_two_segments_that_are_long_together_are_decoded_alone() -> None:
    """A decode costs what it hears."""
    half = CaptioningPolicy().lead_samples // MS // 2 // 20 * 20
    scene = Scene().hush(1_000, TALK).say(half, TALK).hush(900, TALK)
    scene.say(half, TALK).hush(900, TALK)
    assert leads(scene) == [False, False]


def test_a_cut_has_no_lead_nor_has_what_follows_it() -> None:
    """Its audio is long enough."""
    longest = CaptioningPolicy().longest_segment_samples // MS
    scene = Scene().hush(1_000, TALK).say(1_000, TALK).hush(900, TALK)
    scene.say(longest + 3_000, TALK).hush(900, TALK)
    assert leads(scene) == [False, False, False]


def test_after_a_gap_there_is_no_lead() -> None:
    """Nobody knows what was said in between."""
    scene = Scene().hush(1_000, TALK).say(1_600, TALK).hush(700, TALK)
    scene.out += scene.track.gap(100 * MS)
    scene.say(1_600, TALK).hush(900, TALK)
    assert leads(scene) == [False, False]


def test_a_lead_keeps_no_more_audio_than_the_policy_says() -> None:
    """Speech before a pause that is too long to be a lead is given up at once."""
    policy = CaptioningPolicy()
    scene = Scene().hush(1_000, TALK).say(policy.lead_samples // MS, TALK).hush(900, TALK)
    assert scene.track.room >= policy.buffer_samples - policy.quiet_lag_samples - 2 * 512
