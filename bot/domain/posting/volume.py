"""How much a subscription posts: which stories are big enough for few, some or many posts a day. Pure.

A volume of so many posts a day is a threshold over the size of stories (`ranking.size`): the quantile above which the
topic's stories of the last weeks would have been so many a day. A story grows, so it can reach the threshold days after
it began; it is posted then. Stories are therefore counted with the size that they have reached, by when they began.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.model import MAJOR_HEAT, NOTABLE_HEAT, Calibration, Mode, StoryView, Subscription, Volume
from bot.domain.stories.ranking import size, size_of

POSTS_A_DAY: Mapping[Volume, int] = {Volume.FEW: 2, Volume.SOME: 8, Volume.MANY: 25}
FIXED = (Volume.EVERYTHING, Volume.NOTABLE, Volume.MAJOR)  # they go by the story alone
DEFAULT = Volume.SOME

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MOST_WEEKS = (
    2  # whole ones, so that each day of the week counts alike; more would be slower to notice new feeds
)
GROWING = (
    DAY  # in which most stories reach their size: younger ones do not count where there is a week of others
)
LEAST_SPAN = timedelta(hours=1)  # in less, no rate can be seen
REFRESH = DAY
EARLY_REFRESH = timedelta(hours=1)  # with less than a week of history, of which each hour tells much

# The prior: a usual day of a usual topic, as the heat of its 40 stories. It counts as a quarter of a day, beside what there
# is of a topic that was watched for less than a week. So without any history, few are stories of four outlets or more
# (the quality of feeds is 60, and each further outlet adds 20), some are notable ones, and many are half of all.
PRIOR_STORIES: Mapping[int, int] = {160: 1, 120: 1, 100: 2, 70: 4, 60: 32}
PRIOR_DAYS = 0.25
_PRIOR_SIZES = tuple(size(heat, 1, 1, lot) for heat, count in PRIOR_STORIES.items() for lot in range(count))


@dataclass(frozen=True, slots=True)
class PastStory:
    """A story of a topic: the size that it has reached, when its first report was published, and its heat."""

    size: int
    first: datetime
    heat: int
    notable: bool


@dataclass(frozen=True, slots=True)
class History:
    """What a topic brought: `sizes` in `days` of it, and the shares that are notable and major.

    `is_short`: it is less than a week, so the prior counts as well.
    """

    sizes: tuple[int, ...]
    days: float
    notable: int = 0
    major: int = 0
    is_short: bool = True

    @property
    def refresh(self) -> timedelta:
        """After which time what follows from it is to be computed again."""
        return EARLY_REFRESH if self.is_short else REFRESH


def longest_history(now: datetime) -> datetime:
    """Since when stories can count."""
    return now - MOST_WEEKS * WEEK - GROWING


def history(stories: Sequence[PastStory], watched_since: datetime | None, now: datetime) -> History:
    """The history of a topic whose first news came at `watched_since` (None: there were none yet).

    Of a topic watched for a week or more, these whole weeks, until `GROWING` ago. Else what was published since, or in the
    last day if that is longer: feeds bring some of that at first. Its length is counted from its first story then.
    """
    watched = now - watched_since if watched_since is not None else timedelta()
    # The first story may have come some hours into the first day.
    weeks = max(0, min(MOST_WEEKS, (watched - GROWING + DAY / 2) // WEEK))
    until = now - GROWING if weeks else now
    window = weeks * WEEK or max(watched + timedelta.resolution, DAY)  # with the first one
    inside = [story for story in stories if until - window < story.first <= until]
    span = window
    if not weeks and inside:
        span = max(now - min(story.first for story in inside), LEAST_SPAN)
    return History(
        tuple(story.size for story in inside),
        span / DAY if weeks or inside else 0.0,
        sum(story.notable for story in inside),
        sum(story.heat >= MAJOR_HEAT for story in inside),
        not weeks,
    )


def calibrate(volume: Volume, past: History) -> Calibration:
    """What a volume means for a topic with such a history."""
    prior = PRIOR_DAYS if past.is_short else 0.0
    days = past.days + prior
    weighted = [(size, 1.0) for size in past.sizes]
    if prior:
        weighted += [(size, prior) for size in _PRIOR_SIZES]
    stories = sum(weight for _, weight in weighted) / days
    if volume in FIXED:
        return Calibration(0, stories, None if past.is_short else _posts(volume, past))
    room = POSTS_A_DAY[volume] * days
    threshold, posts = 0, 0.0
    for story_size, weight in sorted(weighted, reverse=True):
        if posts + weight > room:
            break
        threshold, posts = story_size, posts + weight
    else:
        threshold = 0  # there is room for everything
    if not posts:  # not even for one: then it is the biggest
        threshold = max(past.sizes, default=threshold)
    return Calibration(threshold, stories, posts / days)


def _posts(volume: Volume, past: History) -> float:
    """How many posts a day a volume that goes by the story alone would have brought."""
    counts = {
        Volume.EVERYTHING: len(past.sizes),
        Volume.NOTABLE: past.notable,
        Volume.MAJOR: past.major,
    }
    return counts[volume] / past.days


def place(story_size: int, past: History) -> int:
    """Which one a story of that size is in an average day of the topic, counted from the biggest: 1 or more."""
    return 1 + int(sum(other > story_size for other in past.sizes) / past.days) if past.days else 1


@dataclass(frozen=True, slots=True)
class VolumePlace:
    """Why a story is too small: about `posts` of `stories` a day are posted, and it came at that `place`."""

    posts: int
    stories: int
    place: int


def place_below(story_size: int, calibration: Calibration, past: History) -> VolumePlace | None:
    """The place of a story that is not posted: behind those that are, also if these were counted at another time.

    None if too little is known of the topic.
    """
    if past.is_short or calibration.posts is None:
        return None
    posts = round(calibration.posts)
    behind = max(place(story_size, past), posts + 1)
    return VolumePlace(posts, max(round(calibration.stories), behind), behind)


def live_volume(subscription: Subscription) -> Volume:
    """The volume of a subscription's live posts."""
    return subscription.volume or DEFAULT


