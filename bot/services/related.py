"""A story asked for: by number, URL or title, with what became of it in a channel."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.briefs.brief import brief
from bot.domain.briefs.candidates import Sentence
from bot.domain.briefs.figures import Figure, differing_figures
from bot.domain.briefs.novelty import additions
from bot.domain.model import Mode, StoryView, TopicMatch
from bot.domain.posting import decisions
from bot.domain.posting.decisions import Reason
from bot.domain.posting.escalation import size_to_ping
from bot.domain.posting.fate import PostFate, PostState
from bot.domain.posting.volume import is_in_digest
from bot.domain.records.identity import canonical
from bot.domain.stories import reference
from bot.domain.stories.owners import MediaOwners
from bot.domain.stories.ranking import Sort, rank
from bot.domain.stories.related import RelatedCandidate, related_stories, words_of
from bot.domain.stories.story import Muted, Story, lead_of, muted_by, story_view
from bot.domain.text.cleaning import clip
from bot.domain.text.words import plain_words
from bot.domain.topics.topics import Topics
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import tr
from bot.services import volumes
from bot.services.context import Context
from bot.services.topics import resolve
from bot.store import fan_outs, outbox, records, search, stories, subscriptions

LOOKED_AT = 40  # stories that have most words of another, of which some stand beside it


@dataclass(frozen=True, slots=True)
class StoryDetails:
    """A story. `asked` is the number that was asked for, another one where that story was merged.

    `fate` is what became of it in the channel that was named; `topics` are the story's, the most specific first; `matches` are the topics of each of its records, by id. `before` and `after` are stories that
    say more about it, the most alike first. `brief` has the sentences that sum it up, `additions` what further outlets
    add to these, and `figures` those in which outlets differ.
    """

    view: StoryView
    asked: int
    fate: PostFate | None = None
    topics: tuple[str, ...] = ()
    matches: Mapping[int, tuple[TopicMatch, ...]] = field(default_factory=dict)
    before: tuple[StoryView, ...] = ()
    after: tuple[StoryView, ...] = ()
    brief: tuple[Sentence, ...] = ()
    additions: tuple[Sentence, ...] = ()
    figures: tuple[tuple[Figure, ...], ...] = ()


def unknown(number: int | str) -> NotFoundError:
    """There is no story of that number."""
    return NotFoundError(
        tr("There is no story #{number}. A story's number is below its post.", number=number)
    )


async def number_of(context: Context, text: str, guild_id: int | None = None) -> int:
    """The story meant by `12`, `Story #12`, a link of an article or of its post, or words of its title."""
    if not text.strip():
        raise InvalidInputError(tr("Enter a story: its number (such as #12), a link, or words of its title."))
    async with context.db.read() as connection:
        match reference.parse(text):
            case reference.StoryNumber(number):
                if number >= 10**reference.LONGEST_NUMBER:
                    raise unknown(text.strip()[:20].lstrip("#"))
                return number
            case reference.MessageIds(ids):
                number = await stories.by_message(connection, ids, guild_id)
                if number is None:
                    raise NotFoundError(tr("That message is not a story's post in this server."))
                return number
            case reference.ArticleLink(url):
                return await _by_address(connection, url, guild_id)
            case reference.Words(words, number):
                hits = await _by_title(connection, words, 1, guild_id)
                if not hits and number is not None:
                    return number
    if not hits:
        raise NotFoundError(
            tr(
                "No story has “{words}” in its title. Use its number (such as #12), a link, or pick a suggestion.",
                words=clip(words, 80),
            )
        )
    return hits[0][0]


async def _by_address(connection: AsyncConnection, url: str, guild_id: int | None) -> int:
    try:
        number = await stories.by_key(connection, canonical(url), guild_id or 0)
    except ValueError as error:
        raise InvalidInputError(tr("That link is not valid: {problem}.", problem=error)) from error
    if number is None:
        raise NotFoundError(
            tr(
                "No story has that link. The bot may not have read the article, or other articles only list it as "
                "background."
            )
        )
    return number


async def related(
    context: Context, text: str, guild_id: int | None = None, channel_id: int = 0
) -> StoryDetails:
    """A story with all its coverage, as the server and the channel that ask see it (None: whoever runs the bot)."""
    asked = await number_of(context, text, guild_id)
    async with context.db.read() as connection:
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id or 0, channel_id))
        details = await _details(connection, context, asked, guild_id, channel_id, muted)
        before, after = await _beside(connection, details.view, guild_id, muted, context.rules.owners)
    return await asyncio.to_thread(
        _with_sentences, replace(details, before=before, after=after), context.rules.owners
    )


async def story_seen(context: Context, number: int, guild_id: int, channel_id: int) -> StoryView:
    """A story, or the one that it was merged into, as a channel sees it. Raises NotFoundError."""
    async with context.db.read() as connection:
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id, channel_id))
        return (await _details(connection, context, number, guild_id, channel_id, muted)).view


def _with_sentences(details: StoryDetails, owners: MediaOwners) -> StoryDetails:
    sentences = brief(details.view, owners)
    return replace(
        details,
        brief=tuple(sentences),
        additions=additions(details.view, sentences, owners),
        figures=differing_figures(details.view, owners),
    )


async def why(
    context: Context, text: str, guild_id: int | None = None, channel_id: int = 0
) -> tuple[StoryDetails, dict[int, str]]:
    """The same without what stands beside it, and for each of its records what put it there."""
    asked = await number_of(context, text, guild_id)
    async with context.db.read() as connection:
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id or 0, channel_id))
        found = await _details(connection, context, asked, guild_id, channel_id, muted)
        return found, await records.reasons(connection, [member.id for member in found.view.members])


async def _details(
    connection: AsyncConnection,
    context: Context,
    asked: int,
    guild_id: int | None,
    channel_id: int,
    muted: Muted,
) -> StoryDetails:
    number = await stories.survivor(connection, asked, guild_id)
    if number is None:
        raise unknown(asked)
    story = (await stories.load(connection, [number], guild_id))[number]
    if not story.members:
        raise NotFoundError(
            tr("Story #{number} was withdrawn. Its outlets removed all articles.", number=number)
        )
    view = await asyncio.to_thread(_view, story, muted, context.rules.owners)
    known = await context.topics.load(connection, guild_id or 0)
    fate = await _fate(connection, context, view, known, channel_id) if channel_id else None
    return StoryDetails(view, asked, fate, known.specific_first(view.topics), story.topics)


def _view(story: Story, muted: Muted, owners: MediaOwners) -> StoryView:
    """The story without what is muted; one of which all is muted as it is."""
    view = story_view(story, muted, owners) or story_view(story, owners=owners)
    assert view is not None
    return view


async def _beside(
    connection: AsyncConnection,
    view: StoryView,
    guild_id: int | None,
    muted: Muted,
    owners: MediaOwners,
) -> tuple[tuple[StoryView, ...], tuple[StoryView, ...]]:
    """The stories before and after a story that say more about it."""
    of_coverage = {entry.stored.story for entry in view.coverage}
    declared = {number for number in of_coverage if number is not None and number != view.number}
    alike = await search.similar(
        connection, words_of(view), guild_id=guild_id, limit=LOOKED_AT, exclude=[view.number]
    )
    scores = dict.fromkeys(declared, 0.0) | dict(alike)
    found = await stories.load(connection, scores, guild_id)
    return await asyncio.to_thread(_related_stories, view, found, scores, declared, muted, owners)


def _related_stories(
    view: StoryView,
    similar: Mapping[int, Story],
    scores: Mapping[int, float],
    declared: Collection[int],
    muted: Muted,
    owners: MediaOwners,
) -> tuple[tuple[StoryView, ...], tuple[StoryView, ...]]:
    views = {number: story_view(story, muted, owners) for number, story in similar.items()}
    return related_stories(
        view, [RelatedCandidate(v, scores[n]) for n, v in views.items() if v is not None], declared
    )


async def _fate(
    connection: AsyncConnection, context: Context, view: StoryView, topics: Topics, channel_id: int
) -> PostFate:
    post = await outbox.post_in(connection, view.number, channel_id)
    subscribed = await subscriptions.subscriptions(connection, channel_ids=[channel_id])
    matching = decisions.matching(view, subscribed, topics)
    if post is not None:
        if outbox.is_listed(post) and not post.closed:
            return PostFate(PostState.LISTED)
        if post.sent_at is None:
            return PostFate(PostState.REFUSED if post.closed else PostState.WAITING, reason=post.reason)
        if not post.reason or post.due_at is not None:
            escalated_at = await outbox.escalated_at(connection, post.id)
            pings_from = None if escalated_at else size_to_ping(view, matching)
            return PostFate(PostState.POSTED, post.sent_at, pings_from=pings_from, escalated_at=escalated_at)
        return PostFate(
            PostState.POSTED_FINAL if post.closed else PostState.POSTED_STALE, post.sent_at, post.reason
        )
    live = [s for s in matching if s.mode is not Mode.DIGEST]
    withheld = await fan_outs.withheld_reason(connection, view.number, channel_id, live)
    if withheld is not None:
        place = (
            await volumes.place_of(connection, context, view, live) if withheld == Reason.TOO_SMALL else None
        )
        small = withheld == Reason.TOO_SMALL
        in_digest = small and any(is_in_digest(view, s) for s in matching if s.mode is not Mode.LIVE)
        return PostFate(PostState.WITHHELD, reason=withheld, place=place, in_digest=in_digest)
    if not matching:
        return PostFate(PostState.NOT_SUBSCRIBED)
    if all(subscription.mode is Mode.DIGEST for subscription in matching):
        return PostFate(PostState.DIGEST_ONLY)
    return PostFate(PostState.BEFORE_SUBSCRIPTION)


async def suggest(context: Context, text: str, guild_id: int, limit: int = 25) -> list[tuple[int, str]]:
    """Number and title of stories for what somebody has typed so far."""
    named = reference.parse(text) if text.strip() else None
    async with context.db.read() as connection:
        if isinstance(named, reference.StoryNumber) and named.number < 10**reference.LONGEST_NUMBER:
            loaded = await stories.load(connection, [named.number], guild_id)
            exact = [(s.number, lead_of(s.members).record.title) for s in loaded.values() if s.members]
            if exact:
                return exact
        return await _by_title(connection, text, limit, guild_id)


async def _by_title(
    connection: AsyncConnection, text: str, limit: int, guild_id: int | None
) -> list[tuple[int, str]]:
    """Stories by parts of the words of a title, where they are new, else by whole words."""
    found = await stories.titles(connection, text, limit, guild_id)
    return found or await search.by_title(connection, plain_words(text), guild_id, limit)


async def latest(
    context: Context,
    topic_name: str | None,
    guild_id: int | None,
    channel_id: int = 0,
    limit: int | None = 100,
    sort: Sort = Sort.NEWEST,
) -> tuple[str, list[StoryView]]:
    """The topic's name (empty: all) and its stories: the last to get a record first, or the hottest now.

    As a server and the channel that ask see them (None: whoever runs the bot).
    """
    now = context.now()
    async with context.db.read() as connection:
        names, title = None, ""
        if topic_name:
            known = await context.topics.load(connection, guild_id or 0)
            title = resolve(known, topic_name).name
            names = known.with_descendants(title)
        if sort is Sort.HOT:
            order = await stories.hottest(connection, names, limit, now, guild_id)
        else:
            order = await stories.latest(connection, names, limit, guild_id)
        found = await stories.load(connection, order, guild_id)
        muted = muted_by(await subscriptions.mutes_in(connection, guild_id or 0, channel_id))
    listed = [found[number] for number in order]
    return title, await context.evaluations.in_turn(
        guild_id or 0, _views, listed, muted, context.rules.owners, sort, now
    )


def _views(
    listed: Iterable[Story], muted: Muted, owners: MediaOwners, sort: Sort, now: datetime
) -> list[StoryView]:
    """What can be seen of these stories, in order."""
    views = [view for story in listed if (view := story_view(story, muted, owners)) is not None]
    if sort is Sort.HOT:  # once more, by what is left of each here
        views.sort(key=lambda view: rank(view, now), reverse=True)
    return views
