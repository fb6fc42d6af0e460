"""Answers of the subscription commands."""

from __future__ import annotations

import discord

from bot.chat.permissions import PostableChannel, allowed
from bot.domain.model import Mode, PostLayout, Subscription, Volume
from bot.domain.polling import Feed
from bot.domain.posting.volume import shown_volume
from bot.domain.text.addresses import hosts_only
from bot.domain.text.cleaning import plural
from bot.errors import InvalidInputError
from bot.i18n import tr
from bot.messages.digest import schedule_words
from bot.messages.message import Embed, escape, link, relative
from bot.messages.pace import quiet_words
from bot.messages.story import colour_of, story_line
from bot.messages.volume import STORIES, digest_words, ping_words, volume_words
from bot.services.subscribe import ChannelSubscriptions, SubscribeResult

MODES = {Mode.LIVE: "live posts", Mode.DIGEST: "digest", Mode.BOTH: "live posts and digest"}
EXAMPLES = 3
TITLE = 150


def how_posted(subscription: Subscription, guild: discord.Guild | None) -> str:
    """How a subscription is posted, in a few words; without a server, its role is not named."""
    parts = [MODES[subscription.mode]]
    volume = shown_volume(subscription)
    if subscription.mode is not Mode.DIGEST:
        parts.append(volume_words(volume, subscription.calibration))
    elif volume is not Volume.EVERYTHING:
        parts.append(STORIES[volume])
    if in_digest := digest_words(subscription):
        parts.append(in_digest)
    if subscription.mode is not Mode.DIGEST and subscription.layout is not PostLayout.CARD:
        parts.append(f"{subscription.layout} layout")
    if subscription.mention_role_id and guild is not None and guild.get_role(subscription.mention_role_id):
        parts.append(ping_words(subscription.mention_role_id, subscription.ping_from))
    if subscription.announces_major and subscription.mode is not Mode.DIGEST:
        parts.append(tr("announces stories that turn major"))
    if subscription.publish:
        parts.append("publishes to followers")
    return " · ".join(parts)


def subscribed(result: SubscribeResult, mention: discord.Role | None, target: PostableChannel) -> Embed:
    """What a new or changed subscription does, with warnings about what prevents it."""
    subscription, forecast = result.subscription, result.forecast
    lines = [
        f"{target.mention} follows **{escape(subscription.topic)}** · {how_posted(subscription, target.guild)}"
    ]
    if result.resumed:
        lines.append("The channel was paused. Waiting posts are sent now.")
    if mention is not None and not may_ping(mention, target):
        lines.append(
            f"⚠️ The bot cannot ping {mention.mention}. Allow anyone to mention the role, or give the bot Mention Everyone."
        )
    if forecast.newest is None and forecast.feeds:
        lines.append(
            f"\nThe bot is reading {plural(forecast.feeds, 'feed')} for this topic. In a few minutes, the biggest stories of the "
            "last day are posted here, and then new ones as they come in."
        )
    elif subscription.mode is not Mode.DIGEST:
        count = plural(len(forecast.stories), "story", "stories")
        least = "at least " if forecast.cut else ""
        lines.append(
            f"\nIn the last 7 days this would have posted {least}**{count}**{':' if forecast.stories else '.'}"
        )
        lines += [f"• {story_line(view, 300)}" for view in forecast.stories[:EXAMPLES]]
        if len(forecast.stories) > EXAMPLES:
            lines.append(f"… and {len(forecast.stories) - EXAMPLES} more")
    if result.first_posts:
        lines.append(
            "\nTo begin with, the biggest story of the last day is posted now."
            if result.first_posts == 1
            else f"\nTo begin with, the {result.first_posts} biggest stories of the last day are posted now."
        )
    if result.schedule is not None and result.next_digest is not None:
        when = schedule_words(result.schedule)
        default = (
            " This is the default time. Change it with `/digest set`." if result.default_schedule else ""
        )
        lines.append(
            f"\nThe digest is sent {when}. Next digest: <t:{int(result.next_digest.timestamp())}:F>.{default}"
        )
    if result.digest_off:
        lines.append("\nThe channel's digest is turned off. Turn it on with `/digest set`.")
    title = "Subscribed" if result.new else "Subscription changed"
    return Embed(title=title, description="\n".join(lines), colour=colour_of(subscription.topic))


def require_pingable(role: discord.Role) -> None:
    """Raise InvalidInputError for @everyone, which the bot does not ping."""
    if role.is_default():
        raise InvalidInputError("The bot does not ping @everyone. Choose another role.")


def may_ping(role: discord.Role, target: PostableChannel) -> bool:
    """Whether the bot may ping the role in the channel."""
    me = target.guild.me
    return role.mentionable or me is None or allowed(target, me).mention_everyone


def channel_lines(entry: ChannelSubscriptions, guild: discord.Guild) -> list[str]:
    """The subscriptions of a channel, one per line, without deleted roles."""
    lines = [f"⚠️ This channel is paused: {escape(entry.paused_reason)}"] if entry.paused_reason else []
    if guild.get_channel_or_thread(entry.channel_id) is None:
        lines.append(
            "⚠️ The bot cannot see this channel. If it was deleted, use `/unsubscribe` and pick it from the list."
        )
    lines += [f"• {escape(s.topic)} · {how_posted(s, guild)}" for s in entry.subscriptions]
    if entry.schedule and entry.next_digest:
        lines.append(f"• Digest {schedule_words(entry.schedule)}")
    if entry.per_hour is not None:
        lines.append(f"• At most {plural(entry.per_hour, 'post')} an hour")
    if entry.quiet is not None:
        lines.append(f"• Quiet hours {quiet_words(entry.quiet)}")
    return lines


def feed_line(feed: Feed) -> str:
    """A feed of the server with its state, as a line."""
    about = f" · {', '.join(escape(name) for name in feed.topics)}" if feed.topics else ""
    text = f"• {link(feed.shown, feed.url, TITLE)}{about} · {plural(feed.taken, 'article')}"
    if feed.polling.failures:
        text += f"\n  ⚠️ {escape(hosts_only(feed.last_error))}"
        at = feed.polling.next_poll
        text += f" · next try {relative(at)}" if at else " · the bot has stopped trying"
    elif feed.polled_at is None:
        text += " · not read yet"
    return text
