"""Moving house: what a server has goes into a file, and from a file into another bot.

An import adds and changes; it removes nothing. A preview is the import itself, undone at its end, so both find the same
mistakes. Everything is checked as the commands check it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, PostLayout, StorySize, Subscription, Topic, Volume
from bot.domain.polling import FeedOrigin, NewFeed
from bot.domain.posting.channel_digests import (
    ChannelDigest,
    changed,
    digest_to_set,
    with_same_title,
)
from bot.domain.posting.quiet import QuietHours
from bot.domain.posting.schedule import MOST_SIZE, WEEK, DigestStyle, Schedule
from bot.domain.records.identity import canonical
from bot.domain.text.cleaning import clip, repair
from bot.domain.text.words import name_key
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError, TopicwireError
from bot.i18n import LANGUAGES, comma_list, tr
from bot.services import curate, mutes, pace, rephrasing, server_topics, sources
from bot.services.appearance import accent_of
from bot.services.context import Context
from bot.services.curate import StoryChange
from bot.services.digests import digest_name, plan_default, require_room, schedule, zone
from bot.services.server_file import (
    FORMAT,
    MOST_DECISIONS,
    VERSION,
    MovedChannel,
    MovedDecision,
    MovedDigest,
    MovedFeed,
    MovedMute,
    MovedQuietHours,
    MovedSettings,
    MovedSubscription,
    MovedTopic,
    ServerFile,
)
from bot.services.server_topics import Draft
from bot.services.subscribe import MOST_SUBSCRIPTIONS
from bot.services.templates import checked, require_template
from bot.services.topics import resolve
from bot.store import (
    alerts,
    digests,
    feeds,
    quotas,
    records,
    rephrasings,
    rollups,
    servers,
    story_overrides,
    story_threads,
    subscriptions,
    templates,
    topics,
    votes,
)
from bot.store import server_topics as stored_topics
from bot.store.story_overrides import StoryOverride

log = logging.getLogger(__name__)

MOST_PROBLEMS = 10  # that an answer lists
TITLE = 300  # characters of what a feed calls itself
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ServerPlaces:
    """The channels in which the bot can post, those of them that can have threads or followers, and the roles to ping."""

    guild_id: int
    channels: frozenset[int] = frozenset()
    with_threads: frozenset[int] = frozenset()
    with_followers: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()


class EntryKind(StrEnum):
    """What a file has entries of."""

    SETTINGS = "settings"
    TOPICS = "topics"
    FEEDS = "feeds"
    CHANNELS = "channels"
    SUBSCRIPTIONS = "subscriptions"
    DIGESTS = "digests"
    MUTES = "mutes"
    DECISIONS = "decisions"


@dataclass(slots=True)
class KindChanges:
    """How many entries of a kind are new, change what is there, are there already, or are left out."""

    new: int = 0
    changed: int = 0
    same: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import does, by kind, and the topics that articles are still to be matched with."""

    kinds: Mapping[EntryKind, KindChanges]
    topics: tuple[Topic, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether everything in the file is there already, or left out."""
        return not any(changes.new or changes.changed for changes in self.kinds.values())


async def export(context: Context, guild_id: int) -> ServerFile:
    """Everything of a server that can move with it."""
    async with context.db.read() as connection:
        loaded = await context.topics.load(connection, guild_id)
        followed = await subscriptions.subscriptions(connection, guild_id=guild_id)
        present = await digests.stored(connection, guild_id=guild_id)
        decided = await story_overrides.of_server(connection, guild_id, MOST_DECISIONS)
        return ServerFile(
            format=FORMAT,
            version=VERSION,
            server=str(guild_id),
            exported_at=context.now(),
            settings=await _settings(connection, guild_id),
            topics=[
                MovedTopic(name=t.name, query=t.query, aliases=list(t.aliases), parent=t.parent)
                for t in loaded
                if t.guild_id == guild_id
            ],
            feeds=[
                MovedFeed(address=f.address, name=f.name, title=clip(f.title, TITLE), topics=list(f.topics))
                for f in await feeds.all_feeds(connection, guild_id)
            ],
            channels=await _channels(connection, guild_id),
            subscriptions=list(map(_subscription_entry, followed)),
            digests=list(map(_digest_entry, present)),
            mutes=[
                MovedMute(value=m.value, channel=str(m.channel_id) if m.channel_id else None)
                for m in await subscriptions.mutes(connection, guild_id)
            ],
            decisions=[MovedDecision(one=d.one, other=d.other, same=d.same, at=d.at) for d in decided],
        )


async def _settings(connection: AsyncConnection, guild_id: int) -> MovedSettings:
    return MovedSettings(
        language=(await servers.language(connection, guild_id)).chosen,
        template=(await templates.texts_of(connection, [guild_id])).get(guild_id),
        votes=bool(await votes.voting(connection, [guild_id])),
        rephrased_briefs=bool(await rephrasings.wanting(connection, [guild_id])),
    )


async def _channels(connection: AsyncConnection, guild_id: int) -> list[MovedChannel]:
    states = {state.channel_id: state for state in await subscriptions.channels(connection, guild_id)}
    threaded = await story_threads.channels_with(connection, list(states))
    opened = await alerts.open_channels(connection, guild_id)
    languages = await rephrasings.languages(connection, [guild_id])
    entries = []
    for channel_id in sorted({*states, *opened, *languages}):
        state = states.get(channel_id)
        entries.append(
            MovedChannel(
                channel=str(channel_id),
                posts_per_hour=state.per_hour if state else None,
                quiet_hours=_quiet_entry(state.quiet) if state and state.quiet else None,
                threads=channel_id in threaded,
                digests_off=bool(state and state.off),
                open_to_alerts=channel_id in opened,
                brief_language=languages.get(channel_id),
            )
        )
    return entries


def _quiet_entry(quiet: QuietHours) -> MovedQuietHours:
    return MovedQuietHours(start=f"{quiet.start:%H:%M}", end=f"{quiet.end:%H:%M}", zone=quiet.zone)


def _subscription_entry(subscription: Subscription) -> MovedSubscription:
    role, accent = subscription.mention_role_id, subscription.accent
    return MovedSubscription(
        channel=str(subscription.channel_id),
        topic=subscription.topic,
        mode=subscription.mode.value,
        volume=subscription.volume.value if subscription.volume else None,
        digest_volume=subscription.digest_volume.value if subscription.digest_volume else None,
        mention=str(role) if role else None,
        ping_from=subscription.ping_from.value,
        publish=subscription.publish,
        layout=subscription.layout.value,
        colour=None if accent is None else f"#{accent:06x}",
        announces_major=subscription.announces_major,
        created_at=subscription.created_at,
    )


def _digest_entry(digest: ChannelDigest) -> MovedDigest:
    entry = MovedDigest(
        channel=str(digest.channel_id),
        name=digest.name,
        topic=digest.topic,
        planned=digest.next_at is not None,
        created_at=digest.created_at,
        covered_until=digest.covered_until,
    )
    plan = digest.schedule
    if plan is None:
        return entry
    days = ",".join(WEEK[day] for day in sorted(plan.days))
    return MovedDigest(
        **{
            name: getattr(entry, name)
            for name in ("channel", "name", "topic", "planned", "created_at", "covered_until")
        },
        at=f"{plan.at:%H:%M}",
        zone=plan.zone,
        days=days,
        size=plan.size,
        style=plan.style.value,
    )


class _UndoneError(Exception):
    """Ends the transaction of a preview."""


async def preview(context: Context, places: ServerPlaces, user_id: int, file: ServerFile) -> ImportResult:
    """What an import would do. InvalidInputError lists the entries that cannot be imported; nothing is stored."""
    moving = None
    try:
        async with context.db.intake() as connection:
            moving = _Import(connection, context, places, user_id)
            await moving.run(file, decides=False)
            raise _UndoneError
    except _UndoneError:
        assert moving is not None
    return moving.result()


async def apply(context: Context, places: ServerPlaces, user_id: int, file: ServerFile) -> ImportResult:
    """Import a file, or nothing of it: InvalidInputError as `preview`. `look_back` comes after it."""
    async with context.db.intake() as connection:
        moving = _Import(connection, context, places, user_id)
        await moving.run(file, decides=True)
    curate.tell(context, moving.stories)
    context.wake()
    return moving.result()


async def look_back(context: Context, imported: ImportResult) -> None:
    """Match recent articles with topics that an import made or changed, one after the other."""
    for topic in imported.topics:
        try:
            await server_topics.look_back(context, topic)
        except TopicwireError as error:
            log.warning("an imported topic was not matched with earlier articles: %s", error)


@dataclass(slots=True)
class _Import:
    """An import in its transaction. Each entry is checked, compared with what is there, and stored where it differs."""

    connection: AsyncConnection
    context: Context
    places: ServerPlaces
    user_id: int
    kinds: dict[EntryKind, KindChanges] = field(
        default_factory=lambda: {kind: KindChanges() for kind in EntryKind}
    )
    problems: list[str] = field(default_factory=list)
    topics: list[Topic] = field(default_factory=list)
    stories: list[StoryChange] = field(default_factory=list)

    @property
    def _guild_id(self) -> int:
        return self.places.guild_id

    def result(self) -> ImportResult:
        return ImportResult(self.kinds, tuple(self.topics))

    async def run(self, file: ServerFile, *, decides: bool) -> None:
        """Do all of it. Raises InvalidInputError with the problems of all entries."""
        if int(file.server) != self._guild_id:
            raise InvalidInputError(
                tr(
                    "The file is of the server {other}, and this is the server {server}. A file can be imported only into "
                    "the server that it is of.",
                    other=file.server,
                    server=self._guild_id,
                )
            )
        self._check_topic_count(len(file.topics))  # before so many queries are read
        channels = {e.channel: e for e in await _channels(self.connection, self._guild_id)}
        with self._entry(EntryKind.SETTINGS, ""):
            await self._settings(file.settings)
        before = await self.context.topics.load(self.connection, self._guild_id)
        await self._each(
            EntryKind.TOPICS,
            file.topics,
            lambda e: self._topic(e, before),
            lambda e: name_key(server_topics.topic_name(e.name)),
        )
        loaded = await self.context.topics.load(self.connection, self._guild_id)
        with self._entry(EntryKind.TOPICS, ""):
            await self._check_topics(loaded)
        await self._each(
            EntryKind.FEEDS,
            file.feeds,
            lambda e: self._feed(e, loaded),
            lambda e: canonical(sources.address_of(e.address)),
        )
        await self._each(
            EntryKind.MUTES,
            file.mutes,
            self._mute,
            lambda e: (e.channel, name_key(mutes.parse_mute(e.value))),
        )
        followed = await subscriptions.subscriptions(self.connection, guild_id=self._guild_id)
        by_topic = {(s.channel_id, s.topic): s for s in followed}
        await self._each(
            EntryKind.SUBSCRIPTIONS,
            file.subscriptions,
            lambda e: self._subscription(e, loaded, by_topic),
            lambda e: (e.channel, resolve(loaded, e.topic).name),
        )
        await self._digests(file, loaded)
        await self._each(
            EntryKind.CHANNELS, file.channels, lambda e: self._channel(e, channels), lambda e: e.channel
        )
        await self._default_digests(file)
        self._raise_problems()
        for entry in file.decisions:
            try:
                await self._decision(entry, decides=decides)
            except TopicwireError:  # the stories are others here: the last article of a story stays in it
                self.kinds[EntryKind.DECISIONS].left_out += 1

    async def _each(
        self,
        kind: EntryKind,
        entries: Iterable[Any],
        take: Callable[[Any], Awaitable[None]],
        identity: Callable[[Any], object],
    ) -> None:
        seen: set[object] = set()
        for place, entry in enumerate(entries):
            if len(self.problems) > MOST_PROBLEMS:
                return
            with self._entry(kind, f"[{place}]"):
                if identity(entry) in seen:
                    raise InvalidInputError(tr("An earlier entry of the file is for the same."))
                seen.add(identity(entry))
                await take(entry)

    @contextmanager
    def _entry(self, kind: EntryKind, place: str) -> Iterator[None]:
        """Note what is wrong with an entry, and go on with the next."""
        try:
            yield
        except TopicwireError as error:
            self.problems.append(f"{kind.value}{place}: {error}")

    def _raise_problems(self) -> None:
        if self.problems:
            text = tr("The file cannot be imported, and nothing was changed:")
            raise InvalidInputError(
                "\n".join([text, *(f"• {clip(p, 300)}" for p in self.problems[:MOST_PROBLEMS])])
            )

    def _count(self, kind: EntryKind, *, is_new: bool, differs: bool) -> bool:
        """Count an entry. Returns whether it is to be stored."""
        changes = self.kinds[kind]
        if is_new:
            changes.new += 1
        elif differs:
            changes.changed += 1
        else:
            changes.same += 1
        return is_new or differs

    def _channel_id(self, text: str) -> int:
        channel_id = int(text)
        if channel_id not in self.places.channels:
            raise InvalidInputError(
                tr(
                    "{id} is not a channel of this server in which the bot can post. It may be deleted, or of another server.",
                    id=channel_id,
                )
            )
        return channel_id

    async def _settings(self, entry: MovedSettings) -> None:
        connection, guild_id, now = self.connection, self._guild_id, self.context.now()
        before = await _settings(connection, guild_id)
        if entry.language is not None:
            if entry.language not in LANGUAGES:
                raise InvalidInputError(tr("The languages are {languages}.", languages=comma_list(LANGUAGES)))
            if self._count(
                EntryKind.SETTINGS, is_new=before.language is None, differs=entry.language != before.language
            ):
                present = await servers.language(connection, guild_id)
                await servers.set_language(connection, guild_id, replace(present, chosen=entry.language))
        if entry.template is not None:
            checked(entry.template)
            if self._count(
                EntryKind.SETTINGS, is_new=before.template is None, differs=entry.template != before.template
            ):
                await templates.save(connection, guild_id, entry.template, self.user_id, now)
        if entry.votes and self._count(EntryKind.SETTINGS, is_new=not before.votes, differs=False):
            await votes.switch(connection, guild_id, on=True)
        if entry.rephrased_briefs:
            if not self.context.model:
                self.kinds[EntryKind.SETTINGS].left_out += 1
            elif self._count(EntryKind.SETTINGS, is_new=not before.rephrased_briefs, differs=False):
                await rephrasings.want(connection, guild_id, self.user_id, now)

    async def _topic(self, entry: MovedTopic, loaded: Topics) -> None:
        if any("," in alias for alias in entry.aliases):
            raise InvalidInputError(tr("Other names of a topic have no commas."))
        key = name_key(server_topics.topic_name(entry.name))
        before = next((t for t in loaded if t.guild_id and name_key(t.name) == key), None)
        draft = Draft(entry.name, entry.query, ",".join(entry.aliases) or server_topics.NOTHING, entry.parent)
        if not entry.query.strip():
            raise InvalidInputError(tr("A topic needs a query."))
        after = server_topics.drafted(before or Topic("", guild_id=self._guild_id), draft, loaded)
        if before is not None:
            after = replace(after, suspended=before.suspended if after.query == before.query else "")
        server_topics.check_names_free(loaded.visible_to(0), after, None)
        if not self._count(EntryKind.TOPICS, is_new=before is None, differs=after != before):
            return
        if before is None:
            await stored_topics.add(self.connection, after)
        else:
            await stored_topics.change(self.connection, before, after)
        if before is None or before.query != after.query:
            self.topics.append(after)

    async def _check_topics(self, loaded: Topics) -> None:
        own = [topic for topic in loaded if topic.guild_id]
        names = Counter(name_key(name) for topic in own for name in (topic.name, *topic.aliases))
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise InvalidInputError(
                tr(
                    "Several topics of this server would have these names: {names}.",
                    names=comma_list(twice[:5]),
                )
            )
        used = await quotas.usage_of(self.connection, self._guild_id)
        self._check_topic_count(used.topics)

    def _check_topic_count(self, count: int) -> None:
        if count > self.context.topics_per_server:
            raise InvalidInputError(
                tr(
                    "This server would have {count} topics, and {most} are allowed.",
                    count=count,
                    most=self.context.topics_per_server,
                )
            )

    async def _feed(self, entry: MovedFeed, loaded: Topics) -> None:
        address = sources.address_of(entry.address)
        about = tuple(resolve(loaded, name).name for name in entry.topics)
        name, title = (repair(text, 4 * TITLE)[:TITLE] for text in (entry.name, entry.title))
        before = await feeds.find(self.connection, address, self._guild_id)
        differs = before is not None and (before.name, before.topics) != (name, about)
        if not self._count(EntryKind.FEEDS, is_new=before is None, differs=differs):
            return
        feed = NewFeed(
            before.address if before else address,
            FeedOrigin.SERVER,
            name,
            about,
            before.quality if before else None,
            self._guild_id,
            self.user_id,
            title,
        )
        await feeds.add(self.connection, feed, self.context.polls.bounds.least, self.context.now())
        used = await quotas.usage_of(self.connection, self._guild_id)
        if used.feeds > self.context.polls.per_server:
            raise InvalidInputError(tr("A server can have {most} feeds.", most=self.context.polls.per_server))

    async def _mute(self, entry: MovedMute) -> None:
        value = mutes.parse_mute(entry.value)
        channel_id = self._channel_id(entry.channel) if entry.channel else None
        before = await subscriptions.mutes(self.connection, self._guild_id)
        has = any((m.channel_id, name_key(m.value)) == (channel_id, name_key(value)) for m in before)
        if self._count(EntryKind.MUTES, is_new=not has, differs=False):
            if len(before) >= mutes.MOST:
                raise InvalidInputError(tr("A server can have {most} mutes.", most=mutes.MOST))
            await subscriptions.mute(self.connection, self._guild_id, channel_id, value)

    async def _subscription(
        self, entry: MovedSubscription, loaded: Topics, before: dict[tuple[int, str], Subscription]
    ) -> None:
        topic, channel_id = resolve(loaded, entry.topic), self._channel_id(entry.channel)
        earlier = before.get((channel_id, topic.name))
        after = Subscription(
            0,
            self._guild_id,
            channel_id,
            topic.name,
            _one_of(Mode, entry.mode),
            _one_of(Volume, entry.volume) if entry.volume is not None else None,
            self._role_id(entry.mention),
            entry.publish,
            layout=_one_of(PostLayout, entry.layout),
            accent=accent_of(entry.colour),
            digest_volume=_one_of(Volume, entry.digest_volume) if entry.digest_volume is not None else None,
            ping_from=_one_of(StorySize, entry.ping_from),
            announces_major=entry.announces_major,
        )
        if entry.publish and channel_id not in self.places.with_followers:
            raise InvalidInputError(
                tr(
                    "{channel} is not an announcement channel, so it has no followers to publish to.",
                    channel=f"<#{channel_id}>",
                )
            )
        await require_template(self.connection, self._guild_id, after.layout)
        same = earlier and replace(earlier, id=0, created_at=None, paused_reason="", calibration=None)
        if not self._count(EntryKind.SUBSCRIPTIONS, is_new=earlier is None, differs=same != after):
            return
        before[channel_id, topic.name] = after
        if len(before) > MOST_SUBSCRIPTIONS:
            raise InvalidInputError(tr("A server can have {most} subscriptions.", most=MOST_SUBSCRIPTIONS))
        topic_id = await topics.id_of(self.connection, topic)
        await subscriptions.subscribe(self.connection, after, topic_id, self._past(entry.created_at))

    def _role_id(self, text: str | None) -> int | None:
        if text is None:
            return None
        if int(text) not in self.places.roles:
            raise InvalidInputError(
                tr(
                    "{id} is not a role of this server that can be pinged. It may be deleted, or of another server.",
                    id=text,
                )
            )
        return int(text)

    def _past(self, moment: datetime | None) -> datetime:
        """A time that the file says, which is not after now."""
        now = self.context.now()
        return now if moment is None else min(moment, now)

    async def _digests(self, file: ServerFile, loaded: Topics) -> None:
        """Set the digests of each channel. One that came with a subscription gives way only if the file does not have it."""
        defaults = {entry.channel for entry in file.digests if not (entry.at or entry.name or entry.topic)}
        taken: set[int] = set()
        await self._each(
            EntryKind.DIGESTS,
            file.digests,
            lambda e: self._digest(e, loaded, taken, keeps_default=e.channel in defaults),
            id,
        )

    async def _digest(
        self, entry: MovedDigest, loaded: Topics, taken: set[int], *, keeps_default: bool
    ) -> None:
        """Set a digest. `taken` has the ids of those that earlier entries set."""
        connection, channel_id = self.connection, self._channel_id(entry.channel)
        requested = self._requested(entry, channel_id, loaded)
        await subscriptions.ensure_channel(connection, channel_id, self._guild_id)
        await digests.lock(connection, channel_id)
        present = await digests.stored(connection, channel_ids=[channel_id], guild_id=self._guild_id)
        before = _digest_before(present, requested, keeps_default=keeps_default)
        after = changed(before, requested)
        if (before is not None and before.id in taken) or with_same_title(present, after) is not None:
            raise InvalidInputError(
                tr("The channel would have two digests called “{title}”.", title=after.title)
            )
        if self._count(EntryKind.DIGESTS, is_new=before is None, differs=after != before):
            topic_id = await topics.id_of(connection, resolve(loaded, after.topic)) if after.topic else None
            if before is None:
                await require_room(connection, self._guild_id, channel_id, len(present))
                before = await digests.add(connection, after, topic_id, self.context.now())
            else:
                next_at = self._next(after) if before.next_at else None
                await digests.change(connection, replace(after, next_at=next_at), topic_id)
        assert before is not None
        taken.add(before.id)

    def _requested(self, entry: MovedDigest, channel_id: int, loaded: Topics) -> ChannelDigest:
        plan: Schedule | None = None
        if entry.at is not None:
            if entry.size is not None and not 1 <= entry.size <= MOST_SIZE:
                raise InvalidInputError(tr("A digest shows 1 to {most} stories.", most=MOST_SIZE))
            style = _one_of(DigestStyle, entry.style)
            plan = schedule(entry.at, zone(entry.zone).zone, entry.days, entry.size, style)
        digest = ChannelDigest(
            0,
            self._guild_id,
            channel_id,
            digest_name(entry.name),
            resolve(loaded, entry.topic).name if entry.topic else None,
            plan,
            self._past(entry.created_at),
            entry.covered_until and self._past(entry.covered_until),
        )
        if plan is None and not digest.is_default:
            raise InvalidInputError(tr("A digest that has a name or a topic needs a time."))
        return replace(digest, next_at=self._next(digest) if entry.planned else None)

    def _next(self, digest: ChannelDigest) -> datetime:
        return (digest.schedule or self.context.digest_default).after(self.context.now())

    async def _channel(self, entry: MovedChannel, stored: Mapping[str, MovedChannel]) -> None:
        """Set up a channel; `stored` are those of before the import."""
        connection, channel_id = self.connection, self._channel_id(entry.channel)
        after = self._checked(entry)
        if entry.brief_language is not None and after.brief_language is None:
            self.kinds[EntryKind.CHANNELS].left_out += 1
        before = stored.get(entry.channel) or MovedChannel(channel=entry.channel)
        news = {
            name: value
            for name in MovedChannel.__struct_fields__
            if (value := getattr(after, name)) and value != getattr(before, name)
        }
        if not self._count(EntryKind.CHANNELS, is_new=entry.channel not in stored, differs=bool(news)):
            return
        await subscriptions.ensure_channel(connection, channel_id, self._guild_id)
        if "posts_per_hour" in news:
            await subscriptions.set_per_hour(connection, channel_id, after.posts_per_hour)
        if after.quiet_hours and "quiet_hours" in news:
            quiet = pace.quiet_hours(after.quiet_hours.start, after.quiet_hours.end, after.quiet_hours.zone)
            await subscriptions.set_quiet(connection, channel_id, quiet)
            now = self.context.now()
            await rollups.end_wait(connection, channel_id, quiet.until(now) or now)
        if "threads" in news:
            await story_threads.switch(connection, channel_id, on=True)
        if "digests_off" in news:
            await digests.set_off(connection, channel_id, off=True)
        if "open_to_alerts" in news:
            await alerts.open_channel(connection, self._guild_id, channel_id)
        if after.brief_language and "brief_language" in news:
            await rephrasings.translate(
                connection, channel_id, self._guild_id, after.brief_language, self.user_id, self.context.now()
            )

    def _checked(self, entry: MovedChannel) -> MovedChannel:
        """The entry as it would be stored. Without a model no language of briefs is."""
        most, per_hour = self.context.rules.most_per_hour, entry.posts_per_hour
        if per_hour is not None and not 1 <= per_hour <= most:
            raise InvalidInputError(tr("Choose a limit from 1 to {most} posts an hour.", most=most))
        quiet = None
        if entry.quiet_hours is not None:
            hours = entry.quiet_hours
            quiet = _quiet_entry(pace.quiet_hours(hours.start, hours.end, zone(hours.zone).zone))
        if entry.threads and int(entry.channel) not in self.places.with_threads:
            raise InvalidInputError(tr("Only posts of text channels can have threads."))
        language = entry.brief_language if self.context.model else None
        if language is not None and language not in rephrasing.LANGUAGES:
            names = comma_list(rephrasing.LANGUAGES)
            raise InvalidInputError(
                tr("Briefs can be translated into {languages}. Choose one of these.", languages=names)
            )
        return MovedChannel(
            channel=entry.channel,
            posts_per_hour=per_hour,
            quiet_hours=quiet,
            threads=entry.threads,
            digests_off=entry.digests_off,
            open_to_alerts=entry.open_to_alerts,
            brief_language=language,
        )

    async def _default_digests(self, file: ServerFile) -> None:
        """Give a channel whose subscriptions want a digest one at the default time, if it has none at all."""
        if self.problems:
            return
        channel_ids = {int(e.channel) for e in file.subscriptions if e.mode != Mode.LIVE.value}
        off = {s.channel_id for s in await subscriptions.channels(self.connection, self._guild_id) if s.off}
        present = await digests.stored(self.connection, guild_id=self._guild_id)
        for channel_id in sorted(channel_ids - off - {digest.channel_id for digest in present}):
            await plan_default(self.context, self.connection, self._guild_id, channel_id)

    async def _decision(self, entry: MovedDecision, *, decides: bool) -> None:
        """Carry out a decision about two articles that are here, and that the server may decide about; else leave it out."""
        ids = await records.ids_by_key(self.connection, (entry.one, entry.other))
        known = await records.by_id(self.connection, ids.values(), self._guild_id)
        one, other = (known.get(ids.get(key, 0)) for key in (entry.one, entry.other))
        if (
            one is None
            or other is None
            or one.id == other.id
            or not curate.may_decide(self.context, self._guild_id, one, other)
        ):
            self.kinds[EntryKind.DECISIONS].left_out += 1
            return
        before = await story_overrides.between(self.connection, one.id, other.id)
        differs = before is not None and before.same is not entry.same
        if decides and (before is None or differs):
            override = StoryOverride(
                one.id, other.id, entry.same, self._guild_id, self.user_id, self._past(entry.at)
            )
            change = await curate.decide(self.connection, self.context, override, one, other)
            self.stories += [change] if change else []
        self._count(EntryKind.DECISIONS, is_new=before is None, differs=differs)


def _digest_before(
    present: Sequence[ChannelDigest], requested: ChannelDigest, *, keeps_default: bool
) -> ChannelDigest | None:
    """The digest of a channel that an entry is about; None if it is a new one."""
    if requested.is_default:
        return next((digest for digest in present if digest.is_default), None)
    return digest_to_set([d for d in present if not (keeps_default and d.is_default)], requested)


def _one_of(kind: type[E], text: str) -> E:
    try:
        return kind(text)
    except ValueError:
        allowed = comma_list(kind)
        raise InvalidInputError(
            tr("“{text}” is none of: {allowed}.", text=clip(text, 40), allowed=allowed)
        ) from None
