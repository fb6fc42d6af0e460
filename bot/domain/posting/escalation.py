"""From a post to a ping: which subscriptions ping for a story, and which announce one that has grown since its post. Pure.

Each subscription has a bar for each step: the volume of its digest, that of its posts, and the size from which it pings. An
edit pings nobody, so a story that reaches that size after it was posted is announced: by one reply to its post, at most once for
each story and channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.domain.model import MAJOR_HEAT, NOTABLE_HEAT, Mode, StorySize, StoryView, Subscription, Volume
from bot.domain.posting.volume import is_posted, reaches

_AS_VOLUME: Mapping[StorySize, Volume] = {
    StorySize.ANY: Volume.EVERYTHING,
    StorySize.NOTABLE: Volume.NOTABLE,
    StorySize.MAJOR: Volume.MAJOR,
}
# From which heat on a story was so big when it was posted.
_HEAT: Mapping[StorySize, int] = {StorySize.NOTABLE: NOTABLE_HEAT, StorySize.MAJOR: MAJOR_HEAT}


@dataclass(frozen=True, slots=True)
class PostedState:
    """How a story was when it was posted: its heat, and the roles that its post named."""

    heat: int = 0
    roles: tuple[int, ...] = ()


NEVER_POSTED = PostedState()


@dataclass(frozen=True, slots=True)
class Escalation:
    """What a reply announces: the size that a story has reached, and the roles to ping."""

    size: StorySize
    roles: tuple[int, ...]


def has_size(view: StoryView, size: StorySize) -> bool:
    """Whether a story is so big now."""
    return reaches(view, _AS_VOLUME[size])


def pinged_roles(view: StoryView, subscriptions: Iterable[Subscription]) -> tuple[int, ...]:
    """The roles that a new post of a story pings, each once."""
    pinging = (s for s in subscriptions if is_posted(view, s) and has_size(view, s.ping_from))
    return tuple(dict.fromkeys(s.mention_role_id for s in pinging if s.mention_role_id))


def size_to_ping(view: StoryView, subscriptions: Iterable[Subscription]) -> StorySize | None:
    """The size that a story has to reach for the next ping; None if it pings already, or nobody is ever pinged."""
    pinging = [
        s for s in subscriptions if s.mention_role_id and s.mode is not Mode.DIGEST and is_posted(view, s)
    ]
    if any(has_size(view, s.ping_from) for s in pinging):
        return None
    return min((s.ping_from for s in pinging), key=list(StorySize).index, default=None)


def announced_sizes(subscription: Subscription) -> frozenset[StorySize]:
    """The sizes of which a subscription announces that a story has reached them."""
    sizes = {StorySize.MAJOR} if subscription.announces_major else set()
    if subscription.mention_role_id and subscription.ping_from is not StorySize.ANY:
        sizes.add(subscription.ping_from)
    return frozenset(sizes)


def escalation(
    view: StoryView, subscriptions: Collection[Subscription], posted: PostedState
) -> Escalation | None:
    """What to announce of a story that was posted as `posted`; None where no subscription announces what it has become."""
    announcing = [
        subscription
        for subscription in subscriptions
        if is_posted(view, subscription)
        and any(_was_reached_since(view, size, posted) for size in announced_sizes(subscription))
    ]
    if not announcing:
        return None
    size = StorySize.MAJOR if has_size(view, StorySize.MAJOR) else StorySize.NOTABLE
    roles = pinged_roles(view, announcing)
    return Escalation(size, tuple(role for role in roles if role not in posted.roles))


def _was_reached_since(view: StoryView, size: StorySize, posted: PostedState) -> bool:
    return posted.heat < _HEAT[size] and has_size(view, size)
