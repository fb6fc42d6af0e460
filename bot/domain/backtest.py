"""What a subscription would have posted: the stories of the past, each on the day on which it first reached a bar. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from bot.domain import stories
from bot.domain.model import Importance, StoryView
from bot.domain.owners import NOBODY, Owners
from bot.domain.stories import Muted, Story


@dataclass(frozen=True, slots=True)
class Backtest:
    """Posts by day. `days` are those of UTC, without a gap, the last one the newest; `posts` has a number for each.

    `samples` are stories that would have been posted at some importance, the newest first, each with the
    highest that it reached.
    """

    days: tuple[date, ...]
    posts: Mapping[Importance, tuple[int, ...]]
    samples: tuple[tuple[StoryView, Importance], ...] = ()

    def total(self, importance: Importance, days: int) -> int:
        """How many in the last so many days."""
        return sum(self.posts[importance][-days:])

    def per_day(self, importance: Importance, days: int) -> float:
        """How many a day in the last so many, or as many as there are."""
        return self.total(importance, days) / min(days, len(self.days))


def reached(
    story: Story,
    about: Collection[int],
    max_age: timedelta,
    muted: Muted = stories.never,
    owners: Owners = NOBODY,
) -> dict[Importance, datetime]:
    """When a story would first have been posted at each importance, where it ever was.

    `about` are the ids of the records that are about the topic. Told again record by record, as they came in:
    one that is about it must be there unmuted, one must have come no more than `max_age` after it was published,
    and the story must reach the bar.
    """
    found: dict[Importance, datetime] = {}
    members = sorted(story.members, key=lambda member: (member.first_seen, member.id))
    for position, newest in enumerate(members):
        if len(found) == len(Importance) or not any(m.id in about for m in members[: position + 1]):
            continue
        view = stories.view(replace(story, members=tuple(members[: position + 1])), muted, owners)
        if view is None or not any(member.id in about for member in view.members):
            continue
        if any(not m.partial and m.first_seen - m.published <= max_age for m in view.members):
            for importance in Importance:
                if stories.reaches(view, importance):
                    found.setdefault(importance, newest.first_seen)
    return found


def backtest(
    about: Iterable[tuple[Story, Collection[int]]],
    since: datetime,
    until: datetime,
    max_age: timedelta,
    muted: Muted = stories.never,
    owners: Owners = NOBODY,
    *,
    samples: int = 0,
) -> Backtest:
    """Count the stories that would have been posted from the day of `since` to that of `until`, both included.

    Each story comes with the ids of its records that are about the topic.
    """
    first, last = (moment.astimezone(UTC).date() for moment in (since, until))
    days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
    counts = {importance: dict.fromkeys(days, 0) for importance in Importance}
    told: list[tuple[datetime, Story, Importance]] = []
    for story, ids in about:
        when = {
            importance: at
            for importance, at in reached(story, ids, max_age, muted, owners).items()
            if at.astimezone(UTC).date() in counts[importance]
        }
        for importance, at in when.items():
            counts[importance][at.astimezone(UTC).date()] += 1
        if when:
            highest = [importance for importance in Importance if importance in when][-1]
            told.append((min(when.values()), story, highest))
    told.sort(key=lambda entry: (entry[0], entry[1].number), reverse=True)
    newest = [(stories.view(story, muted, owners), highest) for _, story, highest in told[:samples]]
    return Backtest(
        days,
        {importance: tuple(by_day.values()) for importance, by_day in counts.items()},
        tuple((view, highest) for view, highest in newest if view is not None),
    )
