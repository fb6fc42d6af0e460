"""Records, sources and times for tests, in one line each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import settings

from bot.domain.model import Image, Outlet, Record, Stored, TopicMatch
from bot.domain.records.identity import canonical
from bot.domain.stories.story import Story
from bot.sources.model import Item, ItemBatch, Progress, Rejected

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday


def at(hours: float = 0) -> datetime:
    """A time, in hours from the start of the test."""
    return START + timedelta(hours=hours)


_serial = count(1)


def record(
    title: str,
    outlet: str = "alpha.example",
    *,
    url: str = "",
    hours: float = 0,
    quality: int = 60,
    topics: Sequence[str] = (),
    excerpt: str = "",
    heat: int | None = None,
    notable: bool = False,
    related: Sequence[Record] = (),
    removed: bool = False,
    image: str = "",
    twins: Sequence[str] = (),
) -> Record:
    """A record as a parser gives it. Without a URL it gets one of its own."""
    address = url or f"https://{outlet}/{next(_serial)}"
    return Record(
        key=canonical(address),
        url=address,
        title=title,
        outlet=Outlet(outlet.split(".")[0].title(), outlet),
        excerpt=excerpt,
        published=at(hours),
        quality=quality,
        heat=heat,
        notable=notable,
        topics=tuple(topics),
        image=Image(image, 1200, 630) if image else None,
        twins=tuple(twins),
        related=tuple(related),
        removed=removed,
    )


def stored(
    record: Record,
    *,
    id: int = 0,  # noqa: A002 (the field's name)
    seen: float | None = None,
    partial: bool = False,
    news: bool = True,
    story: int | None = 1,
    declares: Sequence[int] = (),
) -> Stored:
    """The record as the store knows it, first seen (in hours) when it was published if nothing else is said."""
    published = record.published or START
    first_seen = published if seen is None else at(seen)
    return Stored(id or next(_serial), record, published, first_seen, partial, news, story, tuple(declares))


def story(
    *members: Stored, number: int = 1, declared: Sequence[Stored] = (), topics: Sequence[str] = ("AI",)
) -> Story:
    """A story whose members all have these topics."""
    matches = tuple(TopicMatch(topic, True) for topic in topics)
    return Story(number, members, {entry.id: entry for entry in declared}, {m.id: matches for m in members})


def examples(share: float, **others: Any) -> settings:
    """Settings of a property test whose examples are cheap or dear: so many times as many as the profile says."""
    profile = settings.default
    assert profile is not None
    return settings(max_examples=max(1, round(profile.max_examples * share)), **others)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        """Move it on, by what a timedelta takes."""
        self.now += timedelta(**by)
        return self.now


class ListSource:
    """A source that gives what it is told to, once."""

    kind = "list"

    def __init__(self, name: str = "list:test") -> None:
        self.name = name
        self._waiting: list[Record] = []
        self.rejected: list[Rejected] = []
        self.unchanged = 0

    def add(self, *records: Record) -> ListSource:
        """Have these records taken in next."""
        self._waiting += records
        return self

    async def fetch(self, progress: Progress) -> AsyncGenerator[ItemBatch, None]:
        """Everything that waits, as one batch."""
        waiting, self._waiting = self._waiting, []
        items = tuple(Item("list", position, found) for position, found in enumerate(waiting, 1))
        seen = int(str(progress.get("seen", {}).get("count", 0)))
        yield ItemBatch(
            items, tuple(self.rejected), self.unchanged, {"seen": {"count": seen + len(items)}}, last=True
        )

    async def changes(self) -> AsyncGenerator[None, None]:
        """One look, and no more."""
        yield
