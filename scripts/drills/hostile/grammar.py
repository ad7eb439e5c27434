"""The grammar: every rule, and the attack that a seed and a number make by one of them."""

from dataclasses import replace
from random import Random

from scripts.drills.hostile import frame_attacks, http_attacks, message_attacks, text_attacks
from scripts.drills.hostile.attack import Attack

RULES = (
    *http_attacks.RULES,
    *frame_attacks.RULES,
    *message_attacks.RULES,
    *text_attacks.RULES,
)


def attack_of(seed: int, number: int) -> Attack:
    """The same for the same seed and number, whatever ran before; the rules take turns."""
    rule = RULES[number % len(RULES)]
    attack = rule(Random(f"{seed}/{number}"))
    return replace(attack, kind=rule.__name__)
