"""CTranslate2's Whisper to whisper.cpp's: the same weights, and nothing else is ever converted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, quants
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.weights.ctranslate2_writer import (
    AUDIO_CONTEXT,
    LAYERS,
    MULTILINGUAL,
    TEXT_CONTEXT,
    WIDTH,
    Array,
    model_file,
    vocabulary_file,
    whisper_variables,
)
from tests.weights.ggml_reader import read
from wordloop_ml.engines.ggml_file import read_header
from wordloop_ml.weights.conversion import (
    Matrices,
    Unconvertible,
    mel_filters,
    q8_0,
    tokens_of,
    whisper_ggml,
)

VARIABLES = whisper_variables()
VOCABULARY = vocabulary_file()


def converted(
    variables: dict[str, Array], matrices: Matrices = Matrices.Q8_0, vocabulary: bytes = VOCABULARY
) -> bytes:
    """The whole whisper.cpp file of these variables."""
    model = memoryview(model_file(variables))
    return b"".join(whisper_ggml(model, memoryview(vocabulary), matrices))


@pytest.mark.parametrize(("matrices", "file_type"), [(Matrices.F16, 1), (Matrices.Q8_0, 2007)])
@pytest.mark.parametrize("vocabulary", [51_864, MULTILINGUAL])
def test_the_file_is_one_that_whisper_cpp_loads(
    matrices: Matrices, file_type: int, vocabulary: int
) -> None:
    """By the walk that the engine makes before it loads one."""
    content = converted(whisper_variables(vocabulary), matrices)
    header = read_header(memoryview(content))
    assert header.vocabulary == vocabulary
    assert (header.audio_context, header.text_context) == (AUDIO_CONTEXT, TEXT_CONTEXT)
    assert (header.audio_width, header.text_width) == (WIDTH, WIDTH)
    assert (header.audio_heads, header.text_heads) == (4, 2)
    assert (header.audio_layers, header.text_layers) == (LAYERS, LAYERS)
    assert (header.mels, header.file_type) == (80, file_type)


@pytest.mark.parametrize("matrices", Matrices)
def test_every_weight_arrives_in_its_place(matrices: Matrices, tmp_path: Path) -> None:
    """Exactly as float16, within half a step as q8_0."""
    path = tmp_path / "ggml.bin"
    path.write_bytes(converted(VARIABLES, matrices))
    filters, tokens, tensors = read(path)
    np.testing.assert_array_equal(filters, mel_filters())
    assert tokens[:4] == [b" ", b"\0", b"aaaaa", b"aaaab"]
    assert (len(tokens), tokens[-1]) == (50_257, b"")
    for name, source in {
        "decoder.positional_embedding": VARIABLES["decoder/position_encodings/encodings"],
        "encoder.positional_embedding": VARIABLES["encoder/position_encodings/encodings"],
        "decoder.token_embedding.weight": VARIABLES["decoder/embeddings/weight"],
        "encoder.conv2.weight": VARIABLES["encoder/conv2/weight"],
        "encoder.conv2.bias": VARIABLES["encoder/conv2/bias"][:, np.newaxis],
        "encoder.ln_post.weight": VARIABLES["encoder/layer_norm/gamma"],
        "decoder.ln.bias": VARIABLES["decoder/layer_norm/beta"],
        "decoder.blocks.1.mlp_ln.bias": VARIABLES["decoder/layer_1/ffn/layer_norm/beta"],
        "encoder.blocks.0.mlp.2.weight": VARIABLES["encoder/layer_0/ffn/linear_1/weight"],
        "encoder.blocks.1.attn.query.weight": part("encoder/layer_1/self_attention/linear_0", 0),
        "encoder.blocks.1.attn.key.weight": part("encoder/layer_1/self_attention/linear_0", 1),
        "decoder.blocks.0.attn.value.weight": part("decoder/layer_0/self_attention/linear_0", 2),
        "decoder.blocks.0.cross_attn.query.bias": VARIABLES[
            "decoder/layer_0/attention/linear_0/bias"
        ],
        "decoder.blocks.0.cross_attn.value.weight": part("decoder/layer_0/attention/linear_1", 1),
        "decoder.blocks.0.cross_attn.out.weight": VARIABLES[
            "decoder/layer_0/attention/linear_2/weight"
        ],
    }.items():
        expected = source.astype(np.float32)
        coarse = matrices is Matrices.Q8_0 and tensors[name].ndim == 2
        coarse = coarse and not name.endswith(("bias", "positional_embedding"))
        step = np.abs(expected).max() / 127 if coarse else 0.0
        np.testing.assert_allclose(tensors[name], expected, rtol=0, atol=step * 0.51)
    assert "decoder.blocks.0.attn.key.bias" not in tensors


def part(linear: str, index: int) -> Array:
    """One of the matrices that are stacked in a linear layer."""
    return VARIABLES[f"{linear}/weight"][index * WIDTH : (index + 1) * WIDTH]


def without(name: str) -> dict[str, Array]:
    """The variables but one."""
    return {key: values for key, values in VARIABLES.items() if key != name}


def with_value(name: str, change: Callable[[Array], Array]) -> dict[str, Array]:
    """The variables, one of them changed."""
    return VARIABLES | {name: change(VARIABLES[name].copy())}


def undefined(values: Array) -> Array:
    """The values with one that is not a number."""
    values[0, 3] = np.nan
    return values


SELF = "encoder/layer_0/self_attention/linear_0"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (without("decoder/num_heads"), "it has no decoder/num_heads"),
        (without("encoder/conv1/bias"), "it has no encoder/conv1/bias"),
        (without("encoder/layer_0/ffn/linear_0/weight"), "its encoder has no layers"),
        (
            VARIABLES | {"encoder/layer_9/x": np.zeros(1, "<f2")},
            "it has encoder/layer_9/x, which is no part",
        ),
        (with_value("decoder/activation", lambda _: np.array(0, "|i1")), "activation is not 3"),
        (with_value("decoder/num_heads", lambda _: np.array(5, "<i2")), "not divided by its heads"),
        (with_value("decoder/num_heads", lambda _: np.array(0, "<i2")), "not divided by its heads"),
        (with_value("decoder/num_heads", lambda _: np.ones(2, "<i2")), "num_heads is no integer"),
        (
            with_value("decoder/embeddings/weight", lambda old: old[:-1]),
            "its vocabulary has 51863 tokens",
        ),
        (
            with_value("decoder/embeddings/weight", lambda old: old[:, :31]),
            "its width 31 is no multiple of 32",
        ),
        (with_value("decoder/embeddings/weight", lambda old: old[0]), "is of shape (32,)"),
        (
            with_value("encoder/conv1/weight", lambda old: old.astype("<f4")),
            "encoder/conv1/weight is float32 of shape (32, 80, 3), not float16",
        ),
        (
            with_value(f"{SELF}/weight", lambda old: old[:-1]),
            f"{SELF}/weight is float16 of shape (95, 32), not float16 of shape (96, 32)",
        ),
        (
            with_value(f"{SELF}/bias", lambda old: old + np.float16(0.5)),
            f"the key's part of {SELF}/bias is not zero",
        ),
        (with_value(f"{SELF}/weight", undefined), "its weights are infinite or undefined"),
    ],
)
def test_a_model_with_unexpected_parts_is_a_named_error(
    variables: dict[str, Array], message: str
) -> None:
    """Whatever whisper.cpp would compute otherwise, or not at all."""
    with pytest.raises(Unconvertible) as caught:
        converted(variables)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (model_file(VARIABLES, spec="TransformerSpec"), "it is a TransformerSpec of revision 3"),
        (model_file(VARIABLES, revision=2), "it is a WhisperSpec of revision 2"),
        (model_file(VARIABLES, aliases={}), "its output matrix is not"),
    ],
)
def test_a_model_of_another_kind_is_a_named_error(content: bytes, message: str) -> None:
    """Before anything is converted."""
    with pytest.raises(Unconvertible, match=message):
        whisper_ggml(memoryview(content), memoryview(VOCABULARY), Matrices.F16)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        (b"a\nb\n", "its vocabulary has 3 lines, not 50257 or more"),
        (b"\xff" + VOCABULARY, "its vocabulary is not UTF-8 at byte 0"),
        ("\u4e2d".encode() + VOCABULARY, "letters that stand for no byte"),
    ],
)
def test_a_wrong_vocabulary_is_a_named_error(vocabulary: bytes, message: str) -> None:
    """Too short, no text, or spelt otherwise."""
    with pytest.raises(Unconvertible, match=message):
        tokens_of(memoryview(vocabulary))


def test_every_byte_has_a_letter() -> None:
    """As in GPT-2's vocabulary, whose first 256 words are the bytes: printable ones, then others."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [*map(chr, printable), *(chr(0x100 + index) for index in range(len(others)))]
    content = "\n".join([*letters, *["x"] * 50_001]).encode()
    assert tokens_of(memoryview(content))[:256] == [bytes([byte]) for byte in printable + others]


