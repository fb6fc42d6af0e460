"""/status and /help."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.message import FIELD_VALUE, Embed, Field, escape, escape_to, lines, relative
from bot.domain.posting import EXPLAIN, Reason
from bot.domain.render import PALETTE, plural
from bot.domain.text import clip
from bot.usecases import status as use
from bot.usecases.context import Context
from cogs.common import Interaction, answering, guild_of, only_with

HELP = """Topicwire follows **topics**, not feeds. It groups news on the same event into stories and keeps **one message \
per story** here, edited as more outlets join, and sends a daily digest where you want one.

**Three steps to start**
1. `/topics` shows what can be followed.
2. `/subscribe` follows a topic in this channel, live, as a digest, or both.
3. `/digest set` says when the digest comes; `/digest preview` shows it now.

**For everybody**
`/latest` the newest stories · `/search` all of them by words · `/related` everything on a story · `/why` why it is what it is · `/topics` · `/topic show`, `test`, `backtest` · \
`/subscriptions` · `/digest preview`

**For who manages messages**
*Merge with…* and *Not the same story…*, below `/related`, correct a story

**For who manages channels**
`/subscribe` · `/unsubscribe` · `/digest set`, `off`, `now` · `/mute` and `/unmute` an outlet or words

**For who manages the server**
`/topic create` a topic of your own, `edit`, `delete` · `/source add` a feed of your own, `list`, `test`, `remove` · \
`/status` what comes in, what waits, what is paused"""


class About(commands.Cog):
    """What the bot is, and how it is doing."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @answering
    async def help(self, interaction: Interaction) -> None:
        """What Topicwire does, and the first three steps."""
        await views.answer(interaction, Embed(title="Topicwire", description=HELP, colour=PALETTE[0]))

    @app_commands.command()
    @only_with(manage_guild=True)
    async def status(self, interaction: Interaction) -> None:
        """Sources, the queue, what is paused and what was held back."""
        await views.answer(interaction, _embed(await use.status(self.context, guild_of(interaction).id)))


def _embed(found: use.Status) -> Embed:
    summary = (
        f"{plural(found.records, 'record')} in {plural(found.stories, 'story', 'stories')} · "
        f"{plural(found.subscriptions, 'subscription')} here · {plural(found.queue, 'message')} waiting"
    )
    if found.own_stored:
        summary += f"\n{found.own_stored:,} of at most {found.most_stored:,} articles of this server's own feeds are stored"
    held = [f"• {count} × {reason}: {EXPLAIN[Reason(reason)]}" for reason, count in found.held.items()]
    parts = {
        "Sources": [_source(source) for source in found.sources],
        "Paused": [f"• <#{channel_id}>: {escape(reason)}" for channel_id, reason in found.paused],
        "Held back in the last day": held,
        "Given up in the last day": [
            f"• <#{channel_id}>: {escape(reason)}" for channel_id, reason in found.given_up
        ],
    }
    fields = tuple(Field(name, _fit(entries)) for name, entries in parts.items() if entries)
    return Embed("Status", "", summary, footer=f"Topicwire {found.version}", colour=PALETTE[0], fields=fields)


def _fit(entries: list[str]) -> str:
    text, left = lines((clip(entry, 300) for entry in entries), FIELD_VALUE - 20)
    return text + (f"\n… and {left} more" if left else "")


def _source(source: use.SourceState) -> str:
    text = f"• {escape(source.name)}: {plural(source.taken, 'record')} taken in"
    if source.rejected:
        text += f", {source.rejected} refused"
    if source.last_success:
        text += f", last {relative(source.last_success)}"
    if source.last_error_at:
        text += f"\n  ⚠️ {relative(source.last_error_at)}: {escape_to(source.last_error, 150)}"
    return text
