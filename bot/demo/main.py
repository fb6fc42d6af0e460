"""`topicwire demo`: the real bot on a simulated Discord, with replayed records.

Client, commands, store and workers are those of `topicwire run`. Only Discord and the time are simulated.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console

from bot.demo.panels import is_digest, panel
from bot.demo.replay import Clock, Replay, by_minute, published, read_records
from bot.domain.model import Topic
from bot.domain.text.cleaning import plural
from bot.domain.topics.topics import Topics
from bot.errors import TopicwireError
from bot.runtime.app import App
from bot.services.context import ALL, Context
from bot.sources.model import Item
from bot.sources.topic_files import load_topics
from bot.store import digests, stories
from bot.store.database import Database
from bot.workers import rematch

if TYPE_CHECKING:
    import simcord

SAMPLE = Path(__file__).parent / "sample"
NEWS, TOPICS, IMAGES = SAMPLE / "_news", SAMPLE / "_data" / "topics", SAMPLE / "images"
LAST_DAY = timedelta(days=1)
SHORT = timedelta(days=14)  # a longer replay has a digest only at the end
TICK = 0.5  # seconds between two updates of the page
# What happens during the replay of the sample: a weekly digest beside the daily one, and a night of quiet hours, so that
# the list of what came meanwhile is shown too.
SCRIPT: tuple[tuple[datetime, str, dict[str, str]], ...] = (
    (datetime(2026, 1, 5, 9, 30, tzinfo=UTC), "digest set", {"time": "09:00", "timezone": "UTC"}),
    (
        datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        "digest set",
        {"time": "18:00", "timezone": "UTC", "days": "fri"},
    ),
    (
        datetime(2026, 1, 7, 20, 0, tzinfo=UTC),
        "quiet-hours set",
        {"start": "20:00", "end": "09:00", "timezone": "UTC"},
    ),
    (datetime(2026, 1, 8, 9, 15, tzinfo=UTC), "quiet-hours off", {}),  # the page opens in an evening
)


def show(
    *, records: Path | None, topics: Path | None, topic: str, once: bool, new_server: bool, port: int
) -> None:
    """Replay records, print what the bot posts, and keep a page open unless `once`.

    With `new_server`, the bot joins an empty server after the replay, and the visitor sets it up on the page.
    """
    try:
        import simcord.preview  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise TopicwireError(
            "The demo needs the simulated Discord. Run pip install '.[demo]' in Topicwire's directory."
        ) from error
    bundled = records / "_data" / "topics" if records else TOPICS
    directory = topics or (bundled if bundled.is_dir() else None)
    if port and not _is_free(port):
        raise TopicwireError(
            f"Another program uses port {port}. Choose another one with --port, or omit the option."
        )
    demo = (NewServer if new_server else Demo)(Console(), records or NEWS, directory, topic)
    with tempfile.TemporaryDirectory(prefix="topicwire-demo-") as folder:
        asyncio.run(demo.run(Path(folder) / "demo.db", None if once else port))


def _is_free(port: int) -> bool:
    """Whether the port is free for the page."""
    with socket.socket() as probe:
        if os.name == "posix":  # as the page's own server does
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def assets() -> dict[str, tuple[str, bytes]]:
    """The sample's pictures by their addresses, so that nothing is fetched."""
    names: dict[str, str] = yaml.safe_load((IMAGES / "assets.yaml").read_text(encoding="utf-8"))
    return {url: (name, (IMAGES / name).read_bytes()) for url, name in names.items()}


