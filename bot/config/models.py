"""The settings as frozen models, with defaults and validation."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.config.addresses import api_address, gateway_address
from bot.domain.clustering import embeddings
from bot.domain.forwarding import ForwardLimits
from bot.domain.model import FEED_QUALITY, Topic
from bot.domain.polling import Bounds, Polls
from bot.domain.posting.alerts import AlertLimits
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.pace import DEFAULT_PER_HOUR
from bot.domain.posting.schedule import DEFAULT_SIZE, MOST_SIZE, Schedule, parse_time
from bot.domain.records.identity import canonical, registered_domain
from bot.domain.shards import Shards
from bot.domain.stories.owners import MediaOwners
from bot.sources.topic_files import topic_from_mapping

PREFIX = "TOPICWIRE_"  # of environment variables
ALL_SERVERS = (0,)  # the value of `all` in a list of servers; no server has that id
LEAST_KEEP = timedelta(days=35)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _duration(value: Any) -> Any:
    """`90s`, `15m`, `48h`, `7d`, `2w`."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower()
    if text[-1:] in UNITS and text[:-1].strip().isdigit():
        return timedelta(**{UNITS[text[-1]]: int(text[:-1])})
    raise ValueError("write a duration as a whole number and a unit: 90s, 15m, 48h, 7d or 2w")


def _time(value: Any) -> Any:
    # YAML reads an unquoted 09:30 as text but 9:30 as the number 570, in base 60.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return time(*divmod(value, 60))
    return value if isinstance(value, time) else parse_time(str(value))


