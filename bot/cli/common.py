"""What the commands of `bot.cli.main` do: they call services, and print for people or as JSON."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.domain.model import Record, Topic
from bot.domain.text.cleaning import plural
from bot.domain.text.terminal import json_line, lines, one_line
from bot.errors import ConfigError, SourceError, TopicwireError
from bot.runtime import clock
from bot.sources.folder import FolderSource
from bot.sources.model import Batch, Rejected
from bot.sources.topic_files import load_topics

if TYPE_CHECKING:
    from bot.config import Config
    from bot.services.context import Context
    from bot.sources.model import Source
    from bot.sources.web.fetch import Web
    from bot.workers.ingest import Summary

T = TypeVar("T")

CONFIG = Path("config.yaml")  # the one that is taken where none is named
MAYBE_FEEDS = frozenset({".xml", ".rss", ".atom", ".rdf", ".json"})
PROGRESS_AFTER = 200  # items: below, an intake is over before a bar could be read


def out(text: str) -> None:
    """Print to standard output, with what could control a terminal escaped."""
    sys.stdout.write(lines(text) + "\n")


def note(text: str) -> None:
    """Print for people, to standard error, so that a program can read standard output. Escaped likewise."""
    sys.stderr.write(lines(text) + "\n")


def out_json(value: Any) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json_line(value) + "\n")


def aware(moment: datetime) -> datetime:
    """A time that was typed; in UTC, if it names no zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """As people and programs read it: UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def load_topic_files(directory: Path | None) -> tuple[Topic, ...]:
    """The topics of a directory of topic files; each file that cannot be used is told."""
    if directory is None:
        return ()
    topics, rejected = load_topics(directory)
    for error in rejected:
        note(f"{error.path}: {error.reason}")
    if not topics:
        raise ConfigError(str(directory), ["it contains no usable topic file"])
    return topics


def serve(path: Path) -> None:
    """`topicwire run`."""
    from bot.runtime import app, logs, process

    config = settings_of(path)
    if not config.discord.token.get_secret_value():
        raise TopicwireError(
            "The bot's token is missing. Create a bot at https://discord.com/developers/applications (New Application, "
            "Bot, Reset Token), then set the environment variable TOPICWIRE_DISCORD__TOKEN to its token, or write it as "
            f"discord.token in {path}."
        )
    logs.configure(config.log.level)
    process.raise_open_files()
    asyncio.run(app.run(config))


def check_config(path: Path) -> tuple[int, Config | None]:
    """`topicwire check`: print every problem. How many there are, and the settings where they can be read."""
    from bot import bootstrap

    config = None
    try:
        config = settings_of(path)
        problems = bootstrap.check(config) + asyncio.run(bootstrap.check_stored(config))
    except ConfigError as error:
        problems = error.problems
    for problem in problems:
        out(problem)
    place = one_line(str(path)) if path.exists() else "the default settings"
    if config is not None and not problems:
        out(f"{place}: no problems; {bootstrap.found_by(config)}")
    else:
        out(f"{place}: {plural(len(problems), 'problem')}")
    return len(problems), config


def settings_of(path: Path) -> Config:
    """The settings in the file and the environment. `config.yaml` may be missing: then the defaults count."""
    from bot.config import load, parse

    return load(path) if path != CONFIG or path.exists() else parse({})


def with_context(
    db_url: str | None, config: Config, work: Callable[[Context], Awaitable[T]], now: datetime | None = None
) -> T:
    """Do it with a database, that of the settings where none is named, as of a moment; None: now."""
    from bot import bootstrap
    from bot.store.database import Database

    async def opened() -> T:
        db = await Database.open(db_url or config.database.url)
        try:
            return await work(bootstrap.build_context(config, db, clock.now if now is None else lambda: now))
        finally:
            await db.close()

    return asyncio.run(opened())


def _is_address(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def existing(places: Sequence[str]) -> None:
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
async def _sources(
    places: Sequence[str], private_networks: bool
) -> AsyncIterator[Iterator[tuple[str, Source | None]]]:
    """Each place with what is to be read there: a feed, a feed's file, a record file or a directory of them.

    None stands for a path that does not exist.
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


async def read_places(places: Sequence[str], private_networks: bool = False) -> AsyncIterator[Batch]:
    """All batches of the sources at these places, as if nothing of them had been read before; prints what is refused.

    Of several places one that cannot be read is refused itself. A single one raises SourceError or OSError.
    """
    async with _sources(places, private_networks) as read:
        for place, source in read:
            try:
                async for batch in _reading(place, source).fetch({}):
                    for error in batch.rejected:
                        note(_refusal(error))
                    yield batch
            except (SourceError, OSError) as error:
                refused = _unreadable(places, place, error)
                note(_refusal(refused))
                yield Batch(rejected=(refused,))


