"""Moving house: what a server has goes into a file, and from a file into another bot.

An import adds and changes; it removes nothing. It reads what the server has, compares the file with that in memory, and stores what
differs; a preview does the first two, so both find the same mistakes. Everything is checked as the commands check it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.model import Mode, Mute, PostLayout, Stored, StorySize, Subscription, Topic, Volume
from bot.domain.polling import Feed, FeedOrigin, NewFeed
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
from bot.errors import InvalidInputError, StoreError, TopicwireError
from bot.i18n import LANGUAGES, comma_list, tr
from bot.services import curate, mutes, pace, rephrasing, server_topics, sources
from bot.services.appearance import accent_of
from bot.services.context import Context
from bot.services.digests import check_room, digest_name, schedule, zone
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
from bot.services.templates import checked, no_template
from bot.services.topics import resolve
from bot.store import (
    alerts,
    digests,
    feeds,
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
from bot.store.servers import ServerLanguage
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
    """What an import does, by kind."""

    kinds: Mapping[EntryKind, KindChanges]

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


async def preview(context: Context, places: ServerPlaces, user_id: int, file: ServerFile) -> ImportResult:
    """What an import would do. InvalidInputError lists the entries that cannot be imported; nothing is stored."""
    _check_server(context, places, file)
    async with context.db.read() as connection:
        planned = await _planned(connection, context, places, user_id, file)
        for entry in file.decisions:
            if (decision := await _decision(connection, context, places.guild_id, entry)) is None:
                planned.kinds[EntryKind.DECISIONS].left_out += 1
            else:
                planned.count(EntryKind.DECISIONS, is_new=decision.is_new, differs=decision.differs)
    return planned.result()


async def apply(context: Context, places: ServerPlaces, user_id: int, file: ServerFile) -> ImportResult:
    """Import a file: all of it is stored, or nothing, except decisions about stories, which follow one by one.

    Raises InvalidInputError as `preview`, and StoreError if the database fails, among the decisions as well: another import
    of the file makes those that are missing. Nobody else takes in articles during the transaction, so all is compared in
    memory, and stored with a few statements for each kind of entry. Then recent articles are matched with the topics that
    are new or changed, which the bot makes up for if it is killed. The decisions come last, because only another import makes up for
    them. Each is made as if somebody made it, since it may move many articles.
    """
    _check_server(context, places, file)
    async with context.db.read() as connection:  # so that a file that is wrong keeps nobody waiting
        await _planned(connection, context, places, user_id, file)
    async with context.db.intake() as connection:
        planned = await _planned(connection, context, places, user_id, file, locks=True)
        await planned.store(connection)
        await stored_topics.request_look_back(connection, planned.look_back_topics, context.now())
    context.wake()
    await _look_back(context, planned.look_back_topics)
    for entry in file.decisions:
        try:
            await _decide(planned, entry)
        except StoreError:
            raise
        except TopicwireError:  # the stories are others here: the last article of a story stays in it
            planned.kinds[EntryKind.DECISIONS].left_out += 1
    return planned.result()


def _check_server(context: Context, places: ServerPlaces, file: ServerFile) -> None:
    if int(file.server) != places.guild_id:
        raise InvalidInputError(
            tr(
                "The file comes from the server {other}, but this is the server {server}. A file can only be imported "
                "into the server that it comes from.",
                other=file.server,
                server=places.guild_id,
            )
        )
    _check_topic_count(context, len(file.topics))  # before so many queries are read


async def _planned(
    connection: AsyncConnection,
    context: Context,
    places: ServerPlaces,
    user_id: int,
    file: ServerFile,
    *,
    locks: bool = False,
) -> _Import:
    """What is to be stored of a file, compared with what is there. InvalidInputError with the problems of all entries.

    With `locks`, nobody else decides about the digests of the file's channels until the transaction ends.
    """
    guild_id = places.guild_id
    channels = {entry.channel: entry for entry in await _channels(connection, guild_id)}
    if locks:
        with_digests = {int(entry.channel) for entry in file.digests} & places.channels
        await subscriptions.ensure_channels(connection, dict.fromkeys(with_digests, guild_id))
        await digests.lock_all(connection, with_digests)
    stored = await _stored(connection, context, guild_id, channels)
    planned = _Import(context, places, user_id, stored)
    await asyncio.to_thread(planned.plan, file)
    return planned


async def _look_back(context: Context, imported: Iterable[Topic]) -> None:
    """Match recent articles with topics that an import made or changed, one after the other."""
    for topic in imported:
        try:
            await server_topics.look_back(context, topic)
        except TopicwireError as error:
            log.warning("an imported topic is not matched with earlier articles yet: %s", error)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a server has before an import. `topics` are those of all, as an intake sees them."""

    topics: Topics
    feeds: Sequence[Feed]
    mutes: Sequence[Mute]
    subscriptions: Sequence[Subscription]
    digests: Sequence[ChannelDigest]
    settings: MovedSettings
    language: ServerLanguage
    channels: Mapping[str, MovedChannel]


