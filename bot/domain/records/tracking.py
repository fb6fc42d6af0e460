"""Names of query parameters that track readers, from the list beside this module, which names its sources."""

from __future__ import annotations

from importlib.resources import files


def _names() -> list[str]:
    lines = files(__package__).joinpath("tracking.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


NAMES = frozenset(name for name in _names() if not name.endswith("*"))
PREFIXES = tuple(name.removesuffix("*") for name in _names() if name.endswith("*"))


def is_tracking(name: str) -> bool:
    """Whether a query parameter of this name (in lower case) says only where a reader came from."""
    return name in NAMES or name.startswith(PREFIXES)
