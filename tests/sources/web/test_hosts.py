"""Turns at hosts."""

from __future__ import annotations

import asyncio

import pytest

from bot.sources.web.hosts import Hosts
from tests.sources.web.servers import Clock


class Guests:
    """Those who wait for turns; each stays until told to go."""

    def __init__(self, hosts: Hosts, clock: Clock) -> None:
        self.hosts = hosts
        self.clock = clock
        self.started: list[tuple[str, float]] = []
        self.leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def come(self, name: str, host: str) -> None:
        self.leave[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._stay(name, host))

    async def _stay(self, name: str, host: str) -> None:
        async with self.hosts.turn(host):
            self.started.append((name, self.clock.time))
            await self.leave[name].wait()

    async def go(self, name: str) -> None:
        self.leave[name].set()
        await self.tasks[name]
        await settled()


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def made(per_host: int = 2, gap: float = 1.0, connections: int = 100) -> Guests:
    clock = Clock()
    return Guests(Hosts(per_host, gap, connections, clock, clock.sleep), clock)


async def test_some_at_once_with_a_gap_in_order() -> None:
    guests = made()
    for name in "abcd":
        guests.come(name, "feeds.example")
    await settled()
    assert guests.started == [("a", 0.0), ("b", 1.0)]
    await guests.go("b")
    await guests.go("a")
    assert guests.started == [("a", 0.0), ("b", 1.0), ("c", 2.0), ("d", 3.0)]
    await guests.go("c")
    await guests.go("d")


async def test_hosts_do_not_wait_for_each_other() -> None:
    guests = made()
    for name in "abc":
        guests.come(name, f"{name}.example")
    await settled()
    assert guests.started == [("a", 0.0), ("b", 0.0), ("c", 0.0)]
    for name in "abc":
        await guests.go(name)


async def test_no_more_connections_than_wanted_and_the_gap_counts_from_the_start() -> None:
    guests = made(connections=1)
    for name, host in (("a", "a.example"), ("b", "b.example"), ("c", "b.example")):
        guests.come(name, host)
    await settled()
    assert [name for name, _ in guests.started] == ["a"]
    guests.clock.time = 50.0
    await guests.go("a")
    await guests.go("b")
    await guests.go("c")
    assert guests.started == [("a", 0.0), ("b", 50.0), ("c", 51.0)]


@pytest.mark.parametrize("while_running", [True, False])
async def test_who_gives_up_takes_no_turn(while_running: bool) -> None:
    guests = made(per_host=1, connections=1)
    for name in "abc":
        guests.come(name, "feeds.example")
    await settled()
    given_up = "a" if while_running else "b"
    guests.tasks.pop(given_up).cancel()
    await settled()
    if not while_running:
        await guests.go("a")
    remaining = [name for name in "bc" if name in guests.tasks]
    for name in remaining:
        await guests.go(name)
    assert [name for name, _ in guests.started] == ["a", *remaining]


async def test_idle_hosts_are_forgotten() -> None:
    guests = made()
    for number in range(1000):
        async with guests.hosts.turn(f"h{number}.example"):
            pass
    guests.come("a", "busy.example")
    await settled()
    assert len(guests.hosts) == 1001
    guests.clock.time = 1.5
    async with guests.hosts.turn("new.example"):
        assert len(guests.hosts) == 2
    await guests.go("a")
    guests.clock.time = 3.0
    async with guests.hosts.turn("new.example"):
        assert len(guests.hosts) == 1


async def test_a_host_asked_again_and_again_is_remembered_once() -> None:
    guests = made()
    for _ in range(50):
        async with guests.hosts.turn("feeds.example"):
            pass
    assert guests.clock.time == 49.0
    guests.clock.time = 60.0
    async with guests.hosts.turn("other.example"):
        assert len(guests.hosts) == 1
