"""From a profile in the manifest to open engines, whose models are in memory once."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.inference_server import InferenceServer, serving
from wordloop_ml.cgroup import MemoryLimit
from wordloop_ml.engines import catalogue
from wordloop_ml.engines.catalogue import (
    Engines,
    LoadedModels,
    ModelLoads,
    open_embedder,
    open_engines,
    open_served,
)
from wordloop_ml.engines.scripted import ScriptedTranscriber, spoken
from wordloop_ml.engines.served_models import Identity, ServedTranscriber
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.messages import DecodeOptions, Samples, Utterance
from wordloop_ml.settings import Settings
from wordloop_ml.weights.manifest import HttpsSource, WeightsEntry
from wordloop_ml.wire.open_inference import InferenceRequest

Stock = dict[str, tuple[str, bytes]]


def settings_for(folder: Path, stock: Stock) -> Settings:
    """A folder with weights and a manifest whose one profile names them: role -> (engine, bytes)."""
    roles = dict.fromkeys(("transcriber", "voice_detector", *stock), next(iter(stock)))
    roles |= {role: role for role in stock}
    lines = ["format = 1", "[profiles.embedded]"]
    lines += [f'{role} = "{row}"' for role, row in roles.items()]
    for role, (engine, content) in stock.items():
        (folder / f"{role}.bin").write_bytes(content)
        lines += [
            f"[weights.{role}]",
            f'file = "{role}.bin"',
            f"bytes = {len(content)}",
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
            'licence = "MIT"',
            f'engine = "{engine}"',
            'sources = [{ url = "https://example.org/weights.bin" }]',
        ]
    (folder / "manifest.toml").write_text("\n".join(lines), encoding="utf-8")
    return Settings(weights=folder)


def test_a_profile_opens_its_engines(
    tmp_path: Path, written_whisper: Callable[..., memoryview], silero_weights: memoryview
) -> None:
    """With the operator's settings; closing twice is harmless."""
    whisper = bytes(written_whisper(says=[(b" hello", 0), (50_256, None)]))
    settings = settings_for(
        tmp_path,
        {
            "transcriber": ("whisper_cpp", whisper),
            "voice_detector": ("silero_vad", bytes(silero_weights)),
        },
    )
    engines = open_engines(settings)
    assert engines.transcriber.capabilities.name == "whisper_cpp"
    assert engines.transcriber.capabilities.model == "transcriber"
    assert engines.voice_detector.window_samples == 512
    worker = engines.transcriber.open_worker()
    heard = Utterance(0, np.zeros(8_000, np.float32))
    assert worker.transcribe(heard, DecodeOptions()).text == "hello"
    worker.close()
    engines.close()
    engines.close()


def test_drills_run_the_scripted_engines(tmp_path: Path) -> None:
    """Their weights may be any file."""
    stock = dict.fromkeys(("transcriber", "voice_detector"), ("scripted", b"any"))
    engines = open_engines(settings_for(tmp_path, stock))
    assert engines.transcriber.capabilities.name == "scripted"
    engines.close()


def test_an_engine_for_another_role_does_not_start(tmp_path: Path) -> None:
    """A voice detector cannot embed."""
    stock = dict.fromkeys(("transcriber", "voice_detector"), ("scripted", b"any"))
    stock["embedder"] = ("silero_vad", b"any other")
    with pytest.raises(StartupFailed) as caught:
        open_engines(settings_for(tmp_path, stock), loaded=LoadedModels())
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def test_a_profile_without_an_embedder_serves_captions(tmp_path: Path) -> None:
    """And is none for a command that needs one."""
    stock = dict.fromkeys(("transcriber", "voice_detector"), ("scripted", b"any"))
    settings = settings_for(tmp_path, stock)
    engines = open_engines(settings)
    assert engines.embedder is None
    engines.close()
    with pytest.raises(StartupFailed) as caught, open_embedder(settings):
        pass
    assert caught.value.code is ErrorCode.UNKNOWN_PROFILE


def test_what_works_on_texts_can_be_left_out_or_be_opened_alone(tmp_path: Path) -> None:
    """A command loads what it uses, and counts with the rest of the process."""
    loaded = LoadedModels()
    stock = dict.fromkeys(("transcriber", "voice_detector", "embedder"), ("scripted", b"any"))
    settings = settings_for(tmp_path, stock)
    engines = open_engines(settings, texts=False, loaded=loaded)
    assert engines.embedder is None
    with open_embedder(settings, loaded=loaded) as embedder:
        assert embedder.capabilities.name == "scripted"
        with pytest.raises(StartupFailed), open_embedder(settings, loaded=loaded):
            pass
    engines.close()
    assert [one.loads for one in loaded.statistics()] == [1, 1, 1]


