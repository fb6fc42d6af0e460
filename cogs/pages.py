"""Answers of the subscription commands."""

from __future__ import annotations

import discord

from bot.chat.permissions import PostableChannel, allowed
from bot.domain.model import Mode, PostLayout, Subscription, Volume
from bot.domain.polling import Feed
from bot.domain.posting.volume import shown_volume
from bot.domain.text.addresses import hosts_only
from bot.errors import InvalidInputError
from bot.i18n import mark, number, tr, tr_plural, tr_stored
from bot.messages.digest import planned_line, schedule_words
from bot.messages.message import Embed, escape, link, relative
from bot.messages.pace import quiet_words
from bot.messages.story import colour_of, story_line
from bot.messages.volume import STORIES, digest_words, ping_words, volume_words
from bot.services.subscribe import ChannelSubscriptions, Forecast, SubscribeResult

MODES = {
    Mode.LIVE: mark("live posts"),
    Mode.DIGEST: mark("digest"),
    Mode.BOTH: mark("live posts and digest"),
}
LAYOUTS = {
    PostLayout.CARD: mark("card layout"),
    PostLayout.COMPACT: mark("compact layout"),
    PostLayout.HEADLINE: mark("headline layout"),
    PostLayout.TEMPLATE: mark("template layout"),
}
EXAMPLES = 3
TITLE = 150


def how_posted(subscription: Subscription, guild: discord.Guild | None) -> str:
    """How a subscription is posted, in a few words; without a server, its role is not named."""
    parts = [tr(MODES[subscription.mode])]
    volume = shown_volume(subscription)
    if subscription.mode is not Mode.DIGEST:
        parts.append(volume_words(volume, subscription.calibration))
    elif volume is not Volume.EVERYTHING:
        parts.append(tr(STORIES[volume]))
    if in_digest := digest_words(subscription):
        parts.append(in_digest)
    if subscription.mode is not Mode.DIGEST and subscription.layout is not PostLayout.CARD:
        parts.append(tr(LAYOUTS[subscription.layout]))
    if subscription.mention_role_id and guild is not None and guild.get_role(subscription.mention_role_id):
        parts.append(ping_words(subscription.mention_role_id, subscription.ping_from))
    if subscription.announces_major and subscription.mode is not Mode.DIGEST:
        parts.append(tr("announces stories that turn major"))
    if subscription.publish:
        parts.append(tr("publishes to followers"))
    return " · ".join(parts)


def subscribed(result: SubscribeResult, mention: discord.Role | None, target: PostableChannel) -> Embed:
    """What a new or changed subscription does, with warnings about what prevents it."""
    subscription, forecast = result.subscription, result.forecast
    follows = tr("{channel} follows **{topic}**", channel=target.mention, topic=escape(subscription.topic))
    lines = [f"{follows} · {how_posted(subscription, target.guild)}"]
    if result.resumed:
        lines.append(tr("The channel was paused. Waiting posts are sent now."))
    if mention is not None and not may_ping(mention, target):
        lines.append(cannot_ping(mention))
    if forecast.newest is None and forecast.feeds:
        reading = tr_plural(
            "The bot is reading {count} feed for this topic. In a few minutes, the biggest stories of the last day "
            "are posted here, and then new ones as they come in.",
            "The bot is reading {count} feeds for this topic. In a few minutes, the biggest stories of the last day "
            "are posted here, and then new ones as they come in.",
            forecast.feeds,
        )
        lines.append(f"\n{reading}")
    elif subscription.mode is not Mode.DIGEST:
        lines.append(f"\n{_forecast(forecast)}")
        lines += [f"• {story_line(view, 300)}" for view in forecast.stories[:EXAMPLES]]
        if (more := len(forecast.stories) - EXAMPLES) > 0:
            lines.append(tr_plural("… and {count} more", "… and {count} more", more))
    if result.first_posts:
        begin = tr_plural(
            "To begin with, the biggest story of the last day is posted now.",
            "To begin with, the {count} biggest stories of the last day are posted now.",
            result.first_posts,
        )
        lines.append(f"\n{begin}")
    if result.schedule is not None and result.next_digest is not None:
        sent = tr(
            "The digest is sent {when}. Next digest: {time}.",
            when=schedule_words(result.schedule),
            time=f"<t:{int(result.next_digest.timestamp())}:F>",
        )
        default = tr("This is the default time. Change it with `/digest set`.")
        lines.append(f"\n{sent} {default}" if result.default_schedule else f"\n{sent}")
    if result.digest_off:
        lines.append("\n" + tr("The channel's digest is turned off. Turn it on with `/digest set`."))
    title = tr("Subscribed") if result.new else tr("Subscription changed")
    return Embed(title=title, description="\n".join(lines), colour=colour_of(subscription.topic))


