"""How the posts of subscriptions look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.model import PostLayout, StoryView, Subscription
from bot.domain.posting.template import Template, read_template
from bot.errors import InvalidInputError, NotFoundError
from bot.i18n import tr
from bot.services.context import Context
from bot.services.related import latest
from bot.services.templates import require_template
from bot.services.topics import resolve
from bot.store import subscriptions, templates
from bot.store.subscriptions import Appearance

OF_TOPIC = "topic"  # the colour of posts that take that of their topic
RECENT = 20  # stories, of which the first with a picture shows best what layouts do

_RGB = re.compile(r"#?([0-9a-f]{6})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Preview:
    """A recent story, its topics in the order to show them, the colour that its posts have now, and the server's template."""

    view: StoryView
    topics: tuple[str, ...]
    colour: int | None
    template: Template | None = None


def accent_of(colour: str | None) -> int | None:
    """The colour that a user wrote, as RGB; None for that of the topic.

    >>> hex(accent_of("#2D9CDB") or 0)
    '0x2d9cdb'
    """
    if colour is None or colour.strip().lower() == OF_TOPIC:
        return None
    if (rgb := _RGB.fullmatch(colour.strip())) is None:
        raise InvalidInputError(
            tr(
                "“{text}” is not a colour: write it like #2D9CDB, or write {topic} for the topic's colour.",
                text=colour[:40],
                topic=OF_TOPIC,
            )
        )
    return int(rgb[1], 16)


async def choose(
    context: Context,
    guild_id: int,
    channel_id: int | None,
    *,
    topic: str | None = None,
    layout: PostLayout | None = None,
    colour: str | None = None,
) -> Sequence[Subscription]:
    """Set how posts look: of a topic in a channel, of a channel, or of all channels of the server (`channel_id` None).

    None for `layout` or `colour` leaves it as it is. Returns the subscriptions that were changed; NotFoundError where
    there is none.
    """
    accent = accent_of(colour)
    async with context.db.write() as connection:
        await require_template(connection, guild_id, layout)
        chosen = await subscriptions.subscriptions(
            connection, guild_id=guild_id, channel_ids=None if channel_id is None else [channel_id]
        )
        if topic is not None:
            name = resolve(await context.topics.load(connection, guild_id), topic).name
            chosen = tuple(subscription for subscription in chosen if subscription.topic == name)
        if not chosen:
            raise NotFoundError(tr("There is no such subscription yet. Start with `/subscribe`."))
        appearance = Appearance(layout, accent, keep_accent=colour is None)
        await subscriptions.set_appearance(connection, [s.id for s in chosen], appearance)
    return chosen


async def preview(context: Context, guild_id: int, channel_id: int, topic: str | None = None) -> Preview:
    """A recent story to show layouts with: of a topic, or else of those that the channel follows, or else any.

    NotFoundError where nothing has come in yet.
    """
    async with context.db.read() as connection:
        topics = await context.topics.load(connection, guild_id)
        followed = await subscriptions.subscriptions(connection, guild_id=guild_id, channel_ids=[channel_id])
        text = (await templates.texts_of(connection, [guild_id])).get(guild_id, "")
    candidates = [resolve(topics, topic).name] if topic else [*(s.topic for s in followed), None]
    for name in candidates:
        _, views = await latest(context, name, guild_id, channel_id, RECENT)
        if views:
            break
    else:
        raise NotFoundError(tr("No story has come in yet, so there is nothing to show. Try again later."))
    view = next((v for v in views if any(m.record.image for m in v.members)), views[0])
    names = topics.specific_first(view.topics)
    resolved = topics.resolve(next(iter(names), ""))
    accents = (s.accent for s in followed if s.accent is not None and name in (None, s.topic))
    read = read_template(text)
    template = read if isinstance(read, Template) else None
    return Preview(view, tuple(names), next(accents, resolved.colour if resolved else None), template)
