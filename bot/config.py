"""`config.yaml` and the environment as frozen values; every error names its key and what is allowed."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.domain.digest import DEFAULT_SIZE, MOST_SIZE, Schedule, parse_time
from bot.domain.model import Topic
from bot.domain.posting import Rules
from bot.errors import ConfigError
from bot.sources.topic_files import topic_from_mapping

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


class Discord(_Model):
    """The bot's account."""

    token: SecretStr = SecretStr("")


class DatabaseSettings(_Model):
    """Where everything is kept."""

    url: str = "data/topicwire.db"


class FolderSettings(_Model):
    """A directory of record files, watched."""

    kind: Literal["folder"]
    path: Path
    backfill: int = Field(default=0, ge=0, le=1000)
    quality: int = Field(default=0, ge=0, le=100)


class TopicSettings(_Model):
    """Where topics are defined: directories of topic files, and inline."""

    directories: tuple[Path, ...] = ()
    inline: tuple[dict[str, Any], ...] = ()

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


class PostSettings(_Model):
    """How live posts behave."""

    max_age: Duration = timedelta(days=7)
    edit_window: Duration = timedelta(hours=48)
    edit_interval: Duration = timedelta(seconds=60)

    @field_validator("edit_interval")
    @classmethod
    def _gentle(cls, value: timedelta) -> timedelta:
        if value < timedelta(seconds=5):
            raise ValueError("must be 5s or more: Discord limits how often messages are edited")
        return value

    def rules(self) -> Rules:
        """The same as the domain knows it."""
        return Rules(self.max_age, self.edit_window, self.edit_interval)


class DigestSettings(_Model):
    """The digest of channels that did not set their own."""

    time: TimeOfDay = time(9)
    timezone: str = "UTC"
    size: int = Field(default=DEFAULT_SIZE, ge=1, le=MOST_SIZE)

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"{value!r} is no time zone: write it like Europe/Berlin or America/New_York"
            ) from error
        return value

    def schedule(self) -> Schedule:
        """The same as the domain knows it."""
        return Schedule(self.time, self.timezone, size=self.size)


class LogSettings(_Model):
    """What is logged, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(BaseSettings):
    """All settings. The environment wins over the file: `TOPICWIRE_DISCORD__TOKEN`, `TOPICWIRE_DATABASE__URL` …"""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="TOPICWIRE_", env_nested_delimiter="__", env_ignore_empty=True
    )

    discord: Discord = Discord()
    database: DatabaseSettings = DatabaseSettings()
    topics: TopicSettings = TopicSettings()
    sources: tuple[FolderSettings, ...] = ()
    posts: PostSettings = PostSettings()
    digest: DigestSettings = DigestSettings()
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
        """The environment before the file, whose content comes in as the init arguments."""
        return env_settings, init_settings


def load(path: Path) -> Config:
    """Read a config file. Raises ConfigError with every problem at once, each with its key's path."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), ["is missing: copy config.example.yaml to it"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read: {error}"]) from error
    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(str(path), [f"{where}{getattr(error, 'problem', None) or error}"]) from error
    if data is not None and not isinstance(data, dict):
        raise ConfigError(str(path), ["must be keys and values, as in config.example.yaml"])
    # An empty section (`topics:` with everything below it commented out) means its defaults.
    return parse({key: value for key, value in (data or {}).items() if value is not None}, str(path))


def parse(data: dict[str, Any], place: str = "config") -> Config:
    """Check settings given as plain values; ConfigError as for `load`."""
    try:
        return Config(**{str(key): value for key, value in data.items()})
    except ValidationError as error:
        raise ConfigError(place, [_problem(detail) for detail in error.errors()]) from None


def _problem(detail: Any) -> str:
    keys = ""
    for part in detail["loc"]:
        keys += f"[{part}]" if isinstance(part, int) else f".{part}" if keys else str(part)
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "there is no such setting; config.example.yaml has them all"
    # The value of a secret never appears in a message.
    given = detail.get("input")
    if isinstance(given, str | int | float) and "token" not in detail["loc"] and "url" not in detail["loc"]:
        message += f" (got {str(given)[:60]!r})"
    return f"{keys or 'config'}: {message}"
