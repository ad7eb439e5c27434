"""A package index on loopback: wheels, and the pages on which pip finds them."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.weights.conftest import Origin

VERSION = "1.2.3"


def wheel(package: str, **members: bytes) -> bytes:
    """A wheel with these members, each as ``data/NAME.bin``; it depends on what nobody has."""
    name = package.replace("-", "_")
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n"
    metadata += "Requires-Dist: package-that-is-nowhere==9\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member, content in members.items():
            archive.writestr(member_path(package, member), content)
        archive.writestr(f"{name}-{VERSION}.dist-info/METADATA", metadata)
        archive.writestr(f"{name}-{VERSION}.dist-info/WHEEL", tags)
        archive.writestr(f"{name}-{VERSION}.dist-info/RECORD", "")
    return file.getvalue()


def member_path(package: str, member: str) -> str:
    """Where ``wheel`` puts a member."""
    return f"{package.replace('-', '_')}/data/{member}.bin"


def wheel_path(package: str) -> str:
    """Where the index has the wheel of a package."""
    return f"/files/{package.replace('-', '_')}-{VERSION}-py3-none-any.whl"


def publish(origin: Origin, package: str, content: bytes, path: str | None = None) -> None:
    """Put a file on the index, as the simple repository interface (PEP 503) has it."""
    link(origin, package, path)
    origin.files[path or wheel_path(package)] = content


def link(origin: Origin, package: str, path: str | None = None) -> None:
    """List a file on the package's page alone, so that the origin's script answers for it."""
    path = path or wheel_path(package)
    page = f'<!DOCTYPE html><html><body><a href="{path}">{path.split("/")[-1]}</a></body></html>'
    origin.files[f"/simple/{package}/"] = page.encode()


def fetched(origin: Origin) -> list[str]:
    """The packages whose wheels were asked for, in order."""
    names = [path.split("/")[-1].split("-")[0] for path, _ in origin.asked if "/files/" in path]
    return [name.replace("_", "-") for name in names]
