"""The pipeline without Discord: records in, a mailbox instead of channels, and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.port import MessageTraits, Target
from bot.domain.model import Mode, Record, Subscription, Volume
from bot.domain.posting.decisions import PostingSettings
from bot.domain.posting.schedule import Schedule
from bot.domain.retry import MessageForm, Outcome, SendStatus
from bot.domain.text.words import name_key
from bot.messages.message import Message
from bot.services.context import Context
from bot.services.subscribe import SubscribeRequest, subscribe
from bot.store import outbox, schema, subscriptions, topics
from bot.store.database import Database
from bot.workers import digests
from bot.workers.batches import Summary
from bot.workers.delivery import Delivery
from bot.workers.ingest import Ingest
from tests.databases import opened_as, run_aside
from tests.make import Clock, ListSource, record
from tests.shown import Shown, shown
from tests.store.store_helpers import CHANNEL, GUILD, withheld

OK = Outcome(SendStatus.OK)
UNLIMITED = PostingSettings(per_hour=1000, most_per_hour=1000)  # tests of the limit set one for a channel
NOON = Schedule(time(13), "UTC")  # the clock of a test starts at 12:00 UTC


@dataclass(frozen=True)
class SentRequest:
    """A request to a sender."""

    target: Target
    message: Message = field(default_factory=Message)
    nonce: str = ""

    @property
    def title(self) -> str:
        """The title of the message."""
        return self.shown.title

    @property
    def text(self) -> str:
        """All texts of the message."""
        return self.shown.text

    @property
    def shown(self) -> Shown:
        """What a reader sees of the message."""
        return shown(self.message)


class RecordingSender:
    """A sender that records its requests. It gives the answers that a test sets, and otherwise succeeds.

    Like Discord it answers a repeated nonce with the message that the nonce first made.
    """

    def __init__(self) -> None:
        self.sent: list[SentRequest] = []
        self.edited: list[SentRequest] = []
        self.published: list[SentRequest] = []
        self.opened: list[SentRequest] = []
        self.renamed: list[SentRequest] = []
        self.looked: list[MessageTraits] = []
        self.standing: dict[int, Outcome] = {}  # by channel: what is there of a message in doubt
        self.announcing: set[int] = set()
        self.answers: dict[int, Outcome] = {}  # by channel
        self.busiest: Counter[int] = Counter()  # how many a channel, and (0) all of them, had at once
        self._busy: Counter[int] = Counter()
        self._ids: dict[str, int] = {}

    @property
    def titles(self) -> list[str]:
        """The titles of what was sent, in order."""
        return [asked.title for asked in self.sent]

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Note it; the nonce decides about the message's id."""
        assert 0 < len(nonce) <= 25
        assert target.message_id is None
        answer = await self._answer(self.sent, SentRequest(target, message, nonce))
        if answer is not OK:
            return answer
        message_id = self._ids.setdefault(nonce, 1000 + len(self._ids))
        form = MessageForm.COMPONENTS
        return Outcome(SendStatus.OK, message_id=message_id, form=form, roles=message.roles)

    def message_id(self, nonce: str) -> int:
        """The number of the message that a nonce made."""
        return self._ids[nonce]

    async def find(self, target: Target, mark: MessageTraits) -> Outcome:
        """Whether it is there, as the test has it."""
        self.looked.append(mark)
        return self.standing.get(target.channel_id, Outcome(SendStatus.MISSING))

    async def edit(self, target: Target, message: Message) -> Outcome:
        """Note it."""
        assert target.message_id is not None
        return await self._answer(self.edited, SentRequest(target, message))

    async def publish(self, target: Target) -> Outcome:
        """Note it."""
        assert target.message_id is not None
        return await self._answer(self.published, SentRequest(target))

    async def open_thread(self, target: Target, name: str) -> Outcome:
        """Note it; the thread has the number of the message."""
        assert target.message_id is not None
        answer = await self._answer(self.opened, SentRequest(target, Message(name=name)))
        return Outcome(SendStatus.OK, message_id=target.message_id) if answer is OK else answer

    async def rename_thread(self, target: Target, name: str) -> Outcome:
        """Note it."""
        assert target.thread_id is not None
        return await self._answer(self.renamed, SentRequest(target, Message(name=name)))

    def can_publish(self, channel_id: int) -> bool:
        """Whether it was said to be an announcement channel."""
        return channel_id in self.announcing

    async def _answer(self, where: list[SentRequest], request: SentRequest) -> Outcome:
        where.append(request)
        for counted in (0, request.target.channel_id):
            self._busy[counted] += 1
            self.busiest[counted] = max(self.busiest[counted], self._busy[counted])
        for _ in range(5):
            await asyncio.sleep(0)  # let the others go on meanwhile
        self._busy.subtract((0, request.target.channel_id))
        return self.answers.get(request.target.channel_id, OK)


Interruption = Callable[[], Awaitable[object]]