def test_mel_filters_are_triangles_of_equal_area() -> None:
    """On 201 bins of 40 Hz, up to 8 kHz, without a negative zero."""
    filters = mel_filters()
    assert filters.shape == (80, 201)
    assert filters.dtype == np.float32
    assert not np.signbit(filters).any()
    # sampled at whole bins
    np.testing.assert_allclose(filters.sum(axis=1) * 40, 1.0, atol=0.1)
    assert (np.diff(filters.argmax(axis=1)) >= 0).all()


HALVES = st.floats(width=16, allow_nan=False, allow_infinity=False)
BLOCKS = arrays.arrays(np.float16, (3, 32), elements=HALVES)


@given(values=BLOCKS)
def test_q8_0_is_what_ggml_makes(values: Array) -> None:
    """Byte for byte, by the package of those who made the format."""
    expected = quants.quantize(values.astype(np.float32), GGMLQuantizationType.Q8_0)
    assert q8_0(values) == expected.tobytes()


@given(values=BLOCKS)
def test_q8_0_is_within_half_a_step(values: Array) -> None:
    """And the scale's own rounding to float16."""
    packed = np.frombuffer(q8_0(values), np.uint8).reshape(3, 34)
    restored = quants.dequantize(packed, GGMLQuantizationType.Q8_0)
    exact = values.astype(np.float32)
    largest = np.abs(exact).max(axis=1, keepdims=True)
    assert (np.abs(restored - exact) <= largest * (0.5 / 127 + 2**-11) + 127 * 2**-25).all()


def test_q8_0_rounds_halves_away_from_zero() -> None:
    """With a scale of one; just below a half stays below."""
    values = np.zeros(32, np.float16)
    values[:6] = 127, 0.5, -0.5, 2.5, -2.5, np.nextafter(np.float16(0.5), np.float16(0))
    packed = np.frombuffer(q8_0(values), np.int8)[2:]
    assert packed[:6].tolist() == [127, 1, -1, 3, -3, 0]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_q8_0_refuses_what_is_no_number(value: float) -> None:
    """Whose bytes would be anything."""
    values = np.zeros(64, np.float16)
    values[40] = value
    with pytest.raises(Unconvertible, match="infinite or undefined"):
        q8_0(values)
