"""The digests of a channel: what each is called, what it tells of, and which of them a manager means. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.model import Mode, Subscription
from bot.domain.posting.digest import served_by_digest
from bot.domain.posting.schedule import EVERY_DAY, Schedule
from bot.domain.text.cleaning import clip
from bot.domain.text.words import name_key
from bot.i18n import in_every_language, tr

NAME_MOST = 60  # characters of a name that a manager gives
TOPIC_MOST = 60  # characters of a topic in a title: with what stands before it, it has room on a button


@dataclass(frozen=True, slots=True)
class ChannelDigest:
    """One of the digests of a channel.

    `name` is what a manager called it; empty: it is called what it is. `topic` is the one that it tells of; None: all of the
    channel's topics that are in its digests. `schedule` None: it comes at the default time, as nobody has set another.
    `covered_until` is when the last one was made, from where the next one goes on, and `next_at` when that is due: None if
    no next one is planned. `id` 0: it is not stored.
    """

    id: int
    guild_id: int
    channel_id: int
    name: str = ""
    topic: str | None = None
    schedule: Schedule | None = None
    created_at: datetime | None = None
    covered_until: datetime | None = None
    next_at: datetime | None = None

    @property
    def is_weekly(self) -> bool:
        """Whether it comes once a week."""
        return self.schedule is not None and len(self.schedule.days) == 1

    @property
    def is_default(self) -> bool:
        """Whether nobody has set anything of it: it came with a subscription."""
        return self.schedule is None and not self.name and self.topic is None

    @property
    def title(self) -> str:
        """What it is called in the language spoken."""
        return self.title_on(EVERY_DAY if self.schedule is None else self.schedule.days)

    def title_on(self, days: frozenset[int]) -> str:
        """What it is called in the language spoken if it comes on these days."""
        return digest_title(self.name, days, self.topic)

    def served(self, subscriptions: Iterable[Subscription]) -> tuple[Subscription, ...]:
        """Those of the channel's subscriptions that it serves. A topic needs none: then everything of it counts."""
        in_digests, topic = served_by_digest(subscriptions), self.topic
        if topic is None:
            return in_digests
        chosen = tuple(s for s in in_digests if name_key(s.topic) == name_key(topic))
        return chosen or (Subscription(0, self.guild_id, self.channel_id, topic, Mode.DIGEST),)


@dataclass(frozen=True, slots=True)
class PlannedDigest:
    """A digest that comes by itself, with its schedule, and the topics that it serves."""

    digest: ChannelDigest
    schedule: Schedule
    topics: tuple[str, ...]


def digest_title(name: str, days: frozenset[int], topic: str | None = None) -> str:
    """What a digest is called: its name, or else what it is, such as `Weekly digest: Computer Vision`."""
    if name:
        return name
    about = clip(topic, TOPIC_MOST) if topic else ""
    match len(days):
        case 1:
            return tr("Weekly digest: {topic}", topic=about) if about else tr("Weekly digest")
        case 7:
            return tr("Daily digest: {topic}", topic=about) if about else tr("Daily digest")
        case _:
            return tr("Digest: {topic}", topic=about) if about else tr("Digest")


def titles_of(digest: ChannelDigest) -> frozenset[str]:
    """What somebody may type to mean a digest, as `name_key` has it: its title in any language."""
    return in_every_language(lambda: name_key(digest.title))


def named(digests: Iterable[ChannelDigest], title: str) -> ChannelDigest | None:
    """The digest that has this title; None if there is none."""
    return next((digest for digest in digests if name_key(title) in titles_of(digest)), None)


def with_same_title(digests: Iterable[ChannelDigest], changed: ChannelDigest) -> ChannelDigest | None:
    """Another digest of the channel that has the title of `changed`; None if there is none."""
    others = (digest for digest in digests if digest.id != changed.id)
    return next((digest for digest in others if titles_of(digest) & titles_of(changed)), None)


def digest_to_set(digests: Sequence[ChannelDigest], requested: ChannelDigest) -> ChannelDigest | None:
    """The stored digest that `requested` (its name, topic and schedule) changes; None if it is a new one.

    With a name that is the one with this title. Without, it is the one of the same topic that has no name and comes as
    often: once a week, or more often. A digest at the default time that came with a subscription gives way to the first
    one that somebody sets for the same topics.
    """
    default = next((digest for digest in digests if digest.is_default), None)
    if requested.name:
        return named(digests, requested.name) or (default if requested.topic is None else None)
    alike = (
        digest
        for digest in digests
        if not digest.name
        and name_key(digest.topic or "") == name_key(requested.topic or "")
        and (digest.is_weekly is requested.is_weekly or digest is default)
    )
    return next(alike, None)


def changed(before: ChannelDigest | None, requested: ChannelDigest) -> ChannelDigest:
    """What comes of a digest (None: a new one) that somebody sets as in `requested`.

    A name that is its title by what it is anyway is none, and an earlier one's topic stays if none is chosen.
    """
    base = before or requested
    after = replace(
        base, name=requested.name, topic=requested.topic or base.topic, schedule=requested.schedule
    )
    if not requested.name:
        return after
    if before is not None and name_key(requested.name) in titles_of(before):
        return replace(after, name=before.name)
    unnamed = replace(after, name="")
    return unnamed if name_key(requested.name) in titles_of(unnamed) else after