def test_ctranslate2_wants_its_companions(tmp_path: Path) -> None:
    """Vocabulary and configuration; a row without them is the manifest's mistake."""
    stock = {"transcriber": ("ctranslate2", b"any"), "voice_detector": ("scripted", b"other")}
    with pytest.raises(StartupFailed, match="vocabulary") as caught:
        open_engines(settings_for(tmp_path, stock))
    assert caught.value.code is ErrorCode.BAD_MANIFEST


def test_minilm_wants_its_companions(tmp_path: Path) -> None:
    """A row without them is the manifest's mistake."""
    with (
        pytest.raises(StartupFailed) as caught,
        open_embedder(settings_for(tmp_path, {"embedder": ("minilm", b"any")})),
    ):
        pass
    assert caught.value.code is ErrorCode.BAD_MANIFEST


def open_drill(folder: Path, **stock: bytes) -> Engines:
    """Scripted engines whose weights are these bytes, among the models of this process."""
    return open_engines(
        settings_for(folder, {role: ("scripted", it) for role, it in stock.items()})
    )


def test_a_model_is_loaded_once_until_it_is_closed(tmp_path: Path) -> None:
    """Closing gives its place back, once; the count goes on."""
    loaded = LoadedModels()
    stock = {"transcriber": ("scripted", b"one"), "voice_detector": ("scripted", b"two")}
    settings = settings_for(tmp_path, stock)
    first = open_engines(settings, loaded=loaded)
    with pytest.raises(StartupFailed) as caught:
        open_engines(settings, loaded=loaded)
    assert caught.value.code is ErrorCode.ALREADY_LOADED
    first.close()
    first.close()
    second = open_engines(settings, loaded=loaded)
    assert {one.role: one.loads for one in loaded.statistics()} == {
        "transcriber": 2,
        "voice_detector": 2,
    }
    first.close()
    with pytest.raises(StartupFailed):
        open_engines(settings, loaded=loaded)
    second.close()


def test_the_same_weights_under_another_name_are_the_same_model(tmp_path: Path) -> None:
    """In any folder: the process has them, and a start that fails gives back what it took."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    opened = open_drill(one, transcriber=b"same", voice_detector=b"this")
    for _ in range(2):
        with pytest.raises(StartupFailed) as caught:
            open_drill(other, transcriber=b"same", voice_detector=b"that")
        assert caught.value.code is ErrorCode.ALREADY_LOADED
    opened.close()
    open_drill(other, transcriber=b"same", voice_detector=b"that").close()


def test_weights_beyond_the_container_s_memory_are_refused(
    tmp_path: Path, written_whisper: Callable[..., memoryview]
) -> None:
    """With what the workers' states need, before anything is loaded."""
    loaded = LoadedModels()
    stock = {
        "transcriber": ("whisper_cpp", bytes(written_whisper())),
        "voice_detector": ("scripted", b"any"),
    }
    settings = replace(settings_for(tmp_path, stock), workers=8)
    allowed = MemoryLimit(256 << 20, Path("memory.max"))
    with pytest.raises(StartupFailed) as caught:
        open_engines(settings, loaded=loaded, limit=lambda: allowed)
    assert caught.value.code is ErrorCode.WEIGHTS_TOO_LARGE
    assert loaded.statistics() == ()
    plenty = MemoryLimit(4 << 30, Path("memory.max"))
    open_engines(settings, loaded=loaded, limit=lambda: plenty).close()


def test_every_engine_says_what_it_needs() -> None:
    """A row without it would fail at the start of a service and nowhere else."""
    rooms = (
        catalogue._TRANSCRIBERS,
        catalogue._VOICE_DETECTORS,
        catalogue._EMBEDDERS,
        catalogue._GENERATORS,
    )
    engines = {engine for room in rooms for engine in room}
    assert set(catalogue._NEEDED_BYTES) == engines


