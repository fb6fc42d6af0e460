"""/status and /help."""

from __future__ import annotations

from datetime import datetime

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.domain.posting.decisions import EXPLAIN, Reason
from bot.domain.text.cleaning import clip
from bot.domain.topics.query.meter import TOO_EXPENSIVE
from bot.errors import StoreError
from bot.i18n import mark, number, tr, tr_plural, tr_stored
from bot.messages.faces import lost_text
from bot.messages.message import FIELD_VALUE, Embed, Field, escape, escape_to, fit_lines, relative
from bot.messages.outages import outage_lines
from bot.messages.processes import process_lines
from bot.messages.story import PALETTE
from bot.messages.template import too_long_words
from bot.services import status
from bot.services.context import Context
from cogs.common import Interaction, answering, guild_of, only_with
from cogs.pages import stored_articles

HELP = (
    mark(
        "Topicwire follows **topics** instead of single feeds. It groups articles about the same event into "
        "stories and posts **one message per story**. It updates that message when more outlets report, and "
        "it can send a digest."
    ),
    mark(
        "**Three steps to start**\n"
        "1. `/topics` lists the topics.\n"
        "2. `/subscribe` subscribes this channel to a topic: live posts, a digest, or both.\n"
        "3. `/digest set` sets when the digest is sent; `/digest preview` shows it now."
    ),
    mark("Members with Manage Server can do all of this by clicking: `/setup`"),
    mark(
        "**Everyone**\n"
        "`/latest` the newest stories · `/search` search all stories · `/related` all coverage of a story · "
        "`/why` how a story was grouped and why it was posted or not · `/topics` · `/topic show` · "
        "`/topic test` · `/topic backtest` · `/subscriptions` · `/digest list` · `/digest preview` · "
        "`/alert create`, `/alert list` and `/alert delete` your own alerts"
    ),
    mark(
        "**On a post**\n"
        "Right-click it (on a phone: press and hold) and choose *Apps*: *Related*, *Why is this here?*, "
        "*Mute this outlet*, *Not the same story*, *Follow this story*"
    ),
    mark(
        "**Members with Manage Messages**\n"
        "*Merge with…* and *Not the same story…* below `/related` correct a story"
    ),
    mark(
        "**Members with Manage Channels**\n"
        "`/subscribe` · `/unsubscribe` · `/appearance preview` · `/appearance set` how posts look · "
        "`/appearance face` their name and picture · `/appearance language` the language of posts · "
        "`/digest set` · `/digest remove` · `/digest off` · `/digest now` · `/mute` and `/unmute` an outlet or words · "
        "`/post-limit` how many posts an hour · `/quiet-hours set` and `/quiet-hours off` hours without posts · `/threads` a thread for each story · "
        "`/alert channel` where alerts may mention members"
    ),
    mark(
        "**A layout of your own**\n"
        "`/appearance template set` · `/appearance template show` · `/appearance template preview` · "
        "`/appearance template remove`"
    ),
    mark(
        "**Members with Manage Server**\n"
        "`/topic create` · `/topic edit` · `/topic delete` this server's topics · `/source add` · "
        "`/source list` · `/source test` · `/source remove` this server's feeds · `/votes` buttons 👍 and 👎 below posts · `/briefs` how briefs are written, "
        "and in which language · `/status` sources, waiting messages and paused channels"
    ),
    mark(
        "**Outside of Discord, with Manage Server**\n"
        "`/api-token create` · `/api-token list` · `/api-token revoke` what feed readers and programs read stories with · "
        "`/forward add` · `/forward list` · `/forward remove` · `/forward resume` addresses that stories are sent to"
    ),
    mark(
        "**Administrators**\n"
        "`/data export` · `/data import` take what this server has set to another bot · `/data delete` delete everything "
        "stored about this server"
    ),
)


