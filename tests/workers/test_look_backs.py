"""A look-back that a process does not bring to its end is done again, whoever asked for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa

from bot.domain.model import Topic
from bot.errors import DatabaseLostError
from bot.services import server_topics as use
from bot.services.context import Context
from bot.services.server_topics import Draft, SavedTopic
from bot.store import schema, server_topics, servers
from tests.make import record
from tests.store.store_helpers import GUILD
from tests.workers.desk import BotHarness

Request = Callable[[BotHarness], Awaitable[object]]
MATCHING = 5  # of the articles
COMMITS = 2 + 2 * 3 + 1  # more than a look-back has: its request, three parts and its end


async def create(desk: BotHarness) -> None:
    await use.create(desk.context, GUILD, Draft("Harbour", "harbour"))


async def edit(desk: BotHarness) -> None:
    await use.edit(desk.context, GUILD, "Harbour", Draft(query="harbour"))


async def has_another_query(desk: BotHarness) -> None:
    await use.create(desk.context, GUILD, Draft("Harbour", "lighthouse"))


async def is_suspended(desk: BotHarness) -> None:
    await create(desk)
    async with desk.db.write() as connection:
        await connection.execute(sa.delete(schema.record_topics))
        await server_topics.suspend(connection, {(GUILD, "Harbour"): "it costs too much"})


async def nothing(desk: BotHarness) -> None:
    pass


REQUESTS: dict[str, tuple[Request, Request]] = {
    "a new topic": (nothing, create),
    "another query": (has_another_query, edit),
    "a suspension that is lifted": (is_suspended, edit),
}


async def matched(desk: BotHarness) -> int:
    async with desk.db.read() as connection:
        rows = await connection.execute(
            sa.select(schema.record_topics.c.keywords)
            .join(schema.topics)
            .where(schema.topics.c.guild_id == GUILD)
        )
        return len(rows.all())


async def unfinished(desk: BotHarness) -> int:
    async with desk.db.read() as connection:
        is_open = schema.topics.c.look_back_at.is_not(None)
        return await connection.scalar(sa.select(sa.func.count()).where(is_open)) or 0


@pytest.mark.parametrize("reason", REQUESTS)
async def test_wherever_a_process_ends_the_earlier_articles_are_matched(
    fresh: BotHarness, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, (before, request) = fresh, REQUESTS[reason]
    monkeypatch.setattr(use, "AT_ONCE", 2)  # several parts, so that it can end between them
    await desk.begin("AI")
    for position in range(MATCHING):
        await desk.take_in(record(f"Harbour dredging, part {position}", f"o{position}.example"))

    async def ends() -> None:
        raise DatabaseLostError("the process ends here")

    requested = set()
    for commit in range(1, COMMITS):
        await before(desk)
        desk.db.at_commit(ends, commit)
        try:
            await request(desk)
        except DatabaseLostError:
            is_requested = await unfinished(desk) == 1
            requested.add(is_requested)
            desk.clock.forward(seconds=use.UNFINISHED_AFTER.total_seconds() + 1)
            await use.finish_look_backs(desk.context)
            if not is_requested:  # the request itself was lost, and whoever made it has seen that
                await request(desk)
        desk.db.at_commit(nothing_more, 0)
        assert (await matched(desk), await unfinished(desk)) == (MATCHING, 0), commit
        await use.delete(desk.context, GUILD, "Harbour")
    assert requested == {False, True}


async def test_a_topic_that_cannot_be_looked_back_for_keeps_no_other_waiting(
    fresh: BotHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, elsewhere = fresh, GUILD + 1
    await desk.begin("AI")
    await desk.take_in(record("Harbour dredging", "o.example"))
    waiting = (
        Topic("Of a language that was wider", query="((", guild_id=GUILD),
        Topic("Of a server that the bot has left", query="harbour", guild_id=elsewhere),
        Topic("Harbour", query="harbour", guild_id=GUILD),
    )
    async with desk.db.write() as connection:
        for topic in waiting:
            await server_topics.add(connection, topic)
        await server_topics.request_look_back(connection, waiting, desk.clock())
        await servers.leave(connection, [elsewhere], desk.clock())
    desk.clock.forward(seconds=use.UNFINISHED_AFTER.total_seconds() + 1)
    looked: list[str] = []
    look_back = use.look_back

    async def noted(context: Context, topic: Topic) -> SavedTopic:
        looked.append(topic.name)
        return await look_back(context, topic)

    monkeypatch.setattr(use, "look_back", noted)
    for _ in range(2):
        await use.finish_look_backs(desk.context)
    assert await matched(desk) == 1
    assert looked == [waiting[0].name, waiting[2].name], "each once, and of the server that was left none"


async def nothing_more() -> None:
    """What happens at no commit."""
