"""/status and /help."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.posting.decisions import EXPLAIN, Reason
from bot.domain.text.cleaning import clip, plural
from bot.messages.message import FIELD_VALUE, Embed, Field, escape, escape_to, fit_lines, relative
from bot.messages.story import PALETTE
from bot.messages.template import too_long_words
from bot.services import status
from bot.services.context import Context
from cogs.common import Interaction, answering, guild_of, only_with, stored_articles

HELP = """Topicwire follows **topics** instead of single feeds. It groups articles about the same event into stories and \
posts **one message per story**. It updates that message when more outlets report, and it can send a digest.

**Three steps to start**
1. `/topics` lists the topics.
2. `/subscribe` subscribes this channel to a topic: live posts, a digest, or both.
3. `/digest set` sets when the digest is sent; `/digest preview` shows it now.

Members with Manage Server can do all of this by clicking: `/setup`

**Everyone**
`/latest` the newest stories · `/search` search all stories · `/related` all coverage of a story · \
`/why` how a story was grouped and why it was posted or not · `/topics` · `/topic show` · `/topic test` · \
`/topic backtest` · `/subscriptions` · `/digest preview`

**On a post**
Right-click it (on a phone: press and hold) and choose *Apps*: *Related*, *Why is this here?*, *Mute this outlet*, *Not the same story*

**Members with Manage Messages**
*Merge with…* and *Not the same story…* below `/related` correct a story

**Members with Manage Channels**
`/subscribe` · `/unsubscribe` · `/appearance preview` · `/appearance set` how posts look · `/digest set` · `/digest off` · \
`/digest now` · `/mute` and `/unmute` an outlet or words · \
`/post-limit` how many posts an hour · `/quiet-hours set` and `/quiet-hours off` hours without posts · \
`/appearance template set`, `/appearance template show`, `/appearance template preview` and `/appearance template remove` \
a layout of your own

**Members with Manage Server**
`/topic create` · `/topic edit` · `/topic delete` this server's topics · `/source add` · `/source list` · \
`/source test` · `/source remove` this server's feeds · \
`/briefs` how briefs are written, and in which language · `/status` sources, waiting messages and paused channels"""


class AboutCommands(commands.Cog):
    """Help, and the state of the bot."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @answering
    async def help(self, interaction: Interaction) -> None:
        """Show what Topicwire does and how to start."""
        await views.answer(interaction, Embed(title="Topicwire", description=HELP, colour=PALETTE[0]))

    @app_commands.command()
    @only_with(manage_guild=True)
    async def status(self, interaction: Interaction) -> None:
        """Show sources, waiting messages, paused channels, and what was not posted."""
        await views.answer(interaction, _embed(await status.status(self.context, guild_of(interaction).id)))


def _embed(status: status.Status) -> Embed:
    summary = (
        f"{plural(status.records, 'article')} in {plural(status.stories, 'story', 'stories')} · "
        f"{plural(status.subscriptions, 'subscription')} in this server · {plural(status.queue, 'message')} waiting"
    )
    if status.stalled:
        summary += f"\n⚠️ Nothing is being delivered: {plural(status.stalled, 'message')} overdue."
    if status.kept_embeds:
        summary += f"\nOlder posts that Discord no longer lets the bot update: {status.kept_embeds}"
    if status.template is not None:
        stored = status.template
        summary += "".join(f"\n{line}" for line in too_long_words(stored.too_long_story, stored.too_long_at))
    if status.own_stored:
        summary += f"\n{stored_articles(status.own_stored, status.most_stored)}"
    not_posted = [f"• {count} × {EXPLAIN[Reason(reason)]}" for reason, count in status.withheld.items()]
    parts = {
        "Sources": [_source(source) for source in status.sources],
        "Paused channels": [f"• <#{channel_id}>: {escape(reason)}" for channel_id, reason in status.paused],
        "Suspended topics": [
            f"• {escape_to(name, 80)}: {escape(reason)}" for name, reason in status.suspended.items()
        ],
        "Stories not posted in the last day": not_posted,
        "Messages not sent in the last day": [
            f"• <#{channel_id}>: {escape(reason)}" for channel_id, reason in status.given_up
        ],
    }
    fields = tuple(Field(name, _fit(entries)) for name, entries in parts.items() if entries)
    return Embed(
        "Status", "", summary, footer=f"Topicwire {status.version}", colour=PALETTE[0], fields=fields
    )


def _fit(entries: list[str]) -> str:
    text, left_out = fit_lines((clip(entry, 300) for entry in entries), FIELD_VALUE - 20)
    return text + (f"\n… and {left_out} more" if left_out else "")


def _source(source: status.SourceHealth) -> str:
    text = f"• {escape(source.name)}: {plural(source.taken, 'article')}"
    if source.rejected:
        text += f", {source.rejected} rejected"
    if source.last_success:
        text += f", last read {relative(source.last_success)}"
    if source.last_error_at:
        text += f"\n  ⚠️ {relative(source.last_error_at)}: {escape_to(source.last_error, 150)}"
    return text