class AboutCommands(commands.Cog):
    """Help, and the state of the bot."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @answering
    async def help(self, interaction: Interaction) -> None:
        """Show what Topicwire does and how to start."""
        await views.answer(
            interaction, Embed(title="Topicwire", description="\n\n".join(map(tr, HELP)), colour=PALETTE[0])
        )

    @app_commands.command()
    @only_with(manage_guild=True)
    async def status(self, interaction: Interaction) -> None:
        """Show sources, waiting messages, paused channels, and what was not posted."""
        try:
            embed = _embed(await status.status(self.context, guild_of(interaction).id), self.context.now())
        except StoreError:  # what is known without the database is what matters now
            outages = status.present_outages(self.context)
            if not outages:
                raise
            lines = "\n".join(outage_lines(outages))
            embed = Embed(tr("Status"), "", lines, colour=PALETTE[0])
        await views.answer(interaction, embed)


def _embed(status: status.Status, now: datetime) -> Embed:
    stored = tr(
        "{articles} in {stories}",
        articles=tr_plural("{count} article", "{count} articles", status.records),
        stories=tr_plural("{count} story", "{count} stories", status.stories),
    )
    subscribed = tr_plural(
        "{count} subscription in this server", "{count} subscriptions in this server", status.subscriptions
    )
    waiting = tr_plural("{count} message waiting", "{count} messages waiting", status.queue)
    lines = [f"{stored} · {subscribed} · {waiting}", *outage_lines(status.outages)]
    if status.alerts or status.follows:
        alerts = tr_plural("{count} alert of members", "{count} alerts of members", status.alerts)
        follows = tr_plural("{count} followed story", "{count} followed stories", status.follows)
        lines.append(f"{alerts} · {follows}")
    if status.next_digest is not None:
        planned = tr_plural(
            "{count} digest is planned. It comes {time}.",
            "{count} digests are planned. The next one comes {time}.",
            status.digests,
            time=relative(status.next_digest),
        )
        lines.append(planned)
    if status.stalled:
        overdue = tr_plural(
            "Nothing is being delivered: {count} message overdue.",
            "Nothing is being delivered: {count} messages overdue.",
            status.stalled,
        )
        lines.append(f"⚠️ {overdue}")
    if status.kept_embeds:
        kept = number(status.kept_embeds)
        lines.append(tr("Older posts that Discord no longer lets the bot update: {count}", count=kept))
    if status.template is not None:
        lines += too_long_words(status.template.too_long_story, status.template.too_long_at)
    if status.own_stored:
        lines.append(stored_articles(status.own_stored, status.most_stored))
    not_posted = [f"• {count} × {tr(EXPLAIN[Reason(reason)])}" for reason, count in status.withheld.items()]
    parts = {
        tr("Processes"): process_lines(status.processes, now),
        tr("Sources"): [_source(source) for source in status.sources],
        tr("Paused channels"): [_in_channel(channel_id, reason) for channel_id, reason in status.paused],
        tr("Suspended topics"): [
            f"• {escape_to(name, 80)}: {escape(tr_stored(reason, TOO_EXPENSIVE))}"
            for name, reason in status.suspended.items()
        ],
        tr("Names and pictures"): [
            f"• <#{channel_id}>: {lost_text()}" for channel_id in status.lost_webhooks
        ],
        tr("Stories not posted in the last day"): not_posted,
        tr("Messages not sent in the last day"): [
            _in_channel(channel_id, reason) for channel_id, reason in status.given_up
        ],
        tr("Threads of stories missing in the last day"): [
            f"{_in_channel(channel_id, reason)} × {number(count)}"
            for channel_id, reason, count in status.threads
        ],
    }
    fields = tuple(Field(name, _fit(entries)) for name, entries in parts.items() if entries)
    footer = f"Topicwire {status.version}"
    return Embed(tr("Status"), "", "\n".join(lines), footer=footer, colour=PALETTE[0], fields=fields)


def _in_channel(channel_id: int, reason: str) -> str:
    """What is stored, in English, about a channel."""
    return f"• <#{channel_id}>: {escape(tr_stored(reason))}"


def _fit(entries: list[str]) -> str:
    text, left_out = fit_lines((clip(entry, 300) for entry in entries), FIELD_VALUE - 20)
    more = tr_plural("… and {count} more", "… and {count} more", left_out)
    return f"{text}\n{more}" if left_out else text


def _source(source: status.SourceHealth) -> str:
    parts = [tr_plural("{count} article", "{count} articles", source.taken)]
    if source.rejected:
        parts.append(tr_plural("{count} rejected", "{count} rejected", source.rejected))
    if source.last_success:
        parts.append(tr("last read {when}", when=relative(source.last_success)))
    text = f"• {escape(source.name)}: {', '.join(parts)}"
    if source.last_error_at:
        text += f"\n  ⚠️ {relative(source.last_error_at)}: {escape_to(source.last_error, 150)}"
    return text
