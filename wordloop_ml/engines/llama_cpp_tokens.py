"""Converts prompts to tokens and chooses the tokens of an answer, for llama.cpp.

What people said never becomes anything but text. The chat template is rendered once, around two
marks; what stands between the marks may hold the model's special tokens, what replaces them may
not: ``<|im_end|>`` in a transcript is tokenised as the eleven characters that it is.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
from wordloop_ml.languages import scripts_of
from wordloop_ml.messages import Prompt

_SYSTEM_MARK, _USER_MARK = "WORDLOOP1SYSTEM1MARK", "WORDLOOP1USER1MARK"
_PIECE_BYTES = 64
_NOT_TEXT = 1 | 2 | 8
"""llama.cpp's attributes of a token: unknown, unused, control."""


class LlamaVocabulary:
    """The vocabulary of one loaded model; its calls are safe on any thread.

    size: how many tokens it has. unspeakable: those that no answer holds: neither text nor its end.
    Raises ``StartupFailed`` (``engine_incompatible``) for a model without a usable template.
    """

    def __init__(self, library: LlamaLibrary, model: Any) -> None:
        self._functions = library.functions
        self._vocabulary = self._functions.llama_model_get_vocab(model)
        self.size: int = self._functions.llama_vocab_n_tokens(self._vocabulary)
        self.unspeakable = np.array(
            [token for token in range(self.size) if self._is_no_text(token)], np.intp
        )
        self._scripts = [
            scripts_of(self.piece(token).decode("utf-8", "ignore")) for token in range(self.size)
        ]
        self._other_scripts: dict[frozenset[str], npt.NDArray[np.intp]] = {}
        before, between, after = _template_parts(library, model, self._text)
        self._before = self.tokens(before, special=True)
        self._between = self.tokens(between, special=True)
        self._after = self.tokens(after, special=True)
        start = self._functions.llama_vocab_bos(self._vocabulary)
        wants_start = self._functions.llama_vocab_get_add_bos(self._vocabulary)
        if wants_start and self._before[:1] != [start]:
            self._before.insert(0, start)

    @property
    def native(self) -> Any:
        """The library's pointer to the vocabulary."""
        return self._vocabulary

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        """Tokenise a whole prompt, up to where the answer begins."""
        return [
            *self._before,
            *self.tokens(prompt.system),
            *self._between,
            *self.tokens(prompt.user),
            *self._after,
        ]

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        """Tokenise a text.

        special: names of special tokens in it become those tokens; never for anybody's words.
        """
        content = text.encode("utf-8", "replace")
        room = len(content) + 16
        while True:
            buffer = (ctypes.c_int32 * room)()
            count: int = self._functions.llama_tokenize(
                self._vocabulary, content, len(content), buffer, room, False, special
            )
            if count >= 0:
                return list(buffer[:count])
            room = -count  # it takes more tokens than bytes, and this is how many

    def piece(self, token: int) -> bytes:
        """Return the bytes that a token stands for; none for a special one."""
        buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        size = self._functions.llama_token_to_piece(
            self._vocabulary, token, buffer, _PIECE_BYTES, 0, False
        )
        if size < 0:  # longer than the buffer: minus what it needs
            buffer = ctypes.create_string_buffer(-size)
            size = self._functions.llama_token_to_piece(
                self._vocabulary, token, buffer, -size, 0, False
            )
        return buffer.raw[: max(size, 0)]

    def ends(self, token: int) -> bool:
        """Whether this token ends an answer."""
        return bool(self._functions.llama_vocab_is_eog(self._vocabulary, token))

    def tokens_of_other_scripts(self, allowed: frozenset[str]) -> npt.NDArray[np.intp]:
        """Return the ids of tokens with a letter of a writing system that is not allowed.

        Bytes of a character that is divided between tokens are of no system.
        """
        if allowed not in self._other_scripts:
            self._other_scripts = {
                allowed: np.array(
                    [token for token, scripts in enumerate(self._scripts) if scripts - allowed],
                    np.intp,
                )
            }
        return self._other_scripts[allowed]

    def _is_no_text(self, token: int) -> bool:
        attributes: int = self._functions.llama_vocab_get_attr(self._vocabulary, token)
        return bool(attributes & _NOT_TEXT) and not self.ends(token)

    def _text(self, token: int) -> str:
        if token < 0:
            return ""
        text: bytes = self._functions.llama_vocab_get_text(self._vocabulary, token)
        return text.decode("utf-8", "replace")


def _template_parts(library: LlamaLibrary, model: Any, text_of: Any) -> list[str]:
    """Return what the chat template writes before, between and after the two parts of a prompt."""
    functions = library.functions
    template = functions.llama_model_chat_template(model, None)
    if not template:
        raise _unusable("has no chat template")
    vocabulary = functions.llama_model_get_vocab(model)
    try:
        formatter = library.chat_formatter(
            template.decode("utf-8"),
            bos=text_of(functions.llama_vocab_bos(vocabulary)),
            eos=text_of(functions.llama_vocab_eos(vocabulary)),
        )
        messages = [
            {"role": "system", "content": _SYSTEM_MARK},
            {"role": "user", "content": _USER_MARK},
        ]
        rendered: str = formatter(messages=messages).prompt
    except Exception as error:  # a template is a program: it may raise anything
        raise _unusable(f"has a chat template that fails ({type(error).__name__})") from error
    before, *rest = rendered.split(_SYSTEM_MARK)
    if len(rest) != 1 or rest[0].count(_USER_MARK) != 1:
        raise _unusable("has a chat template without a place for instructions and for material")
    return [before, *rest[0].split(_USER_MARK)]


def _unusable(what: str) -> StartupFailed:
    return StartupFailed(f"the generator's model {what}", code=ErrorCode.ENGINE_INCOMPATIBLE)


Logits = npt.NDArray[np.float32]

SAMPLED_FROM = 40
"""With a temperature, one of so many of the likeliest tokens is taken."""


class TokenSampler:
    """Chooses the tokens of one answer.

    banned: ids of tokens that it never takes.
    """

    def __init__(
        self, *, temperature: float, seed: int, banned: npt.NDArray[np.intp] | None = None
    ) -> None:
        self._temperature = temperature
        self._random = np.random.default_rng(seed)
        self._banned = banned

    def choose(self, logits: Logits) -> int:
        """Choose the next token.

        logits: shape (vocabulary,); those of banned tokens are overwritten. Raises ``EngineFailed``
        when they are no numbers.
        """
        if self._banned is not None:
            logits[self._banned] = -np.inf
        likeliest = int(logits.argmax())
        if not np.isfinite(logits[likeliest]):
            raise EngineFailed("the generator gave no numbers")
        if self._temperature <= 0.0:
            return likeliest
        some = min(SAMPLED_FROM, len(logits))
        ids = np.argpartition(logits, -some)[-some:]
        weights = np.exp((logits[ids] - logits[likeliest]) / self._temperature, dtype=np.float64)
        return int(ids[self._random.choice(some, p=weights / weights.sum())])


def ends_in_repetition(tokens: Sequence[int], length: int) -> bool:
    """Whether the last ``length`` tokens stood in a row before, without overlap."""
    last = list(tokens[-length:])
    before = len(tokens) - length
    return any(
        tokens[at] == last[0] and list(tokens[at : at + length]) == last
        for at in range(before - length + 1)
    )
