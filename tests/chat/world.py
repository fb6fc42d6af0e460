"""A server with the real bot in it, on a simulated Discord: where the tests of this folder act."""

from __future__ import annotations

import asyncio
import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import discord
import pytest
from discord.http import Route
from simcord.actors import MemberActor
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle, GuildHandle, RoleHandle
from simcord.enums import AppCommandType, OverwriteType
from simcord.env import Env
from simcord.results import InteractionResult, ResponseMessage
from simcord.types import HttpLogEntry

from bot import config
from bot.bootstrap import build_context
from bot.chat.application import PERMISSIONS
from bot.domain.model import Record, Topic
from bot.runtime.app import App
from bot.services.context import Context
from bot.workers import rematch
from bot.workers.batches import Summary
from bot.workers.delivery import Delivery
from bot.workers.ingest import Ingest
from tests.make import Clock, ListSource, record
from tests.shown import plain, shown

TOPICS = (
    Topic("AI", aliases=("Artificial Intelligence",)),
    Topic(
        "Computer Vision",
        "CV",
        parent="AI",
        keywords=("computer vision", "facial recognition"),
        colour=0x112233,
    ),
    Topic("Space", keywords=("satellite", "rocket")),
)

# Reports of three events, each in several outlets' words.
METRO = (
    "City halts facial recognition in metro after report",
    "Metro facial recognition halted by city",
    "Facial recognition in metro halted after city report",
    "City halts metro facial recognition",
)
ROCKET = ("Rocket Kestrel lifts weather satellite into orbit", "Weather satellite in orbit on rocket Kestrel")
WHALES = (
    "Computer vision warns ferry captains of whales",
    "Ferry captains warned of whales by computer vision",
)

Seen = discord.Message | ResponseMessage


def message_of(message: Seen) -> discord.Message:
    """The message of an answer."""
    return message.message if isinstance(message, ResponseMessage) else message


def components(message: Seen) -> Iterator[Any]:
    """The components of a message in order, nested ones too."""
    yield from _walk(message_of(message).components)


def _walk(parts: Iterable[Any]) -> Iterator[Any]:
    for part in parts:
        yield part
        yield from _walk(getattr(part, "children", ()))
        if (accessory := getattr(part, "accessory", None)) is not None:
            yield accessory


def buttons(message: Seen) -> list[discord.Button]:
    """The buttons of a message, in order."""
    return [part for part in components(message) if isinstance(part, discord.Button)]


def labels(message: Seen) -> list[str]:
    """What stands on the buttons that can be pressed."""
    return [button.label or "" for button in buttons(message) if not button.disabled]


_COMMAND = re.compile(r"</([^:>]+):\d+>")


def seen(message: Seen) -> str:
    """All text of a message, a line a part, as Markdown; headings and small lines like others. A command that can be
    clicked is its name in backticks.
    """
    return _COMMAND.sub(r"`/\1`", re.sub(r"^(?:#{1,3}|-#) ", "", markdown(message), flags=re.MULTILINE))


def markdown(message: Seen) -> str:
    """All text of a message, a line a part, as Discord gets it."""
    return shown(message).text


def body(request: HttpLogEntry) -> dict[str, Any]:
    """What a request sent."""
    assert isinstance(request.json, dict)
    return request.json


