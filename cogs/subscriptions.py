"""/subscribe, /unsubscribe and /subscriptions."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.permissions import Target, allowed
from bot.domain.digest import describe_days
from bot.domain.message import Embed, escape
from bot.domain.model import Importance, Mode, Subscription
from bot.domain.render import GREY, colour_of, list_pages, plural, story_line
from bot.errors import InvalidInputError
from bot.usecases import subscribe as use
from bot.usecases import topics
from bot.usecases.context import Context
from bot.usecases.subscribe import ChannelSubscriptions, Reset, Subscribed, Wish
from cogs.common import Interaction, answering, choices, guild_of, managed, may_see, only_with, require_postable

MODES = {Mode.LIVE: "live posts", Mode.DIGEST: "digest", Mode.BOTH: "live posts and digest"}
BARS = {
    Importance.ALL: "all stories",
    Importance.NOTABLE: "notable stories",
    Importance.MAJOR: "major stories",
}
EXAMPLES = 3
PAGE = 15  # lines


class Subscriptions(commands.Cog):
    """Which channel follows what."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        topic="What to follow; topics below it are included",
        channel="Where stories go (this channel)",
        mode="Posts as stories come in, a daily digest, or both (live)",
        importance="How big a story must be (notable for live posts, all for a digest)",
        mention="A role to ping with every live post (none)",
        publish="In an announcement channel: publish posts to its followers (no)",
        reset="Take back what was set before: the mention, the importance, or everything",
    )
    @only_with(manage_channels=True)
    async def subscribe(
        self,
        interaction: Interaction,
        topic: str,
        channel: discord.TextChannel | discord.Thread | discord.ForumChannel | None = None,
        mode: Literal["live", "digest", "both"] | None = None,
        importance: Literal["all", "notable", "major"] | None = None,
        mention: discord.Role | None = None,
        publish: bool | None = None,
        reset: Literal["mention", "importance", "everything"] | None = None,
    ) -> None:
        """Follow a topic in a channel, or change how it is followed."""
        target = managed(interaction, channel)
        require_postable(target)
        if mention is not None and mention.is_default():
            raise InvalidInputError("@everyone cannot be pinged with every story: choose a role.")
        if publish and not (isinstance(target, discord.TextChannel) and target.is_news()):
            raise InvalidInputError(
                f"{target.mention} is no announcement channel, so there is nobody to publish to."
            )
        wish = Wish(
            guild_of(interaction).id,
            target.id,
            topic,
            Mode(mode) if mode else None,
            Importance(importance) if importance else None,
            mention.id if mention else None,
            publish,
            Reset(reset) if reset else None,
        )
        done = await use.subscribe(self.context, wish)
        await views.answer(interaction, _subscribed(done, mention, target), self._offer(interaction, done))

    def _offer(self, interaction: Interaction, done: Subscribed) -> views.Offer | None:
        newest, wanted = done.newest, done.subscription
        if newest is None or wanted.mode is Mode.DIGEST:
            return None

        async def press(pressed: Interaction) -> None:
            posted = await use.post_now(self.context, newest.number, wanted.guild_id, wanted.channel_id)
            place = f"<#{wanted.channel_id}>"
            said = f"is on its way to {place}." if posted else f"was posted in {place} already."
            await views.answer(pressed, Embed(description=f"Story #{newest.number} {said}", colour=GREY))

        return views.Offer(interaction, "Post the newest story now", press)

    @app_commands.command()
    @app_commands.describe(topic="What not to follow any more", channel="The channel (this one)")
    @only_with(manage_channels=True)
    async def unsubscribe(
        self,
        interaction: Interaction,
        topic: str,
        channel: discord.TextChannel | discord.Thread | discord.ForumChannel | None = None,
    ) -> None:
        """Stop following a topic in a channel."""
        target = managed(interaction, channel)
        name = await use.unsubscribe(self.context, topic, target.id)
        text = f"{target.mention} no longer follows **{escape(name)}**. What was posted stays."
        await views.answer(interaction, Embed(title="Unsubscribed", description=text, colour=GREY))

    @app_commands.command()
    @app_commands.guild_only()
    @answering
    async def subscriptions(self, interaction: Interaction) -> None:
        """What this server's channels follow, and what is paused."""
        found = await use.listing(self.context, guild_of(interaction).id)
        shown = [(_lines(entry), entry) for entry in found if may_see(interaction, entry.channel_id)]
        lines = [line for own, _ in shown for line in own]
        under = [f"**<#{entry.channel_id}>**" for own, entry in shown for _ in own]
        empty = "No channel follows anything yet. Start with /subscribe."
        await views.answer_pages(
            interaction, list_pages("Subscriptions", lines, empty, under=under, size=PAGE)
        )

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """What a channel followed goes with it."""
        await use.forget_channel(self.context, channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        """As with a channel; the threads of one that is deleted come here, too."""
        await use.forget_channel(self.context, thread.thread_id)

    @subscribe.autocomplete("topic")
    async def _any_topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))

    @unsubscribe.autocomplete("topic")
    async def _own_topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.subscribed(self.context, guild_of(interaction).id, current))


