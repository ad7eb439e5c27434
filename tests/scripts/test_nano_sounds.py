"""Two synthesisers' names for sounds, as one."""

import pytest

from scripts.nano.sounds import SOUNDS, of_espeak, of_flite


@pytest.mark.parametrize(
    ("espeak", "flite"), [("tS", "ch"), ("i:", "iy"), ("@", "ax"), ("oU", "ow"), ("n", "n")]
)
def test_a_sound_is_the_same_class_whoever_makes_it(espeak: str, flite: str) -> None:
    """The encoder learns one set of sounds."""
    assert of_espeak(espeak) == of_flite(flite) == SOUNDS.index(flite)


def test_pauses_are_no_sound() -> None:
    """Silence is class 0, as where nobody speaks."""
    assert of_espeak("_:") == of_espeak("") == of_flite("pau") == 0


def test_a_sign_that_is_no_sound_is_left_out() -> None:
    """espeak-ng's palatalisation mark takes no time of its own."""
    assert of_espeak(";") is None