async def _stored(
    connection: AsyncConnection, context: Context, guild_id: int, channels: Mapping[str, MovedChannel]
) -> _Stored:
    return _Stored(
        await context.topics.load(connection),
        await feeds.all_feeds(connection, guild_id),
        await subscriptions.mutes(connection, guild_id),
        await subscriptions.subscriptions(connection, guild_id=guild_id),
        await digests.stored(connection, guild_id=guild_id),
        await _settings(connection, guild_id),
        await servers.language(connection, guild_id),
        channels,
    )


@dataclass(slots=True)
class _Changes:
    """What an import stores, by kind. `replaced` topics and digests are each before and after; digests have no id if they are new."""

    settings: MovedSettings = field(default_factory=MovedSettings)
    topics: list[Topic] = field(default_factory=list)
    replaced_topics: list[tuple[Topic, Topic]] = field(default_factory=list)
    feeds: list[NewFeed] = field(default_factory=list)
    mutes: list[tuple[int | None, str]] = field(default_factory=list)
    subscriptions: list[tuple[Subscription, datetime]] = field(default_factory=list)
    digests: list[ChannelDigest] = field(default_factory=list)
    replaced_digests: list[ChannelDigest] = field(default_factory=list)
    channels: dict[int, MovedChannel] = field(default_factory=dict)  # with what differs alone


