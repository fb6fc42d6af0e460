"""A feed that has not changed: what it costs to find that out, beside parsing it once more.

The network is left out: an answer is there at once, so what is measured is what is done with it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import feedparser

from benchmarks import parsing
from benchmarks.table import line
from bot.domain.polling import PollResult
from bot.sources.feeds.parse import FeedSpec
from bot.sources.feeds.source import STATE, PollOutcome, poll_feed
from bot.sources.model import Progress
from bot.sources.parsing.pool import InProcessParsers
from bot.sources.web.fetch import Web
from bot.sources.web.model import Response

OURS_A_TURN = 2000  # so that both take long enough to be measured
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = FeedSpec("https://news.example.com/feed.xml")


class _Answering(Web):
    """A client that has its answer already."""

    def __init__(self, answer: Response) -> None:
        self._answer = answer

    async def get(self, *_address: object, **_conditions: object) -> Response:
        return self._answer


def _look(web: Web, progress: Progress) -> PollOutcome:
    """One look. It waits for nothing, so it needs no loop."""
    try:
        poll_feed(web, ORIGIN, progress, NOW, InProcessParsers()).send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waited")


def measure(runs: int) -> None:
    """Both ways to be unchanged and feedparser's parse of the same feed, in turns."""
    body = parsing.rss()
    same = Response(200, ORIGIN.url, body=body, etag='"1"', content_type="application/rss+xml")
    first = asyncio.run(poll_feed(_Answering(same), ORIGIN, {}, NOW, InProcessParsers()))
    assert first.batch is not None
    progress = {STATE: first.batch.progress[STATE]}
    ways = {
        "304": _Answering(Response(304, ORIGIN.url, etag='"1"')),
        "the same body, recognised by its hash": _Answering(same),
    }
    ours: dict[str, list[float]] = {name: [] for name in ways}
    theirs: list[float] = []
    for _ in range(runs):
        for name, web in ways.items():
            if _look(web, progress).result is not PollResult.NOTHING_NEW:
                raise SystemExit(f"{name}: it was mistaken for a change")
            ours[name].append(1e6 * parsing.spent(lambda: _look(web, progress), OURS_A_TURN))  # noqa: B023 - called at once
        theirs.append(1e6 * parsing.spent(lambda: feedparser.parse(body), 1))
    print(f"\nAn unchanged feed, {len(first.batch.items)} items, {len(body) / 1000:.0f} KB (CPU time)")
    for name, took in ours.items():
        line(name, took, "us")
    line("parsed by feedparser", [each / 1000 for each in theirs], "ms")
    for name, took in ours.items():
        line(f"relative speed: {name}", [b / a for a, b in zip(took, theirs, strict=True)], "x")


if __name__ == "__main__":
    measure(15)
