"""Reads `config.yaml` and the environment. Errors name the key and what is allowed, and never contain secrets."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from bot.config.models import PREFIX, Config
from bot.errors import ConfigError


def load(path: Path) -> Config:
    """Read a config file. Raises ConfigError with every problem at once, each with its key's path."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            str(path), ["the file does not exist; create it from config.example.yaml"]
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [f"cannot be read: {error}"]) from error
    try:
        data = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are the safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        # The scanner's and the parser's words are constants; the constructor's quote the file.
        constant = isinstance(error, yaml.scanner.ScannerError | yaml.parser.ParserError)
        problem = getattr(error, "problem", None) if constant else None
        raise ConfigError(str(path), [f"{where}{problem or 'not valid YAML'}"]) from None
    if data is not None and not isinstance(data, dict):
        raise ConfigError(str(path), ["the file must contain keys and values, as config.example.yaml does"])
    # An empty section (`topics:` with everything below it commented out) means its defaults.
    return parse({key: value for key, value in (data or {}).items() if value is not None}, str(path))


def parse(data: dict[str, Any], place: str = "config") -> Config:
    """The settings from plain values. Raises ConfigError like `load`."""
    unknown = [
        f"{name}: unknown setting; config.example.yaml lists all settings"
        for name in sorted(os.environ)
        if name.startswith(PREFIX)
        and name.removeprefix(PREFIX).partition("__")[0].lower() not in Config.model_fields
    ]
    if unknown:
        raise ConfigError("environment", unknown)
    try:
        return Config(**{str(key): value for key, value in data.items()})
    except ValidationError as error:
        raise ConfigError(place, [_problem(detail) for detail in error.errors()]) from None
    except SettingsError as error:
        # pydantic names only the section.
        section = re.search(r'field "(\w+)"', str(error))
        start = f"{PREFIX}{section[1].upper() if section else ''}"
        names = [
            name for name, value in sorted(os.environ.items()) if name.startswith(start) and _is_broken(value)
        ]
        problem = "not valid JSON; lists and sections must be JSON here"
        raise ConfigError("environment", [f"{name}: {problem}" for name in names or [start]]) from None


def token_in_environment() -> bool:
    """Whether the bot's token comes from the environment."""
    names = (f"{PREFIX}DISCORD", f"{PREFIX}DISCORD__TOKEN")
    return any(value and name.upper() in names for name, value in os.environ.items())


def _is_broken(value: str) -> bool:
    """Whether a value of the environment looks like JSON but is invalid."""
    try:
        json.loads(value)
    except ValueError:
        return value.strip()[:1] in ("[", "{")
    return False


def _without_kinds(place: Sequence[int | str]) -> list[int | str]:
    """The path of a setting without the kind of a source, which pydantic adds."""
    return [
        part
        for position, part in enumerate(place)
        if not (position == 2 and place[0] == "sources" and part in ("folder", "feed", "git"))
    ]


# Settings whose value an error may contain. Other values may be secrets, also ones under a wrong key.
_SHOWN = {
    "backfill", "catalogue", "cluster", "clusters", "count", "edit_interval", "edit_window", "every", "format", "keep", "kind", "least", "level", "listen", "max_age",
    "most", "most_per_hour", "most_stored", "per_day", "per_hour", "per_minute", "per_server", "plain_http", "private_networks", "quality", "semantic", "size", "time", "timezone",
}  # fmt: skip
_LONGEST_KEY = 60

# Messages for pydantic's error types; `{...}` comes from the context of the error.
_SECTION = "must be a section of keys and values"
_MESSAGES = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dict_type": _SECTION,
    "extra_forbidden": "unknown setting; config.example.yaml lists all settings",
    "greater_than_equal": "must be {ge} or more",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be {le} or less",
    "list_type": "must be a list",
    "literal_error": "must be {expected}",
    "missing": "is required",
    "model_attributes_type": _SECTION,
    "model_type": _SECTION,
    "string_too_long": "must have at most {max_length} characters",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}


def _problem(detail: Any) -> str:
    place = _without_kinds(detail["loc"])
    keys = ""
    for part in place:
        shown = str(part)[:_LONGEST_KEY]
        keys += f"[{shown}]" if isinstance(part, int) else f".{shown}" if keys else shown
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in _MESSAGES:
        message = _MESSAGES[detail["type"]].format(**detail.get("ctx", {}))
    if detail["type"].startswith("union_tag"):
        keys += ".kind"
        message = "write folder, feed or git"
    unknown = detail["type"] == "extra_forbidden"
    value = detail.get("input")
    if isinstance(value, str | int | float) and not unknown and place[-1:] and place[-1] in _SHOWN:
        message += f" (got {str(value)[:60]!r})"
    return f"{keys or 'config'}: {message}"
