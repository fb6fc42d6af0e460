"""Volumes in words: what a subscription posts, and how much that is."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.model import Calibration, Mode, StorySize, Subscription, Volume
from bot.domain.posting.volume import POSTS_A_DAY, VolumePlace, digest_volume, live_volume
from bot.domain.text.cleaning import plural
from bot.i18n import mark, tr

STORIES: Mapping[Volume, str] = {
    Volume.FEW: "few stories",
    Volume.SOME: "some stories",
    Volume.MANY: "many stories",
    Volume.EVERYTHING: "all stories",
    Volume.NOTABLE: "notable stories",
    Volume.MAJOR: "major stories",
}

# What the digest has beside live posts.
_ALSO_IN_DIGEST: Mapping[Volume, str] = {
    Volume.EVERYTHING: mark("the rest in the digest"),
    Volume.NOTABLE: mark("other notable stories in the digest"),
    Volume.MAJOR: mark("other major stories in the digest"),
}


def digest_words(subscription: Subscription) -> str:
    """What the digest of a subscription has that is not posted; empty where there is nothing such."""
    of_posts, of_digest = live_volume(subscription), digest_volume(subscription)
    if subscription.mode is not Mode.BOTH or of_posts in (of_digest, Volume.EVERYTHING):
        return ""
    return tr(_ALSO_IN_DIGEST[of_digest]) if of_digest in _ALSO_IN_DIGEST else ""


def ping_words(role_id: int, size: StorySize) -> str:
    """Whom a subscription pings, and for which of its stories."""
    match size:
        case StorySize.ANY:
            return tr("pings <@&{role}>", role=role_id)
        case StorySize.NOTABLE:
            return tr("pings <@&{role}> for notable stories", role=role_id)
        case StorySize.MAJOR:
            return tr("pings <@&{role}> for major stories", role=role_id)


def rate(per_day: float) -> str:
    """So many posts a day, or a week if they are few."""
    if round(per_day) >= 1:
        return f"about {plural(round(per_day), 'post')} a day"
    if round(per_day * 7) >= 1:
        return f"about {plural(round(per_day * 7), 'post')} a week"
    return "less than one post a week"


def volume_words(volume: Volume, calibration: Calibration | None) -> str:
    """A volume, with how much that is if it is known."""
    per_day = calibration.posts if calibration is not None else POSTS_A_DAY.get(volume)
    return STORIES[volume] if per_day is None else f"{STORIES[volume]} ({rate(per_day)})"


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th` ..."""
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{suffix}"


def place_words(place: VolumePlace) -> str:
    """Why a story is too small for a volume."""
    if place.posts < 1:
        return f"only the biggest of about {place.stories:,} stories a day are posted here; this one came {ordinal(place.place)}"
    return (
        f"the {place.posts:,} biggest of about {place.stories:,} stories a day are posted here; "
        f"this one came {ordinal(place.place)}"
    )