def mentions_in(message: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Whom a message that is sent allows to be pinged: kinds, and ids of roles."""
    allowed = message["allowed_mentions"]
    assert not allowed.get("users")
    return allowed.get("parse", []), [str(role) for role in allowed.get("roles", [])]


def titles(number: int) -> Iterator[str]:
    """Titles of unrelated events: no word occurs in two of them."""
    syllables = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
    words = count(61)
    for _ in range(number):
        five = [f"{syllables[n // 60 % 60]}{syllables[n % 60]}rn" for n in (next(words) for _ in range(5))]
        yield " ".join(five).capitalize()


def unrelated(number: int) -> list[Record]:
    """Records of that many unrelated events, all on Space."""
    return [
        record(title, f"outlet{i}.example", quality=80, topics=["Space"])
        for i, title in enumerate(titles(number))
    ]


class _Answer:
    """As much of Discord's answer as an exception of discord.py looks at."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.reason = "refused"
        self.headers: dict[str, str] = {}


def threads_as_on_discord(env: Env) -> None:
    """Let threads be edited by whom Discord lets edit them; simcord wants Manage Channels for it.

    Whoever opened a thread may rename and tag it, and whoever may write in one that is not locked may open it.
    """
    backend = env.backend
    strict = backend.require_permissions

    def require(guild_id: int | None, user_id: int, channel_id: int | None, *names: str) -> None:
        channel = backend.channels.get(channel_id or 0)
        if channel is not None and channel.is_thread and names == ("manage_channels",):
            assert channel.thread_metadata is not None
            names = ("manage_threads" if channel.thread_metadata.locked else "send_messages_in_threads",)
        strict(guild_id, user_id, channel_id, *names)

    backend.require_permissions = require  # type: ignore[method-assign] # as Discord does it


async def furnish(context: Context) -> None:
    """Have the topics in the database, and the first intake, which is silent."""
    await rematch.configure(context, TOPICS)
    await Ingest(context).step(ListSource())


@dataclass
class World:
    """The server *Demo* with its channel *news*, somebody who manages it, and a plain member."""

    env: Env
    app: App
    clock: Clock
    caplog: pytest.LogCaptureFixture
    guild: GuildHandle
    news: ChannelHandle
    manager: MemberActor
    member: MemberActor
    managers: RoleHandle
    source: ListSource = field(default_factory=ListSource)
    errors: int = 0

    @property
    def setup_log(self) -> str:
        """What was logged before the test began."""
        return "\n".join(record.getMessage() for record in self.caplog.get_records("setup"))

    @classmethod
    async def make(cls, env: Env, app: App, clock: Clock, caplog: pytest.LogCaptureFixture) -> World:
        """Build the server; the bot has exactly the permissions that its invitation asks for."""
        threads_as_on_discord(env)
        guild = env.create_guild("Demo")
        role = next(role for role in env.backend.get_guild(guild.id).roles.values() if role.managed)
        env.backend.edit_role(guild.id, role.id, {"permissions": PERMISSIONS.value})
        news = guild.create_text_channel("news")
        rights = discord.Permissions(manage_channels=True, manage_guild=True)
        managers = guild.create_role("managers", permissions=rights)
        manager = guild.add_member(env.create_user("maria"), roles=[managers])
        world = cls(
            env, app, clock, caplog, guild, news, manager, guild.add_member(env.create_user("paul")), managers
        )
        await env.settle()  # the bot looks at the server that it has joined
        return world

    # Records come in, messages go out.

    async def take_in(self, *records: Record) -> Summary:
        """Have records come in now."""
        return await self.app.ingest.step(self.source.add(*records))

    def new_source(self) -> None:
        """The next records come from a source that was never read before."""
        self.source = ListSource("list:new")

    async def deliver(self) -> int:
        """Send what is due now."""
        return await self.app.deliver.drain()

    async def later(self) -> int:
        """How much there is to send within the next hours: 0 where nothing is tried again and again."""
        found = 0
        for _ in range(12):
            self.clock.forward(minutes=20)
            await self.app.mend()
            found += await self.deliver()
        return found

    async def deliver_twice_at_once(self) -> None:
        """Two processes send what is due."""
        other = Delivery(self.app.context, self.app.sender)
        await asyncio.gather(self.deliver(), other.drain())

    async def report(self, *records: Record) -> None:
        """Have records come in, and what is due sent."""
        await self.take_in(*records)
        await self.deliver()

    async def merge(self) -> None:
        """Two stories that a third report shows to be one."""
        one = record("Harbour bridge closed after crack found", "a.example", quality=80, topics=["Space"])
        two = record(
            "Engineers inspect damaged steel girder overnight", "b.example", quality=80, topics=["Space"]
        )
        await self.report(one, two)
        title = "Harbour bridge closed after crack found, engineers inspect damaged steel girder overnight"
        await self.report(
            record(title, "c.example", hours=1, quality=70, related=[one, two], topics=["Space"])
        )

    async def digest(self) -> None:
        """Send the digests that are due."""
        await self.app.digest()
        await self.deliver()

    # What people do.

    async def ask(
        self, command: str, *, by: MemberActor | None = None, at: ChannelHandle | None = None, **options: Any
    ) -> ResponseMessage:
        """Use a slash command; the answer is for the asker alone."""
        who = by or self.manager
        result = await who.slash(at or self.news, command, **options)
        return self.answer(result)

    async def press(self, message: Seen, label: str, *, by: MemberActor | None = None) -> InteractionResult:
        """Press a button."""
        return await (by or self.manager).click(message_of(message), label=label)

    async def typing(self, command: str, option: str, text: str, **filled: Any) -> dict[str, Any]:
        """What autocomplete offers for what was typed: name -> value."""
        offered = await self.manager.autocomplete(self.news, command, option, text, **filled)
        return {choice["name"]: choice["value"] for choice in offered}

    async def refused(
        self, command: str, *, by: MemberActor | None = None, at: ChannelHandle | None = None, **options: Any
    ) -> str:
        """Use a slash command that is refused: what the user is told."""
        return self.refusal(await (by or self.manager).slash(at or self.news, command, **options))

    def refusal(self, result: InteractionResult, raised: int = 0) -> str:
        """What the user is told of a mistake: without an id. discord.py hears of it only where it `raised` it itself."""
        assert len(self.env.errors) == self.errors + raised, self.env.errors
        self.errors += raised
        answer = shown(self.answer(result))
        assert not answer.small
        return plain(answer.text)

    def failure(self, result: InteractionResult, errors: int = 1) -> str:
        """What the user is told of a bug, of which simcord saw so many exceptions. The log has the same id."""
        assert len(self.env.errors) == self.errors + errors
        self.errors += errors
        answer = shown(self.answer(result))
        incident = re.fullmatch(r"Error ([0-9a-f]{8})", answer.small[-1])
        assert incident is not None
        assert f"error {incident[1]} in" in self.caplog.text
        return plain(answer.body)

    def answer(self, result: InteractionResult) -> ResponseMessage:
        """The one answer to a command or button, which only the asker sees."""
        answers = [*([result.response] if result.response else []), *result.followups]
        assert len(answers) == 1
        assert answers[0].ephemeral
        return answers[0]

    # What stands in channels, and what went over the wire.

    def refuse(
        self,
        method: str,
        path: str,
        status: int,
        code: int,
        *,
        parts: Mapping[str, Any] | None = None,
        when: Callable[[dict[str, Any]], bool] = bool,
    ) -> list[dict[str, Any]]:
        """Have Discord refuse what is sent `when` its body is such, and say which `parts` are wrong. Returns these."""
        http: Any = self.app.client.http
        accept = http.request
        refused: list[dict[str, Any]] = []

        async def request(route: Route, **more: Any) -> Any:
            sent = more.get("json")
            asked = route.method == method and fnmatch.fnmatch(urlsplit(route.url).path, f"/api/v*{path}")
            if not asked or not isinstance(sent, dict) or not when(sent):
                return await accept(route, **more)
            refused.append(sent)
            kinds = {403: discord.Forbidden, 404: discord.NotFound}
            answer = {"code": code, "message": "no", **({"errors": parts} if parts else {})}
            raise kinds.get(status, discord.HTTPException)(_Answer(status), answer)  # type: ignore[arg-type] # like one

        http.request = request
        return refused

    def posts(self, channel: ChannelHandle | None = None) -> list[discord.Message]:
        """The messages that everybody sees in a channel, oldest first."""
        everything = (channel or self.news).history()
        return [
            m
            for m in everything
            if not m.flags.ephemeral and m.type in (discord.MessageType.default, discord.MessageType.reply)
        ]

    def requests(self, method: str, path: str) -> list[HttpLogEntry]:
        """The requests to Discord, `path` with wildcards."""
        return [r for r in self.env.http_requests if r.method == method and fnmatch.fnmatch(r.path, path)]

    def sends(self, channel: ChannelHandle | None = None) -> list[HttpLogEntry]:
        """The requests to post a message in a channel."""
        return self.requests("POST", f"/channels/{(channel or self.news).id}/messages")

    def edits(self, channel: ChannelHandle | None = None) -> list[HttpLogEntry]:
        """The requests to edit a message in a channel."""
        return self.requests("PATCH", f"/channels/{(channel or self.news).id}/messages/*")

    def published(self, channel: ChannelHandle) -> list[discord.Message]:
        """The posts that the bot published to the followers of a channel, in that order."""
        by_id = {str(post.id): post for post in self.posts(channel)}
        asked = self.requests("POST", f"/channels/{channel.id}/messages/*/crosspost")
        return [by_id[request.path.split("/")[4]] for request in asked]

    # What those who run the server do.

    def role(self, name: str, *, mentionable: bool = True) -> RoleHandle:
        """A role that anyone, or nobody, may ping."""
        return self.guild.create_role(name, mentionable=mentionable)

    def thread(self, name: str = "talk", parent: ChannelHandle | None = None) -> ChannelHandle:
        """A thread that somebody opens."""
        made = self.env.backend.create_thread((parent or self.news).id, name, self.manager.id)
        return ChannelHandle(self.env, self.guild, made)

    def forum(self, tags: Sequence[str] = (), moderated: Sequence[str] = ()) -> ChannelHandle:
        """A forum with tags, of which moderators alone may give some."""
        made = self.guild.create_forum_channel("stories")
        known = [
            {
                "id": str(number),
                "name": tag,
                "moderated": tag in moderated,
                "emoji_id": None,
                "emoji_name": None,
            }
            for number, tag in enumerate(tags, 9000)
        ]
        self.env.backend.edit_channel(made.id, {"available_tags": known})
        return made

    def close(self, thread: ChannelHandle, *, archived: bool = True, locked: bool = False) -> None:
        """Archive a thread, as Discord does after days of silence, or lock it, as moderators do."""
        self.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": archived, "locked": locked})

    def open(self, thread: ChannelHandle) -> None:
        """Open it again."""
        self.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": False, "locked": False})

    def deny(self, channel: ChannelHandle, **permissions: bool) -> None:
        """Take permissions from the bot in a channel."""
        denied = discord.Permissions(**permissions)
        self._overwrite(channel, self.env.backend.bot_user.id, deny=denied)

    def mend(self, channel: ChannelHandle) -> None:
        """Give them back."""
        self.env.backend.delete_overwrite(channel.id, self.env.backend.bot_user.id)

    def allow(self, channel: ChannelHandle, who: MemberActor, **permissions: bool) -> None:
        """Give somebody permissions in one channel."""
        self._overwrite(channel, who.id, allow=discord.Permissions(**permissions))

    def hide(self, channel: ChannelHandle, who: MemberActor) -> None:
        """Hide a channel from somebody."""
        self._overwrite(channel, who.id, deny=discord.Permissions(view_channel=True))

    def open_command(
        self, name: str, who: MemberActor, kind: AppCommandType = AppCommandType.CHAT_INPUT
    ) -> None:
        """Let somebody use a command as servers can in their integration settings, whatever it declares."""
        command = self.env.backend.find_command(name, self.guild.id, kind)
        assert command is not None
        self.guild.set_command_permissions(int(command["id"]), {who: True})

    def _overwrite(
        self,
        channel: ChannelHandle,
        member_id: int,
        *,
        allow: discord.Permissions | None = None,
        deny: discord.Permissions | None = None,
    ) -> None:
        none = discord.Permissions.none()
        self.env.backend.set_overwrite(
            channel.id,
            Overwrite(
                member_id,
                OverwriteType.MEMBER,
                allow=(allow or none).value,
                deny=(deny or none).value,
            ),
        )

    async def restart(self, **settings: Any) -> None:
        """The bot stops, and a new one starts on the same database, with these settings."""
        context = self.app.context
        self.app = App(build_context(config.parse(settings), context.db, context.now))
        await self.env.restart_bot(self.app.client)
