"""Never a flood: which waiting stories of a channel are posted now, and which ones are listed in a roll-up. Pure.

A channel gets at most so many posts in an hour, the biggest stories first. The stories beyond that are listed in one more message,
the roll-up. In quiet hours, all are. A listed story that has grown past the smallest one that was posted beside the list waits for the next free
post instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT_PER_HOUR = 10
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WaitingStory:
    """A story that is due in a channel and has no message: a row of the outbox with its `priority`.

    `waits`: it waits for a free post rather than be listed, because a roll-up lists it already and it has grown since, or because it is
    a reply to the story's post.
    """

    row: int
    priority: int
    waits: bool = False


@dataclass(frozen=True, slots=True)
class RecentPost:
    """A post of the last hour, or one that is being sent now."""

    at: datetime
    priority: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What becomes of a channel's waiting stories.

    `post`: rows that may be sent now, the biggest first. `list_`: rows for the roll-up, which is due at `list_at`.
    `wait`: rows that get the next free post, not before `wait_until`. `floor`: what a listed story has to grow past.
    """

    post: tuple[int, ...] = ()
    list_: tuple[int, ...] = ()
    list_at: datetime | None = None
    wait: tuple[int, ...] = ()
    wait_until: datetime | None = None
    floor: int = 0


def pace(
    waiting: Sequence[WaitingStory],
    recent: Sequence[RecentPost],
    per_hour: int,
    now: datetime,
    quiet_until: datetime | None = None,
) -> Pace:
    """Decide about the waiting stories of a channel with these recent posts; `quiet_until`: it has quiet hours now."""
    ordered = sorted(waiting, key=lambda story: (-story.priority, story.row))
    counted = [post for post in recent if post.at > now - HOUR]
    room = 0 if quiet_until is not None else max(0, per_hour - len(counted))
    posted, rest = ordered[:room], ordered[room:]
    listed = [story for story in rest if not story.waits]
    wait_until = quiet_until
    if quiet_until is None and rest:
        # The next post is free when there are fewer than `per_hour` in the hour before it.
        times = sorted([post.at for post in counted] + [now] * len(posted))
        wait_until = times[max(0, len(times) - per_hour)] + HOUR
    if quiet_until is not None:
        floor = max((story.priority for story in listed), default=0)
    else:
        floor = min([post.priority for post in counted] + [story.priority for story in posted], default=0)
    return Pace(
        tuple(story.row for story in posted),
        tuple(story.row for story in listed),
        (quiet_until or now) if listed else None,
        tuple(story.row for story in rest if story.waits),
        wait_until if any(story.waits for story in rest) else None,
        floor,
    )
