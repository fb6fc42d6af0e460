"""Sends stories to the addresses that servers chose for them: one request at a time to each, and few of one server.

Intakes queue the stories that change. `begin` compares these with forwards, outside of intakes, and hands addresses with
something due to workers, one for each. A slow address has a worker and its server's share of them, and no more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.forwarding import (
    Content,
    Delivered,
    Forward,
    ForwardVerdict,
    GiveUp,
    Later,
    Omission,
    Payload,
    SwitchOff,
    TargetAnswer,
    content,
    new_deliveries,
    payload,
    settle_delivery,
    signed_headers,
)
from bot.domain.model import Mute
from bot.domain.posting.decisions import PostingSettings
from bot.domain.stories.story import Story
from bot.domain.text.addresses import host_of
from bot.domain.topics.query.meter import Label
from bot.domain.topics.topics import Topics
from bot.errors import TopicwireError
from bot.i18n import speaking
from bot.messages.forwards import switched_off
from bot.services.context import Context
from bot.sources.web.fetch import Web
from bot.sources.web.model import Failure
from bot.store import forwards, outbox, servers, stories, subscriptions
from bot.store.forwards import LEASE, DueDelivery
from bot.store.sql import chunks
from bot.store.topics import key_of

log = logging.getLogger(__name__)

AT_ONCE = 32  # addresses
PER_SERVER = 2  # of them
PER_TURN = 10  # stories, after which other addresses of the server have their turn
QUEUED_AT_ONCE = 200  # stories that are compared with forwards in one go
WRITTEN_AT_ONCE = 1_000  # deliveries in one transaction
TIMEOUT = timedelta(seconds=10)  # of a request

_OUTCOMES: Mapping[type, str] = {
    Delivered: "delivered",
    Later: "failed",
    GiveUp: "given_up",
    SwitchOff: "switched_off",
}


def _nobody() -> None:
    """Nothing waits for workers to end."""


def _never() -> bool:
    """Nothing stops."""
    return False


class Forwarder:
    """Sends what is due. `wake` is called when an address is done, as more may be due; `stopping` is asked before each request.

    `counts` has the outcomes of requests since the start.
    """

    def __init__(
        self,
        context: Context,
        web: Web,
        *,
        wake: Callable[[], None] = _nobody,
        stopping: Callable[[], bool] = _never,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._context = context
        self._web = web
        self._wake = wake
        self._stopping = stopping
        self._busy: dict[int, int] = {}  # forward -> server
        self._workers: set[asyncio.Task[None]] = set()

    async def begin(self) -> int:
        """Compare the stories that wait, and hand what is due to workers. Returns how many addresses got one."""
        while await self._compare():
            pass
        room = AT_ONCE - len(self._busy)
        if self._stopping() or room <= 0 or not await self._has_work():
            return 0
        async with self._context.db.write() as connection:
            claimed = await forwards.claim(connection, self._context.now(), room, self._busy, PER_SERVER)
        for forward in claimed:
            self._busy[forward.id] = forward.guild_id
            worker = asyncio.create_task(self._work(forward), name=f"forward {forward.id}")
            self._workers.add(worker)
            worker.add_done_callback(self._ended)
        return len(claimed)

    async def _has_work(self) -> bool:
        """Whether an address waits for a worker. Most bots send nowhere, so nobody else waits for this question."""
        async with self._context.db.read() as connection:
            return await forwards.any_ready(connection, self._context.now(), self._busy)

    async def step(self) -> int:
        """Send one turn of each address that has something due; returns how many there were."""
        count = await self.begin()
        await self.finish()
        return count

    async def finish(self) -> None:
        """Wait until no worker is busy."""
        while self._workers:
            await asyncio.wait(self._workers)
            await asyncio.sleep(0)  # for their callbacks, which remove them

    async def close(self, grace: float = 0.0) -> None:
        """End the workers, whatever they do after so many seconds. What a turn has sent is sent again then, once its lease has ended."""
        if self._workers and grace:
            await asyncio.wait(self._workers, timeout=grace)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def next_due(self) -> datetime | None:
        """When an address is due, as far as is known; None too where a worker has to end first."""
        async with self._context.db.read() as connection:
            due_at = await forwards.next_due(connection)
        is_blocked = due_at is not None and due_at <= self._context.now() and self._busy
        return None if is_blocked else due_at

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        self._wake()

    async def _compare(self) -> int:
        """Compare the first stories that wait with forwards. Returns their number."""
        context, now = self._context, self._context.now()
        async with context.db.read() as connection:
            queued = await forwards.queued(connection, QUEUED_AT_ONCE)
            if not queued:
                return 0
            numbers = set(queued.values())
            loaded = await stories.load(connection, numbers)
            topics = await context.topics.load(connection)
            labels = set().union(*(_labels(story, topics) for story in loaded.values()))
            of_topics = await forwards.of_topics(connection, {key_of(key, of) for of, key in labels})
            servers_of = {forward.guild_id for forward in of_topics}
            mutes = await subscriptions.mutes_of(connection, servers_of) if servers_of else ()
            had = await forwards.deliveries_of(connection, numbers)
        pairs = await asyncio.to_thread(
            new_deliveries, loaded, of_topics, topics, _by_server(mutes), now, context.rules
        )
        changed: list[int | tuple[int, int]] = [*had.values(), *(pair for pair in pairs if pair not in had)]
        # An intake waits for one of these transactions at most.
        for part in chunks(changed, WRITTEN_AT_ONCE):
            async with context.db.write() as connection:
                await forwards.touch(connection, [row for row in part if isinstance(row, int)], now)
                await forwards.deliver(connection, [row for row in part if isinstance(row, tuple)], now)
        async with context.db.write() as connection:
            await forwards.unqueue(connection, queued)
        return len(queued)

    async def _work(self, forward: Forward) -> None:
        begun = self._context.now()
        try:
            async with self._context.db.read() as connection:
                due = await forwards.due(connection, forward.id, begun, PER_TURN)
                turn = await _load(connection, self._context, forward, due)
            contents = await asyncio.to_thread(_contents, turn, begun, self._context.rules)
            results: list[_Result] = []
            for delivery in due:
                if self._stopping() or self._context.now() - begun > LEASE - 2 * TIMEOUT:
                    break
                result = await self._deliver(forward, delivery, contents[delivery.id])
                if result is None:
                    break
                results.append(result)
                if not isinstance(result.verdict, Delivered | None):
                    break
            async with self._context.db.write() as connection:
                for result in results:
                    await _settle(connection, forward, result)
                await forwards.release(connection, forward, self._context.now())
            if results and isinstance(results[-1].verdict, SwitchOff):
                self._context.wake()
        except TopicwireError as error:
            log.error("forward %d: %s", forward.id, error)
        except Exception:  # its lease keeps it from being tried again at once
            log.exception("forward %d failed", forward.id)
        finally:
            del self._busy[forward.id]

    async def _deliver(
        self, forward: Forward, delivery: DueDelivery, shown: Content | Omission
    ) -> _Result | None:
        """Send one story, if the address has it to get. None if the forward was removed, or another worker has it."""
        if isinstance(shown, Omission):
            return _Result(delivery, self._context.now(), is_dropped=shown is Omission.NEVER)
        sent = payload(delivery.id, delivery.sent, forward.topic, delivery.story, shown)
        if sent.content_hash == delivery.sent_hash:
            return _Result(delivery, self._context.now())
        async with self._context.db.read() as connection:
            if not await forwards.is_claimed(connection, forward):
                return None
        answer = await self._post(forward, sent, delivery.attempt)
        now = self._context.now()
        verdict = settle_delivery(answer, forward, delivery.attempt, now)
        self.counts[_OUTCOMES[type(verdict)]] += 1
        if isinstance(verdict, SwitchOff):
            log.warning(
                "forward %d to %s is switched off: %s", forward.id, host_of(forward.url), verdict.reason
            )
        return _Result(delivery, now, verdict, sent.content_hash)

    async def _post(self, forward: Forward, sent: Payload, attempt: int) -> TargetAnswer:
        now = self._context.now()
        request_headers = signed_headers(forward.secret, sent, attempt, now)
        response = await self._web.post(
            forward.url, sent.body, request_headers, seconds=TIMEOUT.total_seconds(), now=now
        )
        if isinstance(response, Failure):
            return TargetAnswer(reason=response.reason)
        return TargetAnswer(response.status, response.retry_after)


def _labels(story: Story, topics: Topics) -> set[Label]:
    """The topics of a story and those above them, each by its server (0: shared), whichever server sees them."""
    labels: set[Label] = set()
    matches = chain.from_iterable(story.topics.values())
    for guild_id, name in {(match.guild_id, match.topic) for match in matches}:
        above = topics.visible_to(guild_id).with_ancestors([name])
        labels.update((of, key) for key in above for of in {0, guild_id})
    return labels


def _by_server(mutes: Iterable[Mute]) -> dict[int, list[Mute]]:
    """What whole servers have muted."""
    muted: dict[int, list[Mute]] = {}
    for mute in mutes:
        if mute.channel_id is None:
            muted.setdefault(mute.guild_id, []).append(mute)
    return muted


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is due at an address, and what its server sees of it."""

    forward: Forward
    due: Sequence[DueDelivery]
    stories: Mapping[int, Story]
    merged_into: Mapping[int, int]
    topics: Topics
    mutes: Sequence[Mute]


