"""Votes: one of each member, by server, of merged stories together, and not for ever."""

from __future__ import annotations

from datetime import timedelta

from bot.store import votes
from bot.store.database import Database
from bot.store.votes import VoteCount
from tests.make import at, record
from tests.store.store_helpers import GUILD, ONE, TWO, take, two_events_and_their_report

OTHERS = GUILD + 1


async def cast(db: Database, story: int, user_id: int, up: bool | None, *, guild_id: int = GUILD) -> None:
    """A member votes."""
    async with db.write() as connection:
        await votes.vote(connection, guild_id, story, user_id, up, at(0))


async def counted(
    db: Database, *, guild_id: int = GUILD, since: float = -1, most: int = 9
) -> dict[int, VoteCount]:
    """The votes of a server."""
    async with db.read() as connection:
        return dict(await votes.tallies(connection, guild_id, at(since), most=most))


async def test_the_newest_vote_of_a_member_counts_in_the_members_server(stores: Database) -> None:
    await take(stores, record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    for up in (True, False, True):
        await cast(stores, 1, 7, up)
    await cast(stores, 1, 8, False)
    await cast(stores, 2, 8, True, guild_id=OTHERS)
    assert await counted(stores) == {1: VoteCount(1, 1)}
    assert await counted(stores, guild_id=OTHERS) == {2: VoteCount(1, 0)}
    await cast(stores, 1, 7, None)
    assert await counted(stores) == {1: VoteCount(0, 1)}
    async with stores.read() as connection:
        assert [await votes.vote_of(connection, GUILD, 1, user) for user in (7, 8)] == [None, False]
    assert await counted(stores, since=1) == {}


async def test_a_merged_story_has_the_votes_of_both(stores: Database) -> None:
    one, two, both = two_events_and_their_report("AI", hours=-2)
    await take(stores, one, two)
    await cast(stores, 1, 7, True)
    await cast(stores, 2, 8, True)
    assert await counted(stores) == {1: VoteCount(1, 0), 2: VoteCount(1, 0)}
    await take(stores, both)
    [merged] = (await counted(stores)).values()
    assert merged == VoteCount(2, 0)


async def test_no_more_stories_are_counted_than_asked_for(stores: Database) -> None:
    await take(stores, record(ONE, topics=["AI"]), record(TWO, topics=["AI"]))
    await cast(stores, 1, 7, True)
    await cast(stores, 2, 7, True)
    assert len(await counted(stores, most=1)) == 1


async def test_old_votes_are_forgotten(stores: Database) -> None:
    await take(stores, record(ONE, topics=["AI"]))
    await cast(stores, 1, 7, True)
    async with stores.write() as connection:
        assert await votes.forget(connection, at(0)) == 0
        assert await votes.forget(connection, at(0) + timedelta(seconds=1)) == 1
    assert await counted(stores) == {}
