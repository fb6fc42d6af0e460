"""`python -m scripts.dependencies [LOCK]`: what is installed, from whom, under which licence, and how old it is.

Reads a lock of `requirements/`, the licences from what is installed, and the dates from the package index. Oldest first.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

INDEX = "https://pypi.org/simple/"
SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"  # https://peps.python.org/pep-0700/ has the upload times
SHORT = 40  # characters; some packages give a whole licence text
DEFAULT = Path(__file__).parent.parent / "requirements" / "base.txt"


def locked(lock: Path) -> list[tuple[str, str]]:
    """Names and versions, in the order of the lock."""
    return re.findall(r"^([a-z0-9][\w.-]*)==([^ ;\\]+)", lock.read_text("utf-8"), re.MULTILINE)


def licence(name: str) -> str:
    """What the package says of its licence; a dash where it is not installed or says nothing."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return "-"
    classifiers = [
        entry.rpartition(" :: ")[2]
        for entry in said.get_all("Classifier") or []
        if entry.startswith("License :: OSI Approved :: ")
    ]
    text = said["License-Expression"] or ", ".join(classifiers) or said["License"] or "-"
    return text.splitlines()[0][:SHORT]


def released(package: tuple[str, str]) -> tuple[str, bool]:
    """The day on which a version was uploaded, and whether it was withdrawn since."""
    name, version = package
    request = urllib.request.Request(f"{INDEX}{name}/", headers={"Accept": SIMPLE_JSON})  # noqa: S310 - an https address
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
        files = json.load(answer)["files"]
    stem = re.compile(
        rf"{re.sub('[-_.]+', '[-_.]+', name)}-{re.escape(version)}(?:-|\.tar|\.zip)", re.IGNORECASE
    )
    ours = [file for file in files if stem.match(file["filename"])]
    day = min((file["upload-time"][:10] for file in ours), default="-")
    return day, any(file.get("yanked") for file in ours)


def main() -> int:
    """Print the table; exit code 1 where a version was withdrawn from the index."""
    lock = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    packages = locked(lock)
    with ThreadPoolExecutor(8) as pool:
        dates = list(pool.map(released, packages))
    table = Table("package", "version", "released", "licence", box=None)
    rows = sorted(zip(packages, dates, strict=True), key=lambda row: row[1])
    for (name, version), (day, withdrawn) in rows:
        table.add_row(name, version, f"{day}{' (withdrawn)' if withdrawn else ''}", licence(name))
    Console().print(table)
    return int(any(withdrawn for _, withdrawn in dates))


if __name__ == "__main__":
    sys.exit(main())
