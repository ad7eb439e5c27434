"""Make an image's bill of materials: that of its Python environment, the weights and the base's packages.

``bill_of_materials.py PYTHON PACKAGES WEIGHTS`` writes CycloneDX to standard output. PYTHON: what
``cyclonedx-py environment`` wrote. PACKAGES: lines of name, version and architecture, as dpkg-query
prints them. WEIGHTS: a folder with a manifest, of whose rows those are listed whose file is there.
"""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

Component = dict[str, Any]

NAME = "wordloop-ml"


def weights(folder: Path) -> Iterator[Component]:
    """Yield a model for each file of weights, with the digest that was verified when it was pulled."""
    manifest = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    for name, row in manifest["weights"].items():
        if (folder / row["file"]).is_file():
            yield {
                "type": "machine-learning-model",
                "bom-ref": f"weights/{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": row["sha256"]}],
                "licenses": [{"license": {"id": row["licence"]}}],
                "properties": [{"name": "wordloop:file", "value": row["file"]}],
            }


def packages(lines: list[str]) -> Iterator[Component]:
    """Yield a library for each package of Debian."""
    for line in lines:
        name, version, architecture = line.split()
        purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}"
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": version,
            "purl": purl,
        }


def main(python: str, base: str, folder: str) -> None:
    """Print the whole bill. Raises ``SystemExit`` with what is not by the schema."""
    bill = json.loads(Path(python).read_text(encoding="utf-8"))
    lines = Path(base).read_text(encoding="utf-8").splitlines()
    (version,) = (one["version"] for one in bill["components"] if one["name"] == NAME)
    image = {"type": "container", "bom-ref": "image", "name": NAME, "version": version}
    bill["metadata"]["component"] = image
    bill["components"] += [*weights(Path(folder)), *packages(lines)]
    text = json.dumps(bill, indent=1)
    schema = SchemaVersion.from_version(bill["specVersion"])
    if fault := JsonStrictValidator(schema).validate_str(text):
        sys.exit(f"the bill of materials is not valid: {fault}")
    print(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
