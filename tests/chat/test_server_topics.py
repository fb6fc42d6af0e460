"""/topic: a server's own topics, from a query that is tried to posts in that server alone, and their end."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import discord
import pytest
from PIL import Image
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, GuildHandle

from bot.chat.application import PERMISSIONS
from bot.domain.topics.topics import Topics
from bot.services import server_topics
from bot.services.server_topics import Draft
from tests.chat.followers import follow
from tests.chat.world import METRO, ROCKET, World, seen, unrelated
from tests.make import record
from tests.shown import plain, shown

WIND = "Storm closes wind farm off the coast"
GOLF = "Golf club beside wind farm opens"
MORE = "Offshore wind farm gets a second cable"
HOSTILE = "**x** @everyone <@1> `y` wind farm [z](https://evil.example)"


@dataclass
class Elsewhere:
    """Another server, and who manages it."""

    guild: GuildHandle
    channel: ChannelHandle
    manager: MemberActor

    async def ask(self, world: World, command: str, **options: Any) -> str:
        """Use a command there."""
        return seen(await world.ask(command, by=self.manager, at=self.channel, **options))


@pytest.fixture
def there(world: World) -> Elsewhere:
    guild = world.env.create_guild("Elsewhere")
    role = next(role for role in world.env.backend.get_guild(guild.id).roles.values() if role.managed)
    world.env.backend.edit_role(guild.id, role.id, {"permissions": PERMISSIONS.value})
    rights = discord.Permissions(manage_channels=True, manage_guild=True)
    roles = [guild.create_role("managers", permissions=rights)]
    manager = guild.add_member(world.env.create_user("otto"), roles=roles)
    return Elsewhere(guild, guild.create_text_channel("wire"), manager)


def titles(world: World, channel: ChannelHandle | None = None) -> list[str | None]:
    """The titles of what stands in a channel."""
    return [shown(post).title for post in world.posts(channel)]


async def make(world: World, name: str = "Wind", query: str = '"wind farm" -golf', **more: Any) -> str:
    """/topic create; what the manager is told."""
    return seen(await world.ask("topic create", name=name, query=query, **more))


async def known(world: World, guild_id: int) -> Topics:
    async with world.app.context.db.read() as connection:
        return await world.app.context.topics.load(connection, guild_id)


# Made, followed, posted.


async def test_from_a_query_to_posts_in_this_server_alone(world: World, there: Elsewhere) -> None:
    answer = await make(world)
    assert '**Wind**\n```\n"wind farm" -golf\n```' in answer
    assert "Only this server has this topic." in answer
    await world.ask("subscribe", topic="wind")
    await there.ask(world, "subscribe", topic="AI")
    await world.report(record(WIND, quality=80), record(GOLF, quality=80))
    assert titles(world) == [WIND]
    (post,) = world.posts()
    assert "Wind" in shown(post).small[0]
    assert titles(world, there.channel) == []


async def test_other_servers_do_not_know_of_it(world: World, there: Elsewhere) -> None:
    await make(world)
    await follow(world, "AI")
    await there.ask(world, "subscribe", topic="Space", mode="both")
    await world.report(record(f"{WIND}, facial recognition on rocket", quality=80))
    topics = [shown(world.posts(c)[0]).small[0] for c in (world.news, there.channel)]
    assert "Wind" in topics[0]
    assert "Wind" not in topics[1]
    for command in ("topics", "related", "digest preview"):
        options = {"story": "1"} if command == "related" else {}
        assert "Wind\n" not in await there.ask(world, command, **options)
        assert ", Wind" not in await there.ask(world, command, **options)
    offered = await there.manager.autocomplete(there.channel, "subscribe", "topic", "Wind")
    assert offered == []
    assert await world.typing("subscribe", "topic", "Wnid") == {"Wind": "Wind"}
    refused = await world.refused("subscribe", by=there.manager, at=there.channel, topic="Wind")
    assert "There is no topic “Wind”" in refused
    assert "no topic of this server" not in refused
    assert "Wind" in seen(await world.ask("topics", by=world.member))
    assert "this server's topic" in plain(seen(await world.ask("topics", by=world.member)))


async def test_two_servers_use_one_name_for_different_things(world: World, there: Elsewhere) -> None:
    await make(world, "Sea", "whales")
    await there.ask(world, "topic create", name="sea", query="ferry")
    await world.ask("subscribe", topic="Sea", volume="everything")
    await there.ask(world, "subscribe", topic="Sea", volume="everything")
    await world.report(record("Whales return to the bay"), record("Night ferry runs aground"))
    assert titles(world) == ["Whales return to the bay"]
    assert titles(world, there.channel) == ["Night ferry runs aground"]
    assert "whales" in seen(await world.ask("topic show", topic="sea"))
    assert "whales" not in await there.ask(world, "topic show", topic="Sea")
    assert len(world.posts()) == 1
    assert "Whales" in seen(await world.ask("latest", topic="Sea"))
    assert "Whales" not in await there.ask(world, "latest", topic="Sea")


async def test_what_came_in_lately_belongs_to_it(world: World, there: Elsewhere) -> None:
    await world.take_in(record(WIND, quality=80))
    world.clock.forward(days=31)
    await world.take_in(record(MORE, hours=31 * 24, quality=80))
    answer = await make(world)
    assert "1 article from the last 30 days matches." in answer
    assert MORE in plain(seen(await world.ask("latest", topic="Wind")))
    assert WIND not in plain(seen(await world.ask("latest", topic="Wind")))
    answer = plain(seen(await world.ask("subscribe", topic="Wind", mode="digest")))
    assert "Subscribed" in answer
    assert MORE in plain(seen(await world.ask("digest preview")))
    assert world.posts() == [], "nothing is posted for what came before"


async def test_who_follows_what_is_above_gets_it_too(world: World, there: Elsewhere) -> None:
    await make(world, parent="space", aliases="Turbines, Blades")
    await follow(world, "Space")
    await there.ask(world, "subscribe", topic="Space")
    await world.report(record(WIND, quality=80))
    assert titles(world) == [WIND]
    assert titles(world, there.channel) == []
    shown = seen(await world.ask("topic show", topic="turbines", by=world.member))
    assert "part of **Space**" in shown
    assert "Turbines, Blades" in shown
    assert "Wind" in seen(await world.ask("topic show", topic="Space"))
    assert "Wind" not in await there.ask(world, "topic show", topic="Space")


async def test_a_story_that_stands_becomes_a_post_when_another_outlet_joins(world: World) -> None:
    await world.report(record(METRO[0], "a.example", quality=40))
    await make(world, "Metro", "metro")
    await world.ask("subscribe", topic="Metro")
    assert world.posts() == []
    await world.report(record(METRO[1], "b.example", hours=1, quality=60))
    assert len(world.posts()) == 1


# Changed and deleted.


async def test_a_changed_query_holds_at_once_and_the_channels_stay(world: World) -> None:
    await make(world)
    await world.ask("subscribe", topic="Wind")
    await world.take_in(record(GOLF, quality=80))
    answer = seen(await world.ask("topic edit", topic="wind", name="Golf", query="golf", aliases="Greens"))
    assert "Topic changed" in answer
    assert "1 article from the last 30 days matches." in answer
    await world.report(record("Rain ends golf tournament", quality=80), record(WIND, quality=80))
    assert titles(world) == ["Rain ends golf tournament"]
    assert "Golf" in seen(await world.ask("subscriptions"))
    answer = seen(await world.ask("topic edit", topic="Greens", aliases="-"))
    assert "record" not in answer, "the query is what it was"
    assert "Greens" not in seen(await world.ask("topic show", topic="Golf"))
    assert "already has these settings" in await world.refused("topic edit", topic="Golf", name="Golf")


async def test_deleting_asks_first_and_ends_the_subscriptions(world: World) -> None:
    hidden = world.guild.create_text_channel("board")
    await make(world)
    await world.ask("subscribe", topic="Wind")
    await world.ask("subscribe", topic="Wind", channel=hidden)
    await world.take_in(record(WIND, quality=80))
    answer = await world.ask("topic delete", topic="wind")
    assert f"Its subscriptions in {world.news.mention}, {hidden.mention} are removed as well." in seen(answer)
    assert (await known(world, world.guild.id)).resolve("Wind") is not None, "not yet"
    pressed = await world.press(answer, "Delete it")
    assert "were removed." in seen(world.answer(pressed))
    await world.deliver()
    assert world.posts() == [], "nobody asks for what waited"
    assert "Wind" not in seen(await world.ask("subscriptions"))
    await world.report(record(MORE, quality=80))
    assert world.posts() == []
    assert "There is no topic “Wind”" in await world.refused("subscribe", topic="Wind")
    assert await world.typing("topic delete", "topic", "w") == {}
    await make(world)


async def test_the_channels_that_somebody_cannot_see_are_not_named(world: World) -> None:
    hidden = world.guild.create_text_channel("board")
    await make(world)
    await world.ask("subscribe", topic="Wind", channel=hidden)
    world.hide(hidden, world.member)
    answer = seen(await world.ask("topic show", topic="Wind", by=world.member))
    assert hidden.mention not in answer
    assert "1 channel that you cannot see" in answer
    assert hidden.mention in seen(await world.ask("topic show", topic="Wind"))


# What cannot be.


async def test_a_name_that_cannot_be_is_refused(world: World) -> None:
    await make(world)
    for name, words in (
        ("ai", "“ai” is already a built-in topic. Subscribe to it with /subscribe"),
        ("CV", "“CV” is already a name of the built-in topic “Computer Vision”"),
        ("wind", "This server already has a topic “Wind”. Change it with /topic edit"),
        ("x" * 81, "at most 80 characters"),
        (" - ", "at least one letter or digit"),
    ):
        assert words in await world.refused("topic create", name=name, query="turbines")
        assert words in await world.refused(
            "topic create", name="Turbines", query="turbines", aliases=f"Blades, {name}"
        )
        await world.a_minute_later()


async def test_shared_topics_cannot_be_changed(world: World) -> None:
    for command in ("topic edit", "topic delete"):
        options: dict[str, Any] = {"query": "x"} if "edit" in command else {}
        refused = await world.refused(command, topic="AI", **options)
        assert "“AI” is a built-in topic and cannot be changed" in refused


async def test_what_is_wrong_with_a_query_is_shown_where_it_stands(world: World) -> None:
    for query, drawn, words in (
        ("(ferry whales", "(ferry whales\n^", "this ( has no matching )"),
        ("ferry AND", "ferry AND\n         ^", "expected a word, a phrase or (, but the query ends here"),
        ("quality>=high", "quality>=high\n         ^", "expected a whole number, as in quality>=60"),
        ("-golf", "-golf\n^", "add words to search for"),
        ("wind (```", "wind (ˋˋˋ\n      ^", "“```” has no letter or digit to search for"),
    ):
        commands: dict[str, dict[str, str]] = {
            "topic create": {"name": "Wind", "query": query},
            "topic test": {"topic": query},
            "topic backtest": {"topic": query},
        }
        await world.a_minute_later()
        for command, options in commands.items():
            result = await world.manager.slash(world.news, command, **options)
            answer = shown(world.answer(result))
            assert f"```\n{drawn}\n```" in answer.text
            assert words in world.refusal(result)
            assert "For example:" in plain(answer.text)


async def test_who_may_do_what(world: World) -> None:
    world.open_command("topic", world.member)
    commands: dict[str, dict[str, Any]] = {
        "topic create": {"name": "Wind", "query": "wind"},
        "topic edit": {"topic": "Wind", "query": "wind"},
        "topic delete": {"topic": "Wind"},
    }
    for command, options in commands.items():
        refused = await world.refused(command, by=world.member, **options)
        assert "You need this permission: Manage Server" in refused
    await make(world)
    for command in ("topic show", "topic test", "topic backtest"):
        assert "Wind" in seen(await world.ask(command, by=world.member, topic="Wind"))


async def test_a_server_has_so_many_and_no_more(world: World) -> None:
    await world.restart(topics={"per_server": 3})
    for number in range(3):
        await server_topics.create(
            world.app.context, world.guild.id, Draft(f"Topic {number}", f"word{number}")
        )
    refused = await world.refused("topic create", name="One more", query="more")
    assert "This server has reached the limit of 3 topics." in refused
    answer = await world.ask("topic delete", topic="Topic 1")
    await world.press(answer, "Delete it")
    assert "Topic created" in await make(world, "One more", "more")


async def test_trying_is_not_for_hammering(world: World) -> None:
    for _ in range(10):
        await world.ask("topic test", topic="wind")
    assert "Too many requests" in await world.refused("topic test", topic="wind")


# Tried before it is made.


async def test_the_newest_matches_show_the_words_in_bold(world: World) -> None:
    await world.take_in(
        record(WIND), record(MORE, excerpt="Turbines turn. " * 9 + "A wind farm without golf."), record(GOLF)
    )
    answer = seen(await world.ask("topic test", topic='"wind farm" -golf'))
    assert 'Query ```\n"wind farm" -golf\n```' in answer
    assert "[Storm closes **wind farm** off the coast](" in answer
    assert "Golf club" not in answer
    assert "second cable" not in answer
    answer = seen(await world.ask("topic test", topic='excerpt:"wind farm"'))
    assert "[Offshore wind farm gets a second cable](" in answer
    assert "\n…" in answer
    assert "A **wind farm** without golf." in answer
    await make(world)
    assert "Storm closes **wind farm** off" in seen(await world.ask("topic test", topic="wind"))


async def test_shared_topics_can_be_tried_as_well(world: World) -> None:
    await world.take_in(record(METRO[0]), record("Whales return", topics=["AI"]))
    answer = seen(await world.ask("topic test", topic="Artificial Intelligence", by=world.member))
    assert "Topic **AI**" in answer
    assert "City halts **facial recognition** in metro after report" in answer
    assert "[Whales return](" in answer
    assert "No article from the last 30 days matches." in plain(
        seen(await world.ask("topic test", topic="Space"))
    )


async def test_what_came_from_outside_is_shown_as_it_is(world: World) -> None:
    await world.take_in(record(HOSTILE, excerpt=HOSTILE))
    answer = seen(await world.ask("topic test", topic='excerpt:"wind farm"'))
    assert "](https://evil.example)" not in answer
    assert "@everyone" not in answer.replace("＠everyone", "").replace("\\@everyone", "")
    await world.ask("topic create", name=HOSTILE, query='"wind farm"')
    shown = seen(await world.ask("topic show", topic=HOSTILE))
    assert "](https://evil.example)" not in shown
    assert "**x** @everyone" in plain(shown), "the stars are shown, not obeyed"


async def test_a_backtest_counts_posts_at_each_volume_and_draws_them(world: World) -> None:
    await world.take_in(*unrelated(3), record(ROCKET[0], "a.example", quality=50))
    world.clock.forward(days=9)
    await world.take_in(record(METRO[0], "a.example", hours=216, quality=160))
    world.clock.forward(hours=1)
    answer = await world.ask(
        "topic backtest", topic="Space OR facial OR rocket OR topic:Space", by=world.member
    )
    text = plain(seen(answer))
    assert "5 articles matched. A subscription would have posted:" in text
    assert "everything · 0.1 a day in the last 7 days, 0.5 a day in the last 10 days (5 in total)" in text
    assert "notable · 0.1 a day in the last 7 days, 0.4 a day in the last 10 days (4 in total)" in text
    assert "major · 0.1 a day in the last 7 days, 0.1 a day in the last 10 days (1 in total)" in text
    assert "The bot only has articles from the last 10 days." in text
    assert f"{METRO[0]}" in text
    (attachment,) = answer.message.attachments
    assert attachment.filename == "posts.png"
    assert shown(answer).picture
    picture = Image.open(BytesIO(await attachment.read()))
    assert picture.format == "PNG"
    assert picture.width / picture.height == 640 / 240


async def test_a_backtest_of_nothing_is_a_chart_of_nothing(world: World) -> None:
    answer = await world.ask("topic backtest", topic="nothing AND anywhere")
    assert "0 articles matched" in plain(seen(answer))
    assert len(answer.message.attachments) == 1


async def test_a_backtest_of_a_topic_says_what_following_it_would_have_brought(world: World) -> None:
    await make(world)
    await world.ask("mute", what="golf.example")
    await world.take_in(
        record(WIND, quality=80),
        record(MORE, quality=10),
        record(f"{WIND} again", "golf.example", quality=99),
    )
    text = plain(seen(await world.ask("topic backtest", topic="Wind")))
    assert "Topic Wind" in text
    assert "everything · 2.0 a day in the last day (2 in total)" in text
    assert "notable · 1.0 a day" in text
    assert "major · 0.0 a day" in text


async def test_names_are_completed_by_what_there_is_to_do(world: World) -> None:
    await make(world, aliases="Turbines")
    assert await world.typing("topic edit", "topic", "turb") == {"Wind": "Wind"}
    assert await world.typing("topic edit", "topic", "AI") == {}
    assert "Space" in await world.typing("topic create", "parent", "spa")
    assert await world.typing("topic create", "parent", "wind") == {}
    for command in ("topic show", "topic test", "topic backtest"):
        assert list(await world.typing(command, "topic", "win")) == ["Wind"]
        assert "AI" in await world.typing(command, "topic", "A")
