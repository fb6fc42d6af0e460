"""Most tests of the endpoint begin on a copy of one file, which has the topics and a channel that follows one of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.http.test_server import configure
from tests.workers.desk import prepared_file


@pytest.fixture(scope="session")
def configured_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a configured bot, to be copied."""
    return prepared_file(migrated_file, tmp_path_factory.mktemp("configured"), configure)


@pytest.fixture
def configured_url(db_url: str, configured_file: Path) -> str:
    """The SQLite file of a configured bot."""
    shutil.copyfile(configured_file, db_url)
    return db_url
