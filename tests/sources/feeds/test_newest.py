"""Feeds with more entries than are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from random import Random

import pytest

from bot.sources.feeds.newest import LOOKED_AT, newest
from bot.sources.feeds.parse import MAX_ITEMS, FeedDocument
from tests.sources.feeds.writing import item, read, rss

START = datetime(2026, 3, 1, tzinfo=UTC)


def numbers(document: FeedDocument) -> set[int]:
    """The last parts of the addresses that were read."""
    return {int(found.record.key.rpartition("/")[2]) for found in document.items}


def dated(number: int) -> str:
    return item(number, f"<pubDate>{format_datetime(START + timedelta(minutes=number))}</pubDate>")


@pytest.mark.parametrize("order", ["oldest first", "newest first", "mixed"])
def test_the_newest_are_read_wherever_they_stand(order: str) -> None:
    total = MAX_ITEMS + 300
    every = list(range(total))
    if order == "newest first":
        every.reverse()
    if order == "mixed":
        Random(1).shuffle(every)  # noqa: S311 - any order will do
    document = read(rss(*map(dated, every)))
    assert numbers(document) == set(range(300, total))
    (told,) = document.rejected
    assert told.reason == "only 1,000 of the feed's 1,300 entries are read"


def test_the_newest_of_a_json_feed_are_read() -> None:
    items = [
        {
            "url": f"https://news.example.com/{n}",
            "title": f"T{n}",
            "date_published": f"{2000 + n // 300}-01-01T00:00:00Z",
        }
        for n in range(MAX_ITEMS + 200)
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [*items, "no item"]}
    assert set(range(300, MAX_ITEMS + 200)) <= numbers(read(json.dumps(feed)))


def test_of_undated_entries_both_ends_are_read() -> None:
    document = read(rss(*(item(number) for number in range(3 * MAX_ITEMS))))
    assert numbers(document) == {*range(500), *range(2500, 3000)}


def test_dated_entries_go_before_undated_ones() -> None:
    undated = [item(number) for number in range(MAX_ITEMS)]
    document = read(rss(*undated, *(dated(number) for number in range(5000, 5003))))
    assert len(document.items) == MAX_ITEMS
    assert {5000, 5001, 5002} <= numbers(document)


def test_as_many_as_are_read_cost_nothing_more() -> None:
    def never(_entry: int) -> list[str]:
        raise AssertionError

    assert newest([7, 8], 2, never) == [(1, 7), (2, 8)]


def test_of_a_great_many_both_ends_are_looked_at() -> None:
    looked: list[int] = []

    def dates_of(entry: int) -> list[str]:
        looked.append(entry)
        return [(START + timedelta(minutes=entry)).isoformat()]

    assert newest(range(10 * LOOKED_AT), 2, dates_of) == [
        (10 * LOOKED_AT - 1, 10 * LOOKED_AT - 2),
        (10 * LOOKED_AT, 10 * LOOKED_AT - 1),
    ]
    assert len(looked) == LOOKED_AT
