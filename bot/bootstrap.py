"""The composition root: builds sources, feeds, topics, the context and clients from the settings."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Config, FeedSettings, FolderSettings, GitSettings
from bot.config.models import ALL_SERVERS
from bot.domain.clustering import embeddings
from bot.domain.model import Topic
from bot.domain.polling import FeedOrigin, NewFeed
from bot.domain.records.identity import canonical
from bot.domain.text.addresses import hosts_only
from bot.domain.topics.learned import TitleModel
from bot.domain.topics.tree import merge_defaults
from bot.errors import ConfigError
from bot.models import openai_compatible
from bot.models.openai_compatible import OpenAICompatible
from bot.services.context import ALL, ApiAccess, Context, Now
from bot.sources.catalogue import catalogue_feeds, catalogue_titles, catalogue_topics
from bot.sources.folder import FolderSource
from bot.sources.git import GitSource
from bot.sources.model import Source
from bot.sources.topic_files import load_topics
from bot.store.database import Database, normalise
from bot.store.topic_cache import TopicCache

if TYPE_CHECKING:  # slow to import, and most commands do not need them
    from bot.http.server import EndpointSettings
    from bot.sources.web.addresses import Resolver
    from bot.sources.web.fetch import Web

log = logging.getLogger(__name__)

GIT_DIRECTORY = Path("data/git")  # for working copies
USER_AGENT = f"Topicwire/{version('topicwire')} (+https://github.com/topicwire/topicwire)"


@dataclass(frozen=True, slots=True)
class WatchedSource:
    """A watched source, and how many of its newest records the first intake posts.

    `topics` returns the directories of topic files in the source.
    """

    source: Source
    backfill: int = 0
    topics: Callable[[], Sequence[Path]] = tuple


def build_source(settings: FolderSettings | GitSettings) -> WatchedSource:
    """The source of a config entry."""
    match settings:
        case FolderSettings():
            path = settings.path.expanduser().absolute()
            return WatchedSource(FolderSource(path, settings.quality), settings.backfill)
        case GitSettings():
            source = build_repository(settings)
            return WatchedSource(source, settings.backfill, source.topic_directories)


def build_repository(settings: GitSettings) -> GitSource:
    """A git source with its own directory below `GIT_DIRECTORY`."""
    name = hashlib.blake2b(f"{settings.url} {settings.branch}".encode(), digest_size=8).hexdigest()
    return GitSource(
        settings.url,
        GIT_DIRECTORY / name,
        branch=settings.branch,
        path=settings.path,
        quality=settings.quality,
        every=settings.every,
    )


def build_feeds(config: Config) -> list[NewFeed]:
    """The feeds of the config, and the catalogue feeds that are not among them."""
    feeds = [
        NewFeed(settings.url, FeedOrigin.CONFIG, settings.name, settings.topics, settings.quality)
        for settings in config.sources
        if isinstance(settings, FeedSettings)
    ]
    if config.feeds.catalogue:
        addresses = {canonical(feed.address) for feed in feeds}
        feeds += [
            NewFeed(listed.url, FeedOrigin.CATALOGUE, listed.name, listed.topics)
            for listed in catalogue_feeds()
            if canonical(listed.url) not in addresses
        ]
    return feeds


def build_topics(config: Config) -> tuple[Topic, ...]:
    """All configured topics, and those of the catalogue. Raises ConfigError that names every file that cannot be used."""
    inline = config.topics.topics()
    directories = [directory.expanduser() for directory in config.topics.directories]
    repositories = [settings for settings in config.sources if isinstance(settings, GitSettings)]
    directories += [
        directory for settings in repositories for directory in build_repository(settings).topic_directories()
    ]
    # A parent may be defined anywhere, so all names are read first.
    standard = catalogue_topics() if config.feeds.catalogue else ()
    defined = (
        *inline,
        *standard,
        *chain.from_iterable(load_topics(directory)[0] for directory in directories),
    )
    names = [topic.name for topic in defined]
    loaded: list[Topic] = []
    problems: list[str] = []
    for directory in directories:
        topics, rejected = load_topics(directory, names)
        loaded += topics
        problems += [f"{error.path}: {error.reason}" for error in rejected]
    if problems:
        raise ConfigError("topics.directories", problems)
    return merge_defaults((*loaded, *inline), standard)


def build_context(config: Config, db: Database, now: Now) -> Context:
    """The context of the services, as configured."""
    titles = title_model(config)
    if config.stories.semantic == "auto" and embeddings.installed() and (problem := embeddings.problem()):
        log.warning("stories.semantic: %s; stories are compared by words alone", problem)
    return Context(
        db,
        now,
        replace(config.posts.rules(), owners=config.stories.media_owners()),
        config.digest.schedule(),
        polls=config.feeds.polls(),
        editors=ALL if config.stories.editors == ALL_SERVERS else frozenset(config.stories.editors),
        topics_per_server=config.topics.per_server,
        semantic=config.stories.compares_meanings(),
        topics=TopicCache(titles),
        titles=titles,
        model=config.rephrasing.model if config.rephrasing.url else "",
        alert_limits=config.alerts.limits(),
        api=ApiAccess(bool(config.http.listen), config.http.public_url, config.http.tokens_per_server),
        forward_limits=config.forwards.limits(),
        keep=config.store.kept_for(),
    )


def title_model(config: Config) -> TitleModel | None:
    """The model that guesses topics if no keyword matches; None if it is turned off or unreadable."""
    if not (config.topics.learned and config.feeds.catalogue):
        return None
    try:
        return catalogue_titles()
    except ConfigError as error:
        log.warning("%s", error)
        return None


@contextlib.asynccontextmanager
async def build_web_client(private_networks: bool) -> AsyncIterator[Web]:
    """The HTTP client for feeds. `private_networks` allows addresses in private networks."""
    from bot.sources.web.addresses import FEED_SETTING

    async with _web_client(private_networks, FEED_SETTING) as web:
        yield web


@contextlib.asynccontextmanager
async def build_forward_client(config: Config, resolver: Resolver | None = None) -> AsyncIterator[Web]:
    """The HTTP client for forwards, which has a setting of its own: a feed only reads, and a forward sends."""
    from bot.sources.web.addresses import FORWARD_SETTING

    async with _web_client(config.forwards.private_networks, FORWARD_SETTING, resolver) as web:
        yield web


@contextlib.asynccontextmanager
async def _web_client(
    private_networks: bool, setting: str, resolver: Resolver | None = None
) -> AsyncIterator[Web]:
    from bot.sources.web.fetch import Web

    web = Web(user_agent=USER_AGENT, private_networks=private_networks, setting=setting, resolver=resolver)
    try:
        yield web
    finally:
        await web.close()


def build_endpoint(config: Config) -> EndpointSettings | None:
    """The settings of the HTTP endpoint; None if the bot does not listen."""
    from bot.http.server import EndpointSettings

    host, _, port = config.http.listen.rpartition(":")
    if not host:
        return None
    return EndpointSettings(
        host.strip("[]"), int(port), config.http.token.get_secret_value(), config.http.per_minute
    )


@contextlib.asynccontextmanager
async def build_model(config: Config) -> AsyncIterator[OpenAICompatible | None]:
    """The model that rephrases and translates briefs; None where none is set. Raises ConfigError where the extra is missing."""
    settings = config.rephrasing
    if not settings.url:
        yield None
        return
    if not openai_compatible.installed():
        raise ConfigError("rephrasing", [openai_compatible.MISSING])
    key, seconds = settings.key.get_secret_value(), settings.timeout.total_seconds()
    model = openai_compatible.OpenAICompatible(settings.url, settings.model, key, seconds)
    try:
        yield model
    finally:
        await model.close()


def describe_comparison(config: Config) -> str:
    """How stories are compared, and what model there is for briefs. This depends on the settings and on installed extras."""
    semantic = config.stories.compares_meanings()
    text = f"stories are compared by {embeddings.basis(semantic)}"
    if config.stories.semantic == "auto" and not semantic:
        text += f" ({embeddings.problem()})"
    if config.rephrasing.url:
        text += f", and {config.rephrasing.model} at {hosts_only(config.rephrasing.url)} rephrases and translates briefs in servers that choose it"
    return text


async def check_stored(config: Config) -> list[str]:
    """The problems of topics in the database; none if there is no database. Changes nothing."""
    db = await Database.open_if_current(config.database.url)
    if db is None:
        return []
    try:
        async with db.read() as connection:
            topics = await TopicCache().load(connection)
    finally:
        await db.close()
    return [
        f"topic {topic.name!r}{f' of server {topic.guild_id}' if topic.guild_id else ''}: its query is ignored: "
        f"{error}; correct it with {'/topic edit' if topic.guild_id else 'its topic file'}"
        for topic, error in topics.matcher.refused
    ]


def check(config: Config) -> list[str]:
    """Every problem that would make the start fail, one sentence each."""
    problems: list[str] = []
    if not config.discord.token.get_secret_value():
        problems.append(
            "discord.token: the token is missing: run `topicwire setup`, which asks for it, or set TOPICWIRE_DISCORD__TOKEN"
        )
    if config.discord.shards.clusters > 1 and not normalise(config.database.url).startswith("postgresql"):
        problems.append("discord.shards.clusters: more than one needs PostgreSQL in database.url")
    for position, settings in enumerate(config.sources):
        if isinstance(settings, FolderSettings) and not settings.path.expanduser().exists():
            problems.append(f"sources[{position}].path: {settings.path} does not exist")
    present: list[Path] = []
    for position, directory in enumerate(config.topics.directories):
        if directory.expanduser().is_dir():
            present.append(directory)
        else:
            problems.append(f"topics.directories[{position}]: {directory} is not a directory")
    readable = config.topics.model_copy(update={"directories": tuple(present)})
    try:
        build_topics(config.model_copy(update={"topics": readable}))
    except ConfigError as error:
        problems += [f"topics: {problem}" for problem in error.problems]
    if config.rephrasing.url and not openai_compatible.installed():
        problems.append(openai_compatible.MISSING)
    can_push = config.http.listen and config.http.token.get_secret_value()
    if not config.sources and not config.feeds.catalogue and not can_push:
        problems.append(
            "sources: the list is empty, feeds.catalogue is off and nothing can be pushed, so only feeds that are added "
            "with /source add or `topicwire source add` bring articles"
        )
    return problems
