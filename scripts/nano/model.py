"""The Whisper architecture, small, with what training needs beside it.

Parameter names follow the published model, so that `ggml_file` can write them as they are. The
decoder has three layers because whisper.cpp takes two of them for a distilled model and then
refuses timestamps. GELU is the tanh form, which ggml evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import Tensor, nn

from scripts.nano.spelling import Spelled
from scripts.nano.tokens import TIMES, Compact


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Sizes of the model; `width` includes one dimension that the last norm holds at 1."""

    width: int = 128
    encoder_heads: int = 2
    decoder_heads: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 3
    audio_ctx: int = 1500
    text_ctx: int = 448
    mels: int = 80


def sinusoids(length: int, channels: int) -> Tensor:
    """Position code of Vaswani et al. (2017) as Whisper lays it out: sines, then cosines."""
    step = math.log(10_000) / (channels // 2 - 1)
    scaled = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(channels // 2))[None]
    return torch.cat([torch.sin(scaled), torch.cos(scaled)], dim=1)


class Attention(nn.Module):  # type: ignore[misc, unused-ignore]
    """Multi-head attention; returns its weights only when asked."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, source: Tensor, causal: bool = False, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        def split(y: Tensor) -> Tensor:
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(source)), split(self.value(source))
        seen: Tensor | None = None
        if weights:
            scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
            seen = scores.softmax(-1)
            y = seen @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out(y.transpose(1, 2).flatten(2)), seen


class Block(nn.Module):  # type: ignore[misc, unused-ignore]
    """One layer of encoder or decoder."""

    def __init__(self, width: int, heads: int, cross: bool) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.cross_attn = Attention(width, heads) if cross else None
        self.cross_attn_ln = nn.LayerNorm(width) if cross else None
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
        )
        self.mlp_ln = nn.LayerNorm(width)

    def forward(
        self, x: Tensor, audio: Tensor | None = None, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        y = self.attn_ln(x)
        x = x + self.attn(y, y, causal=audio is not None)[0]
        seen: Tensor | None = None
        if self.cross_attn is not None and self.cross_attn_ln is not None and audio is not None:
            y, seen = self.cross_attn(self.cross_attn_ln(x), audio, weights=weights)
            x = x + y
        return x + self.mlp(self.mlp_ln(x)), seen


def _look_around(attention: Attention, width: int, reach: int) -> None:
    """Start the heads of `attention` at positions `reach` before and after each one's own.

    Query and key both read the fast half of the position code, the query turned by `reach` steps,
    so that their product peaks there. Learning this from nothing takes a good part of a short
    training.
    """
    half, size = width // 2, width // attention.heads
    frequency = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half))
    query, key = torch.randn(width, width) * 0.02, torch.randn(width, width) * 0.02
    for head in range(attention.heads):
        turn = frequency * (reach if head % 2 else -reach)
        for pair in range(size // 2):
            sine, cosine = head * size + 2 * pair, head * size + 2 * pair + 1
            key[sine, pair] += 1
            key[cosine, half + pair] += 1
            query[sine, pair] += turn[pair].cos()
            query[sine, half + pair] += turn[pair].sin()
            query[cosine, half + pair] += turn[pair].cos()
            query[cosine, pair] -= turn[pair].sin()
    with torch.no_grad():
        attention.query.weight.copy_(query)
        attention.query.bias.zero_()
        attention.key.weight.copy_(key)


class Encoder(nn.Module):  # type: ignore[misc, unused-ignore]
    """Log-mel frames, two to a position, to features at 50 Hz."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(dims.mels, dims.width, 3, padding=1)
        self.conv2 = nn.Conv1d(dims.width, dims.width, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", sinusoids(dims.audio_ctx, dims.width))
        self.blocks = nn.ModuleList(
            Block(dims.width, dims.encoder_heads, cross=False) for _ in range(dims.encoder_layers)
        )
        self.ln_post = nn.LayerNorm(dims.width)
        with torch.no_grad():
            # Sound must be heard beside the position code, whose values are around 1.
            self.conv1.weight.mul_(4.0)
            self.conv2.weight.mul_(4.0)
        for block, reach in zip(self.blocks, (2, 4, 8, 16), strict=False):
            _look_around(block.attn, dims.width, reach)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Features of `mel` (batch, 80, frames), and those in the middle of the stack."""
        x = F.gelu(self.conv1(mel), approximate="tanh")
        x = F.gelu(self.conv2(x), approximate="tanh").transpose(1, 2)
        positions = self.get_buffer("positional_embedding")
        x = x + positions[: x.shape[1]]
        middle = x
        for index, block in enumerate(self.blocks):
            x, _ = block(x)
            if index == len(self.blocks) // 2 - 1:
                middle = x
        return self.ln_post(x), F.layer_norm(middle, middle.shape[-1:])


class Decoder(nn.Module):  # type: ignore[misc, unused-ignore]
    """Compact tokens to logits over compact tokens."""

    def __init__(self, dims: Dimensions, compact: Compact) -> None:
        super().__init__()
        self.spelled = Spelled(compact.texts(), dims.width)
        self.token_embedding = nn.Parameter(torch.randn(compact.text_size, dims.width) * 0.05)
        # Times lie on the encoder's own position code, so that "where I look" becomes "when".
        self.time_map = nn.Parameter(torch.eye(dims.width) * 0.1)
        self.register_buffer("time_code", sinusoids(TIMES, dims.width))
        self.positional_embedding = nn.Parameter(torch.randn(dims.text_ctx, dims.width) * 0.01)
        self.blocks = nn.ModuleList(
            Block(dims.width, dims.decoder_heads, cross=True) for _ in range(dims.decoder_layers)
        )
        self.ln = nn.LayerNorm(dims.width)
        free = torch.ones(dims.width)
        free[-1] = 0.0
        self.register_buffer("free", free)

    def embedding(self) -> Tensor:
        """All rows, text and special tokens first, then times; the last dimension is kept at 0."""
        times = self.get_buffer("time_code") @ self.time_map
        return torch.cat([self.token_embedding + self.spelled(), times]) * self.get_buffer("free")

    def norm(self) -> tuple[Tensor, Tensor]:
        """Gain and bias of the last norm: 0 and 1 in the dimension that stays constant."""
        free = self.get_buffer("free")
        return self.ln.weight * free, self.ln.bias * free + (1.0 - free)

    def forward(self, tokens: Tensor, audio: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits (batch, n, size) and cross-attention weights of all layers but the first."""
        table = self.embedding()
        x = F.embedding(tokens, table) + self.positional_embedding[: tokens.shape[1]]
        seen: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x, weights = block(x, audio, weights=index > 0)
            if weights is not None:
                seen.append(weights)
        gain, bias = self.norm()
        x = F.layer_norm(x, x.shape[-1:], gain, bias)
        return x @ table.T, seen


class Nano(nn.Module):  # type: ignore[misc, unused-ignore]
    """wordloop-nano, with its two training-only heads: words at 25 Hz and sounds at 50 Hz."""

    def __init__(
        self, dims: Dimensions, compact: Compact, words: Sequence[str], sound_classes: int
    ) -> None:
        super().__init__()
        self.dims = dims
        self.encoder = Encoder(dims)
        self.decoder = Decoder(dims, compact)
        self.word_head = nn.Linear(dims.width, len(words))
        self.word_spelled = Spelled(words, dims.width)
        self.sound_head = nn.Linear(dims.width, sound_classes)

    def word_scores(self, features: Tensor) -> Tensor:
        """Logits over the words that `features` may belong to, the first class being none."""
        return F.linear(features, self.word_head.weight + self.word_spelled(), self.word_head.bias)
