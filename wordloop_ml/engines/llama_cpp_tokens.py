"""Converts prompts to tokens and chooses the tokens of an answer, for llama.cpp.

What people said never becomes anything but text. The chat template is rendered once, around two
marks; what stands between the marks may hold the model's special tokens, what replaces them may
not: ``<|im_end|>`` in a transcript is tokenised as the eleven characters that it is.

A grammar that restricts the next token looks at every token of the vocabulary, which for a large
one takes longer than the network. So it is asked about the likeliest alone, then about a few, then
about all.
"""

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from wordloop_ml.engines.llama_cpp_library import LlamaLibrary
from wordloop_ml.errors import EngineFailed, ErrorCode, StartupFailed
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

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's ``llama_token_data``."""


class TokenSampler:
    """Chooses the tokens of one answer.

    grammar: a sampler of the library, its own, freed with it; None for free text.
    """

    def __init__(
        self, library: LlamaLibrary, grammar: Any | None, *, temperature: float, seed: int
    ) -> None:
        self._functions = library.functions
        self._grammar = grammar
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def choose(self, logits: Logits) -> int:
        """Choose the next token and advance the grammar by it.

        logits: shape (vocabulary,). Raises ``EngineFailed`` when they are no numbers, or when no
        token is allowed.
        """
        likeliest = int(logits.argmax())
        if not np.isfinite(logits[likeliest]):
            raise EngineFailed("the generator gave no numbers")
        for ids in self._candidates(logits, likeliest):
            allowed, values = self._allowed(ids, logits)
            if len(allowed):
                token = self._take(allowed, values)
                self._accept(token)
                return token
        raise EngineFailed("no token that the grammar allows is left")

    def close(self) -> None:
        """Free the grammar; harmless when called twice."""
        grammar, self._grammar = self._grammar, None
        if grammar is not None:
            self._functions.llama_sampler_free(grammar)

    def _candidates(self, logits: Logits, likeliest: int) -> Any:
        """Yield ever larger sets of candidates for the grammar, the likeliest first."""
        if self._temperature <= 0.0:
            yield np.array([likeliest])
        some = min(SAMPLED_FROM, len(logits))
        yield np.argpartition(logits, -some)[-some:]
        if self._grammar is not None:
            yield np.arange(len(logits))

    def _allowed(self, ids: npt.NDArray[np.intp], logits: Logits) -> tuple[Any, Any]:
        """Return those of the tokens that the grammar allows, and their logits."""
        values = logits[ids]
        if self._grammar is not None:
            data = np.zeros(len(ids), _CANDIDATE)
            data["id"] = ids
            data["logit"] = values
            array = self._functions.llama_token_data_array(
                data=data.ctypes.data_as(self._functions.llama_token_data_p),
                size=len(ids),
                selected=-1,
                sorted=False,
            )
            self._functions.llama_sampler_apply(self._grammar, ctypes.byref(array))
            values = data["logit"].copy()
        kept = np.isfinite(values)
        return ids[kept], values[kept]

    def _take(self, ids: Any, values: Any) -> int:
        if self._temperature <= 0.0:
            return int(ids[values.argmax()])
        best = np.argsort(values)[::-1][:SAMPLED_FROM]
        weights = np.exp((values[best] - values[best[0]]) / self._temperature, dtype=np.float64)
        return int(ids[best[self._random.choice(len(best), p=weights / weights.sum())]])

    def _accept(self, token: int) -> None:
        # the end of an answer is the grammar's end too: nothing follows that it could judge
        if self._grammar is not None:
            self._functions.llama_sampler_accept(self._grammar, token)
