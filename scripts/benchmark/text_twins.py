"""A twin's profile with everything that works on texts beside it: MiniLM, and a 0.5 B twin."""

import shutil
from pathlib import Path

from scripts.benchmark.twins import prepare_twins, weights_row
from wordloop_ml.engines.catalogue import MANIFEST
from wordloop_ml.weights import load_manifest

GENERATOR = "qwen2.5-0.5b-twin"

_FILE = f"{GENERATOR}-1.gguf"


def text_profile(name: str) -> str:
    """What the profile of this twin is called."""
    return f"{name}-with-texts"


def prepare_text_twins(name: str, folder: Path, weights: Path) -> None:
    """Make the files that are not there yet, and a manifest with that profile; blocking.

    weights: the shipped folder, whose embedder is used as it is.
    """
    prepare_twins([name], folder, weights)
    if not (folder / _FILE).is_file():
        from scripts.gguf_models import QWEN_05B, write_twin  # noqa: PLC0415 - gguf is an extra

        draft = folder / f"{_FILE}.part"
        write_twin(draft, QWEN_05B, _vocabulary(weights))
        draft.replace(folder / _FILE)
    shipped = load_manifest(weights / MANIFEST)
    embedder = shipped.profile("embedded")["embedder"]
    rows = [weights_row(GENERATOR, folder / _FILE, "llama_cpp")]
    companions = {}
    for part, entry in shipped.companions(embedder).items():
        companions[part] = f'{part} = "{entry.name}"'
        rows.append(weights_row(entry.name, _linked(entry.file, folder, weights), entry.engine))
    linked = _linked(embedder.file, folder, weights)
    rows.append(
        weights_row(embedder.name, linked, embedder.engine)
        + f"\ncompanions = {{ {', '.join(companions.values())} }}"
    )
    profile = (
        f'[profiles."{text_profile(name)}"]\ntranscriber = "{name}-twin"\n'
        f'voice_detector = "silero-vad"\nembedder = "{embedder.name}"\ngenerator = "{GENERATOR}"'
    )
    manifest = folder / MANIFEST
    before = manifest.read_text(encoding="utf-8")
    manifest.write_text("\n\n".join([before.rstrip(), profile, *rows]) + "\n", encoding="utf-8")


def _vocabulary(weights: Path) -> Path:
    return weights / load_manifest(weights / MANIFEST).profile("embedded")["transcriber"].file


def _linked(file: str, folder: Path, weights: Path) -> Path:
    """The shipped file, beside the twins: ONNX Runtime follows no symbolic link to tensors."""
    link = folder / file
    link.unlink(missing_ok=True)
    try:
        link.hardlink_to((weights / file).resolve())
    except OSError:  # another file system
        shutil.copyfile(weights / file, link)
    return link
