"""The context menu of a message: what the commands do, for the story of the post that is clicked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.enums import AppCommandType

from bot.domain.model import Volume
from bot.domain.records.identity import registered_domain
from bot.errors import NotFoundError
from bot.services.posts import stories_of_message
from tests.chat.followers import follow
from tests.chat.test_curate import menu_of
from tests.chat.world import METRO, ROCKET, World, labels, message_of, seen, unrelated
from tests.make import record
from tests.shown import plain, shown

MENUS = ("Related", "Why is this here?", "Mute this outlet", "Not the same story", "Follow this story")
MOST_MESSAGE_MENUS = (
    5  # https://discord.com/developers/docs/interactions/application-commands#registering-a-command
)


@pytest.fixture
def moderator(world: World) -> MemberActor:
    """A member with what all menus need."""
    rights = discord.Permissions(manage_messages=True, manage_channels=True)
    role = world.guild.create_role("moderators", permissions=rights)
    return world.guild.add_member(world.env.create_user("ines"), roles=[role])


async def posted(world: World) -> discord.Message:
    """The post of a story with two outlets, the lead's of which reports twice."""
    await follow(world, "AI")
    await world.report(
        record(METRO[0], "a.example", quality=80),
        record(METRO[1], "b.example", quality=70),
        record(METRO[2], "a.example", quality=60),
    )
    return world.posts()[-1]


async def used(world: World, menu: str, on: Any, by: MemberActor, at: ChannelHandle | None = None) -> Any:
    """The answer to a menu of a message."""
    return world.answer(await by.context_menu(at or world.news, menu, message_of(on)))


async def refused(world: World, menu: str, on: Any, by: MemberActor, at: ChannelHandle | None = None) -> str:
    """What a menu answers to a mistake."""
    return world.refusal(await by.context_menu(at or world.news, menu, message_of(on)))


async def chosen(world: World, asked: Any, by: MemberActor, place: int = 0) -> Any:
    """The answer to one of the options of the menu of an answer."""
    return world.answer(await by.select(message_of(asked), [menu_of(asked).options[place].value]))


async def test_there_are_no_more_menus_than_discord_allows(world: World) -> None:
    menus = world.app.client.tree.get_commands(type=discord.AppCommandType.message)
    assert sorted(menu.name for menu in menus) == sorted(MENUS)
    assert len(menus) <= MOST_MESSAGE_MENUS


async def test_a_post_leads_to_the_answers_of_the_commands(world: World) -> None:
    post = await posted(world)
    related = seen(await used(world, "Related", post, world.member))
    assert related == seen(await world.ask("related", story="1", by=world.member))
    why = seen(await used(world, "Why is this here?", post, world.member))
    assert why == seen(await world.ask("why", story="1", by=world.member))


async def test_rights_are_those_of_the_commands_also_where_a_server_shows_the_menu_to_all(
    world: World,
) -> None:
    post = await posted(world)
    for menu, need in (("Mute this outlet", "Manage Channels"), ("Not the same story", "Manage Messages")):
        world.open_command(menu, world.member, AppCommandType.MESSAGE)
        assert f"You need this permission: {need}." in await refused(world, menu, post, world.member)


async def test_an_outlet_is_chosen_and_muted_where_somebody_wants_it(world: World) -> None:
    post = await posted(world)
    asked = await used(world, "Mute this outlet", post, world.manager)
    assert [option.description for option in menu_of(asked).options] == ["a.example", "b.example"]
    where = await chosen(world, asked, world.manager, 1)
    assert labels(where) == ["In this channel", "In the whole server", "Cancel"]
    done = world.answer(await world.press(where, "In this channel"))
    assert seen(done).startswith(f"Muted\n**b.example** is muted in {world.news.mention}.")
    assert "b.example" in seen(await world.ask("mute", channel=world.news))
    await world.press(done, "Undo")
    assert "Nothing is muted." in plain(seen(await world.ask("mute")))


