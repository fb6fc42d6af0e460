"""The command `topicwire setup`: from a token to a running bot."""

from __future__ import annotations

import asyncio
import getpass
import sys
import webbrowser
from pathlib import Path

from bot.chat.application import Application, application_of, invite_link
from bot.chat.transport import DiscordAddresses
from bot.cli.common import load_settings, print_line
from bot.cli.run import start
from bot.config import Config
from bot.config.loading import token_in_environment
from bot.config.token import clean_token, new_token_file, token_file, with_token
from bot.errors import TopicwireError

PORTAL = "https://discord.com/developers/applications"
NO_TERMINAL = "There is no terminal in which to ask for the bot's token. Put it in the environment variable TOPICWIRE_DISCORD__TOKEN."
NO_TOKEN = "That is not a bot token. Copy it again: your application, Bot, Reset Token."  # noqa: S105 - a sentence


def setup(path: Path) -> None:
    """`topicwire setup`: ask for the token and save it, unless the environment has it; print the invite link; run."""
    config = load_settings(path)
    token = config.discord.token.get_secret_value()
    if token and token_in_environment():
        _invite(_checked(token, config)[1])
    elif token:
        raise TopicwireError(
            f"{path} already has the bot's token and was not changed. Start the bot with `topicwire run`, or remove "
            "discord.token from the file to enter another token."
        )
    else:
        _ask_and_save(token_file(path), config)
    start(with_token(config, path), path)


def _ask_and_save(path: Path, config: Config) -> None:
    with new_token_file(path) as save:
        if not sys.stdin.isatty():
            raise TopicwireError(NO_TERMINAL)
        print_line(f"Create a bot at {PORTAL}: New Application, then Bot, Reset Token, Copy.")
        try:
            typed = getpass.getpass("Paste the token here (it stays hidden): ")
        except EOFError:
            typed = ""
        token, application = _checked(typed, config)
        save(token)
    print_line(f"Saved the token in {path}, which only you can read.")
    _invite(application)


def _checked(text: str, config: Config) -> tuple[str, Application]:
    """The token without what was copied with it, and its application. Raises TopicwireError as `application_of` does."""
    if not (token := clean_token(text)):
        raise TopicwireError(NO_TOKEN)
    addresses = DiscordAddresses(config.discord.api_url, config.discord.gateway_url)
    return token, asyncio.run(application_of(token, addresses))


def _invite(application: Application) -> None:
    """Print the link that invites the bot, and open it where a person can see it."""
    link = invite_link(application.id)
    print_line(f"The token belongs to {application.name}. Invite it to your server with this link:\n{link}")
    if sys.stdin.isatty() and sys.stdout.isatty() and (browser := _browser()) is not None:
        browser.open(link)
    print_line("The bot starts now. In your server, it shows how to go on. Press Ctrl+C to stop it.")
    sys.stdout.flush()


def _browser() -> webbrowser.BaseBrowser | None:
    """A browser with a window of its own; None if there is none, or only one that would take over the terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return None
    return None if type(browser) is webbrowser.GenericBrowser else browser
