"""One set of sounds for both synthesisers: the names of the CMU dictionary (ARPAbet).

espeak-ng and flite tell which sound they make when, each by its own names. What the encoder learns
beside the decoder's task is the same for both.
"""

from __future__ import annotations

from typing import Final

_ALIKE: Final = "n t s d k l m z w p f b v g r y ng th dh sh zh ch jh hh"
_VOWELS: Final = "iy ih ey eh ae aa ao ow uh uw ah ax er ay aw oy"
SOUNDS: Final = ("", *_ALIKE.split(), *_VOWELS.split())
_NUMBERS: Final = {name: number for number, name in enumerate(SOUNDS)}

# espeak-ng's phonemes for English and its accents (phsource/ph_english*), where names differ.
_ESPEAK: Final = {
    "D": "dh", "T": "th", "S": "sh", "Z": "zh", "N": "ng", "j": "y", "h": "hh", "tS": "ch", "dZ": "jh",
    "r-": "r", "?": "t", "t#": "t", "t2": "t", "n-": "n", "w#": "w", "@L": "l",
    "i": "iy", "i:": "iy", "i@": "iy", "i@3": "iy", "I": "ih", "I2": "ih", "I#": "ih", "eI": "ey",
    "E": "eh", "e@": "eh", "a": "ae", "aa": "ae", "A:": "aa", "A@": "aa", "0": "aa", "O2": "ao",
    "O": "ao", "O:": "ao", "O@": "ao", "o@": "ao", "oU": "ow", "U": "uh", "U@": "uh", "u:": "uw",
    "V": "ah", "@": "ax", "@2": "ax", "@-": "ax", "a#": "ax", "3": "er", "3:": "er", "VR": "er", "IR": "er",
    "aI": "ay", "aI2": "ay", "aI3": "ay", "aI@": "ay", "aU": "aw", "OI": "oy",
}  # fmt: skip


def of_espeak(name: str) -> int | None:
    """The class of a phoneme of espeak-ng; 0 for a pause, None for a mere sign (palatalisation)."""
    if not name or name.startswith("_"):
        return 0
    return _NUMBERS.get(_ESPEAK.get(name, name))


def of_flite(name: str) -> int:
    """The class of a phone of flite; 0 for a pause."""
    return _NUMBERS.get(name, 0)
