"""The commands `topicwire ingest` and `topicwire match`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.common import (
    describe_rejection,
    load_settings,
    load_topic_files,
    open_places,
    print_json,
    print_line,
    print_note,
    read_places,
    rejected_place,
    require_existing,
    require_source,
    to_utc,
    with_context,
)
from bot.domain.model import Record
from bot.domain.text.cleaning import plural
from bot.domain.text.language import with_language
from bot.domain.topics.topics import Topics
from bot.errors import SourceError

if TYPE_CHECKING:
    from bot.services.context import Context
    from bot.workers.batches import Summary

PROGRESS_AFTER = 200  # items; smaller intakes finish before a bar could be read


def _topic_directories(places: Iterable[str]) -> list[Path]:
    """The directories of topic files beside the records, as in a site's `_data/topics`."""
    return [directory for place in places if (directory := Path(place) / "_data" / "topics").is_dir()]


def ingest(
    places: Sequence[str],
    topics: Path | None,
    db_url: str | None,
    as_json: bool,
    as_of: datetime | None,
    private_networks: bool,
    config: Path,
) -> int:
    """`topicwire ingest`: returns the number of rejected items and places."""
    from bot.workers import rematch  # slow to import, and `match` needs no database
    from bot.workers.batches import Summary
    from bot.workers.ingest import Ingest

    if len(places) == 1:
        require_existing(places)
    directories = [topics] if topics else _topic_directories(places)
    definitions = [topic for directory in directories for topic in load_topic_files(directory)]

    async def store(context: Context) -> Summary:
        await rematch.define(context, definitions)
        worker = Ingest(context, replay=as_of is not None)
        total = Summary()
        async with open_places(places, private_networks) as sources:
            with _Progress() as progress:
                for place, source in sources:
                    try:
                        reader = require_source(place, source)
                        total.merge(await worker.step(reader, progressed=progress.counting_from(total.read)))
                    except (SourceError, OSError) as error:
                        total.merge(Summary(rejected=1, errors=[rejected_place(places, place, error)]))
        return total

    summary = with_context(db_url, load_settings(config), store, to_utc(as_of) if as_of else None)
    if as_json:
        errors = [{"path": e.path, "item": e.item, "reason": e.reason} for e in summary.errors]
        counts = {
            name: getattr(summary, name) for name in ("read", "new", "changed", "unchanged", "rejected")
        }
        print_json({**counts, "errors": errors})
        return summary.rejected
    for error in summary.errors:
        print_note(describe_rejection(error))
    print_line(
        f"{plural(summary.read, 'record')} read: {summary.new} new, {summary.changed} changed, {summary.unchanged} unchanged, "
        f"{summary.rejected} rejected"
    )
    return summary.rejected


class _Progress:
    """A progress bar on a terminal that shows the number of records read."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def counting_from(self, before: int) -> Callable[[Summary], None]:
        """A callback for an intake after `before` items were read by earlier ones."""

        def progressed(summary: Summary) -> None:
            self.show(before + summary.read)

        return progressed

    def show(self, count: int) -> None:
        """Show the number of items read."""
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


def match(places: Sequence[str], directory: Path, as_json: bool, private_networks: bool) -> int:
    """`topicwire match`: returns the number of rejected items."""
    if len(places) == 1:
        require_existing(places)
    topics = Topics(load_topic_files(directory))

    async def print_matches() -> int:
        refused = 0
        async for batch in read_places(places, private_networks):
            refused += len(batch.rejected)
            for item in batch.items:
                _print_match(item.record, topics.matcher.matched(with_language(item.record)), as_json)
        return refused

    return asyncio.run(print_matches())


def _print_match(record: Record, why: Mapping[str, Sequence[str]], as_json: bool) -> None:
    if not as_json:
        names = "; ".join(f"{name} ({', '.join(words)})" for name, words in why.items())
        print_line(f"{record.title}\n  {names or 'no topic'}")
        return
    matches = {"topics": list(why), "why": {name: list(words) for name, words in why.items()}}
    print_json({"url": record.url, "title": record.title, "declared": list(record.topics), **matches})
