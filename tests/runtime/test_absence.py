"""The feeds of a poller that died are polled by others soon."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.polling import FeedOrigin, NewFeed
from bot.runtime.absence import AbsenceWatch
from bot.runtime.leadership import LEASE, RENEW
from bot.store import feeds, leases
from bot.store.database import Database
from tests.make import Clock
from tests.store.store_helpers import statements

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
    seconds.now += 100  # nothing else is given back: it is seen first, and then it renews its lease
    await _beat(stores, HERE)
    await watch.step()
    assert await _due(stores, clock) == 3


async def _recorded(db: Database) -> list[str]:
    async with db.read() as connection:
        return [leases.process_of(lease) for lease in await leases.of_processes(connection)]


@pytest.mark.parametrize("certainly", [False, True])
async def test_people_see_for_an_hour_that_a_process_is_gone_and_its_feeds_are_given_back_once(
    stores: Database, clock: Clock, certainly: bool
) -> None:
    seconds = Seconds()
    is_gone = {GONE} if certainly else set()
    watch = AbsenceWatch(stores, clock, seconds, is_gone=is_gone.__contains__, freed=lambda: None)
    await _beat(stores, GONE)
    await watch.step()
    seconds.now = LEASE.total_seconds()
    await watch.step()
    with statements(stores) as seen:
        for seconds.now in (5, 60, 1800, 3599):
            await watch.step()
    assert not any("UPDATE" in sql for sql, _ in seen), "they are not given back each time"
    assert await _recorded(stores) == [GONE]
    seconds.now = 3600
    await watch.step()
    assert await _recorded(stores) == []


async def test_a_process_that_froze_and_goes_on_is_watched_as_before(stores: Database, clock: Clock) -> None:
    seconds, freed = Seconds(), []
    declared = [NewFeed("https://paper.example/1", FeedOrigin.CONFIG)]
    async with stores.write() as connection:
        await feeds.configure(connection, declared, timedelta(minutes=5), clock())
    clock.forward(hours=1)
    watch = AbsenceWatch(
        stores, clock, seconds, is_gone=lambda _: False, freed=lambda: freed.append(seconds.now)
    )
    for start in (0, 1800, 3500):  # the hour begins anew with each sign of life
        await _beat(stores, GONE)
        async with stores.write() as connection:
            [feed] = await feeds.due(connection, clock(), (), 10)
            await feeds.claim(connection, [feed.source_id], clock(), GONE)
        for seconds.now in (start, start + 3):
            await watch.step()
    assert freed == [3, 1803, 3503]
    seconds.now = 3500 + 3599
    await watch.step()
    assert await _recorded(stores) == [GONE]


async def test_the_record_of_a_process_that_ends_in_order_is_removed_at_once(
    stores: Database, clock: Clock
) -> None:
    await _beat(stores, GONE)
    async with stores.write() as connection:
        await leases.take(connection, await leases.read(connection, leases.process(GONE)), "")
    await AbsenceWatch(stores, clock, Seconds(), is_gone=lambda _: False, freed=lambda: None).step()
    assert await _recorded(stores) == []