def _reading(place: str, source: Source | None) -> Source:
    if source is None:
        raise SourceError(f"{place}: does not exist")
    return source


def _unreadable(places: Sequence[str], place: str, error: SourceError | OSError) -> Rejected:
    """That a place cannot be read, as a refusal; raises the error where it is the only one."""
    if len(places) == 1:
        raise error
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    for name in (place, str(Path(place).absolute())):
        reason = reason.removeprefix(f"{name}: ")
    return Rejected(place, 0, reason)


def _refusal(error: Rejected) -> str:
    """A line about what was refused: an item of a place, or the place itself."""
    return (
        f"{error.path}: item {error.item}: {error.reason}" if error.item else f"{error.path}: {error.reason}"
    )


def _topics_beside(places: Iterable[str]) -> list[Path]:
    """The topic files that come with the records, as in a site's `_data/topics`."""
    return [found for place in places if (found := Path(place) / "_data" / "topics").is_dir()]


def ingest_places(
    places: Sequence[str],
    topics: Path | None,
    db_url: str | None,
    as_json: bool,
    as_of: datetime | None,
    private_networks: bool,
    config: Path,
) -> int:
    """`topicwire ingest`: returns how many items, and of several places how many of these, were refused."""
    from bot.workers import rematch
    from bot.workers.ingest import Ingest, Summary

    if len(places) == 1:
        existing(places)
    directories = [topics] if topics else _topics_beside(places)
    wanted = [topic for directory in directories for topic in load_topic_files(directory)]

    async def work(context: Context) -> Summary:
        await rematch.define(context, wanted)
        ingest = Ingest(context, replay=as_of is not None)
        total = Summary()
        async with _sources(places, private_networks) as read:
            with _Progress() as progress:
                for place, source in read:
                    try:
                        reading = _reading(place, source)
                        total.merge(await ingest.step(reading, progressed=progress.from_here(total.read)))
                    except (SourceError, OSError) as error:
                        total.merge(Summary(rejected=1, errors=[_unreadable(places, place, error)]))
        return total

    summary = with_context(db_url, settings_of(config), work, aware(as_of) if as_of else None)
    if as_json:
        errors = [{"path": e.path, "item": e.item, "reason": e.reason} for e in summary.errors]
        counts = {
            name: getattr(summary, name) for name in ("read", "new", "changed", "unchanged", "rejected")
        }
        out_json({**counts, "errors": errors})
        return summary.rejected
    for error in summary.errors:
        note(_refusal(error))
    out(
        f"{plural(summary.read, 'record')} read: {summary.new} new, {summary.changed} changed, {summary.unchanged} unchanged, "
        f"{summary.rejected} rejected"
    )
    return summary.rejected


class _Progress:
    """A bar on a terminal that shows how many items were taken in so far."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def from_here(self, before: int) -> Callable[[Summary], None]:
        """What an intake calls as it goes on, `before` items having been read by earlier ones."""

        def progressed(summary: Summary) -> None:
            self.show(before + summary.read)

        return progressed

    def show(self, count: int) -> None:
        """So many items by now."""
        if self._bar is None:
            if not sys.stderr.isatty() or count < PROGRESS_AFTER:
                return
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (
                TextColumn("reading"),
                BarColumn(),
                TextColumn("{task.completed} records"),
                TimeElapsedColumn(),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        self._bar.update(self._task, completed=count)


def match_places(places: Sequence[str], directory: Path, as_json: bool, private_networks: bool) -> int:
    """`topicwire match`: returns how many items were refused."""
    from bot.domain.text.language import with_language
    from bot.domain.topics.topics import Topics

    if len(places) == 1:
        existing(places)
    topics = Topics(load_topic_files(directory))

    async def work() -> int:
        refused = 0
        async for batch in read_places(places, private_networks):
            refused += len(batch.rejected)
            for item in batch.items:
                _print_match(item.record, topics.matcher.matched(with_language(item.record)), as_json)
        return refused

    return asyncio.run(work())


def _print_match(record: Record, why: Mapping[str, Sequence[str]], as_json: bool) -> None:
    if not as_json:
        names = "; ".join(f"{name} ({', '.join(words)})" for name, words in why.items())
        out(f"{record.title}\n  {names or 'no topic'}")
        return
    found = {"topics": list(why), "why": {name: list(words) for name, words in why.items()}}
    out_json({"url": record.url, "title": record.title, "declared": list(record.topics), **found})
