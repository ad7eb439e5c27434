"""GPT-2 tokens, and the compact numbering of those that wordloop-nano uses.

The file that whisper.cpp reads has all 51,864 rows of the English-only models; the decoder is
trained on the few thousand that occur. `openai-whisper` carries the token table.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from scripts.nano.grammar import vocabulary
from scripts.nano.lexicon import LEXICON

VOCABULARY: Final = 51_864
END_OF_TEXT: Final = 50_256
START: Final = 50_257
NO_SPEECH: Final = 50_361
NO_TIMESTAMPS: Final = 50_362
FIRST_TIME: Final = 50_363
NEWLINE: Final = 198
# Times that are trained: 20 ms steps up to 16 s, a second beyond the longest segment.
TIMES: Final = 801
# GPT-2's rule for splitting text before merging (Radford et al., 2019).
_SPLIT: Final = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


@cache
def _encoding() -> Any:
    import tiktoken  # noqa: PLC0415 - tests of what stands beside it do without

    # openai-whisper is only asked where it lies: importing it would need numba, for other things.
    spec = find_spec("whisper")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "openai-whisper carries the token table: install the training extra"
        )
    table = Path(spec.submodule_search_locations[0]) / "assets" / "gpt2.tiktoken"
    pairs = (line.split() for line in table.read_bytes().splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    return tiktoken.Encoding("gpt2", pat_str=_SPLIT, mergeable_ranks=ranks, special_tokens={})


@cache
def encode(word: str) -> tuple[int, ...]:
    """The tokens of one written word, with the space before it and the marks after it."""
    return tuple(_encoding().encode(" " + word))


def is_mark(token: int) -> bool:
    """Whether `token` is a punctuation mark."""
    return _encoding().decode([token]) in {",", ".", "?", "!"}


def token_bytes() -> list[bytes]:
    """The bytes of the 50,256 text tokens, in order, as the GGML file lists them."""
    return [_encoding().decode_single_token_bytes(index) for index in range(END_OF_TEXT)]


@dataclass(frozen=True, slots=True)
class Compact:
    """The used tokens: text and special ones first, then the times."""

    used: tuple[int, ...]

    @property
    def text_size(self) -> int:
        return len(self.used)

    @property
    def size(self) -> int:
        return len(self.used) + TIMES

    def index(self) -> dict[int, int]:
        """From a GPT-2 number to the compact one."""
        numbers = {token: place for place, token in enumerate(self.used)}
        return numbers | {FIRST_TIME + step: len(self.used) + step for step in range(TIMES)}

    def texts(self) -> list[str]:
        """What each text or special token reads; nothing for the special ones."""
        return [_encoding().decode([t]) if t < END_OF_TEXT else "" for t in self.used]

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self.used))

    @classmethod
    def load(cls, path: Path) -> Compact:
        return cls(tuple(json.loads(path.read_text())))

    @classmethod
    def of_grammar(cls) -> Compact:
        """All tokens that the grammar's words can need, inside and at the start of a sentence."""
        used = {END_OF_TEXT, START, NO_SPEECH, NO_TIMESTAMPS, NEWLINE}
        written = {word for words in LEXICON.values() for word in words.split()} | vocabulary()
        for word in written | {"I"}:
            for form in (word, word.capitalize(), word[0].upper() + word[1:]):
                for ending in ("", ".", ",", "?", "!", "'s"):
                    used.update(encode(form + ending))
        return cls(tuple(sorted(used)))
