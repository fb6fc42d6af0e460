"""Votes of members on stories: given by the buttons of a post, counted for managers, and heard by the digest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.story import Story, story_view
from bot.errors import NotAllowedError
from bot.i18n import tr
from bot.services.context import Context
from bot.services.related import story_seen
from bot.store import stories, votes
from bot.store.votes import VoteCount

COUNTED = timedelta(days=30)  # the answer of /votes looks back so far
MOST_STORIES = 2_000  # that it counts: those that were voted on last


@dataclass(frozen=True, slots=True)
class Votes:
    """The votes of a server by topic and by domain of an outlet, those with the most votes first; `all` of them."""

    are_on: bool
    all: VoteCount
    topics: Mapping[str, VoteCount]
    outlets: Mapping[str, VoteCount]


async def switch(context: Context, guild_id: int, *, on: bool) -> None:
    """Switch a server's votes on, or off."""
    async with context.db.write() as connection:
        await votes.switch(connection, guild_id, on=on)


async def are_on(context: Context, guild_id: int) -> bool:
    """Whether a server has votes switched on."""
    async with context.db.read() as connection:
        return bool(await votes.voting(connection, [guild_id]))


async def vote(
    context: Context, guild_id: int, channel_id: int, number: int, user_id: int, *, up: bool
) -> bool | None:
    """A member's press: a vote, or its withdrawal where the member had voted just so. Returns the vote that stands.

    Raises NotAllowedError where the server has no votes, and NotFoundError where it does not see the story.
    """
    view = await story_seen(context, number, guild_id, channel_id)
    async with context.db.write() as connection:
        if not await votes.voting(connection, [guild_id]):
            raise NotAllowedError(tr("Votes are switched off in this server."))
        before = await votes.vote_of(connection, guild_id, view.number, user_id)
        now = None if before == up else up
        await votes.vote(connection, guild_id, view.number, user_id, now, context.now())
    return now


async def counted(context: Context, guild_id: int) -> Votes:
    """The votes of a server's members in the last `COUNTED`.

    A vote counts for each of the story's topics, and for the outlet of its lead.
    """
    async with context.db.read() as connection:
        are_on = bool(await votes.voting(connection, [guild_id]))
        since = context.now() - COUNTED
        tallies = await votes.tallies(connection, guild_id, since, most=MOST_STORIES)
        seen = await stories.load(connection, tallies, guild_id)
    return await context.evaluations.in_turn(guild_id, _votes, are_on, tallies, seen, context.rules.owners)


def _votes(
    are_on: bool, tallies: Mapping[int, VoteCount], seen: Mapping[int, Story], owners: MediaOwners
) -> Votes:
    views = [view for story in seen.values() if (view := story_view(story, owners=owners)) is not None]
    return Votes(
        are_on,
        sum(tallies.values(), VoteCount()),
        _by((topic, tallies[view.number]) for view in views for topic in view.topics),
        _by((view.lead.record.outlet.domain, tallies[view.number]) for view in views),
    )


def _by(named: Iterable[tuple[str, VoteCount]]) -> dict[str, VoteCount]:
    by_name: dict[str, VoteCount] = {}
    for name, tally in named:
        by_name[name] = by_name.get(name, VoteCount()) + tally
    counts = Counter({name: tally.up + tally.down for name, tally in by_name.items()})
    return {name: by_name[name] for name, _ in counts.most_common()}
