"""The commands `topicwire run` and `topicwire check`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from bot import bootstrap
from bot.cli.common import load_settings, print_line
from bot.cli.exit_codes import exit_code, last_words
from bot.config import Config
from bot.config.token import with_token
from bot.domain.processes import Role
from bot.domain.text.cleaning import plural
from bot.domain.text.terminal import one_line
from bot.errors import ConfigError, SettingsError, TopicwireError
from bot.runtime.roles import EVERY_ROLE, parse_roles

log = logging.getLogger(__name__)


def run(path: Path, roles: Sequence[str] = ()) -> None:
    """`topicwire run`."""
    chosen = parse_roles(roles)
    start(with_token(load_settings(path), path), path, chosen)


def start(config: Config, path: Path, roles: frozenset[Role] = EVERY_ROLE) -> None:
    """Run the bot with these settings, which come from `path`, in these roles. Raises TopicwireError if they have no token."""
    from bot.runtime import app, logs, process

    if not config.discord.token.get_secret_value():
        raise SettingsError(
            "The bot's token is missing. Run `topicwire setup`, which asks for it; or create a bot at "
            "https://discord.com/developers/applications (New Application, Bot, Reset Token) and set the environment "
            "variable TOPICWIRE_DISCORD__TOKEN to its token."
        )
    logs.configure(config.log.level, config.log.format)
    process.raise_open_files()
    try:
        asyncio.run(app.run(config, roles))
    except TopicwireError as error:
        if config.log.format == "json":  # whoever collects the log reads no other lines
            log.critical("%s", last_words(error), extra={"exit_code": exit_code(error).value})
        raise


def check(path: Path) -> tuple[int, Config | None]:
    """`topicwire check`: print every problem. Returns their number, and the settings if they are valid."""
    config = None
    try:
        config = with_token(load_settings(path), path)
        problems = bootstrap.check(config) + asyncio.run(bootstrap.check_stored(config))
    except ConfigError as error:
        problems = error.problems
    for problem in problems:
        print_line(problem)
    place = one_line(str(path)) if path.exists() else "the default settings"
    if config is not None and not problems:
        print_line(f"{place}: no problems; {bootstrap.describe_comparison(config)}")
    else:
        print_line(f"{place}: {plural(len(problems), 'problem')}")
    return len(problems), config
