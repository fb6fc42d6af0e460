"""What a subscription would have posted: past stories, each on the day on which it first reached a volume. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from bot.domain.model import StoryView, Volume
from bot.domain.posting.volume import FIXED, reaches
from bot.domain.stories.evidence import is_about
from bot.domain.stories.owners import NO_OWNERS, MediaOwners
from bot.domain.stories.story import Muted, Story, nothing_muted, story_view

EVERY = 32  # members of a story up to which each of its moments is looked at


@dataclass(frozen=True, slots=True)
class Backtest:
    """Posts by day. `days` are those of UTC, without a gap, the last one the newest; `posts` has a number for each.

    `samples` are stories that would have been posted at some volume, the newest first, each with the
    highest that it reached.
    """

    days: tuple[date, ...]
    posts: Mapping[Volume, tuple[int, ...]]
    samples: tuple[tuple[StoryView, Volume], ...] = ()

    def total(self, volume: Volume, days: int) -> int:
        """How many in the last so many days."""
        return sum(self.posts[volume][-days:])

    def per_day(self, volume: Volume, days: int) -> float:
        """How many a day in the last so many, or as many as there are."""
        return self.total(volume, days) / min(days, len(self.days))


def reached(
    story: Story,
    about: Collection[int],
    max_age: timedelta,
    muted: Muted = nothing_muted,
    owners: MediaOwners = NO_OWNERS,
) -> dict[Volume, datetime]:
    """When a story would first have been posted at each volume, where it ever was.

    `about` are the ids of the records that are about the topic. Told again record by record, as they came in:
    enough of them that are about it must be there unmuted, one must have come no more than `max_age` after it was published,
    and the story must reach the bar. Of a story with very many members only some moments are looked at, so that the
    time it takes grows with their number.
    """
    reached_at: dict[Volume, datetime] = {}
    members = sorted(story.members, key=lambda member: (member.first_seen, member.id))
    look_at = 0
    assigned = False
    for position, newest in enumerate(members):
        if len(reached_at) == len(FIXED):
            break
        if position < look_at or not any(m.id in about for m in members[: position + 1]):
            continue
        look_at = position + 1 + max(0, position - EVERY) // 8
        view = story_view(replace(story, members=tuple(members[: position + 1])), muted, owners)
        if view is None:
            continue
        assigned = is_about(view.members, about, lead=view.lead, owners=owners, assigned=assigned)
        if not assigned:
            continue
        if any(not m.partial and m.first_seen - m.published <= max_age for m in view.members):
            for volume in FIXED:
                if reaches(view, volume):
                    reached_at.setdefault(volume, newest.first_seen)
    return reached_at


class Tally:
    """Counts the stories that would have been posted from the day of `since` to that of `until`, both included."""

    def __init__(
        self,
        since: datetime,
        until: datetime,
        max_age: timedelta,
        muted: Muted = nothing_muted,
        owners: MediaOwners = NO_OWNERS,
        *,
        samples: int = 0,
    ) -> None:
        first, last = (moment.astimezone(UTC).date() for moment in (since, until))
        self._days = tuple(first + timedelta(days=n) for n in range((last - first).days + 1))
        self._counts = {volume: dict.fromkeys(self._days, 0) for volume in FIXED}
        self._max_age, self._muted, self._owners = max_age, muted, owners
        self._samples = samples
        self._newest: list[tuple[datetime, int, Story, Volume]] = []

    def add(self, about: Iterable[tuple[Story, Collection[int]]]) -> None:
        """Count more stories, each with the ids of its records that are about the topic."""
        for story, ids in about:
            when = {
                volume: at
                for volume, at in reached(story, ids, self._max_age, self._muted, self._owners).items()
                if at.astimezone(UTC).date() in self._counts[volume]
            }
            for volume, at in when.items():
                self._counts[volume][at.astimezone(UTC).date()] += 1
            if when:
                highest = [volume for volume in FIXED if volume in when][-1]
                self._newest.append((min(when.values()), story.number, story, highest))
        self._newest.sort(key=lambda entry: entry[:2], reverse=True)
        del self._newest[self._samples :]  # a month of stories is no more to be kept than they are shown

    def result(self) -> Backtest:
        """What was counted so far."""
        newest = [
            (story_view(story, self._muted, self._owners), highest) for _, _, story, highest in self._newest
        ]
        return Backtest(
            self._days,
            {volume: tuple(by_day.values()) for volume, by_day in self._counts.items()},
            tuple((view, highest) for view, highest in newest if view is not None),
        )
