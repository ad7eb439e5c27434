"""From a profile in the manifest to open engines."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wordloop_ml.engines.catalogue import open_engines
from wordloop_ml.errors import ErrorCode, StartupFailed
from wordloop_ml.messages import DecodeOptions, Utterance
from wordloop_ml.settings import Settings

Stock = dict[str, tuple[str, bytes]]


def settings_for(folder: Path, stock: Stock) -> Settings:
    """A folder with weights and a manifest whose one profile names them: role -> (engine, bytes)."""
    lines = ["format = 1", "[profiles.embedded]", *(f'{role} = "{role}"' for role in stock)]
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


@pytest.mark.parametrize("role", ["transcriber", "voice_detector"])
def test_an_unknown_engine_does_not_start(tmp_path: Path, role: str) -> None:
    """A manifest of a later release, or a misprint."""
    stock = dict.fromkeys(("transcriber", "voice_detector"), ("scripted", b"any"))
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
