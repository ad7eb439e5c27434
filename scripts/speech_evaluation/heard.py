"""What became of a clip on one way through the project, or outside it; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heard:
    """The texts of one clip.

    finals: in order. interims: everything else that was displayed, by segment, in order.
    language: that was heard, None where nothing was. refused: segments, by reason.
    """

    finals: tuple[str, ...]
    interims: tuple[tuple[str, ...], ...] = ()
    language: str | None = None
    refused: Mapping[str, int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All finals."""
        return " ".join(self.finals)
