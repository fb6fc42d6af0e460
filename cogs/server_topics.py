"""/topic: create, change and try out the topics of a server."""

from __future__ import annotations

from io import BytesIO

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.chart import Series, bars
from bot.domain.model import Volume
from bot.domain.posting.volume import FIXED
from bot.i18n import comma_list, mark, tr, tr_plural
from bot.messages.forwards import forwards_of
from bot.messages.message import Embed, escape
from bot.messages.story import GREY
from bot.messages.topics import backtest_summary, heading, newest_matches, topic_details, topic_saved
from bot.services import server_topics, topics, tryout
from bot.services.context import Context
from bot.services.server_topics import Draft, TopicDetails
from cogs.common import Interaction, answering, check, choices, guild_of, may_see, requires, target_channel_id

DAYS = server_topics.LOOK_BACK.days
MOST_CHANNELS = 20  # named in a text
DELETE = mark("Delete **{topic}**? Its subscriptions in {channels} are removed as well.")
DELETE_UNUSED = mark("Delete **{topic}**? No channel is subscribed to it.")
DELETED = mark("**{topic}** was deleted. Its subscriptions in {channels} were removed. Existing posts stay.")
DELETED_UNUSED = mark("**{topic}** was deleted. Existing posts stay.")
CHART = "posts.png"
COLOURS = {Volume.EVERYTHING: "#5865F2", Volume.NOTABLE: "#F2C94C", Volume.MAJOR: "#EB5757"}


