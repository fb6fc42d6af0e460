"""The feeds of a poller that died are polled by others soon."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.polling import FeedOrigin, NewFeed
from bot.runtime.absence import AbsenceWatch
from bot.runtime.leadership import LEASE, RENEW
from bot.store import feeds, leases
from bot.store.database import Database
from tests.make import Clock

HERE, GONE = "host 1 here", "host 2 gone"


class Seconds:
    """A stopwatch that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def _beat(db: Database, holder: str) -> None:
    async with db.write() as connection:
        lease = await leases.read(connection, leases.process(holder))
        await leases.take(connection, lease, holder)


async def _due(db: Database, clock: Clock) -> int:
    async with db.read() as connection:
        return len(await feeds.due(connection, clock(), (), 10))


async def test_only_the_feeds_of_a_poller_that_does_not_renew_its_lease_are_due_again(
    stores: Database, clock: Clock
) -> None:
    declared = [NewFeed(f"https://paper.example/{n}", FeedOrigin.CONFIG) for n in range(4)]
    async with stores.write() as connection:
        await feeds.configure(connection, declared, timedelta(minutes=5), clock())
    clock.forward(hours=1)
    async with stores.write() as connection:
        ids = [feed.source_id for feed in await feeds.due(connection, clock(), (), 10)]
        assert len(await feeds.claim(connection, ids[:1], clock(), HERE)) == 1
        assert len(await feeds.claim(connection, ids[1:], clock(), GONE)) == 3
    seconds, freed = Seconds(), []
    watch = AbsenceWatch(
        stores, clock, seconds, is_gone=lambda _: False, freed=lambda: freed.append(seconds.now)
    )
    await _beat(stores, GONE)
    while not freed:
        await _beat(stores, HERE)
        assert await _due(stores, clock) == 0
        await watch.step()
        seconds.now += RENEW.total_seconds()
    assert freed == [LEASE.total_seconds()]
    assert await _due(stores, clock) == 3
    async with stores.read() as connection:
        assert [leases.process_of(lease) for lease in await leases.of_processes(connection)] == [HERE]
    seconds.now += 100  # nothing else is removed: it is seen first, and then it renews its lease
    await _beat(stores, HERE)
    await watch.step()
    assert await _due(stores, clock) == 3


async def test_a_poller_that_has_certainly_ended_is_not_waited_for(stores: Database, clock: Clock) -> None:
    await _beat(stores, GONE)
    watch = AbsenceWatch(stores, clock, Seconds(), is_gone=lambda holder: holder == GONE, freed=lambda: None)
    await watch.step()
    async with stores.read() as connection:
        assert await leases.of_processes(connection) == []
