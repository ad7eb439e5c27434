"""CTranslate2's model files: every type is read, and whatever is damaged is a named error."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.weights.ctranslate2_writer import Array, model_file, string, variable
from wordloop_ml.weights.conversion import CTranslate2Model, Unconvertible, read_model

VARIABLES: dict[str, Array] = {
    "scalar": np.array(-3, "<i2"),
    "bytes": np.array([[1, -2], [3, 4]], "|i1"),
    "integers": np.array([70_000, -1], "<i4"),
    "floats": np.array([0.5, -1.25, 3.0], "<f4"),
    "halves": np.arange(24, dtype="<f2").reshape(2, 3, 4),
    "nothing": np.zeros((0, 5), "<f2"),
}
GOOD = model_file(VARIABLES)


def read(content: bytes) -> CTranslate2Model:
    """Read these bytes."""
    return read_model(memoryview(content))


def refusal(content: bytes) -> str:
    """The message of the error that these bytes must cause."""
    with pytest.raises(Unconvertible) as caught:
        read(content)
    return str(caught.value)


def test_every_type_and_shape_is_read() -> None:
    """As views of the file, which nobody can write to."""
    model = read(GOOD)
    assert (model.spec, model.revision) == ("WhisperSpec", 3)
    assert model.aliases == {"decoder/projection/weight": "decoder/embeddings/weight"}
    assert list(model.variables) == list(VARIABLES)
    for name, values in model.variables.items():
        assert values.dtype == VARIABLES[name].dtype
        np.testing.assert_array_equal(values, VARIABLES[name])
        assert not values.flags.writeable
        assert not values.flags.owndata


def one_variable(content: bytes, count: int = 1) -> bytes:
    """A file that announces ``count`` variables and holds these bytes in their place."""
    return struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, count) + content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it ends early, at byte 0"),
        (b"\x80\x04PK junk", "its format version is"),
        (model_file({}, version=5), "its format version is 5, not 6"),
        (GOOD + b"x", "1 bytes follow its end"),
        (one_variable(b"", 1 << 31), "it announces 2147483648 variables"),
        (one_variable(struct.pack("<I", 1 << 31), 0), "it announces 2147483648 aliases"),
        (one_variable(variable("twice", VARIABLES["scalar"]) * 2, 2), "it holds twice twice"),
        (one_variable(string("a") + b"\xff"), "a has 255 dimensions"),
        (one_variable(string("a") + struct.pack("<BBI", 0, 5, 1)), "a is of the unknown type 5"),
        (
            one_variable(string("a") + struct.pack("<B8IBI", 8, *[0xFFFFFFFF] * 8, 0, 4)),
            "a of shape (4294967295, ",
        ),
        (
            one_variable(string("a") + struct.pack("<BIBI", 1, 1 << 30, 1, 1 << 30)),
            "it ends early, at byte",
        ),
        (one_variable(struct.pack("<H", 1) + b"a"), "it has no name at byte 26"),
        (one_variable(struct.pack("<H", 0)), "it has no name at byte 26"),
        (one_variable(string("a\nb")), "it has no name at byte 26"),
        (one_variable(struct.pack("<H", 2) + b"\xff\0"), "it has no name at byte 26"),
    ],
)
def test_a_wrong_file_is_a_named_error(content: bytes, message: str) -> None:
    """It says what is wrong, in one line, and allocates nothing that the file does not have."""
    said = refusal(content)
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_a_truncated_file_is_a_named_error(length: int) -> None:
    """Wherever it ends."""
    assert "it ends early" in refusal(GOOD[:length])


@given(position=st.integers(0, len(GOOD) - 1), byte=st.integers(0, 255))
def test_a_damaged_file_is_read_or_is_a_named_error(position: int, byte: int) -> None:
    """Nothing else is ever raised, and what is read is within the file."""
    damaged = bytearray(GOOD)
    damaged[position] = byte
    try:
        model = read(bytes(damaged))
    except Unconvertible:
        return
    assert sum(values.nbytes for values in model.variables.values()) < len(GOOD)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_a_named_error(content: bytes) -> None:
    """After a right beginning, too."""
    for start in (b"", struct.pack("<I", 6) + string("WhisperSpec")):
        try:
            read(start + content)
        except Unconvertible as error:
            assert str(error)  # noqa: PT017 - most are refused, and those that are have a message
