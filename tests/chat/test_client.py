"""Handlers of events and commands run to their ends, and end when the client closes."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.chat.client import Client
from bot.services.context import Context
from bot.store.database import Database
from tests.make import Clock


@dataclass
class Pauses:
    """Where handlers wait for something to which they alone refer."""

    waiting: list[weakref.ref[asyncio.Future[None]]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    paused: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, *_: object) -> None:
        """Wait until `go_on`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(weakref.ref(future))
        self.paused.set()
        try:
            await future
            self.ended.append("done")
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise

    async def reached(self) -> None:
        """Wait until a handler waits, and then collect what nobody refers to."""
        await self.paused.wait()
        gc.collect()

    async def go_on(self) -> None:
        """Have the handler go on, if it is still there."""
        for reference in self.waiting:
            if (future := reference()) is not None:
                future.set_result(None)
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def client(db: Database, clock: Clock) -> AsyncIterator[Client]:
    """A client that is not connected."""

    async def no_commands(*_: object) -> None: ...

    made = Client(Context(db, clock), no_commands)
    made.loop = asyncio.get_running_loop()
    yield made
    await made.close()


def listen(client: Client, pauses: Pauses) -> None:
    """Have a listener handle an event, and wait."""
    client.add_listener(pauses.pause, "on_something")
    client.dispatch("something")


def complete(client: Client, pauses: Pauses) -> None:
    """Have the command tree handle an interaction, and wait for the answer to be sent."""
    interaction: Any = SimpleNamespace(
        type=discord.InteractionType.autocomplete,
        locale=discord.Locale.british_english,
        guild_id=None,
        client=client,
        response=SimpleNamespace(autocomplete=pauses.pause),
    )
    client.tree._from_interaction(interaction)


HANDLERS = pytest.mark.parametrize("handle", [listen, complete])


@HANDLERS
async def test_a_handler_that_nobody_refers_to_runs_to_its_end(client: Client, handle: Any) -> None:
    pauses = Pauses()
    handle(client, pauses)
    await pauses.reached()
    await pauses.go_on()
    assert pauses.ended == ["done"]


@HANDLERS
async def test_closing_the_client_ends_its_handlers(client: Client, handle: Any) -> None:
    pauses = Pauses()
    handle(client, pauses)
    await pauses.reached()
    await client.close()
    assert pauses.ended == ["cancelled"]
