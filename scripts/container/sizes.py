"""What an unpacked image takes, part by part, and what must not be in it. Blocking."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmark.report import Table

PARTS = {
    "opt/weights": "weights",
    "opt/venv": "Python packages",
    "usr/lib/python3": "Python",
    "usr/local/lib/python3": "Python",
}
"""By the beginning of a path; what is elsewhere is the system."""

LARGEST = 8
"""So many Python packages have a row."""

UNWANTED = ("pip", "pip3", "cc", "gcc", "g++", "c++", "ld", "make", "cmake")
"""Programs."""


def files(root: Path) -> Iterator[tuple[Path, int]]:
    """Yield each file's path below the root and its bytes; of hard links the first."""
    seen = set()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            facts = path.lstat()
            if (facts.st_dev, facts.st_ino) not in seen:
                seen.add((facts.st_dev, facts.st_ino))
                yield path.relative_to(root), facts.st_size


def measure(root: Path) -> tuple[Table, float]:
    """Add up the bytes of all files; the table, and the sum in MB."""
    parts: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    for path, size in files(root):
        text = str(path)
        part = next((PARTS[one] for one in PARTS if text.startswith(one)), "system")
        parts[part] += size
        _, _, inside = text.partition("/site-packages/")
        if part == "Python packages" and inside:
            packages[inside.partition("/")[0].removesuffix(".libs")] += size
    rows = [[name, f"{size / 1e6:.1f}"] for name, size in parts.most_common()]
    rows += [
        [f"  of these {name}", f"{size / 1e6:.1f}"] for name, size in packages.most_common(LARGEST)
    ]
    total = parts.total() / 1e6
    return Table(["unpacked", "MB"], [*rows, ["all", f"{total:.1f}"]]), total


def unwanted(root: Path) -> list[str]:
    """List compilers, pip and files with which a user becomes another that are in the image."""
    folders = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/venv/bin")
    programs = [f"{folder}/{name}" for folder in folders for name in UNWANTED]
    found = [one for one in programs if os.path.lexists(root / one)]
    modules = (path for one in PARTS if "python3" in one for path in root.glob(f"{one}*"))
    for library in [*modules, *root.glob("opt/venv/lib/python3*")]:
        found += [str(one.relative_to(root)) for one in library.glob("*-packages/pip")]
    return found
