"""``scripts/drill NAME``: one drill; each says what it did and exits with 1 when it failed."""

import sys
from collections.abc import Callable, Sequence

from scripts.drills.hostile import command as hostile

Drill = Callable[[Sequence[str]], int]

DRILLS: dict[str, tuple[str, Drill]] = {
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
