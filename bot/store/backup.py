"""Backups of a SQLite database as a file: made while the bot runs, and put back while it does not."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from bot.errors import StoreError
from bot.store.database import file_of, newest_revision, normalise, redact, revisions

PAGES_AT_ONCE = 1_000  # between two reports of the progress: 4 MB
BESIDE = (
    "-wal",
    "-shm",
    "-journal",
)  # what SQLite writes next to a database's file, by the ends of the names
Progress = Callable[[int, int], None]  # is given the pages that are copied, and all of them

# SQLite's primary result codes, and what a person can do. See https://sqlite.org/rescode.html.
_REASONS = {
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database",
    sqlite3.SQLITE_FULL: "the disk is full. Free some disk space",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_BUSY: "another program is using it. Try again when that has ended",
    sqlite3.SQLITE_LOCKED: "another program is using it. Try again when that has ended",
    sqlite3.SQLITE_READONLY: "it cannot be written. Run this command as the bot's user",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Run this command as the bot's user",
    sqlite3.SQLITE_PERM: "it cannot be opened. Run this command as the bot's user",
}


def back_up(url: str, target: Path, progress: Progress) -> None:
    """Write the database as it is at this moment to `target`, a new file that its owner alone can read.

    Others may read and write meanwhile. Raises StoreError, and leaves no file, if `target` exists, the database is
    damaged or not Topicwire's, or either cannot be read or written.
    """
    source = _sqlite_file(url, "Use pg_dump to back it up")
    if not source.is_file():
        raise StoreError(f"the database {source} does not exist. Name it with --db or --config.")
    _require_absent(target)
    with _new_file(target) as temporary:
        _copy(_uri(source, "mode=rw"), source, temporary, progress)
        _require_sound(temporary, source)
        _publish(temporary, target)


def restore(url: str, source: Path, *, replace: bool, now: datetime) -> Path | None:
    """Make the backup `source` the database; returns where an earlier database is kept, None if there was none.

    An earlier database is kept beside the new one, under a name with the date `now` (UTC), and only if `replace` is
    set. Raises StoreError, and leaves everything as it was, if there is one and it is not, a program uses the
    database, or the backup is damaged or of a revision that this version does not know.
    """
    target = _sqlite_file(url, "Use pg_restore to restore it").resolve()
    if not source.is_file():
        raise StoreError(f"the backup {source} does not exist")
    if target.exists() and target.samefile(source):
        raise StoreError(f"{source} is the database itself. Name a backup.")
    files = [target, *_beside(target)]
    earlier = [path for path in files if path.exists()]
    if earlier and not replace:
        raise StoreError(
            f"{earlier[0]} exists. With --replace the backup takes its place, and the earlier database is kept beside it."
        )
    dated = f"{target.name}-{now:%Y%m%dT%H%M%SZ}"
    moves = {path: path.with_name(path.name.replace(target.name, dated, 1)) for path in files if replace}
    for place in moves.values():
        _require_absent(place)
    with _new_file(target) as temporary:
        # A backup is one file that nobody changes. SQLite is told so, and writes nothing next to it.
        parameters = "mode=ro" if any(path.exists() for path in _beside(source)) else "immutable=1"
        _copy(_uri(source, parameters), source, temporary, lambda done, total: None)
        _require_sound(temporary, source)
        with _unused(target), _moved(moves):
            _publish(temporary, target)
    return next((place for place in moves.values() if place.exists()), None)


def _sqlite_file(url: str, instead: str) -> Path:
    """The file of a SQLite database. Raises StoreError, with what to do `instead`, for one on a server."""
    try:
        parsed = sa.make_url(normalise(url))
    except (exc.ArgumentError, ValueError):
        raise StoreError(f"the address of the database {redact(url)!r} is not valid") from None
    if (file := file_of(parsed)) is not None:
        return file
    if parsed.drivername.startswith("postgresql"):
        raise StoreError(f"the database {redact(url)} is in PostgreSQL. {instead}.")
    raise StoreError(f"the database {redact(url)} is not a file")


def _beside(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in BESIDE]


def _uri(file: Path, parameters: str) -> str:
    return f"{file.absolute().as_uri()}?{parameters}"


def _require_absent(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise StoreError(f"{path} exists already. Choose another name, or move it away.")


@contextmanager
def _explained(failure: str) -> Iterator[None]:
    """SQLite's errors as StoreError, with what a person can do; `failure` says what went wrong."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        reason = str(error) if code is None else _REASONS.get(code & 0xFF, str(error))
        raise StoreError(f"{failure}: {reason}.") from error


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """An empty file beside `target` that its owner alone can read, until it is renamed; nothing of it stays otherwise."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)  # with mode 0600
    except OSError as error:
        raise StoreError(
            f"no file can be written in {target.parent}: {error.strerror}. Create the directory, or give this user "
            "permission to write there."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        for path in (temporary, *_beside(temporary)):
            path.unlink(missing_ok=True)


def _copy(uri: str, source: Path, target: Path, progress: Progress) -> None:
    """Copy a database as it is when the copying begins.

    A read transaction fixes that moment. Without it SQLite begins again after each change by another program, and may
    never end.
    """
    with (
        _explained(f"{source} cannot be copied"),
        closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as origin,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()
        origin.backup(
            copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: progress(total - left, total)
        )
        copy.execute("PRAGMA journal_mode=DELETE")  # so that all of it is in one file


def _require_sound(file: Path, origin: Path) -> None:
    """Raise StoreError, which names `origin`, if its copy `file` is damaged or not a database that the bot can open."""
    unusable = f"{origin} cannot be used"
    with _explained(unusable), closing(sqlite3.connect(file, isolation_level=None)) as connection:
        (first,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if first != "ok":
            raise StoreError(f"{unusable}: it is damaged ({first.splitlines()[-1]}).")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise StoreError(f"{unusable}: it is not a database of Topicwire.")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row else None
    if revision not in revisions():
        raise StoreError(
            f"{unusable}: this version does not know its schema revision {revision} (it knows those up to "
            f"{newest_revision()}). Use the version of Topicwire that made it."
        )


@contextmanager
def _unused(file: Path) -> Iterator[None]:
    """Hold a database so that nobody else can open it. Raises StoreError if a program has it open.

    Whoever has a database with write-ahead logging open, as a running bot always has, keeps SQLite from ending that
    logging. Ending it also puts all changes into the file itself.
    """
    if not file.exists():
        yield
        return
    with closing(sqlite3.connect(_uri(file, "mode=rw"), uri=True, isolation_level=None, timeout=0)) as holder:
        try:
            holder.execute("PRAGMA journal_mode=DELETE")
            holder.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(
                    f"a program is using the database {file}. Stop the bot, then restore the backup."
                ) from error
            # A damaged database is what a backup is for; a bot that meets the damage stops.
            if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                with _explained(f"{file} cannot be replaced"):
                    raise
        yield


@contextmanager
def _moved(moves: dict[Path, Path]) -> Iterator[None]:
    """Rename files; after an error, give them their names back."""
    done: list[Path] = []
    try:
        for path, place in moves.items():
            with suppress(FileNotFoundError):  # SQLite has tidied it up
                path.rename(place)
                done.append(path)
        yield
    except BaseException:
        for path in done:
            moves[path].rename(path)
        raise


def _publish(temporary: Path, target: Path) -> None:
    """Give a finished file its name, unless another file has it by now."""
    try:
        os.link(temporary, target)  # unlike a rename, never replaces a file
    except FileExistsError:
        _require_absent(target)
        raise
    except OSError:  # the file system has no links
        _require_absent(target)
        temporary.rename(target)