@dataclass(slots=True)
class _Import:
    """An import: `plan` checks each entry and compares it with what is there, and `store` stores what differs."""

    context: Context
    places: ServerPlaces
    user_id: int
    stored: _Stored
    kinds: dict[EntryKind, KindChanges] = field(
        default_factory=lambda: {kind: KindChanges() for kind in EntryKind}
    )
    problems: list[str] = field(default_factory=list)
    look_back_topics: list[Topic] = field(default_factory=list)
    changes: _Changes = field(default_factory=_Changes)

    @property
    def guild_id(self) -> int:
        """The server that imports."""
        return self.places.guild_id

    def result(self) -> ImportResult:
        """What it does, by kind."""
        return ImportResult(self.kinds)

    def plan(self, file: ServerFile) -> None:
        """Decide all of it but decisions about stories. Raises InvalidInputError with the problems of all entries."""
        before = self.stored.topics.visible_to(self.guild_id)
        own = {name_key(topic.name): topic for topic in before if topic.guild_id}
        with self._entry(EntryKind.SETTINGS, ""):
            self._settings(file.settings)
        self._each(
            EntryKind.TOPICS,
            file.topics,
            lambda e: self._topic(e, before, own),
            lambda e: name_key(server_topics.topic_name(e.name)),
        )
        loaded = self.stored.topics.with_own(own.values())
        with self._entry(EntryKind.TOPICS, ""):
            self._check_topics(own.values())
        self._each(
            EntryKind.FEEDS,
            file.feeds,
            lambda e: self._feed(e, loaded),
            lambda e: canonical(sources.address_of(e.address)),
        )
        muted = {(mute.channel_id, name_key(mute.value)) for mute in self.stored.mutes}
        self._each(
            EntryKind.MUTES,
            file.mutes,
            lambda e: self._mute(e, muted),
            lambda e: (e.channel, name_key(mutes.parse_mute(e.value))),
        )
        followed = {(s.channel_id, s.topic): s for s in self.stored.subscriptions}
        self._each(
            EntryKind.SUBSCRIPTIONS,
            file.subscriptions,
            lambda e: self._subscription(e, loaded, followed),
            lambda e: (e.channel, resolve(loaded, e.topic).name),
        )
        present: dict[int, list[ChannelDigest]] = {}
        for digest in self.stored.digests:
            present.setdefault(digest.channel_id, []).append(digest)
        self._digests(file, loaded, present)
        self._each(EntryKind.CHANNELS, file.channels, self._channel, lambda e: e.channel)
        if not self.problems:
            self._default_digests(file, present)
        self._raise_problems()

    def _each(
        self,
        kind: EntryKind,
        entries: Iterable[Any],
        take: Callable[[Any], None],
        identity: Callable[[Any], object],
    ) -> None:
        seen: set[object] = set()
        for place, entry in enumerate(entries):
            if len(self.problems) > MOST_PROBLEMS:
                return
            with self._entry(kind, f"[{place}]"):
                if identity(entry) in seen:
                    raise InvalidInputError(tr("This repeats an earlier entry of the file."))
                seen.add(identity(entry))
                take(entry)

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

    def count(self, kind: EntryKind, *, is_new: bool, differs: bool) -> bool:
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
                    "{id} is not a channel of this server in which the bot can post. It may have been deleted, or belong to another server.",
                    id=channel_id,
                )
            )
        return channel_id

    def _settings(self, entry: MovedSettings) -> None:
        before, changes = self.stored.settings, self.changes.settings
        if entry.language is not None:
            if entry.language not in LANGUAGES:
                raise InvalidInputError(
                    tr("Choose one of these languages: {languages}.", languages=comma_list(LANGUAGES))
                )
            if self.count(
                EntryKind.SETTINGS, is_new=before.language is None, differs=entry.language != before.language
            ):
                changes.language = entry.language
        if entry.template is not None:
            checked(entry.template)
            if self.count(
                EntryKind.SETTINGS, is_new=before.template is None, differs=entry.template != before.template
            ):
                changes.template = entry.template
        if entry.votes and self.count(EntryKind.SETTINGS, is_new=not before.votes, differs=False):
            changes.votes = True
        if entry.rephrased_briefs:
            if not self.context.model:
                self.kinds[EntryKind.SETTINGS].left_out += 1
            elif self.count(EntryKind.SETTINGS, is_new=not before.rephrased_briefs, differs=False):
                changes.rephrased_briefs = True

    def _topic(self, entry: MovedTopic, loaded: Topics, own: dict[str, Topic]) -> None:
        """Make or change a topic. `own` has the topics of the server by their keys, with those of earlier entries."""
        if any("," in alias for alias in entry.aliases):
            raise InvalidInputError(tr("The other names of a topic cannot contain commas."))
        key = name_key(server_topics.topic_name(entry.name))
        before = own.get(key)
        draft = Draft(entry.name, entry.query, ",".join(entry.aliases) or server_topics.NOTHING, entry.parent)
        if not entry.query.strip():
            raise InvalidInputError(tr("A topic needs a query."))
        after = server_topics.drafted(before or Topic("", guild_id=self.guild_id), draft, loaded)
        if before is not None:
            after = replace(after, suspended=before.suspended if after.query == before.query else "")
        server_topics.check_names_free(loaded.visible_to(0), after, None)
        if not self.count(EntryKind.TOPICS, is_new=before is None, differs=after != before):
            return
        own[key] = after
        if before is None:
            self.changes.topics.append(after)
        else:
            self.changes.replaced_topics.append((before, after))
        if before is None or before.query != after.query:
            self.look_back_topics.append(after)

    def _check_topics(self, own: Collection[Topic]) -> None:
        names = Counter(name_key(name) for topic in own for name in (topic.name, *topic.aliases))
        twice = sorted(name for name, count in names.items() if count > 1)
        if twice:
            raise InvalidInputError(
                tr(
                    "Several topics of this server would have these names: {names}.",
                    names=comma_list(twice[:5]),
                )
            )
        _check_topic_count(self.context, len(own))

    def _feed(self, entry: MovedFeed, loaded: Topics) -> None:
        address = sources.address_of(entry.address)
        about = tuple(resolve(loaded, name).name for name in entry.topics)
        name, title = (repair(text, 4 * TITLE)[:TITLE] for text in (entry.name, entry.title))
        before = feeds.with_address(self.stored.feeds, address)
        differs = before is not None and (before.name, before.topics) != (name, about)
        if not self.count(EntryKind.FEEDS, is_new=before is None, differs=differs):
            return
        feed = NewFeed(
            before.address if before else address,
            FeedOrigin.SERVER,
            name,
            about,
            before.quality if before else None,
            self.guild_id,
            self.user_id,
            title,
        )
        self.changes.feeds.append(feed)
        most = self.context.polls.per_server
        if len(self.stored.feeds) + self.kinds[EntryKind.FEEDS].new > most:
            raise InvalidInputError(tr("A server can have {most} feeds.", most=most))

    def _mute(self, entry: MovedMute, muted: set[tuple[int | None, str]]) -> None:
        """Mute something. `muted` is what is muted already, with what earlier entries mute."""
        value = mutes.parse_mute(entry.value)
        channel_id = self._channel_id(entry.channel) if entry.channel else None
        key = (channel_id, name_key(value))
        if self.count(EntryKind.MUTES, is_new=key not in muted, differs=False):
            if len(muted) >= mutes.MOST:
                raise InvalidInputError(tr("A server can have {most} mutes.", most=mutes.MOST))
            muted.add(key)
            self.changes.mutes.append((channel_id, value))

    def _subscription(
        self, entry: MovedSubscription, loaded: Topics, before: dict[tuple[int, str], Subscription]
    ) -> None:
        topic, channel_id = resolve(loaded, entry.topic), self._channel_id(entry.channel)
        earlier = before.get((channel_id, topic.name))
        after = Subscription(
            0,
            self.guild_id,
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
        if after.layout is PostLayout.TEMPLATE and not (
            self.stored.settings.template or self.changes.settings.template
        ):
            raise InvalidInputError(no_template())
        same = earlier and replace(earlier, id=0, created_at=None, paused_reason="", calibration=None)
        if not self.count(EntryKind.SUBSCRIPTIONS, is_new=earlier is None, differs=same != after):
            return
        before[channel_id, topic.name] = after
        if len(before) > MOST_SUBSCRIPTIONS:
            raise InvalidInputError(tr("A server can have {most} subscriptions.", most=MOST_SUBSCRIPTIONS))
        self.changes.subscriptions.append((after, self.past(entry.created_at)))

    def _role_id(self, text: str | None) -> int | None:
        if text is None:
            return None
        if int(text) not in self.places.roles:
            raise InvalidInputError(
                tr(
                    "{id} is not a role of this server that can be pinged. It may have been deleted, or belong to another server.",
                    id=text,
                )
            )
        return int(text)

    def past(self, moment: datetime | None) -> datetime:
        """A time that the file says, which is not after now."""
        now = self.context.now()
        return now if moment is None else min(moment, now)

    def _digests(self, file: ServerFile, loaded: Topics, present: dict[int, list[ChannelDigest]]) -> None:
        """Set the digests of each channel. One that came with a subscription gives way only if the file does not have it."""
        defaults = {entry.channel for entry in file.digests if not (entry.at or entry.name or entry.topic)}
        taken: set[int] = set()
        self._each(
            EntryKind.DIGESTS,
            file.digests,
            lambda e: self._digest(
                e, loaded, present.setdefault(int(e.channel), []), taken, keeps_default=e.channel in defaults
            ),
            id,
        )
        every = [digest for of_channel in present.values() for digest in of_channel]
        self.changes.digests += [digest for digest in every if digest.id < 0]

    def _digest(
        self,
        entry: MovedDigest,
        loaded: Topics,
        present: list[ChannelDigest],
        taken: set[int],
        *,
        keeps_default: bool,
    ) -> None:
        """Set a digest among those of its channel. New ones get ids below 0; `taken` has the ids of those that earlier entries set."""
        channel_id = self._channel_id(entry.channel)
        requested = self._requested(entry, channel_id, loaded)
        before = _digest_before(present, requested, keeps_default=keeps_default)
        after = changed(before, requested)
        if (before is not None and before.id in taken) or with_same_title(present, after) is not None:
            raise InvalidInputError(
                tr("The channel would have two digests called “{title}”.", title=after.title)
            )
        if self.count(EntryKind.DIGESTS, is_new=before is None, differs=after != before):
            if before is None:
                in_server = sum(digest.schedule is not None for digest in self.stored.digests)
                new = self.kinds[EntryKind.DIGESTS].new - 1
                check_room(channel_id, len(present), in_server + new)
                after = replace(after, id=-1 - new)
                present.append(after)
            else:
                after = replace(after, next_at=self._next(after) if before.next_at else None)
                present[present.index(before)] = after
                self.changes.replaced_digests.append(after)
        taken.add(after.id)

    def _requested(self, entry: MovedDigest, channel_id: int, loaded: Topics) -> ChannelDigest:
        plan: Schedule | None = None
        if entry.at is not None:
            if entry.size is not None and not 1 <= entry.size <= MOST_SIZE:
                raise InvalidInputError(tr("A digest shows 1 to {most} stories.", most=MOST_SIZE))
            style = _one_of(DigestStyle, entry.style)
            plan = schedule(entry.at, zone(entry.zone).zone, entry.days, entry.size, style)
        digest = ChannelDigest(
            0,
            self.guild_id,
            channel_id,
            digest_name(entry.name),
            resolve(loaded, entry.topic).name if entry.topic else None,
            plan,
            self.past(entry.created_at),
            entry.covered_until and self.past(entry.covered_until),
        )
        if plan is None and not digest.is_default:
            raise InvalidInputError(tr("A digest that has a name or a topic needs a time."))
        return replace(digest, next_at=self._next(digest) if entry.planned else None)

    def _next(self, digest: ChannelDigest) -> datetime:
        return (digest.schedule or self.context.digest_default).after(self.context.now())

    def _channel(self, entry: MovedChannel) -> None:
        """Set up a channel."""
        channel_id = self._channel_id(entry.channel)
        after = self._checked(entry)
        if entry.brief_language is not None and after.brief_language is None:
            self.kinds[EntryKind.CHANNELS].left_out += 1
        before = self.stored.channels.get(entry.channel)
        earlier = before or MovedChannel(channel=entry.channel)
        news = {
            name: value
            for name in MovedChannel.__struct_fields__
            if (value := getattr(after, name)) and value != getattr(earlier, name)
        }
        if self.count(EntryKind.CHANNELS, is_new=before is None, differs=bool(news)):
            self.changes.channels[channel_id] = MovedChannel(**{**news, "channel": entry.channel})

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

    def _default_digests(self, file: ServerFile, present: Mapping[int, Sequence[ChannelDigest]]) -> None:
        """Give a channel whose subscriptions want a digest one at the default time, if it has none at all."""
        channel_ids = {int(e.channel) for e in file.subscriptions if e.mode != Mode.LIVE.value}
        off = {int(e.channel) for e in self.stored.channels.values() if e.digests_off}
        off |= {channel_id for channel_id, entry in self.changes.channels.items() if entry.digests_off}
        next_at = self.context.digest_default.after(self.context.now())
        self.changes.digests += [
            ChannelDigest(0, self.guild_id, channel_id, next_at=next_at)
            for channel_id in sorted(channel_ids - off)
            if not present.get(channel_id)
        ]

    async def store(self, connection: AsyncConnection) -> None:
        """Store what differs: a statement or a few for each kind, however many entries there are."""
        changes, now = self.changes, self.context.now()
        await self._store_settings(connection)
        await stored_topics.add_all(connection, changes.topics)
        for before, after in changes.replaced_topics:
            await stored_topics.change(connection, before, after)
        for feed in changes.feeds:
            await feeds.add(connection, feed, self.context.polls.bounds.least, now)
        await subscriptions.mute_all(connection, self.guild_id, changes.mutes)
        every = [*changes.digests, *changes.replaced_digests]
        named = {s.topic for s, _ in changes.subscriptions} | {d.topic for d in every if d.topic}
        ids = await topics.ids_of(
            connection, [topics.key_of(name, of) for name in named for of in (0, self.guild_id)]
        )

        def topic_id(name: str) -> int:
            own = ids.get(topics.key_of(name, self.guild_id))
            return ids[topics.key_of(name)] if own is None else own

        await subscriptions.subscribe_all(
            connection, [(s, topic_id(s.topic), since) for s, since in changes.subscriptions]
        )
        new = [(digest, topic_id(digest.topic) if digest.topic else None) for digest in changes.digests]
        await digests.add_all(connection, new, now)
        for digest in changes.replaced_digests:
            await digests.change(connection, digest, topic_id(digest.topic) if digest.topic else None)
        await self._store_channels(connection)

    async def _store_settings(self, connection: AsyncConnection) -> None:
        settings, guild_id, now = self.changes.settings, self.guild_id, self.context.now()
        if settings.language is not None:
            chosen = replace(self.stored.language, chosen=settings.language)
            await servers.set_language(connection, guild_id, chosen)
        if settings.template is not None:
            await templates.save(connection, guild_id, settings.template, self.user_id, now)
        if settings.votes:
            await votes.switch(connection, guild_id, on=True)
        if settings.rephrased_briefs:
            await rephrasings.want(connection, guild_id, self.user_id, now)

    async def _store_channels(self, connection: AsyncConnection) -> None:
        channels, guild_id, now = self.changes.channels, self.guild_id, self.context.now()
        await subscriptions.ensure_channels(connection, dict.fromkeys(channels, guild_id))
        limits = {of: c.posts_per_hour for of, c in channels.items() if c.posts_per_hour}
        await subscriptions.set_limits(connection, limits)
        quiet = {
            of: pace.quiet_hours(c.quiet_hours.start, c.quiet_hours.end, c.quiet_hours.zone)
            for of, c in channels.items()
            if c.quiet_hours
        }
        await subscriptions.set_quiet_hours(connection, quiet)
        await rollups.end_waits(connection, {of: hours.until(now) or now for of, hours in quiet.items()})
        await story_threads.switch_all(connection, [of for of, c in channels.items() if c.threads], on=True)
        await digests.set_all_off(connection, [of for of, c in channels.items() if c.digests_off], off=True)
        await alerts.open_all(connection, guild_id, [of for of, c in channels.items() if c.open_to_alerts])
        languages = {of: c.brief_language for of, c in channels.items() if c.brief_language}
        await rephrasings.translate_all(connection, languages, guild_id, self.user_id, now)


@dataclass(frozen=True, slots=True)
class _Decision:
    """A decision about two articles that are here, and what is stored about them."""

    one: Stored
    other: Stored
    before: StoryOverride | None
    same: bool

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def differs(self) -> bool:
        return self.before is not None and self.before.same is not self.same

    @property
    def is_open(self) -> bool:
        """Whether it is still to be carried out."""
        return self.is_new or self.differs


async def _decision(
    connection: AsyncConnection, context: Context, guild_id: int, entry: MovedDecision
) -> _Decision | None:
    """What an entry decides; None if the articles are not here, or the server may not decide about them."""
    ids = await records.ids_by_key(connection, (entry.one, entry.other))
    present = await records.by_id(connection, ids.values(), guild_id)
    one, other = (present.get(ids.get(key, 0)) for key in (entry.one, entry.other))
    if one is None or other is None or one.id == other.id:
        return None
    if not curate.may_decide(context, guild_id, one, other):
        return None
    before = await story_overrides.between(connection, one.id, other.id)
    return _Decision(one, other, before, entry.same)


async def _decide(planned: _Import, entry: MovedDecision) -> None:
    """Carry out a decision, or leave it out; TopicwireError where it cannot be."""
    context, guild_id = planned.context, planned.guild_id
    async with context.db.read() as connection:  # most need no intake
        decision = await _decision(connection, context, guild_id, entry)
    if decision is not None and decision.is_open:
        change = None
        async with context.db.intake() as connection:
            decision = await _decision(connection, context, guild_id, entry)
            if decision is not None and decision.is_open:
                one, other = decision.one, decision.other
                override = StoryOverride(
                    one.id, other.id, entry.same, guild_id, planned.user_id, planned.past(entry.at)
                )
                change = await curate.decide(connection, context, override, one, other)
        curate.tell(context, [change] if change else [])
    if decision is None:
        planned.kinds[EntryKind.DECISIONS].left_out += 1
    else:
        planned.count(EntryKind.DECISIONS, is_new=decision.is_new, differs=decision.differs)


def _check_topic_count(context: Context, count: int) -> None:
    if count > context.topics_per_server:
        raise InvalidInputError(
            tr(
                "This server would have {count} topics, and {most} are allowed.",
                count=count,
                most=context.topics_per_server,
            )
        )


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
            tr("“{text}” is not one of these: {allowed}.", text=clip(text, 40), allowed=allowed)
        ) from None