async def test_the_only_outlet_of_a_story_needs_no_choice(world: World) -> None:
    await follow(world, "Space")
    await world.report(record(ROCKET[0], "a.example", quality=80))
    where = await used(world, "Mute this outlet", world.posts()[-1], world.manager)
    done = world.answer(await world.press(where, "In the whole server"))
    assert "a.example" in seen(done)
    assert "across the server" in seen(done)


async def test_whatever_an_outlets_domain_is_it_is_muted(world: World) -> None:
    await follow(world, "Space")
    hosts = ("küste.example", "news.co.uk", "a-b.example", f"{'x' * 60}.example")
    outlets = {story.title: host for story, host in zip(unrelated(len(hosts)), hosts, strict=True)}
    await world.report(
        *(
            record(title, registered_domain(host), quality=80, topics=["Space"])
            for title, host in outlets.items()
        )
    )
    left = set(outlets)
    for post in world.posts():
        where = await used(world, "Mute this outlet", post, world.manager)
        await world.press(where, "In the whole server")
        left.remove(title := shown(post).title or "")
        latest = seen(await world.ask("latest"))
        assert {one for one in outlets if one in latest} == left, outlets[title]
    assert not left


async def test_who_manages_one_channel_alone_mutes_there_alone(world: World) -> None:
    post = await posted(world)
    world.allow(world.news, world.member, manage_channels=True)
    where = await chosen(world, await used(world, "Mute this outlet", post, world.member), world.member)
    refusal = world.refusal(await world.press(where, "In the whole server", by=world.member))
    assert "You need the Manage Channels permission in the whole server." in refusal


async def test_a_right_that_is_gone_at_the_choice_is_missed(world: World, moderator: MemberActor) -> None:
    post = await posted(world)
    outlets = await used(world, "Mute this outlet", post, moderator)
    articles = await used(world, "Not the same story", post, moderator)
    [role] = [r for r in world.env.backend.get_guild(world.guild.id).roles.values() if r.name == "moderators"]
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": 0})
    await world.env.settle()
    for asked, need in ((outlets, "Manage Channels"), (articles, "Manage Messages")):
        result = await moderator.select(message_of(asked), [menu_of(asked).options[0].value])
        answers = [answer for answer in (result.response, *result.followups) if answer is not None]
        assert any(f"You need this permission: {need}." in plain(seen(answer)) for answer in answers)
    world.errors = len(world.env.errors)
    assert "Nothing is muted." in plain(seen(await world.ask("mute")))


async def test_an_article_is_taken_out_of_a_story(world: World, moderator: MemberActor) -> None:
    post = await posted(world)
    asked = await used(world, "Not the same story", post, moderator)
    place = [option.label for option in menu_of(asked).options].index(METRO[1])
    result = await moderator.select(message_of(asked), [menu_of(asked).options[place].value])
    assert "is now story #2, separate from #1." in plain(shown(world.answer(result)).body)


async def test_a_story_of_one_article_has_nothing_to_separate(world: World, moderator: MemberActor) -> None:
    await follow(world, "Space")
    await world.report(record(ROCKET[0], "a.example", quality=80))
    said = await refused(world, "Not the same story", world.posts()[-1], moderator)
    assert "Story #1 has only one article, so there is nothing to separate." in said


async def test_where_a_server_may_not_decide_the_menu_says_so(world: World, moderator: MemberActor) -> None:
    post = await posted(world)
    await world.restart()
    assert "stories.editors" in await refused(world, "Not the same story", post, moderator)


