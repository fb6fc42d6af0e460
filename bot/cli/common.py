"""Helpers of the commands: output, settings, the database, and reading records from files and feeds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.cli import CONFIG
from bot.domain.model import Topic
from bot.domain.text.terminal import json_line, lines, one_line
from bot.errors import ConfigError, SourceError
from bot.runtime import clock
from bot.sources.folder import FolderSource
from bot.sources.model import ItemBatch, Rejected
from bot.sources.topic_files import load_topics

if TYPE_CHECKING:
    from bot.config import Config
    from bot.services.context import Context
    from bot.sources.model import Source
    from bot.sources.web.fetch import Web

T = TypeVar("T")

MAYBE_FEEDS = frozenset({".xml", ".rss", ".atom", ".rdf", ".json"})


def print_line(text: str) -> None:
    """Print to standard output, with control characters escaped."""
    sys.stdout.write(lines(text) + "\n")


def print_note(text: str) -> None:
    """Print a message for people to standard error, with control characters escaped."""
    sys.stderr.write(lines(text) + "\n")


def print_json(value: Any) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json_line(value) + "\n")


def to_utc(moment: datetime) -> datetime:
    """The time in UTC. A time without a zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """The time in UTC as ISO 8601 with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def load_topic_files(directory: Path | None) -> tuple[Topic, ...]:
    """The topics of a directory. Prints each file that cannot be used; raises ConfigError if none can."""
    if directory is None:
        return ()
    topics, rejected = load_topics(directory)
    for error in rejected:
        print_note(f"{error.path}: {error.reason}")
    if not topics:
        raise ConfigError(str(directory), ["it contains no usable topic file"])
    return topics


def load_settings(path: Path) -> Config:
    """The settings of the file and the environment. The default file may be missing."""
    from bot.config import load, parse

    return load(path) if path != CONFIG or path.exists() else parse({})


def with_context(
    db_url: str | None, config: Config, action: Callable[[Context], Awaitable[T]], now: datetime | None = None
) -> T:
    """The result of `action` with a context on the database `db_url`, or else that of the settings.

    `now` fixes the clock of the context.
    """
    from bot import bootstrap
    from bot.store.database import Database

    async def opened() -> T:
        db = await Database.open(db_url or config.database.url)
        try:
            return await action(
                bootstrap.build_context(config, db, clock.now if now is None else lambda: now)
            )
        finally:
            await db.close()

    return asyncio.run(opened())


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def require_existing(places: Sequence[str]) -> None:
    """Raise ConfigError for a path that does not exist."""
    missing = [place for place in places if not _is_address(place) and not _exists(place)]
    if missing:
        raise ConfigError("arguments", [f"{one_line(place)} does not exist" for place in missing])


def _exists(place: str) -> bool:
    try:
        return Path(place).expanduser().resolve().exists()
    except (OSError, RuntimeError, ValueError):  # a link to itself, an unknown home, a zero byte
        return False


@asynccontextmanager
async def open_places(
    places: Sequence[str], private_networks: bool
) -> AsyncIterator[Iterator[tuple[str, Source | None]]]:
    """Each place with its source: a feed, a feed file, a record file or a directory of record files.

    The source is None if the path does not exist.
    """
    async with AsyncExitStack() as stack:
        web = None
        if any(_is_address(place) for place in places):
            from bot.bootstrap import build_web_client

            web = await stack.enter_async_context(build_web_client(private_networks))
        yield ((place, _source(place, web)) for place in places)


def _source(place: str, web: Web | None) -> Source | None:
    if web is not None and _is_address(place):
        from bot.sources.feeds.parse import FeedSpec
        from bot.sources.feeds.source import FeedSource

        return FeedSource(web, FeedSpec(place), clock.now)
    if not _exists(place):
        return None
    path = Path(place).expanduser().absolute()
    if path.suffix.lower() in MAYBE_FEEDS:
        from bot.sources.feeds.source import FeedFile, is_feed_file

        if is_feed_file(path):
            return FeedFile(path)
    return FolderSource(path)


async def read_places(places: Sequence[str], private_networks: bool = False) -> AsyncIterator[ItemBatch]:
    """All batches of the sources at these places, read from the start. Prints what is rejected.

    If one of several places cannot be read, it is rejected. A single one raises SourceError or OSError.
    """
    async with open_places(places, private_networks) as sources:
        for place, source in sources:
            try:
                async for batch in require_source(place, source).fetch({}):
                    for error in batch.rejected:
                        print_note(describe_rejection(error))
                    yield batch
            except (SourceError, OSError) as error:
                refused = rejected_place(places, place, error)
                print_note(describe_rejection(refused))
                yield ItemBatch(rejected=(refused,))


def require_source(place: str, source: Source | None) -> Source:
    """The source of a place. Raises SourceError if the place does not exist."""
    if source is None:
        raise SourceError(f"{place}: does not exist")
    return source


def rejected_place(places: Sequence[str], place: str, error: SourceError | OSError) -> Rejected:
    """The rejection of a place that cannot be read. Raises the error if it is the only place."""
    if len(places) == 1:
        raise error
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    for name in (place, str(Path(place).absolute())):
        reason = reason.removeprefix(f"{name}: ")
    return Rejected(place, 0, reason)


def describe_rejection(error: Rejected) -> str:
    """A line about a rejected item, or a rejected place (item 0)."""
    return (
        f"{error.path}: item {error.item}: {error.reason}" if error.item else f"{error.path}: {error.reason}"
    )
