"""How near few, some and many posts a day come with real stories, as they grew report by report.

The stories of a directory of records are drawn at random and begin at random times of four weeks, so many a day.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from bot.domain.model import Calibration, Volume
from bot.domain.posting.volume import DAY, POSTS_A_DAY, WEEK, PastStory, calibrate, history, longest_history
from bot.domain.stories.ranking import size
from bot.domain.stories.story import Story, story_view
from bot.runtime import clock
from bot.services.context import Context
from bot.sources.folder import FolderSource
from bot.store import stories
from bot.store.database import Database
from bot.workers.ingest import Ingest

RATES = (5, 20, 60, 200)  # stories a day
WEEKS = 4
WARM_UP = 8  # days that do not count
MOST_REPORTS = 40
START = datetime(2026, 3, 2, tzinfo=UTC)
Growth = tuple[datetime, int, int]  # when a story got a report, its number, and its size since then
StoryGrowth = list[tuple[timedelta, int]]


async def measure(records: Path) -> None:
    """Print posts a day at several rates of stories."""
    growths = await _growths(records)
    print(
        f"{len(growths)} stories, of which {sum(len(growth) > 1 for growth in growths)} have several reports"
    )
    for rate in RATES:
        stream = _stream(growths, rate)
        posts = {name: _posts(name, stream) for name in POSTS_A_DAY}
        figures = (f"{name} {a_day:.1f} (first day {first})" for name, (a_day, first) in posts.items())
        print(f"{rate} stories a day: {', '.join(figures)}")


def _stream(growths: Sequence[StoryGrowth], rate: int) -> list[Growth]:
    random = Random(rate)  # noqa: S311 - a sequence to repeat, not a secret
    stream: list[Growth] = []
    for number in range(1, rate * 7 * WEEKS + 1):
        begins = START + random.random() * WEEKS * WEEK
        lot = size(0, 0, 0, number)
        stream += [(begins + since, number, grown + lot) for since, grown in random.choice(growths)]
    return sorted(stream)


async def _growths(records: Path) -> list[StoryGrowth]:
    with tempfile.TemporaryDirectory() as directory:
        db = await Database.open(str(Path(directory) / "volume.db"))
        await Ingest(Context(db, clock.now), replay=True).step(FolderSource(records))
        async with db.read() as connection:
            every = await stories.load(connection, await stories.latest(connection, None, None))
        await db.close()
    return [growth for story in every.values() if (growth := list(_steps(story)))]


def _steps(story: Story) -> Iterable[tuple[timedelta, int]]:
    """The time since the first report, and the size without its lot, of a story with each of its reports."""
    members = sorted((m for m in story.members if not m.partial), key=lambda m: (m.first_seen, m.id))
    for count in range(1, min(len(members), MOST_REPORTS) + 1):
        view = story_view(replace(story, members=tuple(members[:count])))
        if view is not None:
            grown = size(view.heat, view.voices, len(view.members), 0)
            yield members[count - 1].first_seen - members[0].first_seen, grown


def _posts(volume: Volume, growth: Sequence[Growth]) -> tuple[float, int]:
    """Posts a day after the first `WARM_UP`, and posts of the first day."""
    start = START
    sizes: dict[int, int] = {}
    firsts: dict[int, datetime] = {}
    posted: set[int] = set()
    by_day: Counter[int] = Counter()
    due, calibration = start, Calibration(0, 0, 0)
    for at, number, grown in growth:
        if due <= at:
            since = longest_history(at)
            past = history(
                [
                    PastStory(sizes[n], began, 0, notable=False)
                    for n, began in firsts.items()
                    if began > since
                ],
                start,
                at,
            )
            calibration, due = calibrate(volume, past), at + past.refresh
        firsts.setdefault(number, at)
        sizes[number] = grown
        if number not in posted and grown >= calibration.threshold:
            posted.add(number)
            by_day[(at - start) // DAY] += 1
    counted = range(WARM_UP, 7 * WEEKS)
    return sum(by_day[day] for day in counted) / len(counted), by_day[0]