def _how(subscription: Subscription) -> str:
    parts = [MODES[subscription.mode]]
    if subscription.importance:
        parts.append(BARS[subscription.importance])
    elif subscription.mode is not Mode.DIGEST:
        parts.append(BARS[Importance.NOTABLE])
    if subscription.mention_role_id:
        parts.append(f"pings <@&{subscription.mention_role_id}>")
    if subscription.publish:
        parts.append("published to followers")
    return " · ".join(parts)


def _subscribed(done: Subscribed, mention: discord.Role | None, target: Target) -> Embed:
    wanted = done.subscription
    lines = [f"{target.mention} follows **{escape(wanted.topic)}** · {_how(wanted)}"]
    if done.resumed:
        lines.append("It was paused; what waited goes out now.")
    if mention is not None and not _may_ping(mention, target):
        lines.append(
            f"⚠️ {mention.mention} cannot be pinged: allow anyone to mention it, or give the bot Mention Everyone."
        )
    if done.newest is None and done.feeds:
        what = "feed is" if done.feeds == 1 else "feeds are"
        lines.append(
            f"\n{done.feeds} {what} taken in for it within minutes: `/latest` shows what they have, and what is new from then on is told."
        )
    elif wanted.mode is not Mode.DIGEST:
        count = plural(len(done.forecast), "story", "stories")
        lines.append(f"\nThe last 7 days would have posted **{count}**{':' if done.forecast else '.'}")
        lines += [f"• {story_line(view, 300)}" for view in done.forecast[:EXAMPLES]]
        if len(done.forecast) > EXAMPLES:
            lines.append(f"… and {len(done.forecast) - EXAMPLES} more")
    if done.schedule is not None and done.next_digest is not None:
        when = f"{describe_days(done.schedule.days)} at {done.schedule.at:%H:%M} ({done.schedule.zone})"
        default = " That is the default: change it with `/digest set`." if done.default_schedule else ""
        lines.append(f"\nThe digest comes {when}, next <t:{int(done.next_digest.timestamp())}:F>.{default}")
    if done.digest_off:
        lines.append("\nThe channel's digest is switched off: switch it on with `/digest set`.")
    title = "Subscribed" if done.new else "Subscription changed"
    return Embed(title=title, description="\n".join(lines), colour=colour_of(wanted.topic))


def _may_ping(role: discord.Role, target: Target) -> bool:
    me = target.guild.me
    return role.mentionable or me is None or allowed(target, me).mention_everyone


def _lines(entry: ChannelSubscriptions) -> list[str]:
    lines = [f"⚠️ paused: {escape(entry.paused_reason)}"] if entry.paused_reason else []
    lines += [f"• {escape(s.topic)} · {_how(s)}" for s in entry.subscriptions]
    if entry.schedule and entry.next_digest:
        lines.append(
            f"• digest {describe_days(entry.schedule.days)} at {entry.schedule.at:%H:%M} ({entry.schedule.zone})"
        )
    return lines
