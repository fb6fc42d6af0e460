"""The wheel: one package, which starts beside somebody else's `bot`."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """What `pip install topicwire` would unpack."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_it_installs_one_package(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"topicwire"}


def test_it_has_everything_that_the_program_reads(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for path in ("bot", "cogs"):
        for file in (ROOT / path).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert f"topicwire/{file.relative_to(ROOT).as_posix()}" in names


def test_it_runs_beside_another_package_of_that_name(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    site, other = tmp_path / "site", tmp_path / "other"
    wheel.extractall(site)
    (other / "bot").mkdir(parents=True)
    (other / "bot" / "__init__.py").write_text("raise ImportError('another bot')")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (site, other)))}
    for arguments in (["--version"], ["check"], ["stories", "--db", "none.db"]):
        run = [sys.executable, "-c", "import topicwire; topicwire.main()", *arguments]
        done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert "another bot" not in done.stderr
        assert "Traceback" not in done.stderr
    code = "import sys; sys.argv[1:] = ['--version']; import topicwire\ntry: topicwire.main()\nexcept SystemExit: pass\nimport bot; print(bot.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    version, place = done.stdout.split("\n")[:2]
    assert version.startswith("topicwire ")
    assert Path(place) == site / "topicwire" / "bot" / "__init__.py"
