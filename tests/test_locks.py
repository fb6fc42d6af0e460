"""The locked dependencies: complete, with hashes, in agreement with one another and with pyproject.toml."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from scripts.install import failure

ROOT = Path(__file__).parent.parent
CHAIN = ("base", "demo", "dev", "bench")  # each contains the one before
LOCKS = (*CHAIN, "postgres", "docs")  # the one with PostgreSQL's driver is that of the container
EXTRAS = {
    "base": [],
    "postgres": ["postgres"],
    "demo": ["demo"],
    "dev": ["dev"],
    "bench": ["bench"],
    "docs": ["docs"],
}


def lock(name: str) -> dict[str, list[tuple[Requirement, str]]]:
    """The requirements of a lock by the name of their package, each with its hashes and comments."""
    requirements: dict[str, list[tuple[Requirement, str]]] = {}
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    for line, rest in re.findall(r"^([a-zA-Z0-9][^\n\\]*?) *\\?\n((?:[ ]{4}.*\n?)*)", text, re.MULTILINE):
        requirement = Requirement(line)
        requirements.setdefault(canonicalize_name(requirement.name), []).append((requirement, rest))
    return requirements


def declared(extras: list[str]) -> list[Requirement]:
    """What pyproject.toml asks for, with these extras and those that they name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    requirements = [Requirement(line) for line in lines]
    for requirement in requirements:
        if requirement.name == "topicwire":
            return [r for r in requirements if r.name != "topicwire"] + declared(sorted(requirement.extras))
    return requirements


def version_of(requirement: Requirement) -> Version:
    """The one version that it allows."""
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_has_one_version_and_hashes_and_names_no_index(name: str) -> None:
    requirements = lock(name)
    assert len(requirements) > 30
    for entries in requirements.values():
        for requirement, rest in entries:
            assert version_of(requirement)
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", rest), requirement
            assert not requirement.extras
            assert requirement.url is None
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize(("smaller", "larger"), [*pairwise(CHAIN), *pairwise(("base", "postgres", "dev"))])
def test_a_lock_contains_the_smaller_one_as_it_is(smaller: str, larger: str) -> None:
    below, above = lock(smaller), lock(larger)
    for name, entries in below.items():
        assert {str(r) for r, _ in entries} == {str(r) for r, _ in above[name]}, name


def test_what_builds_the_site_agrees_with_all_others() -> None:
    """It is installed into the same environment. A package may be needed on more systems than elsewhere."""
    docs, others = lock("docs"), lock("bench")
    for name in docs.keys() & others.keys():
        allowed = {str(version_of(requirement)) for requirement, _ in others[name]}
        assert {str(version_of(requirement)) for requirement, _ in docs[name]} <= allowed, name


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_satisfies_what_the_project_asks_for(name: str) -> None:
    requirements = lock(name)
    build = (ROOT / "requirements" / "build.in").read_text("utf-8").splitlines()
    asked = declared(EXTRAS[name]) + [Requirement(line) for line in build if not line.startswith("#")]
    for requirement in asked:
        for entry, _ in requirements[canonicalize_name(requirement.name)]:
            assert requirement.specifier.contains(version_of(entry)), f"{requirement}: make lock"


def test_the_build_backend_is_locked() -> None:
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    assert {canonicalize_name(Requirement(line).name) for line in backend} <= set(lock("base"))


def test_without_a_network_the_installer_says_so_in_one_sentence() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", "install", "--retries=1", "--index-url=https://127.0.0.1:9/", "topicwire-absent"],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode
    (line,) = failure(run.stderr).splitlines()
    assert line.startswith("Installation failed: pip cannot reach the Python package index. ")


def test_a_wrong_hash_is_an_error_that_names_the_package(tmp_path: Path) -> None:
    archive = tmp_path / "invented-1.0-py3-none-any.whl"
    archive.write_bytes(b"not what was locked")
    wrong = tmp_path / "lock.txt"
    wrong.write_text(f"invented==1.0 --hash=sha256:{'0' * 64}\n")
    run = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", f"--find-links={tmp_path}", "--require-hashes", "-r", str(wrong)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode
    assert "invented" in failure(run.stderr)
    assert "HASHES" in failure(run.stderr)