async def _load(
    connection: AsyncConnection, context: Context, forward: Forward, due: Sequence[DueDelivery]
) -> _Turn:
    numbers = [delivery.story for delivery in due]
    mutes = await subscriptions.mutes(connection, forward.guild_id)
    return _Turn(
        forward,
        due,
        await stories.load(connection, numbers, forward.guild_id),
        await stories.survivors(connection, numbers),
        await context.topics.load(connection, forward.guild_id),
        _by_server(mutes).get(forward.guild_id, ()),
    )


def _contents(turn: _Turn, now: datetime, rules: PostingSettings) -> dict[int, Content | Omission]:
    """What the address is to know of each story, by the id of its delivery."""
    return {
        delivery.id: content(
            turn.forward,
            delivery.sent,
            turn.stories[delivery.story],
            turn.merged_into.get(delivery.story),
            turn.topics,
            turn.mutes,
            now,
            rules,
        )
        for delivery in turn.due
    }


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of a delivery at a time. `verdict` None: nothing was sent. `is_dropped`: the address does not get the story at all."""

    delivery: DueDelivery
    at: datetime
    verdict: ForwardVerdict | None = None
    content_hash: str = ""
    is_dropped: bool = False


async def _settle(connection: AsyncConnection, forward: Forward, result: _Result) -> None:
    delivery, now = result.delivery, result.at
    match result.verdict:
        case None if result.is_dropped:
            await forwards.forget_story(connection, delivery)
        case None:
            await forwards.leave(connection, delivery, now)
        case Delivered():
            await forwards.delivered(connection, forward, delivery, result.content_hash, now)
        case Later(at=at, reason=reason):
            await forwards.failed(connection, forward, delivery, reason, now, retry_at=at)
        case GiveUp(at=at, reason=reason):
            await forwards.leave(connection, delivery, now)
            await forwards.failed(connection, forward, delivery, reason, now, retry_at=at)
        case SwitchOff(reason=reason):
            if await forwards.failed(connection, forward, delivery, reason, now):
                await _tell(connection, forward, reason, now)


async def _tell(connection: AsyncConnection, forward: Forward, reason: str, now: datetime) -> None:
    """Tell the channel in which a forward was made that it is off."""
    language = await servers.language(connection, forward.guild_id)
    with speaking(language.code):
        notice = switched_off(forward, reason)
    name = f"forward:{forward.id}:{now.isoformat()}"
    row = outbox.new_row(
        outbox.NOTICE, name, forward.guild_id, forward.channel_id, now, payload=notice.to_json()
    )
    await outbox.enqueue(connection, row)
