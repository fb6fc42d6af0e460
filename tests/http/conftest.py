"""Most tests of the endpoint begin on a copy of one file, which has the topics and a channel that follows one of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.databases import opened_as, run_aside
from tests.http.test_server import configure
from tests.make import Clock
from tests.workers.desk import BotHarness, InterruptibleDatabase


async def _configure(url: str) -> None:
    async with opened_as(url, InterruptibleDatabase) as db:
        await configure(BotHarness(db, Clock()))


@pytest.fixture(scope="session")
def configured_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLite file of a configured bot, to be copied."""
    file = tmp_path_factory.mktemp("configured") / "topicwire.db"
    shutil.copyfile(migrated_file, file)
    run_aside(_configure(str(file)))
    return file


@pytest.fixture
def configured_url(db_url: str, configured_file: Path) -> str:
    """The SQLite file of a configured bot."""
    shutil.copyfile(configured_file, db_url)
    return db_url