@app_commands.guild_only()
class ServerTopicCommands(commands.GroupCog, group_name="topic", group_description="Topics of this server"):
    """Topics of a server. Changing them requires Manage Server; everybody may view and test them."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context

    @app_commands.command()
    @app_commands.describe(
        name="Name of the topic",
        query='Which articles belong to it, such as (offshore OR sea) "wind farm" -golf',
        aliases="Other names, separated by commas",
        parent="Parent topic. Channels subscribed to it also get the stories of this topic",
    )
    @requires(manage_guild=True)
    async def create(
        self, interaction: Interaction, name: str, query: str, aliases: str = "", parent: str = ""
    ) -> None:
        """Create a topic for this server. Try its query first with /topic test and /topic backtest."""
        draft = Draft(name, query, aliases, parent)
        change = await server_topics.create(self.context, guild_of(interaction).id, draft)
        await views.answer(
            interaction,
            topic_saved(tr("Topic created"), change.topic, change.records, DAYS, change.looked_at),
        )

    @app_commands.command()
    @app_commands.describe(
        topic="One of this server's topics",
        name="New name",
        query="New query",
        aliases="Other names, separated by commas; - removes them",
        parent="Parent topic; - removes it",
    )
    @requires(manage_guild=True)
    async def edit(
        self,
        interaction: Interaction,
        topic: str,
        name: str | None = None,
        query: str | None = None,
        aliases: str | None = None,
        parent: str | None = None,
    ) -> None:
        """Change one of this server's topics. Its subscriptions stay."""
        draft = Draft(name, query, aliases, parent)
        change = await server_topics.edit(self.context, guild_of(interaction).id, topic, draft)
        await views.answer(
            interaction,
            topic_saved(tr("Topic changed"), change.topic, change.records, DAYS, change.looked_at),
        )

    @app_commands.command()
    @app_commands.describe(topic="One of this server's topics")
    @requires(manage_guild=True)
    async def delete(self, interaction: Interaction, topic: str) -> None:
        """Delete one of this server's topics. Shows its subscriptions and asks first."""
        guild_id = guild_of(interaction).id
        doomed = await server_topics.show(self.context, guild_id, topic, server_only=True)
        name = escape(doomed.topic.name)

        async def press(pressed: Interaction) -> None:
            check(pressed, manage_guild=True)
            channels = _visible_channels(
                pressed, await server_topics.delete(self.context, guild_id, doomed.topic.name)
            )
            said = DELETED if channels else DELETED_UNUSED
            text = tr(said, topic=name, channels=_join_channels(channels))
            await views.answer(pressed, Embed(tr("Topic deleted"), "", text, colour=GREY))

        channels_now = _visible_channels(interaction, doomed)
        question = DELETE if channels_now else DELETE_UNUSED
        text = tr(question, topic=name, channels=_join_channels(channels_now))
        if doomed.feeds:
            text += " " + tr_plural(
                "It is the topic of {count} feed of this server. Without it, keywords decide the topics of the articles.",
                "It is the topic of {count} feeds of this server. Without it, keywords decide the topics of the articles.",
                doomed.feeds,
            )
        text += forwards_of(doomed.forwards)
        offer = views.ConfirmView(
            interaction,
            views.Choice(tr("Delete it"), press, danger=True),
            views.cancel(tr("Keep it"), tr("**{topic}** was not deleted.", topic=name)),
        )
        await views.answer(interaction, Embed(tr("Delete this topic?"), "", text, colour=GREY), offer)

    @app_commands.command()
    @app_commands.describe(topic="A built-in topic or one of this server's topics")
    @answering
    async def show(self, interaction: Interaction, topic: str) -> None:
        """Show a topic: its keywords or query, other names, and subscribed channels."""
        view = await server_topics.show(self.context, guild_of(interaction).id, topic)
        channels = _visible_channels(interaction, view)
        await views.answer(interaction, topic_details(view.topic, view.below, view.stories, channels))

    @app_commands.command()
    @app_commands.describe(topic="A topic, or a query to try out")
    @answering
    async def test(self, interaction: Interaction, topic: str) -> None:
        """Show the newest matching articles, with the matching words in bold."""
        result = await tryout.newest(self.context, guild_of(interaction).id, topic)
        empty = tr("No article from the last {days} days matches.", days=DAYS)
        title = heading(result.request.topic, result.request.text)
        checked = tr_plural(
            "Only the newest {count} article could be checked.",
            "Only the newest {count} articles could be checked.",
            result.looked_at,
        )
        note = checked if result.cut else ""
        await views.answer(interaction, newest_matches(title, result.matches, empty, note))

    @app_commands.command()
    @app_commands.describe(topic="A topic, or a query to try out")
    @answering
    async def backtest(self, interaction: Interaction, topic: str) -> None:
        """Chart how many posts a day a topic or query would have caused at each volume."""
        result = await tryout.backtest(
            self.context, guild_of(interaction).id, target_channel_id(interaction), topic
        )
        # The options' values: the font of the picture has no letters of other scripts.
        series = [Series(str(volume), COLOURS[volume], result.backtest.posts[volume]) for volume in FIXED]
        chart = await self.context.evaluations.in_turn(
            guild_of(interaction).id, bars, result.backtest.days, series
        )
        picture = discord.File(BytesIO(chart), CHART)
        title = heading(result.request.topic, result.request.text)
        embed = backtest_summary(
            title, result.backtest, result.records, f"attachment://{CHART}", cut=result.cut
        )
        await views.answer(interaction, embed, file=picture)

    @create.autocomplete("parent")
    @edit.autocomplete("parent")
    async def _parent(self, _interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current))

    @edit.autocomplete("topic")
    @delete.autocomplete("topic")
    async def _server_topic(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await server_topics.suggest(self.context, guild_of(interaction).id, current))

    @show.autocomplete("topic")
    @test.autocomplete("topic")
    @backtest.autocomplete("topic")
    async def _any(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))


def _visible_channels(interaction: Interaction, topic: TopicDetails) -> list[str]:
    """The channels that follow a topic. Channels that the user cannot see are only counted."""
    visible = [f"<#{channel_id}>" for channel_id in topic.channels if may_see(interaction, channel_id)]
    hidden = len(topic.channels) - len(visible)
    counted = tr_plural("{count} channel that you cannot see", "{count} channels that you cannot see", hidden)
    return [*visible, counted] if hidden else visible


def _join_channels(channels: list[str]) -> str:
    more = len(channels) - MOST_CHANNELS
    rest = [tr_plural("{count} more", "{count} more", more)] if more > 0 else []
    return comma_list(channels[:MOST_CHANNELS] + rest)
