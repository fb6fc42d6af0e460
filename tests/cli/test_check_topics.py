"""`topicwire check` and the topics that are stored: what cannot be read any more is told, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from bot.domain.model import Topic
from bot.store import server_topics
from bot.store.database import Database
from tests.cli.command import topicwire_aside
from tests.databases import opened

OLD = Topic("Old", query="(wind", guild_id=42)


def configured(tmp_path: Path, database: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(f"discord: {{token: a.b.c}}\ndatabase: {{url: '{database}'}}\n")
    return path


async def add(db: Database, *wanted: Topic) -> None:
    async with db.intake() as connection:
        for topic in wanted:
            await server_topics.add(connection, topic)


async def test_a_query_that_cannot_be_read_is_named_with_its_server(store_url: str, tmp_path: Path) -> None:
    async with opened(store_url) as db:
        await add(db, OLD, Topic("New", query="wind", guild_id=42))
    done = await topicwire_aside("check", "--config", configured(tmp_path, store_url))
    assert done.returncode == 1
    assert (
        "topic 'Old' of server 42: its query is ignored: this ( has no matching ) (at character 1); "
        "correct it with /topic edit" in done.stdout
    )
    assert "New" not in done.stdout


async def test_what_is_fine_or_not_there_is_no_problem_and_nothing_is_made(
    tmp_path: Path, db: Database
) -> None:
    for database in (tmp_path / "none.db", tmp_path / "text.db", tmp_path / "topicwire.db"):
        if database.name == "text.db":
            database.write_text("no database")
        done = await topicwire_aside("check", "--config", configured(tmp_path, str(database)))
        assert done.returncode == 0, done.stdout
    assert not (tmp_path / "none.db").exists()
    done = await topicwire_aside(
        "check", "--config", configured(tmp_path, "postgresql://u:s3cret@127.0.0.1:1/none")
    )
    assert done.returncode == 0
    assert "s3cret" not in done.stdout + done.stderr


async def test_a_database_of_another_version_is_left_as_it_is(tmp_path: Path, db: Database) -> None:
    await add(db, OLD)
    async with db.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    done = await topicwire_aside("check", "--config", configured(tmp_path, str(tmp_path / "topicwire.db")))
    assert done.returncode == 0
    async with db.read() as connection:
        assert await connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "0001"