class Demo:
    """One run of the demo: a server that follows a topic for some days, then a page with its channel."""

    invitation = (
        "Open the channel at the address below. Type /setup, /subscribe, /latest, /related or /why, and press the "
        "buttons. /appearance preview shows the layouts of a post, /digest list shows the digests, /digest preview shows "
        "tomorrow's, and /digest now sends one."
    )

    def __init__(self, console: Console, records: Path, topics: Path | None, topic: str) -> None:
        self.console = console
        self.clock = Clock()
        self._records = records
        self._topics = topics
        self._topic = topic
        self._parent = ""
        self._seen: dict[int, Any] = {}
        self._edits: Counter[int] = Counter()  # by message
        self._names: dict[int, str] = {}

    async def run(self, database: Path, port: int | None) -> None:
        """Replay everything; then, with a `port` (0: any), serve the page until it is closed."""
        import simcord

        items, topics = await self._load()
        db = await Database.open(str(database))
        try:
            app = App(Context(db, self.clock, editors=ALL), replay=True)
            await rematch.configure(app.context, topics)
            async with simcord.run(app.client) as env:
                await self._show(app, env, items, port)
        finally:
            await db.close()

    async def _show(self, app: App, env: simcord.Env, items: Sequence[Item], port: int | None) -> None:
        await self._move_clock(env, published(items[0]))
        await self._join(env)
        await self._replay(app, env, items, last_digest=port is None)
        if port is not None:
            await self._serve(app, env, port)

    async def _load(self) -> tuple[list[Item], tuple[Topic, ...]]:
        items, rejected = await read_records(self._records)
        for error in rejected[:20]:
            self.console.print(
                f"{error.path}: item {error.item}: {error.reason}", style="yellow", markup=False
            )
        if not items:
            raise TopicwireError(
                f"{self._records} contains no records. Choose another directory with --records."
            )
        topics, refused = load_topics(self._topics) if self._topics else ((), ())
        for error in refused:
            self.console.print(f"{error.path}: {error.reason}", style="yellow", markup=False)
        self._topic = self._chosen(items, topics)
        self._parent = next(iter(Topics(topics).ancestors(self._topic)), "")
        return items, topics

    def _chosen(self, items: Sequence[Item], topics: Sequence[Topic]) -> str:
        """The chosen topic, or the topic with the most records if the chosen one has none."""
        tree = Topics(topics)
        counts = Counter(
            name for item in items for match in tree.matcher.of(item.record) for name in {match.topic}
        )
        if not counts:
            raise TopicwireError("No record has a topic. Give a directory of topic files with --topics.")
        topic = tree.resolve(self._topic)
        name = topic.name if topic else self._topic
        return name if counts[name] else counts.most_common(1)[0][0]

    async def _join(self, env: simcord.Env) -> None:
        """A server with one channel invites the bot. Print the bot's greeting."""
        import discord
        from simcord.backend import serializers

        assert env.bot.user is not None
        await env.bot.user.edit(username="Topicwire")
        guild = env.create_guild("Topicwire demo")
        await env.settle()
        name = self._topic.lower().replace(" ", "-")
        self.channel = guild.create_text_channel(name)
        # The visitor may use every command and press every button.
        allowed = discord.Permissions(administrator=True)
        role = guild.create_role("Administrators", permissions=allowed)
        self.user = guild.add_member(env.create_user("you"), roles=[role])
        self._names = {self.channel.id: name}
        # The simulated bot is in a server before that has a channel to say hello in, so it leaves and joins again.
        payload = dict(serializers.guild_create_payload(env.backend, env.backend.get_guild(guild.id)))
        del payload["unavailable"]  # Discord says of a server that was away that it is there again
        env.backend.emit("GUILD_DELETE", {"id": str(guild.id)})
        await env.settle()
        env.backend.emit("GUILD_CREATE", payload)
        await env.settle()
        for message in self.channel.history():
            self._seen[message.id] = message
            self.console.print(panel(message, "Topicwire joins the server", self.clock(), self._names))

    async def _replay(self, app: App, env: simcord.Env, items: Sequence[Item], last_digest: bool) -> None:
        """Store the records in order of publication. `last_digest`: send the digest of the last day too."""
        first, last = published(items[0]), published(items[-1])
        self.console.rule(
            f"Topicwire replays {plural(len(items), 'article')} from {first:%d %B %Y} to {last:%d %B %Y}"
        )
        source = Replay()
        started = time.perf_counter()
        greetings = len(self._seen)
        await app.ingest.step(source.load(()))
        with_digest = last - first < SHORT
        await self._run_command(
            "subscribe", topic=self._topic, mode="both" if with_digest else "live", announce_major=True
        )
        if self._parent:
            await self._run_command("subscribe", topic=self._parent, mode="digest")
        commands = list(SCRIPT) if self._records == NEWS else []
        for moment, group in by_minute(items):
            if not with_digest and last - moment < LAST_DAY:
                with_digest = True
                await self._run_command("subscribe", topic=self._topic, mode="both")
            while commands and moment >= commands[0][0]:
                at, command, options = commands.pop(0)
                await self._mornings(app, env, at)
                await self._move_clock(env, at)
                await self._run_command(command, **options)
            await self._mornings(app, env, moment)
            await self._move_clock(env, moment)
            await app.ingest.step(source.load(group))
            await self._deliver(app)
        # Send the delayed edits, and the digest of the next morning.
        await self._move_clock(env, self.clock() + app.context.rules.edit_interval)
        await self._deliver(app)
        if last_digest:
            await self._mornings(app, env, self.clock() + LAST_DAY)
        await self._explain_largest(app)
        counts = Counter("digest" if is_digest(m) else "post" for m in list(self._seen.values())[greetings:])
        if not counts:
            raise TopicwireError(f"No story on {self._topic} was big enough to post. Try another --topic.")
        took = time.perf_counter() - started
        self.console.rule(
            f"{plural(counts['post'], 'post')}, {plural(counts['digest'], 'digest')}, {took:.1f} s"
        )

    async def _explain_largest(self, app: App) -> None:
        """Ask why the story whose post was updated most often is where it is."""
        for message_id, _ in self._edits.most_common(1):
            async with app.context.db.read() as connection:
                number = await stories.by_message(connection, [message_id])
            await self._run_command("why", story=f"#{number}")

    async def _mornings(self, app: App, env: simcord.Env, until: datetime) -> None:
        """Send every digest that is due before `until`."""
        while True:
            async with app.context.db.read() as connection:
                due = await digests.next_due(connection)
            if due is None or due >= until:
                return
            await self._move_clock(env, due)
            await app.digest()
            await self._deliver(app)

    async def _move_clock(self, env: simcord.Env, moment: datetime) -> None:
        """Move the clock of the bot and of the simulated Discord, so that messages have the right times."""
        self.clock.move(moment)
        ahead = (self.clock() - env.now()).total_seconds()
        if ahead > 0:
            await env.advance_time(ahead)

    async def _run_command(self, command: str, **options: str | bool) -> None:
        """Run a command as the user, and print the answer."""
        typed = " ".join(f"{name}:{value}" for name, value in options.items())
        self.console.print(f"\n[bold]you[/]  /{command} {typed}")
        result = await self.user.slash(self.channel, command, **options)
        if result.response is not None:
            self.console.print(panel(result.response.message, "answer", self.clock(), self._names))

    async def _deliver(self, app: App) -> bool:
        """Send due messages, and print the changes in the channel."""
        await app.alert()
        if not await app.deliver.drain():
            return False
        for message in self.channel.history():
            if not message.components:  # Discord's own, such as that a thread was opened
                continue
            before = self._seen.get(message.id)
            if before is not None and before.edited_at == message.edited_at:
                continue
            self._seen[message.id] = message
            self._edits[message.id] += before is not None
            heading = "new message" if before is None else "message edited"
            self.console.print(panel(message, heading, self.clock(), self._names))
        return True

    async def _serve(self, app: App, env: simcord.Env, port: int) -> None:
        page = env.preview(
            self.channel,
            viewers=[self.user],
            layout="channel",
            presentation_time=self.clock(),
            assets=assets() if self._records == NEWS else {},
            port=port or None,
        )
        async with page:
            self.console.print(f"\n{self.invitation} Press Ctrl+C to stop the demo.")
            self.console.print(f"\n[bold cyan]{page.url}[/]", soft_wrap=True)
            sys.stdout.flush()
            with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
                await self._keep_page_open(app, page)

    async def _keep_page_open(self, app: App, page: Any) -> None:
        """Deliver and show the effects of the user's actions until the page is closed."""
        import simcord

        end, opened = self.clock(), time.monotonic()
        closed = asyncio.ensure_future(page.wait_closed())
        stale = False
        while not closed.done():
            await asyncio.wait([closed], timeout=TICK)
            self.clock.move(end + timedelta(seconds=time.monotonic() - opened))
            await app.digest()
            stale |= await self._deliver(app)
            if stale and not closed.done():
                # Refused while an action of the user runs: retry at the next tick.
                with contextlib.suppress(simcord.SetupError):
                    await page.refresh()
                    stale = False


class NewServer(Demo):
    """The first hour: the news has come in already, and the bot joins a server that follows nothing yet."""

    invitation = (
        "The bot has just joined a server. Open its channel at the address below and press *Choose topics*: the first "
        "stories come at once. Everything else can be set up in the same panel, without a command."
    )

    async def _show(self, app: App, env: simcord.Env, items: Sequence[Item], port: int | None) -> None:
        source = Replay()
        for moment, group in by_minute(items):
            await self._move_clock(env, moment)
            await app.ingest.step(source.load(group))
        await self._join(env)
        if port is not None:
            await self._serve(app, env, port)
