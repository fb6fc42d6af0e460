"""Merging and splitting stories by hand.

A decision is stored as an override that clustering obeys from then on. The opposite decision undoes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clustering.batch import Clustering
from bot.domain.model import Stored, StoryView
from bot.domain.posting.plan import MOVED, affected, draft, nothing_new, plan, reason_sentence
from bot.domain.stories.story import Story, lead_of
from bot.errors import InvalidInputError, NotAllowedError, NotFoundError
from bot.i18n import tr, tr_plural
from bot.services.context import ALL, Context
from bot.services.related import number_of, unknown
from bot.store import fan_outs, pointers, records, revisions, stories, story_overrides
from bot.store.story_overrides import StoryOverride


@dataclass(frozen=True, slots=True)
class Editor:
    """Who decides, and in which server."""

    guild_id: int
    user_id: int


def may_edit(context: Context, guild_id: int) -> bool:
    """Whether a server's people decide about shared stories."""
    return context.editors == ALL or guild_id in context.editors


def _may_change(context: Context, guild_id: int, owner_id: int) -> bool:
    """Whether a server's people decide about items of `owner_id` (a server; 0: shared)."""
    return owner_id == guild_id or may_edit(context, guild_id)


def may_merge(context: Context, guild_id: int, story: StoryView) -> bool:
    """Whether a server's people can have a story go on as another one: a shared one, or one of their own."""
    return _may_change(context, guild_id, story.lead.guild_id)


def may_split(context: Context, guild_id: int, story: StoryView) -> tuple[Stored, ...]:
    """The reports that a server's people can take out of a story."""
    return tuple(s for s in candidates(story.members) if _may_change(context, guild_id, s.guild_id))


class Merged(NamedTuple):
    """Two stories that go on as one: the number that stays, the one that forwards to it, and that one's articles."""

    number: int
    absorbed: int
    articles: tuple[int, ...]


async def merge(context: Context, editor: Editor, number: int, other: str) -> Merged:
    """Have two stories go on as one. `other` is named as a story can be: by number, link or title."""
    other_number = await number_of(context, other, editor.guild_id)
    async with context.db.intake() as connection:
        first, second = [await _story(connection, editor, n) for n in (number, other_number)]
        if first.number == second.number:
            raise InvalidInputError(
                tr("#{number} and #{other} are already the same story.", number=number, other=other_number)
            )
        merged, carried_out = await _merge(connection, context, editor, first, second)
    tell(context, [carried_out])
    return merged


async def _merge(
    connection: AsyncConnection,
    context: Context,
    editor: Editor,
    first: Story,
    second: Story,
    override: StoryOverride | None = None,
) -> tuple[Merged, StoryChange]:
    """Have two stories go on as one, in the transaction of the caller. `override` is stored; None: one of their leads."""
    survivor, absorbed = sorted((first, second), key=lambda story: (story.guild_id, story.number))
    _require(context, editor, absorbed.guild_id)
    await story_overrides.withdraw(connection, _ids(survivor.members), _ids(absorbed.members), same=False)
    override = override or _override(context, editor, survivor, lead_of(absorbed.members), same=True)
    await story_overrides.add(connection, override)
    change = await _carry_out(connection, context, Clustering({}, {absorbed.number: survivor.number}, {}))
    return Merged(survivor.number, absorbed.number, tuple(_ids(absorbed.members))), change


def candidates(members: Iterable[Stored]) -> tuple[Stored, ...]:
    """The records that can be taken out of a story, the first published first.

    The last one stays, and of those that came in themselves too: others that they declare are not left alone.
    """
    inside = tuple(members)
    complete = sum(not member.partial for member in inside)
    removable = (member for member in inside if len(inside) > 1 and (member.partial or complete > 1))
    return tuple(sorted(removable, key=lambda member: member.published))


async def split_story(
    context: Context, editor: Editor, number: int, articles: Collection[int]
) -> tuple[int, int]:
    """Take articles (ids of records) out of their story. Returns its number, and that of the story that they are now."""
    async with context.db.intake() as connection:
        story = await _story(connection, editor, number)
        fresh, carried_out = await _split(connection, context, editor, story, articles)
    tell(context, [carried_out])
    return story.number, fresh


