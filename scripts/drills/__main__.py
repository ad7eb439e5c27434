"""``scripts/drill NAME``: one drill; each says what it did and exits with 1 when it failed."""

import sys
from collections.abc import Callable, Sequence

from scripts.drills.fleet import cut, kill, network, poison, rolling, soak
from scripts.drills.hostile import command as hostile
from scripts.drills.overload import command as overload

Drill = Callable[[Sequence[str]], int]

DRILLS: dict[str, tuple[str, Drill]] = {
    "kill": ("SIGKILL one of three processes, again and again, under live meetings", kill.main),
    "rolling": ("restart all of three processes under live meetings", rolling.main),
    "cut": ("no network for 10, 60 and 150 s", cut.main),
    "network": ("delays, stalls, resets, half closes and truncations", network.main),
    "freeze": ("a process that stands still, and wakes up later", network.main_freeze),
    "poison": ("a word that ends the process which decodes it", poison.main),
    "soak": ("minutes of meetings that come and go; memory must stay", soak.main),
    "overload": (
        "three times the meetings that fit, and a reader that does not read",
        overload.main,
    ),
    "hostile": ("malformed and hostile requests, frames, messages and audio", hostile.main),
}


def main(arguments: Sequence[str]) -> int:
    """Run the drill that the first argument names."""
    if not arguments or arguments[0] not in DRILLS:
        for name, (summary, _) in DRILLS.items():
            print(f"scripts/drill {name:<12} {summary}", file=sys.stderr)
        return 2
    _, drill = DRILLS[arguments[0]]
    return drill(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