class InterruptibleDatabase(Database):
    """A database that lets a test run something before a read or a commit."""

    _before_read: Interruption | None = None
    _at_commit: Interruption | None = None
    _commits = 0

    def before_next_read(self, interruption: Interruption) -> None:
        """Have it happen when somebody next wants to read."""
        self._before_read = interruption

    def at_commit(self, interruption: Interruption, number: int = 1) -> None:
        """Have it happen when the next transaction, or a later one, is to be stored."""
        self._at_commit, self._commits = interruption, number

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """As ever, after what was to happen first."""
        happens, self._before_read = self._before_read, None
        if happens is not None:
            await happens()
        async with super().read() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """As ever, but what was to happen does before anything is stored."""
        async with super().write() as connection:
            yield connection
            self._commits -= 1
            if self._commits == 0 and self._at_commit is not None:
                await self._at_commit()


class BotHarness:
    """One process of the bot at work on a database."""

    def __init__(self, db: InterruptibleDatabase, clock: Clock) -> None:
        self.db = db
        self.clock = clock
        self.woken = 0
        self.context = Context(db, clock, UNLIMITED, digest_default=NOON, editors="all", wake=self._wake)
        self.ingest = Ingest(self.context)
        self.mailbox = RecordingSender()
        self.deliverer = Delivery(self.context, self.mailbox)
        self.source = ListSource()

    def _wake(self) -> None:
        self.woken += 1

    async def follow(
        self,
        topic: str = "AI",
        channel: int = CHANNEL,
        mode: Mode = Mode.LIVE,
        volume: Volume = Volume.EVERYTHING,
        *,
        role: int | None = None,
        publish: bool = False,
    ) -> None:
        """Subscribe a channel; to everything of the topic if nothing else is said."""
        if (mode, volume) == (Mode.LIVE, Volume.EVERYTHING):
            await self._store(Subscription(0, GUILD, channel, topic, mode, volume, role, publish))
        else:
            await subscribe(
                self.context, SubscribeRequest(GUILD, channel, topic, mode, volume, role, publish)
            )

    async def follow_in(self, *channels: int) -> None:
        """Have these channels follow everything on AI."""
        await self._store(
            *[Subscription(0, GUILD, one, "AI", Mode.LIVE, Volume.EVERYTHING) for one in channels]
        )

    async def follow_elsewhere(self, topic: str, channel: int, guild_id: int) -> None:
        """Subscribe a channel of another server."""
        await self._store(Subscription(0, guild_id, channel, topic, Mode.LIVE, Volume.EVERYTHING))

    async def _store(self, *wanted: Subscription) -> None:
        """Store subscriptions as they are: a command also looks back at what they would have brought, which costs far more."""
        async with self.db.write() as connection:
            ids = await topics.ids(connection)
            rows = [(one, ids[name_key(one.topic)], self.clock()) for one in wanted]
            await subscriptions.subscribe_all(connection, rows)
        self.context.wake()

    async def db_records(self) -> int:
        """How many records there are."""
        return await self.count(schema.records)

    async def begin(self, *topics: str) -> None:
        """End the source's first, silent intake; these topics are known from then on."""
        old = [record(f"Old note on {topic}", topics=[topic], hours=-5000) for topic in topics]
        await self.take_in(*old)

    async def take_in(self, *records: Record) -> Summary:
        """Have records come in now."""
        return await self.ingest.step(self.source.add(*records))

    async def deliver(self) -> int:
        """Send what is due now."""
        return await self.deliverer.drain()

    async def report(self, *records: Record) -> None:
        """Have records come in, and what is due sent."""
        await self.take_in(*records)
        await self.deliver()

    async def digest(self) -> None:
        """Send the digests that are due."""
        await digests.step(self.context)
        await self.deliver()

    async def pause(self, channel: int = CHANNEL) -> None:
        """Pause a channel."""
        async with self.db.write() as connection:
            await subscriptions.pause(connection, channel, GUILD, "the channel is gone", self.clock())

    async def resume(self, channel: int = CHANNEL) -> None:
        """Let a channel go on."""
        async with self.db.write() as connection:
            await subscriptions.resume(connection, [channel])

    async def queue(self) -> int:
        """How many messages wait."""
        async with self.db.read() as connection:
            return await outbox.queue_length(connection, GUILD)

    async def given_up(self) -> list[str]:
        """Why messages were given up, the last first."""
        async with self.db.read() as connection:
            start = self.clock.now.replace(year=2000)
            return [reason for _, reason in await outbox.given_up(connection, GUILD, start)]

    async def withheld(self) -> dict[int, str]:
        """Why stories were held back in the channel."""
        return await withheld(self.db)

    async def count(self, table: sa.Table) -> int:
        """The number of rows of a table."""
        async with self.db.read() as connection:
            return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def reports(title: str, number: int, *, first: int = 0, **more: object) -> Sequence[Record]:
    """Reports of one event by that many outlets."""
    return [record(title, f"o{n}.example", topics=["AI"], **more) for n in range(first, first + number)]  # type: ignore[arg-type] # what a record takes


async def prepare(url: str, begin: Callable[[BotHarness], Awaitable[None]]) -> None:
    """Have a bot begin on a database."""
    async with opened_as(url, InterruptibleDatabase) as db:
        await begin(BotHarness(db, Clock()))


def prepared_file(template: Path, folder: Path, begin: Callable[[BotHarness], Awaitable[None]]) -> Path:
    """A SQLite file on which a bot has begun, to be copied by tests."""
    file = folder / "topicwire.db"
    shutil.copyfile(template, file)
    run_aside(prepare(str(file), begin))
    return file
