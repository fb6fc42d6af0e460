"""Volumes in words: what a subscription posts, and how much that is."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.model import Calibration, Mode, StorySize, Subscription, Volume
from bot.domain.posting.volume import POSTS_A_DAY, VolumePlace, digest_volume, live_volume
from bot.i18n import ENGLISH, mark, number, spoken, tr, tr_plural

# To be translated where it is used.
STORIES: Mapping[Volume, str] = {
    Volume.FEW: mark("few stories"),
    Volume.SOME: mark("some stories"),
    Volume.MANY: mark("many stories"),
    Volume.EVERYTHING: mark("all stories"),
    Volume.NOTABLE: mark("notable stories"),
    Volume.MAJOR: mark("major stories"),
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
        return tr_plural("about {count} post a day", "about {count} posts a day", round(per_day))
    if round(per_day * 7) >= 1:
        return tr_plural("about {count} post a week", "about {count} posts a week", round(per_day * 7))
    return tr("less than one post a week")


def volume_words(volume: Volume, calibration: Calibration | None) -> str:
    """A volume, with how much that is if it is known."""
    per_day = calibration.posts if calibration is not None else POSTS_A_DAY.get(volume)
    name = tr(STORIES[volume])
    return name if per_day is None else tr("{volume} ({rate})", volume=name, rate=rate(per_day))


def ordinal(place: int) -> str:
    """`1st`, `2nd`, `3rd`, `4th`, `11th` ... in English; the number alone in other languages, whose texts say the rest."""
    if spoken() != ENGLISH:
        return number(place)
    suffix = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{number(place)}{suffix}"


def place_words(place: VolumePlace) -> str:
    """Why a story is too small for a volume."""
    if place.posts < 1:
        return tr_plural(
            "only the biggest of about {count} story a day is posted here; this one came {place}",
            "only the biggest of about {count} stories a day are posted here; this one came {place}",
            place.stories,
            place=ordinal(place.place),
        )
    return tr_plural(
        "the {posts} biggest of about {count} story a day are posted here; this one came {place}",
        "the {posts} biggest of about {count} stories a day are posted here; this one came {place}",
        place.stories,
        posts=number(place.posts),
        place=ordinal(place.place),
    )
