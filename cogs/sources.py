"""/source: the feeds of a server."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.i18n import comma_list, number, tr, tr_plural, tr_stored
from bot.messages.message import DESCRIPTION, Embed, escape, escape_to, fit_lines, link, relative
from bot.messages.story import GREY, colour_of, list_pages
from bot.services import sources, topics
from bot.services.context import Context
from cogs.common import Interaction, choices, guild_of, only_with
from cogs.pages import feed_line, stored_articles

EXAMPLES = 8
TOPICS = 3  # of an item
TITLE = 150


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class SourceCommands(commands.GroupCog, group_name="source", group_description="Feeds of this server"):
    """Feeds of a server. Their articles are shown in this server only."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        url="Address of a feed, or of a web page that has one",
        topic="Topic of all its articles (default: keywords decide)",
    )
    @only_with(manage_guild=True)
    async def add(self, interaction: Interaction, url: str, topic: str | None = None) -> None:
        """Add a feed to this server. New articles go to channels subscribed to their topics."""
        guild = guild_of(interaction)
        added = await sources.add(self.context, url, topic, guild_id=guild.id, added_by=interaction.user.id)
        await views.answer(interaction, _added(added))

    @app_commands.command(name="list")
    @only_with(manage_guild=True)
    async def list_(self, interaction: Interaction) -> None:
        """List this server's feeds and their state."""
        listing = await sources.listing(self.context, guild_of(interaction).id)
        lines = [feed_line(feed) for feed in listing.server_feeds]
        if listing.full:
            full = tr_plural(
                "These feeds have reached the limit of {count} new article a day. "
                "Further articles are rejected until midnight UTC.",
                "These feeds have reached the limit of {count} new articles a day. "
                "Further articles are rejected until midnight UTC.",
                listing.full,
            )
            lines.append(f"\n⚠️ {full}")
        if listing.stored:
            lines.append(f"\n{_stored(listing.stored, listing.most_stored)}")
        shared = listing.shared
        total = sum(shared.values())
        if total and lines:
            shared_feeds = tr_plural(
                "Shared by all servers: {count} feed, {failing} of them failing.",
                "Shared by all servers: {count} feeds, {failing} of them failing.",
                total,
                failing=number(shared["failing"]),
            )
            lines.append(f"\n{shared_feeds}")
        empty = tr("This server has no feeds yet. Add one with `/source add`.")
        await views.answer_pages(interaction, list_pages(tr("Feeds of this server"), lines, empty))

    @app_commands.command()
    @app_commands.describe(source="Name or address of the feed")
    @only_with(manage_guild=True)
    async def remove(self, interaction: Interaction, source: str) -> None:
        """Remove one of this server's feeds. Its articles stay."""
        feed = await sources.remove(self.context, source, guild_of(interaction).id)
        text = tr("**{feed}** was removed. Its articles stay.", feed=escape_to(feed.shown, TITLE))
        await views.answer(interaction, Embed(title=tr("Feed removed"), description=text, colour=GREY))

    @app_commands.command()
    @app_commands.describe(
        url="Address of a feed, or of a web page that has one",
        topic="Topic of all its articles (default: keywords decide)",
    )
    @only_with(manage_guild=True)
    async def test(self, interaction: Interaction, url: str, topic: str | None = None) -> None:
        """Show a feed's articles and the topics they match, without adding it."""
        await views.answer(
            interaction, _preview(await sources.preview(self.context, url, topic, guild_of(interaction).id))
        )

    @add.autocomplete("topic")
    @test.autocomplete("topic")
    async def _topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))

    @remove.autocomplete("source")
    async def _server_feed(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        suggestions = await sources.suggest(self.context, guild_of(interaction).id, current)
        return [app_commands.Choice(name=name, value=value) for name, value in suggestions]


def _stored(stored: int, most: int) -> str:
    text = tr("{statement}.", statement=stored_articles(stored, most))
    if stored < most:
        return text
    rejected = tr(
        "New articles are rejected. The person who runs the bot can raise the limit: `feeds.most_stored`."
    )
    return f"⚠️ {text} {rejected}"


def _added(added: sources.AddedFeed) -> Embed:
    document = added.preview.document
    articles = tr_plural("{count} article", "{count} articles", len(document.items))
    rows = [f"{link(added.feed.shown, added.feed.url, TITLE)} · {articles}"]
    if added.feed.topics:
        names = comma_list(escape(name) for name in added.feed.topics)
        rows.append(tr("All its articles belong to **{topics}**.", topics=names))
    else:
        rows.append(tr("Keywords decide which articles are posted. To post all of them, choose a `topic`."))
    rows.append(
        tr("These articles are not posted. New articles are posted from now on, in this server only.")
    )
    if not added.heard:
        rows.append(
            tr("No channel here has a subscription yet. The bot reads the feed once you use `/subscribe`.")
        )
    rows += ["", *_items(added.preview)]
    title = tr("Feed added") if added.new else tr("Feed changed")
    return Embed(title=title, description=fit_lines(rows, DESCRIPTION)[0], colour=colour_of(added.feed.shown))


def _preview(preview: sources.FeedPreview) -> Embed:
    document = preview.document
    matched = sum(bool(names) for _, names in preview.items)
    articles = tr_plural(
        "{count} article, {matched} with a topic",
        "{count} articles, {matched} with a topic",
        len(preview.items),
        matched=number(matched),
    )
    rows = [f"{link(document.title or preview.url, preview.url, TITLE)} · {articles}"]
    if document.rejected:
        example = document.rejected[0]
        rejected = tr_plural(
            "{count} article rejected, for example item {item}: {reason}",
            "{count} articles rejected, for example item {item}: {reason}",
            len(document.rejected),
            item=example.item,
            reason=escape(tr_stored(example.reason)),
        )
        rows.append(rejected)
    rows += ["", *_items(preview)]
    rows.append("\n" + tr("Add it with `/source add`."))
    return Embed(tr("Feed preview"), "", fit_lines(rows, DESCRIPTION)[0], colour=colour_of(preview.url))


def _items(preview: sources.FeedPreview) -> list[str]:
    lines = []
    for record, names in preview.items[:EXAMPLES]:
        about = comma_list(escape(name) for name in names[:TOPICS]) or tr("no topic")
        about += f" +{len(names) - TOPICS}" if len(names) > TOPICS else ""
        when = f" · {relative(record.published)}" if record.published else ""
        lines.append(f"• {link(record.title, record.url, TITLE)}{when} · {about}")
    if len(preview.items) > EXAMPLES:
        more = len(preview.items) - EXAMPLES
        lines.append(tr_plural("… and {count} more", "… and {count} more", more))
    return lines
