"""From a training checkpoint to the file that whisper.cpp loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from scripts import ggml_file
from scripts.nano.mel import FloatArray, filters
from scripts.nano.model import Decoder, Dimensions
from scripts.nano.tokens import FIRST_TIME, TIMES, VOCABULARY, Compact, token_bytes

# What a token that was never trained gets as its logit, through the dimension that is always 1.
_NEVER = -40.0


def _token_rows(decoder: Decoder, compact: Compact) -> FloatArray:
    """All 51,864 rows: the trained ones in their places, every other one out of the race."""
    rows = np.zeros((VOCABULARY, decoder.token_embedding.shape[1]), np.float32)
    rows[:, -1] = _NEVER
    trained = decoder.embedding().detach().numpy()
    rows[list(compact.used)] = trained[: compact.text_size]
    rows[FIRST_TIME : FIRST_TIME + TIMES] = trained[compact.text_size :]
    return rows


def export(checkpoint: Path, tokens: Path, target: Path) -> None:
    """Write the averaged weights of `checkpoint` as a q8_0 GGML file."""
    kept = torch.load(checkpoint, weights_only=True)
    dims, compact = Dimensions(**kept["dimensions"]), Compact.load(tokens)
    state: dict[str, torch.Tensor] = kept["average"]
    decoder = Decoder(dims, compact)
    inner = {k.removeprefix("decoder."): v for k, v in state.items() if k.startswith("decoder.")}
    decoder.load_state_dict(inner)
    gain, bias = decoder.norm()
    replaced = {
        "decoder.token_embedding.weight": torch.from_numpy(_token_rows(decoder, compact)),
        "decoder.ln.weight": gain,
        "decoder.ln.bias": bias,
    }
    left_out = (
        "decoder.token_embedding",
        "decoder.time_",
        "decoder.free",
        "decoder.spelled.",
        "decoder.ln.",
    )
    tensors: dict[str, FloatArray] = {}
    for name, value in {**state, **replaced}.items():
        if name.startswith(("encoder.", "decoder.")) and (
            name in replaced or not name.startswith(left_out)
        ):
            values = value.detach().float().numpy()
            # whisper.cpp adds this bias to columns: it is stored as a matrix of one column.
            column = name in ("encoder.conv1.bias", "encoder.conv2.bias")
            tensors[name] = values[:, None] if column else values
    header = ggml_file.Header(
        vocabulary=VOCABULARY,
        audio_ctx=dims.audio_ctx,
        audio_width=dims.width,
        audio_heads=dims.encoder_heads,
        audio_layers=dims.encoder_layers,
        text_ctx=dims.text_ctx,
        text_width=dims.width,
        text_heads=dims.decoder_heads,
        text_layers=dims.decoder_layers,
        mels=dims.mels,
    )
    draft = target.with_suffix(".part")
    ggml_file.write(draft, header, filters(), token_bytes(), tensors.items())
    draft.rename(target)
