"""`topicwire setup`: with a terminal and without one, against a Discord on the loopback."""

from __future__ import annotations

import asyncio
import getpass
import io
import os
import pty
import signal
import stat
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from bot.chat.application import PERMISSIONS, invite_link
from bot.cli import setup
from bot.config import Config, load
from bot.config.token import TOKEN_FILE, clean_token, new_token_file, with_token
from bot.errors import ConfigError, TopicwireError
from tests.forks import fork
from tests.loopback import BOT, Loopback

TIMEOUT = 60
TOKEN = "an.invented-token.of_a_bot"
LINK = f"https://discord.com/oauth2/authorize?client_id={BOT}&scope=bot+applications.commands&permissions={PERMISSIONS.value}"


class Terminal(io.StringIO):
    """A standard input of a person."""

    def isatty(self) -> bool:
        return True


def settings(folder: Path) -> Path:
    """A configuration of which nothing is read but the database."""
    path = folder / "config.yaml"
    path.write_text(f"database: {{url: {folder}/x.db}}\nfeeds: {{catalogue: false}}\n")
    return path


class Person:
    """Somebody who uses `topicwire setup` in this process; `started` are the settings that the bot starts with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.monkeypatch = monkeypatch
        self.config = settings(folder)
        self.started: list[Config] = []
        self.is_offline = False
        for name in list(os.environ):
            if name.startswith("TOPICWIRE_"):
                monkeypatch.delenv(name)
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr(setup, "start", lambda config, _path: self.started.append(config))
        monkeypatch.setattr(webbrowser, "get", self._no_browser)
        self.types(TOKEN)

    def _no_browser(self) -> None:
        raise webbrowser.Error

    def types(self, text: str) -> None:
        """What the person will enter."""
        self.monkeypatch.setattr(getpass, "getpass", lambda _prompt: text)

    async def sets_up(self, discord: Loopback) -> None:
        """Use the command."""
        async with discord.serving():
            if self.is_offline:
                discord.api_url = "http://127.0.0.1:1/api"
            for name, value in discord.environment(token="").items():
                self.monkeypatch.setenv(name, value)
            await asyncio.to_thread(setup.setup, self.config)

    @property
    def files(self) -> set[str]:
        """What is in the folder besides the configuration."""
        return {path.name for path in self.config.parent.iterdir()} - {self.config.name}


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Person:
    """Somebody at a terminal who has a token."""
    return Person(monkeypatch, tmp_path)


class Screen:
    """A terminal: what a program shows on it, and what a person types."""

    def __init__(self) -> None:
        self.person, program = pty.openpty()
        self.program = os.fdopen(program, "r+b", buffering=0)
        self.shown = ""
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.person, self._read)

    def _read(self) -> None:
        try:
            self.shown += os.read(self.person, 4096).decode(errors="replace")
        except OSError:  # the program has ended
            asyncio.get_running_loop().remove_reader(self.person)
        self._changed.set()

    async def shows(self, text: str) -> None:
        """Wait for a text."""
        async with asyncio.timeout(TIMEOUT):
            while text not in self.shown:
                self._changed.clear()
                await self._changed.wait()

    def types(self, text: str) -> None:
        """Enter a line."""
        os.write(self.person, f"{text}\n".encode())

    def close(self) -> None:
        """Nobody looks any more."""
        asyncio.get_running_loop().remove_reader(self.person)
        os.close(self.person)


async def test_one_command_leads_from_a_token_to_a_running_bot(tmp_path: Path) -> None:
    """A whole process at a real terminal: the input stays hidden, a browser opens, and a second start needs no token."""
    config = settings(tmp_path)
    browser = tmp_path / "browser"
    part = tmp_path / "opened.part"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {part}\nmv {part} {tmp_path}/opened\n')
    browser.chmod(0o700)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOPICWIRE_")}
    discord = Loopback()
    screen = Screen()
    async with discord.serving():
        process = await fork(
            "tests.loopback.hurry:main", "setup", "--config", str(config),
            stdin=screen.program, stdout=screen.program, stderr=screen.program,
            env=clean | discord.environment(token="") | {"BROWSER": f"{browser} %s &"},
        )  # fmt: skip
        screen.program.close()
        try:
            await screen.shows("stays hidden")
            screen.types(TOKEN)
            await screen.shows("ready as topicwire")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(TIMEOUT):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            screen.close()
    file = tmp_path / TOKEN_FILE
    assert file.read_text() == f"{TOKEN}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert LINK in screen.shown
    assert (tmp_path / "opened").read_text() == LINK
    assert "Traceback" not in screen.shown
    assert TOKEN not in screen.shown
    assert with_token(load(config), config).discord.token.get_secret_value() == TOKEN


async def test_the_token_is_saved_before_the_bot_starts(person: Person) -> None:
    person.types(f'  "Bot {TOKEN}" \n')
    await person.sets_up(Loopback())
    assert person.files == {TOKEN_FILE}
    assert [config.discord.token.get_secret_value() for config in person.started] == [TOKEN]


async def test_a_token_of_the_environment_is_enough_without_a_terminal(
    person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    person.monkeypatch.setenv("TOPICWIRE_DISCORD__TOKEN", TOKEN)
    person.monkeypatch.setattr(sys, "stdin", io.StringIO())
    await person.sets_up(Loopback())
    assert person.files == set()
    assert len(person.started) == 1
    shown = capsys.readouterr()
    assert LINK in shown.out
    assert TOKEN not in shown.out + shown.err


def refused(status: int) -> Callable[[], web.Response]:
    """An answer of Discord to a login."""
    return lambda: web.json_response({"message": "no", "code": 0}, status=status)


def no_terminal(person: Person, _discord: Loopback) -> None:
    person.monkeypatch.setattr(sys, "stdin", io.StringIO())


def wrong_token(_person: Person, discord: Loopback) -> None:
    discord.refusals["users/@me"] = [refused(401)]


def wrong_token_in_the_environment(person: Person, discord: Loopback) -> None:
    person.monkeypatch.setenv("TOPICWIRE_DISCORD__TOKEN", TOKEN)
    wrong_token(person, discord)


def wrong_application(_person: Person, discord: Loopback) -> None:
    discord.refusals["applications/@me"] = [refused(401)]


def no_network(person: Person, _discord: Loopback) -> None:
    person.is_offline = True


def discord_is_down(_person: Person, discord: Loopback) -> None:
    discord.refusals["gateway"] = [refused(503)]


def nothing_typed(person: Person, _discord: Loopback) -> None:
    person.types("   ")


def something_else_typed(person: Person, _discord: Loopback) -> None:
    person.types(f"{TOKEN} and a sentence")


def end_of_input(person: Person, _discord: Loopback) -> None:
    def end(_prompt: str) -> str:
        raise EOFError

    person.monkeypatch.setattr(getpass, "getpass", end)


def unwritable_folder(person: Person, _discord: Loopback) -> None:
    person.monkeypatch.setattr(setup, "token_file", lambda _: Path("/proc/self") / TOKEN_FILE)


def token_in_the_configuration(person: Person, _discord: Loopback) -> None:
    person.config.write_text("discord: {token: another.invented.token}\n")


def file_of_a_token(person: Person, _discord: Loopback) -> None:
    (person.config.parent / TOKEN_FILE).write_text("another.invented.token\n")


def dangling_link(person: Person, _discord: Loopback) -> None:
    (person.config.parent / TOKEN_FILE).symlink_to(person.config.parent / "elsewhere")


def file_that_appears_meanwhile(person: Person, _discord: Loopback) -> None:
    def type_late(_prompt: str) -> str:
        (person.config.parent / TOKEN_FILE).write_text("another.invented.token\n")
        return TOKEN

    person.monkeypatch.setattr(getpass, "getpass", type_late)


def broken_configuration(person: Person, _discord: Loopback) -> None:
    person.config.write_text("discord: [\n")


FAILURES: list[tuple[Callable[[Person, Loopback], None], str]] = [
    (no_terminal, "There is no terminal"),
    (wrong_token, "Discord refused the token"),
    (wrong_token_in_the_environment, "Discord refused the token"),
    (wrong_application, "Discord refused the token"),
    (no_network, "Check the network"),
    (discord_is_down, "Discord cannot be reached (HTTP 503)"),
    (nothing_typed, "not a bot token"),
    (something_else_typed, "not a bot token"),
    (end_of_input, "not a bot token"),
    (unwritable_folder, "cannot be saved"),
    (token_in_the_configuration, "was not changed"),
    (file_of_a_token, "was not changed"),
    (dangling_link, "was not changed"),
    (file_that_appears_meanwhile, "was not changed"),
    (broken_configuration, "1 problem"),
]


@pytest.mark.parametrize(("break_it", "sentence"), FAILURES)
async def test_what_goes_wrong_is_a_sentence_and_nothing_is_started_or_overwritten(
    person: Person,
    break_it: Callable[[Person, Loopback], None],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    discord = Loopback()
    break_it(person, discord)
    before = {p: p.read_bytes() for p in person.config.parent.iterdir() if p.is_file()}
    with pytest.raises(TopicwireError) as raised:
        await person.sets_up(discord)
    assert sentence in str(raised.value)
    assert TOKEN not in str(raised.value) + capsys.readouterr().out
    assert not person.started
    after = {p: p.read_bytes() for p in person.config.parent.iterdir() if p.is_file()}
    assert {path: after.get(path) for path in before} == before
    assert all(TOKEN.encode() not in content for content in after.values())
    assert not [path for path in person.config.parent.iterdir() if path.name.startswith(".")]


async def test_a_text_browser_does_not_take_over_the_terminal(person: Person) -> None:
    person.monkeypatch.setattr(sys, "stdout", Terminal())
    opened: list[str] = []

    class Text(webbrowser.GenericBrowser):
        def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
            opened.append(url)
            return True

    person.monkeypatch.setattr(webbrowser, "GenericBrowser", Text)
    person.monkeypatch.setattr(webbrowser, "get", lambda: Text("lynx"))
    await person.sets_up(Loopback())
    assert person.started
    assert opened == []


def test_the_file_counts_only_if_nothing_else_has_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(tmp_path)
    assert not with_token(load(config), config).discord.token.get_secret_value()
    (tmp_path / TOKEN_FILE).write_text(f"{TOKEN}\r\n")
    assert with_token(load(config), config).discord.token.get_secret_value() == TOKEN
    monkeypatch.setenv("TOPICWIRE_DISCORD__TOKEN", "another.invented.token")
    assert with_token(load(config), config).discord.token.get_secret_value() == "another.invented.token"


@pytest.mark.parametrize("content", [b"", b"two tokens\n", b"x" * 5000, b"\xff\xfe"])
def test_a_file_without_a_token_is_named_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    config = settings(tmp_path)
    (tmp_path / TOKEN_FILE).write_bytes(content)
    with pytest.raises(ConfigError, match=TOKEN_FILE) as raised:
        with_token(load(config), config)
    assert "two tokens" not in str(raised.value)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_only_its_owner_may_read_the_file_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with new_token_file(tmp_path / TOKEN_FILE) as save:
            save(TOKEN)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) in (0o600, 0o600 & ~umask)
    assert [path.name for path in tmp_path.iterdir()] == [TOKEN_FILE]


def test_what_is_copied_with_a_token_is_dropped() -> None:
    for text in (TOKEN, f" {TOKEN}\n", f'"{TOKEN}"', f"'{TOKEN}'", f"Bot {TOKEN}"):
        assert clean_token(text) == TOKEN
    for text in ("", "a b", "tökén", "a\nb", "x" * 201, "\x00"):
        assert clean_token(text) == ""


def test_the_invite_link_asks_for_the_least() -> None:
    assert invite_link(BOT) == LINK
