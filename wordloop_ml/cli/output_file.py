"""The file that a command writes its document to."""

from pathlib import Path

from wordloop_ml.errors import BadInput


def check_output(path: Path | None) -> Path | None:
    """Refuse a place that cannot be written before hours of work, not after; ``BadInput``."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise BadInput("--output is not a file in an existing directory")
    return path


def write_output(path: Path, document: str) -> None:
    """Write the whole file, in UTF-8. Raises ``BadInput``."""
    try:
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--output cannot be written: {error.strerror}") from error