async def _split(
    connection: AsyncConnection,
    context: Context,
    editor: Editor,
    story: Story,
    articles: Collection[int],
    override: StoryOverride | None = None,
) -> tuple[int, StoryChange]:
    """Take articles out of their story, in the transaction of the caller. Returns the number of the story that they are now.

    `override` is stored; None: one of the leads.
    """
    moved = tuple(member for member in story.members if member.id in articles)
    rest = replace(story, members=tuple(member for member in story.members if member.id not in articles))
    only_partial_left = all(member.partial for member in rest.members)
    if not moved or not rest.members or (only_partial_left and not all(m.partial for m in moved)):
        raise NotFoundError(
            tr_plural(
                "That article is no longer in story #{number}, or it is the only one left there.",
                "Those articles are no longer in story #{number}, or no others are left there.",
                len(articles),
                number=story.number,
            )
        )
    for owner in {member.guild_id for member in moved}:
        _require(context, editor, owner)
    await story_overrides.withdraw(connection, _ids(moved), _ids(rest.members), same=True)
    override = override or _override(context, editor, rest, lead_of(moved), same=False)
    await story_overrides.add(connection, override)
    fresh = await records.next_story(connection)
    # A story that one of them led before it was merged goes on as the new one, and so do its posts.
    undone = await pointers.merged_from(connection, story.number, _ids(moved))
    reason = dict.fromkeys(_ids(moved), reason_sentence([MOVED.format(number=story.number)]))
    decided = Clustering(dict.fromkeys(_ids(moved), fresh), dict.fromkeys(undone, fresh), {})
    return fresh, await _carry_out(connection, context, decided, reason)


def may_decide(context: Context, guild_id: int, one: Stored, other: Stored) -> bool:
    """Whether a server's people can say of two articles that they report the same event: one is their own, or both are shared."""
    return any(_may_change(context, guild_id, stored.guild_id) for stored in (one, other))


async def decide(
    connection: AsyncConnection, context: Context, override: StoryOverride, one: Stored, other: Stored
) -> StoryChange | None:
    """Carry out an override of two articles, in the transaction of the caller, and store it. None if no story changed.

    Of a story that is separated, the article that the server has alone is moved, or else the one published later.
    Raises NotAllowedError and NotFoundError as `merge` and `split_story`.
    """
    editor = Editor(override.guild_id, override.user_id)
    if one.story is None or other.story is None or override.same is (one.story == other.story):
        await story_overrides.add(connection, override)
        return None
    first = await _story(connection, editor, one.story)
    if override.same:
        second = await _story(connection, editor, other.story)
        return (await _merge(connection, context, editor, first, second, override))[1]
    moved = max((one, other), key=lambda stored: (stored.guild_id, stored.published, stored.id))
    return (await _split(connection, context, editor, first, [moved.id], override))[1]


def _ids(members: Iterable[Stored]) -> list[int]:
    return [member.id for member in members]


async def _story(connection: AsyncConnection, editor: Editor, number: int) -> Story:
    """All of a story that the editor's server sees, by its number or one that forwards to it."""
    current = await stories.survivor(connection, number, editor.guild_id)
    seen = await stories.load(connection, [] if current is None else [current], editor.guild_id)
    story = seen.get(current) if current is not None else None
    if story is None or not story.members:
        raise unknown(number)
    return story


def require_editor(context: Context, editor: Editor) -> None:
    """Raise NotAllowedError if the editor's server may not decide about shared stories."""
    _require(context, editor, 0)


def _require(context: Context, editor: Editor, guild_id: int) -> None:
    """NotAllowedError where other servers would see the change too, and the editor's may not decide for them."""
    if not _may_change(context, editor.guild_id, guild_id):
        raise NotAllowedError(
            tr(
                "Other servers see this story too, and this server is not allowed to change it. "
                "The person who runs the bot can allow that with stories.editors in config.yaml."
            )
        )


def _override(context: Context, editor: Editor, story: Story, record: Stored, *, same: bool) -> StoryOverride:
    return StoryOverride(
        lead_of(story.members).id, record.id, same, editor.guild_id, editor.user_id, context.now()
    )


class StoryChange(NamedTuple):
    """A revision of the stories, and those that it changed."""

    revision: int
    stories: frozenset[int]


async def _carry_out(
    connection: AsyncConnection, context: Context, decided: Clustering, why: Mapping[int, str] | None = None
) -> StoryChange:
    """Store a decision and what follows from it for the posts of the stories."""
    now = context.now()
    batch = nothing_new(await records.next_story(connection))
    moving = await records.by_id(connection, decided.stories)
    numbers = affected(batch, decided) | {
        stored.story for stored in moving.values() if stored.story is not None
    }
    rules = context.rules
    stored = await records.affected(connection, numbers)
    topics = await context.topics.load(connection)
    drafted = await asyncio.to_thread(draft, batch, decided, stored, topics, now, rules)
    apart = await fan_outs.apart(connection, drafted.fan_outs, now - rules.edit_window)
    intake_plan = await asyncio.to_thread(plan, drafted, apart, now, rules)
    await records.apply(connection, replace(intake_plan, why={**intake_plan.why, **(why or {})}), now, rules)
    revision = await revisions.advance(connection, revisions.STORIES)
    return StoryChange(revision, frozenset({*intake_plan.audiences, *intake_plan.merged}))


def tell(context: Context, changes: Iterable[StoryChange]) -> None:
    """Publish stored changes: note them in the story log, and wake the workers."""
    for change in changes:
        context.story_log.note(change.revision, change.stories)
    context.wake()
