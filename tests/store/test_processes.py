"""Which processes share a database, as their leases tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.domain.processes import ONE_AT_A_TIME, ProcessState, Role
from bot.messages.processes import process_lines
from bot.services.context import Context
from bot.services.measure import measure
from bot.services.status import status
from bot.store import leases, schema
from bot.store.database import Database
from tests.cli.command import topicwire_aside
from tests.databases import opened
from tests.make import Clock, at
from tests.store.store_helpers import GUILD

GATEWAY, WORKER, STANDBY = "m/1 tide 11 a", "m/1 tide 12 b", "m/2 reef 13 c"
ROLES = {GATEWAY: ("gateway",), WORKER: ("poller", "intake", "sender"), STANDBY: ("intake", "sender")}


async def _beat(db: Database, name: str, holder: str, roles: tuple[str, ...] = ()) -> None:
    async with db.write() as connection:
        await leases.take(connection, await leases.read(connection, name), holder, roles)


async def _begin(db: Database) -> None:
    """A gateway, a worker that leads in all it does, and one that stands by."""
    for holder, roles in ROLES.items():
        await _beat(db, leases.process(holder), holder, roles)
    for name in (leases.INTAKE, leases.sender("hash")):
        await _beat(db, name, WORKER)


async def _processes(db: Database) -> list[ProcessState]:
    async with db.read() as connection:
        return await leases.processes(connection)


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:
    async with opened(postgres_url) as database:
        await _begin(database)
        yield database


async def test_each_process_has_its_roles_and_leads_where_it_holds_the_lease(db: Database) -> None:
    before = await _processes(db)
    assert [(p.identity, set(p.roles), set(p.leads)) for p in before] == [
        (GATEWAY, {"gateway"}, set()),
        (WORKER, {"poller", "intake", "sender"}, {"intake", "sender"}),
        (STANDBY, {"intake", "sender"}, set()),
    ]
    await _beat(db, leases.process(WORKER), WORKER, ROLES[WORKER])
    await _beat(db, leases.INTAKE, STANDBY)  # takes over
    await _beat(db, leases.process(GATEWAY), "")  # ends
    after = await _processes(db)
    assert [(p.identity, set(p.leads)) for p in after] == [(WORKER, {"sender"}), (STANDBY, {"intake"})]
    assert [p.since for p in after] == [p.since for p in before[1:]], "a renewal is no new beginning"


async def test_a_process_without_a_sign_of_life_is_told_from_one_that_works(
    db: Database, postgres_url: str, clock: Clock
) -> None:
    async with db.write() as connection:
        an_hour_ago = sa.func.clock_timestamp() - timedelta(hours=1)
        silent = sa.update(schema.leases).where(schema.leases.c.name == leases.process(STANDBY))
        await connection.execute(silent.values(renewed_at=an_hour_ago))
    context = Context(db, clock)
    assert [p.is_silent for p in (await status(context, GUILD)).processes] == [False, False, True]
    assert (await measure(context)).processes == {"gateway": 1, "poller": 1, "intake": 1, "sender": 1}
    lines = (await topicwire_aside("status", "--db", postgres_url)).stdout.splitlines()
    assert [line.partition("; ")[0] for line in lines] == [
        "tide 11: gateway",
        "tide 12: intake (leads), poller, sender (leads)",
        "reef 13: intake (stands by), sender (stands by)",
    ]
    assert [line.endswith("does nothing") for line in lines] == [False, False, True]
    found = (await topicwire_aside("status", "--json", "--db", postgres_url)).lines
    assert [(of["process"], of["leads"], of["silent_seconds"] > 3000) for of in found] == [
        (GATEWAY, [], False),
        (WORKER, ["intake", "sender"], False),
        (STANDBY, [], True),
    ]


async def test_on_sqlite_there_is_one_process_and_nothing_to_tell(sqlite_url: str, clock: Clock) -> None:
    async with opened(sqlite_url) as db:
        await _begin(db)
        assert await _processes(db) == []
        assert (await status(Context(db, clock), GUILD)).processes == ()


@pytest.mark.parametrize("role", Role)
def test_each_role_has_words_and_those_of_a_standby_differ_where_one_process_at_a_time_works(
    role: Role,
) -> None:
    roles, no_time = frozenset({role.value}), timedelta(0)
    leading, other = (
        process_lines([ProcessState(WORKER, roles, leads, at(1), no_time)], at(2))
        for leads in (roles, frozenset[str]())
    )
    assert (leading != other) == (role in ONE_AT_A_TIME)
    assert not leading[0].startswith("•  ·"), "no words"


def test_a_member_reads_what_each_process_does_and_not_where() -> None:
    since, now = at(1), at(5)
    processes = [
        ProcessState(WORKER, frozenset(ROLES[WORKER]), frozenset({"intake"}), since, timedelta(seconds=1)),
        ProcessState(GATEWAY, frozenset(ROLES[GATEWAY]), frozenset(), since, timedelta(hours=2)),
    ]
    assert process_lines(processes, now) == [
        "• fetches feeds, takes in articles, sends messages if another process fails"
        f" · started <t:{int(since.timestamp())}:R>",
        f"• answers commands · ⚠️ last sign of life <t:{int(at(3).timestamp())}:R>",
    ]