async def test_a_digest_asks_which_of_its_stories_is_meant(world: World, moderator: MemberActor) -> None:
    await world.ask("subscribe", topic="AI", mode="digest")
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.take_in(
        record(METRO[0], "a.example", quality=90),
        record(METRO[1], "b.example"),
        record(ROCKET[0], "c.example"),
    )
    await world.ask("digest now")
    await world.deliver()
    answers = {
        "Related": METRO[1],
        "Why is this here?": "Story #1 explained",
        "Mute this outlet": "Which outlet of story #1?",
        "Not the same story": "Which article of story #1",
        "Follow this story": "You follow story #1",
    }
    assert set(answers) == set(MENUS)
    for menu, answer in answers.items():
        asked = await used(world, menu, world.posts()[-1], moderator)
        options = {option.label: place for place, option in enumerate(menu_of(asked).options)}
        assert set(options) == {f"#1 {METRO[0]}", f"#2 {ROCKET[0]}"}, menu
        assert answer in plain(seen(await chosen(world, asked, moderator, options[f"#1 {METRO[0]}"])))


async def test_a_digest_whose_stories_are_all_muted_says_so(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.take_in(record(ROCKET[0], "c.example"))
    await world.ask("digest now")
    await world.deliver()
    await world.ask("mute", what="c.example")
    assert "No story of that message is left" in await refused(
        world, "Related", world.posts()[-1], world.member
    )


async def test_a_list_of_stories_without_a_post_asks_which_is_meant(world: World) -> None:
    await follow(world, "Space", volume=Volume.EVERYTHING)
    await world.ask("post-limit", per_hour=1)
    await world.report(*unrelated(4))
    [listing] = [post for post in world.posts() if "More stories" in seen(post)]
    asked = await used(world, "Related", listing, world.member)
    numbers = {option.value for option in menu_of(asked).options}
    assert len(numbers) == 3
    assert all(f"`#{number}`" in seen(listing) for number in numbers)
    assert "Story #" in seen(await chosen(world, asked, world.member))


async def test_a_message_that_is_no_post_is_said_to_be_none(world: World, moderator: MemberActor) -> None:
    await posted(world)
    message = await world.member.send(world.news, "Story #1")
    for menu in MENUS:
        assert "not a post of a story" in await refused(world, menu, message, moderator), menu


async def test_a_post_of_another_server_or_channel_leads_nowhere(world: World) -> None:
    """Nothing of one server shows in another, even if a message there had the ID of a post here."""
    post = await posted(world)
    context = world.app.context
    assert await stories_of_message(context, world.guild.id, world.news.id, post.id) == 1
    for guild_id, channel_id in ((world.guild.id + 1, world.news.id), (world.guild.id, world.news.id + 1)):
        with pytest.raises(NotFoundError, match="not a post of a story"):
            await stories_of_message(context, guild_id, channel_id, post.id)


async def test_the_message_of_a_merged_story_leads_to_what_it_is_part_of(
    world: World, moderator: MemberActor
) -> None:
    await follow(world, "Space", volume=Volume.EVERYTHING)
    await world.merge()
    world.clock.forward(minutes=2)
    await world.deliver()
    [pointer] = [post for post in world.posts() if "continues in" in seen(post)]
    assert "Story #2 is now part of #1." in plain(seen(await used(world, "Related", pointer, world.member)))
    assert "Which outlet of story #1?" in seen(await used(world, "Mute this outlet", pointer, moderator))
    assert "Which article of story #1" in seen(await used(world, "Not the same story", pointer, moderator))


async def test_a_withdrawn_story_says_that_it_is(world: World, moderator: MemberActor) -> None:
    one = record(ROCKET[0], "a.example", quality=80)
    await follow(world, "Space")
    await world.report(one)
    await world.report(replace(one, removed=True))
    for menu in MENUS:
        assert "Story #1 was withdrawn." in await refused(world, menu, world.posts()[0], moderator), menu


async def test_a_post_in_a_forum_is_known_in_its_thread(world: World) -> None:
    forum = world.forum()
    await follow(world, "Space", forum)
    await world.report(record(ROCKET[0], "a.example", quality=80))
    [thread] = forum.threads
    [post] = world.posts(thread)
    assert ROCKET[0] in seen(await used(world, "Related", post, world.member, thread))
    where = await used(world, "Mute this outlet", post, world.manager, thread)
    done = world.answer(await world.press(where, "In this channel"))
    assert forum.mention in seen(done)