def _forecast(forecast: Forecast) -> str:
    """How many stories there would have been, before a list of them if there are any."""
    count = len(forecast.stories)
    if not count:
        return tr("In the last 7 days this would have posted **0 stories**.")
    if forecast.cut:
        return tr_plural(
            "In the last 7 days this would have posted at least **{count} story**:",
            "In the last 7 days this would have posted at least **{count} stories**:",
            count,
        )
    return tr_plural(
        "In the last 7 days this would have posted **{count} story**:",
        "In the last 7 days this would have posted **{count} stories**:",
        count,
    )


def cannot_ping(role: discord.Role) -> str:
    """A warning that the bot cannot ping a role, and what to do."""
    text = tr(
        "The bot cannot ping {role}. Allow anyone to mention the role, or give the bot Mention Everyone.",
        role=role.mention,
    )
    return f"⚠️ {text}"


def require_pingable(role: discord.Role) -> None:
    """Raise InvalidInputError for @everyone, which the bot does not ping."""
    if role.is_default():
        raise InvalidInputError(tr("The bot does not ping @everyone. Choose another role."))


def may_ping(role: discord.Role, target: PostableChannel) -> bool:
    """Whether the bot may ping the role in the channel."""
    me = target.guild.me
    return role.mentionable or me is None or allowed(target, me).mention_everyone


def channel_lines(entry: ChannelSubscriptions, guild: discord.Guild) -> list[str]:
    """The subscriptions of a channel, one per line, without deleted roles."""
    lines = []
    if entry.paused_reason:
        lines.append(
            "⚠️ " + tr("This channel is paused: {reason}", reason=escape(tr_stored(entry.paused_reason)))
        )
    if guild.get_channel_or_thread(entry.channel_id) is None:
        unseen = tr(
            "The bot cannot see this channel. If it was deleted, use `/unsubscribe` and pick it from the list."
        )
        lines.append(f"⚠️ {unseen}")
    lines += [f"• {escape(s.topic)} · {how_posted(s, guild)}" for s in entry.subscriptions]
    is_only = len(entry.digests) == 1
    lines += [f"• {planned_line(planned, is_only=is_only)}" for planned in entry.digests]
    if entry.per_hour is not None:
        limit = tr_plural("At most {count} post an hour", "At most {count} posts an hour", entry.per_hour)
        lines.append(f"• {limit}")
    if entry.quiet is not None:
        lines.append("• " + tr("Quiet hours {when}", when=quiet_words(entry.quiet)))
    return lines


def stored_articles(stored: int, limit: int) -> str:
    """How many articles of a server's own feeds are stored, and how many may be."""
    return tr(
        "Stored articles from this server's feeds: {stored} (the limit is {limit})",
        stored=number(stored),
        limit=number(limit),
    )


def feed_line(feed: Feed) -> str:
    """A feed of the server with its state, as a line."""
    about = f" · {', '.join(escape(name) for name in feed.topics)}" if feed.topics else ""
    articles = tr_plural("{count} article", "{count} articles", feed.taken)
    text = f"• {link(feed.shown, feed.url, TITLE)}{about} · {articles}"
    if feed.polling.failures:
        text += f"\n  ⚠️ {escape(hosts_only(tr_stored(feed.last_error)))}"
        at = feed.polling.next_poll
        text += " · " + (tr("next try {when}", when=relative(at)) if at else tr("the bot has stopped trying"))
    elif feed.polled_at is None:
        text += " · " + tr("not read yet")
    return text
