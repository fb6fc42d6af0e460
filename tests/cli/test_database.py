"""`topicwire db`: backups, which are made beside a working bot and restored without one, and the check."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.demo.main import NEWS, TOPICS
from bot.errors import StoreError
from bot.store import backup
from bot.store.database import Database, newest_revision
from tests.cli.command import topicwire, topicwire_aside

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
NOBODY = 65_534


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample in it."""
    path = tmp_path_factory.mktemp("sample") / "sample.db"
    done = topicwire("ingest", NEWS, "--topics", TOPICS, "--db", path, "--as-of", "2026-01-10")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def live(sample: Path, tmp_path: Path) -> Path:
    """A copy of it that a test can change, in a directory of its own."""
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(sample, tmp_path / "data" / "live.db"))


@pytest.fixture
def saved(sample: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    path = tmp_path / "saved.db"
    assert topicwire("db", "backup", path, "--db", sample).returncode == 0
    return path


def dump(path: Path) -> list[str]:
    """All that a database holds, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a directory."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def names(folder: Path) -> list[str]:
    """The names of the files of a directory, sorted."""
    return sorted(path.name for path in folder.iterdir())


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def damage(path: Path) -> None:
    """Overwrite all pages but the first."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def forget_revision(path: Path) -> None:
    execute(path, "DROP TABLE alembic_version")


def renumber(path: Path) -> None:
    execute(path, "UPDATE alembic_version SET version_num = '9999'")


def scribble(path: Path) -> None:
    path.write_text("Tuesday: water the plants. " * 400)


# ------------------------------------------------------------------------------------------ backup


def test_a_backup_is_the_database_readable_by_its_owner_alone(sample: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    done = topicwire("db", "backup", target, "--db", sample)
    assert (done.returncode, done.stdout) == (0, f"Backed up {sample} to {target}\n")
    assert done.stderr.splitlines()[-1].startswith("100 % of ")
    assert dump(target) == dump(sample)
    assert target.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["copy.db"]


def test_a_backup_shows_one_moment_although_a_writer_writes(
    live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer writes between all steps of the copying, which takes no more steps for that."""
    monkeypatch.setattr(backup, "PAGES_AT_ONCE", 8)
    before = dump(live)
    steps: list[tuple[int, int]] = []
    with closing(sqlite3.connect(live, isolation_level=None, timeout=0)) as writer:

        def write(done: int, total: int) -> None:
            steps.append((done, total))
            writer.execute("INSERT INTO revisions VALUES (?, 1)", (f"written in step {len(steps)}",))

        backup.back_up(str(live), tmp_path / "copy.db", write)
    total = steps[0][1]
    assert len(steps) > 3
    assert len(steps) <= total // 8 + 2
    assert dump(tmp_path / "copy.db") == before
    assert "written in step 1" in "".join(dump(live))


async def test_a_backup_has_what_an_open_database_stored_last(live: Path, tmp_path: Path) -> None:
    """That is in no file but the log of SQLite."""
    db = await Database.open(str(live))
    try:
        async with db.write() as connection:
            await connection.exec_driver_sql("INSERT INTO revisions VALUES ('last', 7)")
        done = await topicwire_aside("db", "backup", tmp_path / "copy.db", "--db", live)
    finally:
        await db.close()
    assert done.returncode == 0, done.stderr
    assert "'last',7" in "".join(dump(tmp_path / "copy.db"))


def test_a_backup_never_replaces_a_file(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    done = topicwire("db", "backup", tmp_path / "copy.db", "--db", sample)
    assert done.returncode == 3
    assert "exists already" in done.stderr
    assert contents(tmp_path) == {"copy.db": b"mine"}


def test_a_file_that_appears_while_the_backup_is_made_is_kept(live: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    def appear(_done: int, _total: int) -> None:
        target.write_text("mine")

    with pytest.raises(StoreError, match="exists already"):
        backup.back_up(str(live), target, appear)
    assert target.read_text() == "mine"
    assert names(tmp_path) == ["copy.db", "data"]


@pytest.mark.parametrize("harm", [damage, forget_revision, renumber, scribble])
def test_what_cannot_be_restored_is_not_backed_up(live: Path, tmp_path: Path, harm: Any) -> None:
    harm(live)
    done = topicwire("db", "backup", tmp_path / "copy.db", "--db", live)
    assert done.returncode == 3
    assert str(live) in done.stderr
    assert names(tmp_path) == ["data"]


def test_a_full_disk_leaves_no_backup(live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def small(database: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(database, **options)
        if isinstance(database, Path):  # the copy
            connection.execute("PRAGMA max_page_count=5")
        return connection

    monkeypatch.setattr("bot.store.backup.sqlite3.connect", small)
    with pytest.raises(StoreError, match=r"the disk is full. Free some disk space"):
        backup.back_up(str(live), tmp_path / "copy.db", lambda done, total: None)
    assert names(tmp_path) == ["data"]


@pytest.fixture
def closed() -> Iterator[Path]:
    """A directory in which this process, which is no longer root, cannot write."""
    with tempfile.TemporaryDirectory(prefix="topicwire-test-") as folder:
        Path(folder).chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            Path(folder).chmod(0o755)


def test_a_directory_that_cannot_be_written_is_named(closed: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "x.db")
        execute(source, "CREATE TABLE alembic_version (version_num TEXT)")
        done = topicwire("db", "backup", closed / "copy.db", "--db", source)
    assert done.returncode == 3
    assert f"no file can be written in {closed}" in done.stderr
    assert names(closed) == []


def test_a_missing_directory_or_database_is_named(sample: Path, tmp_path: Path) -> None:
    done = topicwire("db", "backup", tmp_path / "below" / "copy.db", "--db", sample)
    assert (done.returncode, "Create the directory" in done.stderr) == (3, True)
    for command in (["backup", str(tmp_path / "copy.db")], ["check"]):
        done = topicwire("db", *command, "--db", tmp_path / "missing.db")
        assert (done.returncode, "does not exist" in done.stderr) == (3, True)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("command", "tool"), [("backup", "pg_dump"), ("restore", "pg_restore")])
def test_postgresql_has_tools_of_its_own(tmp_path: Path, command: str, tool: str) -> None:
    done = topicwire("db", command, tmp_path / "x", "--db", "postgresql://bot:secret@localhost/news")
    assert done.returncode == 3
    assert f"Use {tool}" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", [["backup", "x"], ["restore", "x"], ["check"]])
@pytest.mark.parametrize(
    "url", ["mysql://bot:secret@localhost/news", "postgresql://bot:secret@localhost:secret/news"]
)
def test_an_address_that_is_of_no_use_is_refused_without_its_password(
    tmp_path: Path, command: list[str], url: str
) -> None:
    done = topicwire("db", *command, "--db", url, cwd=tmp_path)
    assert done.returncode == 3
    assert "bot:secret" not in done.stderr
    assert names(tmp_path) == []


# ----------------------------------------------------------------------------------------- restore


def test_a_restored_database_is_the_one_that_was_backed_up(sample: Path, saved: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    target = tmp_path / "new" / "topicwire.db"
    target.parent.mkdir()
    done = topicwire("db", "restore", saved, "--db", target)
    assert (done.returncode, done.stdout) == (0, f"Restored {target} from {saved}\n")
    assert dump(target) == dump(sample)
    assert names(target.parent) == ["topicwire.db"]
    assert {"saved.db": saved.read_bytes()} == before


def test_an_existing_database_is_replaced_by_request_and_kept(saved: Path, live: Path) -> None:
    execute(live, "INSERT INTO revisions VALUES ('later', 1)")
    later, before = dump(live), contents(live.parent)
    done = topicwire("db", "restore", saved, "--db", live)
    assert done.returncode == 3
    assert "--replace" in done.stderr
    assert contents(live.parent) == before
    kept = backup.restore(str(live), saved, replace=True, now=NOW)
    assert kept == live.with_name("live.db-20310506T070809Z")
    assert dump(kept) == later
    assert dump(live) == dump(saved)
    assert names(live.parent) == ["live.db", kept.name]
    with pytest.raises(StoreError, match="exists already"):  # the name of what is kept is taken
        backup.restore(str(live), saved, replace=True, now=NOW)
    assert dump(kept) == later


def test_a_damaged_database_and_its_leftovers_give_way(saved: Path, live: Path) -> None:
    scribble(live)
    live.with_name("live.db-wal").write_bytes(b"left over")
    backup.restore(str(live), saved, replace=True, now=NOW)
    assert dump(live) == dump(saved)
    assert live.with_name("live.db-20310506T070809Z").read_text().startswith("Tuesday")
    assert not live.with_name("live.db-wal").exists()


def test_the_log_of_a_lost_database_is_not_mixed_with_the_restored_one(saved: Path, live: Path) -> None:
    """SQLite would take it for changes of the new file."""
    live.unlink()
    log = live.with_name("live.db-wal")
    log.write_bytes(b"left over")
    with pytest.raises(StoreError, match=r"live\.db-wal exists"):
        backup.restore(str(live), saved, replace=False, now=NOW)
    assert contents(live.parent) == {"live.db-wal": b"left over"}
    kept = backup.restore(str(live), saved, replace=True, now=NOW)
    assert kept == live.with_name("live.db-20310506T070809Z-wal")
    assert kept.read_bytes() == b"left over"
    assert dump(live) == dump(saved)


async def test_a_database_in_use_is_not_replaced(saved: Path, live: Path) -> None:
    """A bot has it open, even where it does nothing."""
    db = await Database.open(str(live), guarded=True)
    try:
        before = contents(live.parent)
        done = await topicwire_aside("db", "restore", saved, "--db", live, "--replace")
        assert done.returncode == 3
        assert "Stop the bot" in done.stderr
        assert contents(live.parent).keys() == before.keys()
        assert live.read_bytes() == before["live.db"]
        async with db.write() as connection:  # the bot goes on
            await connection.exec_driver_sql("INSERT INTO revisions VALUES ('on', 1)")
    finally:
        await db.close()
    assert (await topicwire_aside("db", "restore", saved, "--db", live, "--replace")).returncode == 0
    await (await Database.open(str(live), guarded=True)).close()


@pytest.mark.parametrize("harm", [damage, forget_revision, renumber, scribble, Path.unlink])
def test_a_backup_that_is_no_good_changes_nothing(saved: Path, live: Path, harm: Any) -> None:
    harm(saved)
    before = contents(live.parent)
    done = topicwire("db", "restore", saved, "--db", live, "--replace")
    assert done.returncode == 3
    assert str(saved) in done.stderr
    assert contents(live.parent) == before


def test_a_restore_that_fails_at_the_end_gives_the_database_its_name_back(
    saved: Path, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(live)

    def fail(temporary: Path, target: Path) -> None:
        raise StoreError("no luck")

    monkeypatch.setattr(backup, "_publish", fail)
    with pytest.raises(StoreError, match="no luck"):
        backup.restore(str(live), saved, replace=True, now=NOW)
    assert names(live.parent) == ["live.db"]
    assert dump(live) == before


def test_a_database_is_no_backup_of_itself(live: Path) -> None:
    done = topicwire("db", "restore", live, "--db", live, "--replace")
    assert (done.returncode, "is the database itself" in done.stderr) == (3, True)
    assert names(live.parent) == ["live.db"]


# ------------------------------------------------------------------------------------------- check

FINE: dict[str, list[str]] = {
    "integrity": [],
    "foreign keys": [],
    "schema revision": [],
    "full-text index": [],
}


def test_a_sound_database_has_no_problems_and_is_left_as_it_is(saved: Path) -> None:
    before = contents(saved.parent)
    done = topicwire("db", "check", "--db", saved)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{name}: fine" for name in FINE]
    assert topicwire("db", "check", "--db", saved, "--json").lines == [
        {"database": str(saved), "problems": FINE}
    ]
    assert contents(saved.parent) == before


@pytest.mark.parametrize(
    ("statement", "name", "problem"),
    [
        (
            "INSERT INTO story_overrides VALUES (999998, 999999, 1, 1, 1, '2026-01-01')",
            "foreign keys",
            "row 1 of story_overrides refers to a row of records that does not exist",
        ),
        (
            "DELETE FROM search WHERE rowid = (SELECT min(rowid) FROM search)",
            "full-text index",
            "the index lacks 1 article",
        ),
        (
            "INSERT INTO search (rowid, title) VALUES (999998, 'a'), (999999, 'b')",
            "full-text index",
            "the index has 2 articles that search must not show",
        ),
        ("DROP TABLE search", "full-text index", "the index is missing; restore a backup"),
        (
            "UPDATE alembic_version SET version_num = '9999'",
            "schema revision",
            f"the revision is 9999, of a newer Topicwire; this version needs {newest_revision()}",
        ),
        (
            "UPDATE alembic_version SET version_num = '0040'",
            "schema revision",
            f"the revision is 0040; the bot migrates the database to {newest_revision()} when it starts",
        ),
        ("DROP TABLE alembic_version", "schema revision", "it is not a database of Topicwire"),
    ],
)
def test_each_problem_is_named(live: Path, statement: str, name: str, problem: str) -> None:
    execute(live, statement)
    done = topicwire("db", "check", "--db", live, "--json")
    assert done.returncode == 1, done.stderr
    (result,) = done.lines
    assert problem in result["problems"].pop(name)
    assert not any(result["problems"].values())


@pytest.mark.parametrize("harm", [damage, scribble])
def test_damage_is_a_problem_and_no_failure(live: Path, harm: Any) -> None:
    harm(live)
    done = topicwire("db", "check", "--db", live, "--json")
    assert done.returncode == 1, done.stderr
    assert done.lines[0]["problems"]["integrity"]


async def test_postgresql_is_checked_for_what_is_topicwires(postgres_url: str) -> None:
    done = await topicwire_aside("db", "check", "--db", postgres_url, "--json")
    assert done.returncode == 0, done.stderr
    assert list(done.lines[0]["problems"]) == ["schema revision", "full-text index"]
