"""The first posts of a new subscription: the best stories of the last day, so that it does not begin with silence. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain.model import Mode, StoryView, Subscription, Volume
from bot.domain.posting.volume import FIXED, is_posted, live_volume
from bot.domain.stories.ranking import last_report, size_of

LAST_DAY = timedelta(days=1)
WAIT = timedelta(days=1)  # after which a new subscription that brought nothing is not new any more
MOST = 3
MOST_OF_FEW = 1  # of a subscription that is to bring about two a day


def wants_first_posts(subscription: Subscription) -> bool:
    """Whether a new subscription begins with posts: it has live ones."""
    return subscription.mode is not Mode.DIGEST


def first_posts(views: Iterable[StoryView], subscription: Subscription, now: datetime) -> list[StoryView]:
    """The stories to begin with, the biggest first.

    They have a report of the last day. Volumes that go by the story alone hold for them; the others are about many days.
    """
    volume = live_volume(subscription)
    recent = [
        view
        for view in views
        if now - last_report(view) <= LAST_DAY
        and not view.lead.partial
        and (volume not in FIXED or is_posted(view, subscription))
    ]
    return sorted(recent, key=size_of, reverse=True)[: MOST_OF_FEW if volume is Volume.FEW else MOST]
