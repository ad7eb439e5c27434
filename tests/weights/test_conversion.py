"""Files made from wheels: what they are made from, what stays, and what the next source is for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.weights.ctranslate2_writer import model_file, vocabulary_file, whisper_variables
from tests.weights.package_index import fetched, member_path, publish, wheel
from wordloop_ml.errors import ErrorCode, WeightsUnusable
from wordloop_ml.weights.conversion import Matrices, whisper_ggml
from wordloop_ml.weights.download import PullPhase
from wordloop_ml.weights.manifest import (
    ConvertedSource,
    HttpsSource,
    Source,
    WeightsEntry,
    WheelMember,
    WheelSource,
)

if TYPE_CHECKING:
    from tests.weights.conftest import Origin, Puller

MODEL, VOCABULARY = model_file(whisper_variables()), vocabulary_file()
GGML = b"".join(whisper_ggml(memoryview(MODEL), memoryview(VOCABULARY), Matrices.Q8_0))
HALF = len(MODEL) // 2
FIRST, SECOND = "whisper-part1", "whisper-part2"
INPUTS = "ggml.bin.inputs"

pytestmark = pytest.mark.usefixtures("own_index")


def row(file: str, content: bytes, *sources: Source) -> WeightsEntry:
    """A row for a file with this content."""
    digest = hashlib.sha256(content).hexdigest()
    return WeightsEntry(file, file, len(content), digest, "MIT", "scripted", sources)


def in_wheels(**sizes: int) -> WheelSource:
    """Members of the first wheel and of the second, by their names."""
    packages = {"model1": FIRST, "model2": SECOND, "vocabulary": FIRST}
    return WheelSource(
        tuple(
            WheelMember(packages[name], "1.2.3", member_path(packages[name], name), size)
            for name, size in sizes.items()
        )
    )


def made(origin: Origin, model: bytes = MODEL, result: bytes = GGML) -> WeightsEntry:
    """The row of a file that is made from two wheels, and served at a URL."""
    source = ConvertedSource(
        row(
            "whisper/model.bin",
            model,
            # Never asked, though it has the model: whoever reaches a URL wants the file itself.
            HttpsSource(origin.url("/model.bin")),
            in_wheels(model1=HALF, model2=len(model) - HALF),
        ),
        row("whisper/vocabulary.txt", VOCABULARY, in_wheels(vocabulary=len(VOCABULARY))),
        Matrices.Q8_0,
    )
    return row("ggml.bin", result, source, HttpsSource(origin.url("/ggml.bin")))


def publish_wheels(origin: Origin, model: bytes = MODEL) -> None:
    """Put both wheels on the index."""
    publish(origin, FIRST, wheel(FIRST, model1=model[:HALF], vocabulary=VOCABULARY))
    publish(origin, SECOND, wheel(SECOND, model2=model[HALF:]))


def names(puller: Puller) -> list[str]:
    """What is in the weights directory."""
    return sorted(path.name for path in puller.directory.iterdir())


DONE = ["ggml.bin", "ggml.bin.lock", "ggml.bin.verified"]


def test_a_file_is_made_from_wheels(origin: Origin, puller: Puller) -> None:
    """Verified by its own digest, and what it was made from is gone."""
    publish_wheels(origin)
    assert puller.pull(made(origin)).read_bytes() == GGML
    assert fetched(origin) == [FIRST, SECOND, FIRST]
    assert names(puller) == DONE
    told = [(one.name, one.phase) for one in puller.said]
    assert list(dict.fromkeys(told)) == [
        ("whisper/model.bin", PullPhase.FETCHING),
        ("whisper/model.bin", PullPhase.UNPACKING),
        ("whisper/vocabulary.txt", PullPhase.FETCHING),
        ("whisper/vocabulary.txt", PullPhase.UNPACKING),
        ("ggml.bin", PullPhase.CONVERTING),
        ("ggml.bin", PullPhase.DONE),
    ]
    assert all(one.done_bytes <= one.total_bytes for one in puller.said)


def test_what_lies_in_the_directory_already_is_used(origin: Origin, puller: Puller) -> None:
    """Both rows were pulled for themselves: nothing is fetched, and they stay."""
    entry = made(origin)
    folder = puller.directory / "whisper"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(MODEL)
    (folder / "vocabulary.txt").write_bytes(VOCABULARY)
    assert puller.pull(entry).read_bytes() == GGML
    assert origin.asked == []
    assert {"model.bin", "vocabulary.txt"} < {path.name for path in folder.iterdir()}


def test_what_was_fetched_before_a_break_is_kept(origin: Origin, puller: Puller) -> None:
    """The second wheel is gone, and the URL too; when it is back, only it is fetched."""
    publish_wheels(origin)
    page = origin.files.pop(f"/simple/{SECOND}/")
    with pytest.raises(WeightsUnusable, match=r"pip failed.*answers 404") as caught:
        puller.pull(made(origin))
    assert caught.value.code is ErrorCode.WEIGHTS_UNREACHABLE
    assert names(puller) == [INPUTS, "ggml.bin.lock"]
    origin.files[f"/simple/{SECOND}/"] = page
    origin.asked.clear()
    assert puller.pull(made(origin)).read_bytes() == GGML
    assert fetched(origin) == [SECOND, FIRST]
    assert names(puller) == DONE


def test_without_the_packages_the_url_serves_the_file(origin: Origin, puller: Puller) -> None:
    """From its beginning, or from what was kept of it."""
    origin.play(origin.ranged(GGML))
    origin.files |= {f"/simple/{name}/": b"<!DOCTYPE html>" for name in (FIRST, SECOND)}
    puller.directory.mkdir()
    (puller.directory / "ggml.bin.part").write_bytes(GGML[:1_000])
    assert puller.pull(made(origin)).read_bytes() == GGML
    assert origin.asked[-1] == ("/ggml.bin", "bytes=1000-")
    assert names(puller) == DONE


def test_a_changed_wheel_gives_way_to_the_url(origin: Origin, puller: Puller) -> None:
    """What it has is never converted."""
    changed = bytearray(MODEL)
    changed[-40] ^= 1
    publish_wheels(origin, bytes(changed))
    origin.files["/ggml.bin"] = GGML
    assert puller.pull(made(origin)).read_bytes() == GGML
    assert PullPhase.CONVERTING not in puller.phases
    assert names(puller) == DONE


def test_all_sources_wrong_is_one_error(origin: Origin, puller: Puller) -> None:
    """It names each, and nothing of the wrong bytes stays."""
    publish_wheels(origin, bytes(len(MODEL)))
    with pytest.raises(WeightsUnusable) as caught:
        puller.pull(made(origin))
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT
    message = str(caught.value)
    assert "package index, converted: weights whisper/model.bin cannot be pulled into" in message
    assert "another SHA-256" in message
    assert message.endswith("answers 404")
    assert "\n" not in message
    assert names(puller) == ["ggml.bin.lock"]


OTHER = model_file(whisper_variables() | {"decoder/activation": np.array(0, "|i1")})


@pytest.mark.parametrize(
    ("model", "result", "reason"),
    [
        (OTHER, GGML, "model.bin cannot be converted: its decoder/activation is not 3"),
        (b"PK" + MODEL, GGML, "model.bin cannot be converted: its format version is"),
        (MODEL, GGML[:-1], f"cannot be converted: it makes more than {len(GGML) - 1} bytes"),
        (MODEL, GGML + b"x", "another SHA-256"),
        (MODEL, GGML[:-1] + b"x", "another SHA-256"),
    ],
)
def test_what_does_not_become_the_file_is_refused(
    origin: Origin, puller: Puller, model: bytes, result: bytes, reason: str
) -> None:
    """With the reason, and without a trace; the next source is asked."""
    folder = puller.directory / "whisper"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(model)
    (folder / "vocabulary.txt").write_bytes(VOCABULARY)
    with pytest.raises(WeightsUnusable) as caught:
        puller.pull(made(origin, model, result))
    assert caught.value.code is ErrorCode.WEIGHTS_CORRUPT
    assert reason in str(caught.value)
    assert str(caught.value).endswith("answers 404")
    assert not [
        name for name in names(puller) if name.startswith("ggml.bin") and "lock" not in name
    ]


def test_a_conversion_needs_room_for_its_inputs(origin: Origin, puller: Puller) -> None:
    """And for a wheel, twice; found out before anything is asked."""
    needed = len(GGML) + len(MODEL) + len(VOCABULARY) + 2 * (len(MODEL) - HALF)
    with pytest.raises(WeightsUnusable, match=f"the pull needs {needed}") as caught:
        puller.pull(made(origin), free_bytes=lambda _: needed - 1)
    assert caught.value.code is ErrorCode.DISK_FULL
    assert origin.asked == []