Duration = Annotated[timedelta, BeforeValidator(_duration)]
TimeOfDay = Annotated[time, BeforeValidator(_time)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShardsSettings(_Model):
    """The part of the servers that a gateway process serves."""

    cluster: int = Field(default=0, ge=0, le=9_999)
    clusters: int = Field(default=1, ge=1, le=10_000)
    count: int = Field(default=0, ge=0, le=100_000)

    @model_validator(mode="after")
    def _fitting(self) -> ShardsSettings:
        if self.cluster >= self.clusters:
            raise ValueError(f"cluster must be less than clusters: 0 to {self.clusters - 1}")
        if 0 < self.count < self.clusters:
            raise ValueError("count must not be less than clusters, because each cluster needs a shard")
        return self

    def shards(self) -> Shards:
        """These settings as a value of the domain. Without a count, each cluster has one shard."""
        return Shards(self.cluster, self.clusters, self.count or self.clusters)


class Discord(_Model):
    """The bot's account, and the addresses in place of Discord's, such as those of a proxy."""

    token: SecretStr = SecretStr("")
    api_url: Annotated[str, AfterValidator(api_address)] = ""
    gateway_url: Annotated[str, AfterValidator(gateway_address)] = ""
    requests_per_second: int = Field(default=50, ge=1, le=10_000)
    webhooks_per_second: int = Field(default=0, ge=0, le=50)  # 0: within requests_per_second
    shards: ShardsSettings = ShardsSettings()


class DatabaseSettings(_Model):
    """The database. `direct_url` leads past a pooler such as PgBouncer."""

    url: str = "data/topicwire.db"
    direct_url: str = ""

    @model_validator(mode="after")
    def _pooled(self) -> DatabaseSettings:
        if self.direct_url and not all(
            url.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://"))
            for url in (self.url, self.direct_url)
        ):
            raise ValueError("with direct_url, url and direct_url must both be postgresql:// addresses")
        return self


def _keep(value: Any) -> Any:
    """A duration, or `forever`."""
    if value == "forever":
        return value
    try:
        return _duration(value)
    except ValueError as error:
        raise ValueError(f"{error}, or forever") from error


class StoreSettings(_Model):
    """What the database keeps. Stories are compared with those of 20 days before; digests and `/topic backtest` look back further."""

    keep: Annotated[timedelta | Literal["forever"], BeforeValidator(_keep)] = timedelta(days=400)

    @field_validator("keep")
    @classmethod
    def _long_enough(cls, value: timedelta | Literal["forever"]) -> timedelta | Literal["forever"]:
        if isinstance(value, timedelta) and value < LEAST_KEEP:
            raise ValueError(
                f"must be {LEAST_KEEP.days}d or more, because digests, forecasts and stories look back so far"
            )
        return value

    def kept_for(self) -> timedelta | None:
        """How long articles are kept; None: for ever."""
        return self.keep if isinstance(self.keep, timedelta) else None


class _FilesSettings(_Model):
    """Settings of all sources of record files."""

    backfill: int = Field(default=0, ge=0, le=1000)
    quality: int = Field(default=0, ge=0, le=100)


class FolderSettings(_FilesSettings):
    """A directory of record files, which is watched."""

    kind: Literal["folder"]
    path: Path


class FeedSettings(_Model):
    """A feed, which is polled. All its articles have its topics."""

    kind: Literal["feed"]
    url: str
    name: str = Field(default="", max_length=80)
    topics: tuple[str, ...] = ()
    quality: int | None = Field(default=None, ge=0, le=100)

    @field_validator("url")
    @classmethod
    def _readable(cls, value: str) -> str:
        canonical(value)
        return value


class GitSettings(_FilesSettings):
    """A git repository of record files, which is pulled."""

    kind: Literal["git"]
    url: str
    branch: str = ""
    path: str = ""
    every: Duration = timedelta(minutes=15)

    @field_validator("every")
    @classmethod
    def _polite(cls, value: timedelta) -> timedelta:
        if value < timedelta(minutes=1):
            raise ValueError("must be 1m or more")
        return value


SourceSettings = Annotated[FolderSettings | FeedSettings | GitSettings, Field(discriminator="kind")]


class FeedsSettings(_Model):
    """Polling of all feeds, including those of the catalogue and of servers."""

    catalogue: bool = True
    quality: int = Field(default=FEED_QUALITY, ge=0, le=100)
    least: Duration = timedelta(minutes=5)
    most: Duration = timedelta(hours=6)
    per_server: int = Field(default=25, ge=0, le=1000)
    per_day: int = Field(default=5000, ge=1, le=1_000_000)
    most_stored: int = Field(default=50_000, ge=1, le=10_000_000)
    private_networks: bool = False

    @field_validator("least")
    @classmethod
    def _polite(cls, value: timedelta) -> timedelta:
        if value < timedelta(minutes=1):
            raise ValueError("must be 1m or more, to protect other people's servers")
        return value

    @model_validator(mode="after")
    def _ordered(self) -> FeedsSettings:
        if self.most < self.least:
            raise ValueError("most must not be shorter than least")
        return self

    def polls(self) -> Polls:
        """These settings as a value of the domain."""
        bounds = Bounds(self.least, self.most)
        return Polls(bounds, self.quality, self.per_server, self.per_day, self.most_stored)


class HttpSettings(_Model):
    """The HTTP endpoint: pushed records, feeds, stories, health and metrics. It is off without `listen`."""

    listen: str = ""
    token: SecretStr = SecretStr("")
    per_minute: int = Field(default=60, ge=1, le=100_000)
    public_url: str = ""
    tokens_per_server: int = Field(default=10, ge=0, le=1000)

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        except ValueError:
            usable = False
        if value and (not usable or parts.query or parts.fragment):
            raise ValueError("write the address at which others reach the endpoint: https://news.example.org")
        return value.rstrip("/")

    @field_validator("listen")
    @classmethod
    def _address(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if value and not (host and port.isascii() and port.isdigit() and int(port) < 65_536):
            raise ValueError("write an address and a port: 127.0.0.1:8080, or 0.0.0.0:8080 for every network")
        return value

    @field_validator("token")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 16:
            raise ValueError(
                "must have 16 characters or more, because anyone who guesses it can push articles"
            )
        return value


class TopicSettings(_Model):
    """Where topics are defined: directories of topic files, inline, how many by each server for itself, and whether topics are guessed."""

    directories: tuple[Path, ...] = ()
    inline: tuple[dict[str, Any], ...] = ()
    per_server: int = Field(default=100, ge=0, le=10_000)
    learned: bool = True

    @field_validator("inline")
    @classmethod
    def _readable(cls, value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for position, mapping in enumerate(value):
            try:
                topic_from_mapping(mapping)
            except ValueError as error:
                raise ValueError(f"topic {position + 1}: {error}") from error
        return value

    def topics(self) -> tuple[Topic, ...]:
        """The inline topics."""
        return tuple(topic_from_mapping(mapping) for mapping in self.inline)


def _domain(value: str) -> str:
    if "." not in value or (domain := registered_domain(value)) != value.strip().casefold():
        raise ValueError("write the registered domain of an outlet: example.com, without www. or a path")
    return domain


def _server(value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) < 2**63):
        raise ValueError(
            "write the numeric id of a server: turn on Discord's Developer Mode, right-click the server, Copy Server ID"
        )
    return int(text)


def _or_all(value: Any, ids: ValidatorFunctionWrapHandler) -> Any:
    """`all` in place of a list of ids."""
    return ALL_SERVERS if str(value).strip().casefold() == "all" else ids(value)


def _answer(value: Any) -> Any:
    """YAML reads an unquoted yes or no as true or false."""
    return {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value


class StorySettings(_Model):
    """How stories are found and counted: outlets of one owner are one voice. And the servers whose people correct them for all."""

    semantic: Annotated[Literal["auto", "yes", "no"], BeforeValidator(_answer)] = "no"
    editors: Annotated[tuple[Annotated[int, BeforeValidator(_server)], ...], WrapValidator(_or_all)] = ()
    owners: dict[str, tuple[Annotated[str, AfterValidator(_domain)], ...]] = {}

    @field_validator("semantic")
    @classmethod
    def _possible(cls, value: str) -> str:
        if value == "yes" and (problem := embeddings.problem()):
            raise ValueError(problem)
        return value

    @field_validator("owners")
    @classmethod
    def _one_owner_each(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        owned: dict[str, str] = {}
        for name, domains in value.items():
            for domain in domains:
                if domain in owned:
                    raise ValueError(
                        f"{domain} is listed under {owned[domain]} and {name}, but can have only one owner"
                    )
                owned[domain] = name
        return value

    def compares_meanings(self) -> bool:
        """Whether stories are found by what reports mean, too."""
        return self.semantic != "no" and not embeddings.problem()

    def media_owners(self) -> MediaOwners:
        """These settings as a value of the domain."""
        return MediaOwners({domain: name for name, domains in self.owners.items() for domain in domains})


class PostSettings(_Model):
    """Live posts."""

    max_age: Duration = timedelta(days=7)
    edit_window: Duration = timedelta(hours=48)
    edit_interval: Duration = timedelta(seconds=60)
    per_hour: int = Field(default=DEFAULT_PER_HOUR, ge=1, le=1000)
    most_per_hour: int = Field(default=60, ge=1, le=1000)

    @field_validator("edit_interval")
    @classmethod
    def _gentle(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=5):
            raise ValueError("must be 5s or more, because Discord limits edits")
        return value

    @model_validator(mode="after")
    def _within_most(self) -> PostSettings:
        if self.per_hour > self.most_per_hour:
            raise ValueError("per_hour must not be more than most_per_hour")
        return self

    def rules(self) -> PostingSettings:
        """These settings as a value of the domain."""
        return PostingSettings(
            self.max_age,
            self.edit_window,
            self.edit_interval,
            per_hour=self.per_hour,
            most_per_hour=self.most_per_hour,
        )


class DigestSettings(_Model):
    """The digest of channels without their own settings."""

    time: TimeOfDay = time(9)
    timezone: str = "UTC"
    size: int = Field(default=DEFAULT_SIZE, ge=1, le=MOST_SIZE)

    @field_validator("timezone")
    @classmethod
    def _existing_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"{value!r} is not a time zone; write Europe/Berlin or America/New_York, for example"
            ) from error
        return value

    def schedule(self) -> Schedule:
        """These settings as a value of the domain."""
        return Schedule(self.time, self.timezone, size=self.size)


class AlertSettings(_Model):
    """What members may have alerts on and follow, and how much they get."""

    per_member: int = Field(default=10, ge=0, le=100)
    per_server: int = Field(default=500, ge=0, le=10_000)
    per_hour: int = Field(default=5, ge=1, le=60)
    per_day: int = Field(default=20, ge=1, le=500)
    follows_per_member: int = Field(default=25, ge=0, le=100)
    follow_quiet: Duration = timedelta(days=7)

    @field_validator("follow_quiet")
    @classmethod
    def _long_enough(cls, value: timedelta) -> timedelta:
        if not timedelta(days=1) <= value <= timedelta(days=30):
            raise ValueError("must be from 1d to 30d")
        return value

    def limits(self) -> AlertLimits:
        """These settings as a value of the domain."""
        return AlertLimits(
            self.per_member,
            self.per_server,
            self.per_hour,
            self.per_day,
            self.follows_per_member,
            self.follow_quiet,
        )


class ForwardSettings(_Model):
    """Stories that servers send to addresses outside of Discord."""

    per_server: int = Field(default=5, ge=0, le=100)
    plain_http: bool = False
    private_networks: bool = False

    def limits(self) -> ForwardLimits:
        """These settings as a value of the domain."""
        return ForwardLimits(self.per_server, self.plain_http, self.private_networks)


class RephrasingSettings(_Model):
    """The language model that rephrases and translates briefs. Without `url` there is none."""

    url: str = ""
    model: str = Field(default="", max_length=100)
    key: SecretStr = SecretStr("")
    timeout: Duration = timedelta(seconds=30)
    per_day: int = Field(default=200, ge=0, le=10_000)

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc):
            raise ValueError(
                "write the address of an OpenAI-compatible API without user and password: http://localhost:11434/v1"
            )
        return value

    @field_validator("timeout")
    @classmethod
    def _bounded(cls, value: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= value <= timedelta(minutes=5):
            raise ValueError("must be from 1s to 5m")
        return value

    @model_validator(mode="after")
    def _named(self) -> RephrasingSettings:
        if self.url and not self.model:
            raise ValueError("model is missing: write the name that the endpoint at url knows the model by")
        return self


class LogSettings(_Model):
    """The log, which goes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(BaseSettings):
    """All settings. The environment wins over the file: `TOPICWIRE_DISCORD__TOKEN`, `TOPICWIRE_DATABASE__URL` …"""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True
    )

    discord: Discord = Discord()
    database: DatabaseSettings = DatabaseSettings()
    store: StoreSettings = StoreSettings()
    topics: TopicSettings = TopicSettings()
    sources: tuple[SourceSettings, ...] = ()
    feeds: FeedsSettings = FeedsSettings()
    http: HttpSettings = HttpSettings()
    stories: StorySettings = StorySettings()
    posts: PostSettings = PostSettings()
    digest: DigestSettings = DigestSettings()
    alerts: AlertSettings = AlertSettings()
    forwards: ForwardSettings = ForwardSettings()
    rephrasing: RephrasingSettings = RephrasingSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Prefer the environment to the file, whose content is passed as init arguments."""
        return env_settings, init_settings