def test_no_map_is_left_when_the_engines_are_open(
    tmp_path: Path, written_whisper: Callable[..., memoryview], silero_weights: memoryview
) -> None:
    """The kernel's own list: the files can be deleted, and their pages go."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system has no /proc")
    stock = {
        "transcriber": ("whisper_cpp", bytes(written_whisper())),
        "voice_detector": ("silero_vad", bytes(silero_weights)),
    }
    engines = open_engines(settings_for(tmp_path, stock))
    assert str(tmp_path) not in maps.read_text()
    engines.close()


@pytest.mark.parametrize("role", ["transcriber", "voice_detector", "embedder"])
def test_an_unknown_engine_does_not_start(tmp_path: Path, role: str) -> None:
    """A manifest of a later release, or a misprint."""
    stock = dict.fromkeys(("transcriber", "voice_detector", "embedder"), ("scripted", b"any"))
    stock[role] = ("whisperx", b"any")
    with pytest.raises(StartupFailed) as caught:
        open_engines(settings_for(tmp_path, stock))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def test_weights_of_another_engine_do_not_start(tmp_path: Path) -> None:
    """Right digest, wrong content."""
    stock = {"transcriber": ("whisper_cpp", b"text"), "voice_detector": ("scripted", b"any")}
    with pytest.raises(StartupFailed) as caught:
        open_engines(settings_for(tmp_path, stock))
    assert caught.value.code is ErrorCode.ENGINE_INCOMPATIBLE


def entry(name: str, sha256: str) -> WeightsEntry:
    source = HttpsSource("https://example.org/weights.bin")
    return WeightsEntry(name, f"{name}.bin", 1, sha256, "MIT", "scripted", (source,))


def test_a_place_is_free_again_after_a_failure() -> None:
    """Whatever went wrong while it was held."""
    models = LoadedModels()
    with pytest.raises(RuntimeError), models.hold("transcriber", entry("a", "0")):
        raise RuntimeError
    with models.hold("transcriber", entry("a", "0")):
        pass
    assert models.statistics() == ()


def test_a_second_model_with_the_same_content_is_refused() -> None:
    """By digest, whatever its row is called; in another role it is another model."""
    models = LoadedModels()
    with models.hold("transcriber", entry("a", "0")):
        with models.hold("voice_detector", entry("a", "0")):
            pass
        with models.hold("transcriber", entry("b", "1")):
            pass
        with (
            pytest.raises(StartupFailed, match="close those engines first") as caught,
            models.hold("transcriber", entry("b", "0")),
        ):
            pass
    assert caught.value.code is ErrorCode.ALREADY_LOADED


def test_loads_are_counted_by_role_and_model() -> None:
    """In the order in which they came."""
    models = LoadedModels()
    models.count("voice_detector", entry("b", "1"))
    models.count("transcriber", entry("a", "0"))
    assert models.statistics() == (
        ModelLoads("voice_detector", "b", 1),
        ModelLoads("transcriber", "a", 1),
    )


def test_an_engine_elsewhere_needs_no_weights_here(tmp_path: Path) -> None:
    """Its row of the manifest says what it must be; other roles stay local."""
    stock = {"transcriber": ("ctranslate2", b"elsewhere"), "voice_detector": ("scripted", b"here")}
    settings = settings_for(tmp_path, stock)
    (tmp_path / "transcriber.bin").unlink()
    digest = hashlib.sha256(b"elsewhere").hexdigest()
    identity = Identity("transcriber", "transcriber", digest)
    served = ServedTranscriber(ScriptedTranscriber(), identity)
    with serving(InferenceServer({"t": served})) as port:
        url = f"http://127.0.0.1:{port}/v2/models/t"
        engines = open_engines(replace(settings, transcriber_url=url), loaded=LoadedModels())
        assert [one.role for one in engines.loaded.statistics()] == ["voice_detector"]
        assert [(one.role, one.digest) for one in engines.remote] == [("transcriber", digest)]
        worker = engines.transcriber.open_worker()
        heard = worker.transcribe(Utterance(0, numbered_speech()), DecodeOptions())
        assert [word.text for word in heard.words] == ["w1", "w2"]
        worker.close()
        engines.close()


def numbered_speech() -> Samples:
    """Two words."""
    return (spoken([1, 2]) / np.float32(32_768)).astype(np.float32)


def test_a_role_is_opened_to_be_served(tmp_path: Path) -> None:
    """Alone, with the identity of the manifest; a role that the profile lacks has a name."""
    settings = settings_for(tmp_path, {"transcriber": ("scripted", b"weights")})
    with open_served(settings, "transcriber") as model:
        worker = model.open_worker()
        answer = worker.infer(InferenceRequest({}, ("capabilities",)))
        said = json.loads(answer["capabilities"][0])
        worker.close()
    assert (said["model"], said["digest"]) == (
        "transcriber",
        hashlib.sha256(b"weights").hexdigest(),
    )
    with pytest.raises(StartupFailed), open_served(settings, "generator"):
        pass