def digest_volume(subscription: Subscription) -> Volume:
    """The volume of what a subscription brings into digests: beside live posts everything, so that the digest has what is not posted."""
    of_mode = subscription.volume if subscription.mode is Mode.DIGEST else None
    return subscription.digest_volume or of_mode or Volume.EVERYTHING


def shown_volume(subscription: Subscription) -> Volume:
    """The volume that a subscription is described by: that of its live posts, if it has any."""
    return digest_volume(subscription) if subscription.mode is Mode.DIGEST else live_volume(subscription)


_WITHOUT_HISTORY = {volume: calibrate(volume, History((), 0.0)) for volume in POSTS_A_DAY}
_LEAST_SIZES: Mapping[Volume, int] = {
    Volume.EVERYTHING: 0,
    Volume.NOTABLE: size(NOTABLE_HEAT, 0, 0, 0),
    Volume.MAJOR: size(MAJOR_HEAT, 0, 0, 0),
}


def least_size(volume: Volume, calibration: Calibration | None = None) -> int:
    """The size (`ranking.size`) from which a volume brings stories. Without a calibration, the prior decides.

    The heat is the most significant part of a size, so a least heat is a least size as well.
    """
    if volume in _LEAST_SIZES:
        return _LEAST_SIZES[volume]
    return (calibration or _WITHOUT_HISTORY[volume]).threshold


def posts_from(subscription: Subscription) -> int | None:
    """The size from which a subscription posts stories live; None: it posts none."""
    if subscription.mode is Mode.DIGEST:
        return None
    return least_size(live_volume(subscription), subscription.calibration)


def reaches(view: StoryView, volume: Volume, calibration: Calibration | None = None) -> bool:
    """Whether a story is one of those that a volume brings.

    Those declared as notable are notable whatever their size.
    """
    declared = volume is Volume.NOTABLE and view.notable
    return declared or size_of(view) >= least_size(volume, calibration)


def is_posted(view: StoryView, subscription: Subscription) -> bool:
    """Whether a story is one of those that a subscription posts live."""
    return reaches(view, live_volume(subscription), subscription.calibration)


def is_in_digest(view: StoryView, subscription: Subscription) -> bool:
    """Whether a story is one of those that a subscription brings into digests."""
    return reaches(view, digest_volume(subscription), subscription.calibration)
