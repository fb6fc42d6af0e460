"""/topic: the topics that a server makes itself, tried before anybody subscribes."""

from __future__ import annotations

from io import BytesIO

import discord
from discord import app_commands
from discord.ext import commands

from bot.chat import views
from bot.chat.chart import Series, bars
from bot.domain.model import Importance
from bot.domain.text.cleaning import plural
from bot.messages import topics as pages
from bot.messages.message import Embed, escape
from bot.messages.story import GREY
from bot.services import server_topics as use
from bot.services import topics, tryout
from bot.services.context import Context
from bot.services.server_topics import Draft, TopicDetails
from cogs.common import Interaction, answering, check, choices, guild_of, here_id, may_see, requires

DAYS = use.LOOK_BACK.days
PLACES = 20  # channels that are named
CHART = "posts.png"
COLOURS = {Importance.ALL: "#5865F2", Importance.NOTABLE: "#F2C94C", Importance.MAJOR: "#EB5757"}


@app_commands.guild_only()
class ServerTopics(commands.GroupCog, group_name="topic", group_description="Topics of this server"):
    """Topics of a server's own. Making them needs Manage Server; everybody may look at them and try them."""

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
        made = await use.create(self.context, guild_of(interaction).id, draft)
        await views.answer(
            interaction, pages.saved_embed("Topic created", made.topic, made.records, DAYS, made.looked_at)
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
        made = await use.edit(self.context, guild_of(interaction).id, topic, draft)
        await views.answer(
            interaction, pages.saved_embed("Topic changed", made.topic, made.records, DAYS, made.looked_at)
        )

    @app_commands.command()
    @app_commands.describe(topic="One of this server's topics")
    @requires(manage_guild=True)
    async def delete(self, interaction: Interaction, topic: str) -> None:
        """Delete one of this server's topics. Shows its subscriptions and asks first."""
        guild_id = guild_of(interaction).id
        doomed = await use.show(self.context, guild_id, topic, server_only=True)
        name = escape(doomed.topic.name)

        async def press(pressed: Interaction) -> None:
            check(pressed, manage_guild=True)
            gone = _places(pressed, await use.delete(self.context, guild_id, doomed.topic.name))
            ended = f" Its subscriptions in {_named(gone)} were removed." if gone else ""
            text = f"**{name}** was deleted.{ended} Existing posts stay."
            await views.answer(pressed, Embed("Topic deleted", "", text, colour=GREY))

        places = _places(interaction, doomed)
        follow = (
            f"Its subscriptions in {_named(places)} are removed as well."
            if places
            else "No channel is subscribed to it."
        )
        text = f"Delete **{name}**? {follow}"
        if doomed.feeds:
            text += f" It is the topic of {plural(doomed.feeds, 'feed')} of this server. Without it, keywords decide the topics of the articles."
        offer = views.ConfirmView(
            interaction,
            views.Choice("Delete it", press, danger=True),
            views.cancel("Keep it", f"**{name}** was not deleted."),
        )
        await views.answer(interaction, Embed("Delete this topic?", "", text, colour=GREY), offer)

    @app_commands.command()
    @app_commands.describe(topic="A built-in topic or one of this server's topics")
    @answering
    async def show(self, interaction: Interaction, topic: str) -> None:
        """Show a topic: its keywords or query, other names, and subscribed channels."""
        found = await use.show(self.context, guild_of(interaction).id, topic)
        places = _places(interaction, found)
        await views.answer(interaction, pages.details_embed(found.topic, found.below, found.stories, places))

    @app_commands.command()
    @app_commands.describe(topic="A topic, or a query to try out")
    @answering
    async def test(self, interaction: Interaction, topic: str) -> None:
        """Show the newest matching articles, with the matching words in bold."""
        found = await tryout.newest(self.context, guild_of(interaction).id, topic)
        nothing = f"No article from the last {DAYS} days matches."
        tried = pages.heading(found.request.topic, found.request.text)
        note = f"Only the newest {plural(found.looked_at, 'article')} could be checked." if found.cut else ""
        await views.answer(interaction, pages.newest_embed(tried, found.matches, nothing, note))

    @app_commands.command()
    @app_commands.describe(topic="A topic, or a query to try out")
    @answering
    async def backtest(self, interaction: Interaction, topic: str) -> None:
        """Chart how many posts a day a topic or query would have caused at each importance."""
        found = await tryout.backtest(self.context, guild_of(interaction).id, here_id(interaction), topic)
        series = [Series(str(one), COLOURS[one], found.backtest.posts[one]) for one in Importance]
        chart = await self.context.evaluations.run(bars, found.backtest.days, series)
        picture = discord.File(BytesIO(chart), CHART)
        tried = pages.heading(found.request.topic, found.request.text)
        embed = pages.backtest_embed(
            tried, found.backtest, found.records, f"attachment://{CHART}", cut=found.cut
        )
        await views.answer(interaction, embed, file=picture)

    @create.autocomplete("parent")
    @edit.autocomplete("parent")
    async def _parent(self, _interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current))

    @edit.autocomplete("topic")
    @delete.autocomplete("topic")
    async def _own(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await use.suggest(self.context, guild_of(interaction).id, current))

    @show.autocomplete("topic")
    @test.autocomplete("topic")
    @backtest.autocomplete("topic")
    async def _any(self, interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        return choices(await topics.suggest(self.context, current, guild_of(interaction).id))


def _places(interaction: Interaction, found: TopicDetails) -> list[str]:
    """The channels that follow a topic, as far as the user may know of them."""
    seen = [f"<#{channel_id}>" for channel_id in found.channels if may_see(interaction, channel_id)]
    hidden = len(found.channels) - len(seen)
    return seen + ([f"{plural(hidden, 'channel')} that you cannot see"] if hidden else [])


def _named(places: list[str]) -> str:
    more = [f"{len(places) - PLACES} more"] if len(places) > PLACES else []
    return ", ".join(places[:PLACES] + more)
