"""The message in a new server, and the panel: everything by clicking, on the real client."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import discord
from simcord.backend import serializers
from simcord.builders import ChannelHandle

from bot.domain.model import Mode, Subscription, Topic, Volume
from bot.services import setup, subscribe
from bot.store.subscriptions import mute_all, subscribe_all
from bot.store.topics import ids_by_label
from bot.workers import rematch
from tests.chat.followers import follow
from tests.chat.panel_user import PanelUser, parts, text_of
from tests.chat.world import METRO, ROCKET, TOPICS, World, seen, unrelated
from tests.make import record


async def subscriptions_of(world: World, channel: ChannelHandle | None = None) -> dict[str, Any]:
    """What a channel follows."""
    state = await setup.channel_setup(world.app.context, world.guild.id, (channel or world.news).id)
    return {s.topic: s for s in state.subscriptions}


# ------------------------------------------------------------------------------- in a new server


def leave(world: World) -> None:
    """The bot is removed from the server."""
    world.env.backend.emit("GUILD_DELETE", {"id": str(world.guild.id)})


def appear(world: World, *, after_outage: bool = False) -> None:
    """The server appears: because the bot is invited, or after an outage, of which Discord says that it is over."""
    guild = world.env.backend.get_guild(world.guild.id)
    payload = dict(serializers.guild_create_payload(world.env.backend, guild))
    if not after_outage:
        del payload["unavailable"]
    world.env.backend.emit("GUILD_CREATE", payload)


async def join(world: World) -> None:
    """The bot is removed and invited again."""
    leave(world)
    await world.env.settle()
    appear(world)
    await world.env.settle()


async def test_an_invitation_is_answered_once_and_a_start_or_an_outage_is_not(world: World) -> None:
    assert world.posts() == []
    await join(world)
    [welcome] = world.posts()
    assert "post one message per story" in text_of(welcome)
    assert [part["label"] for part in parts(welcome) if part["type"] == 2] == [
        "Choose topics",
        "Digest time",
        "Show an example",
    ]
    await world.restart()
    world.env.backend.emit("GUILD_DELETE", {"id": str(world.guild.id), "unavailable": True})
    await world.env.settle()
    appear(world, after_outage=True)
    await world.env.settle()
    assert len(world.posts()) == 1
    await join(world)
    assert len(world.posts()) == 2


async def test_an_invitation_while_the_bot_is_away_is_answered_at_its_start(world: World) -> None:
    me = world.env.backend.get_member(world.guild.id, world.env.backend.bot_user.id)
    me.joined_at = (world.clock() - timedelta(hours=1)).isoformat()
    await world.restart()
    assert len(world.posts()) == 1
    await world.restart()
    assert len(world.posts()) == 1


async def test_the_system_channel_comes_first_then_the_first_in_which_the_bot_may_write(world: World) -> None:
    hidden = world.guild.create_text_channel("staff")
    system = world.guild.create_text_channel("lobby")
    world.env.backend.edit_guild(world.guild.id, {"system_channel_id": system.id})
    world.deny(hidden, view_channel=True)
    await join(world)
    assert len(world.posts(system)) == 1
    world.deny(system, send_messages=True)
    world.deny(world.news, send_messages=True)
    other = world.guild.create_text_channel("talk")
    await join(world)
    assert [len(world.posts(c)) for c in (system, world.news, hidden, other)] == [1, 0, 0, 1]


async def test_a_server_in_which_the_bot_may_write_nowhere_is_left_alone(world: World) -> None:
    world.deny(world.news, send_messages=True)
    await join(world)
    assert world.posts() == []
    assert "could not greet" in world.caplog.text


async def test_a_channel_that_refuses_the_message_is_passed_over(world: World) -> None:
    other = world.guild.create_text_channel("talk")
    world.env.inject_error("POST", f"/channels/{world.news.id}/messages", status=403, code=50013)
    await join(world)
    assert (len(world.posts()), len(world.posts(other))) == (0, 1)


async def test_the_buttons_are_for_managers_after_a_restart_too_and_others_get_a_friendly_word(
    world: World,
) -> None:
    await join(world)
    [welcome] = world.posts()
    await world.restart()
    for label in ("Choose topics", "Digest time", "Show an example"):
        answer = world.answer(await world.press(welcome, label, by=world.member))
        assert "These buttons are for members with the permission *Manage Server*." in seen(answer), label
        assert world.answer(await world.press(welcome, label)), label


# ------------------------------------------------------------------------------------- the walk


async def test_from_an_empty_server_to_a_first_post_and_a_digest_without_a_command(world: World) -> None:
    """The first hour of an owner: the welcome's buttons, a topic, a post, a digest time, a digest."""
    await join(world)
    [welcome] = world.posts()
    user = PanelUser(world, world.answer(await world.press(welcome, "Choose topics")))
    assert "the bot can post there" in user.text
    await user.chooses("category", "Other topics")
    assert user.options("topics") == {"Space": False}
    await user.chooses("topics", "Space")
    assert "now follows Space." in user.text
    assert user.options("topics") == {"Space": True}
    await world.report(record(ROCKET[0], "a.example", quality=80))
    assert ROCKET[0] in seen(world.posts()[-1])

    user = PanelUser(world, world.answer(await world.press(welcome, "Digest time")))
    assert "This channel has no digest yet." in user.text
    await user.types("Set time and zone…", time="9 pm", zone="Berlin", days="daily", size="5")
    assert "gets a digest every day at 21:00 (Europe/Berlin)" in user.text
    assert "None of this channel's topics is in the digest yet." in user.text
    await user.presses("Put all topics in the digest")
    assert "No topic of this channel" not in user.text
    before = len(world.posts())
    world.clock.forward(hours=12)
    await world.digest()
    assert len(world.posts()) == before + 1


# ----------------------------------------------------------------------------------- the pages


async def test_the_panel_shows_the_present_state(world: World) -> None:
    user = await PanelUser.opens(world)
    assert "No channel has a topic yet." in user.text
    await world.ask("subscribe", topic="Space", mode="both")
    other = world.guild.create_text_channel("board")
    await follow(world, "AI", other)
    world.deny(other, embed_links=True)
    user = await PanelUser.opens(world)
    assert "Space · live posts and digest" in user.text
    assert "AI · live posts" in user.text
    assert "The bot lacks Embed Links there." in user.text


async def test_a_channel_that_somebody_cannot_see_is_not_in_his_panel(world: World) -> None:
    hidden = world.guild.create_text_channel("board")
    await follow(world, "AI", hidden)
    world.hide(hidden, world.manager)
    user = await PanelUser.opens(world)
    assert "AI" not in user.text


async def test_topics_are_chosen_and_given_back_in_their_menu(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Topics")
    await user.chooses("category", "AI")
    await user.chooses("topics", "AI", "Computer Vision")
    assert set(await subscriptions_of(world)) == {"AI", "Computer Vision"}
    await user.chooses("topics", "AI")
    assert "no longer follows Computer Vision" in user.text
    await user.chooses("topics")
    assert await subscriptions_of(world) == {}


async def test_topics_are_found_by_a_part_of_their_name(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Topics")
    await user.types("Find a topic…", search="vision")
    assert user.options("topics") == {"Computer Vision": False}
    await user.types("Find a topic…", search="</subscribe:1>")
    assert "0 topics" in user.text


async def test_topics_say_what_they_bring(world: World) -> None:
    await world.report(record(ROCKET[0], quality=80))
    world.clock.forward(days=2)
    await world.report(*(replace(one, published=world.clock()) for one in unrelated(4)))
    user = await PanelUser.opens(world)
    await user.presses("Topics")
    await user.chooses("category", "Other topics")
    [menu] = [part for part in parts(user.panel) if part.get("custom_id") == "panel:topics"]
    assert menu["options"][0]["description"] == "about 2 stories a day"


async def test_another_channel_can_be_chosen(world: World) -> None:
    other = world.guild.create_text_channel("board")
    user = await PanelUser.opens(world)
    await user.presses("Topics")
    await user.chooses("channel", other)
    await user.chooses("category", "Other topics")
    await user.chooses("topics", "Space")
    assert set(await subscriptions_of(world, other)) == {"Space"}
    assert await subscriptions_of(world) == {}


async def test_a_subscription_is_changed_by_clicking(world: World) -> None:
    role = world.role("news")
    await follow(world, "Space")
    user = await PanelUser.opens(world)
    await user.presses("Posts")
    await user.chooses("topic", "Space")
    assert user.options("volume") == {volume.value: volume is Volume.SOME for volume in Volume}
    await user.chooses("mode", "both")
    await user.chooses("volume", "everything")
    await user.chooses("role", role)
    changed = (await subscriptions_of(world))["Space"]
    assert (changed.mode, changed.volume, changed.mention_role_id) == (Mode.BOTH, Volume.EVERYTHING, role.id)
    assert user.options("mode") == {"live": False, "digest": False, "both": True}
    await user.chooses("role")
    assert (await subscriptions_of(world))["Space"].mention_role_id is None
    await user.presses("Unsubscribe")
    assert await subscriptions_of(world) == {}
    assert "This channel follows no topic yet." in user.text


async def test_a_role_that_cannot_be_pinged_is_said_and_everyone_is_refused(world: World) -> None:
    quiet = world.role("quiet", mentionable=False)
    everyone = world.guild.default_role
    await follow(world, "Space")
    user = await PanelUser.opens(world)
    await user.presses("Posts")
    await user.chooses("topic", "Space")
    await user.chooses("role", quiet)
    assert "The bot cannot ping" in user.text
    await user.chooses("role", everyone)
    assert "does not ping @everyone" in user.text
    assert (await subscriptions_of(world))["Space"].mention_role_id == quiet.id


async def test_a_digest_is_set_and_turned_off_and_mistakes_are_said(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Digest")
    for mistake, sentence in (
        ({"time": "25:00"}, "time"),
        ({"zone": "Atlantis"}, "is not a time zone"),
        ({"days": "someday"}, "days"),
        ({"size": "26"}, "a number from 1 to 25"),
    ):
        typed = {"time": "9", "zone": "UTC", "days": "daily", "size": "5"} | mistake
        await user.types("Set time and zone…", **typed)
        assert sentence in user.text
        assert "This channel has no digest yet." in user.text
    await user.types("Set time and zone…", time="18:30", zone="UTC", days="mon, thu", size="5")
    assert "at most 5 stories" in user.text
    await user.presses("Turn off")
    assert "The digest is turned off." in user.text


async def test_mutes_are_added_confirmed_and_undone(world: World) -> None:
    await follow(world, "Space")
    await world.report(*unrelated(3), record(ROCKET[0], "loud.example", quality=80, topics=["Space"]))
    user = await PanelUser.opens(world)
    await user.presses("Mutes")
    await user.types("Mute in this channel…", what="kestrel")
    assert "kestrel is muted." in user.text
    await user.types("Mute in the whole server…", what="a b c d e f g")
    assert "across the server" in user.text
    [first, *_] = user.options("unmute")
    await user.chooses("unmute", first)
    assert "Unmuted: kestrel." in user.text
    await user.types("Mute in this channel…", what="ferr*")
    assert "no wildcards" in user.text


async def test_a_mute_that_hides_much_asks_first(world: World) -> None:
    await follow(world, "AI")
    await world.report(
        record(METRO[0], "loud.example", quality=80), record("Computer vision counts birds", "loud.example")
    )
    user = await PanelUser.opens(world)
    await user.presses("Mutes")
    await user.types("Mute in this channel…", what="loud.example")
    assert "Mute it?" in user.text
    await user.presses("Cancel")
    assert "Nothing is muted." in user.text
    await user.types("Mute in this channel…", what="loud.example")
    await user.presses("Mute it")
    assert "loud.example is muted." in user.text


async def test_what_a_member_may_no_longer_do_is_refused_at_the_next_press(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Topics")
    await user.chooses("category", "Other topics")
    world.env.backend.edit_role(
        world.guild.id, world.managers.id, {"permissions": discord.Permissions(manage_guild=True).value}
    )
    await user.chooses("topics", "Space")
    assert "You need the Manage Channels permission" in user.text
    world.env.backend.edit_role(world.guild.id, world.managers.id, {"permissions": 0})
    result = await world.manager.click(user.panel.message, label="Digest")
    answer = result.response or result.followups[0]
    assert "Manage Server" in seen(answer)
    assert await subscriptions_of(world) == {}


async def test_setup_is_for_managers(world: World) -> None:
    world.open_command("setup", world.member)
    assert "Manage Server" in await world.refused("setup", by=world.member)


async def test_a_panel_of_an_earlier_process_says_that_it_has_expired(world: World) -> None:
    user = await PanelUser.opens(world)
    await world.restart()
    answer = world.answer(await world.manager.click(user.panel.message, label="Topics"))
    assert "This has expired." in seen(answer)


async def test_a_panel_that_timed_out_says_how_to_open_it_again(world: World) -> None:
    user = await PanelUser.opens(world)
    [panel] = [view for view in world.app.client._connection._view_store._views.values() if view]
    [view] = {item.view for item in panel.values() if item.view is not None}
    await view.on_timeout()
    user._seen(None)  # type: ignore[arg-type] # nobody pressed anything
    assert user.text == "This panel has expired. Open it again with /setup."


async def test_a_channel_in_which_the_bot_may_not_post_gets_no_topic(world: World) -> None:
    world.deny(world.news, send_messages=True)
    user = await PanelUser.opens(world)
    assert "the bot lacks Send Messages there" in user.text
    await user.presses("Topics")
    await user.chooses("category", "Other topics")
    await user.chooses("topics", "Space")
    assert "The bot cannot post in" in user.text
    assert await subscriptions_of(world) == {}


# ---------------------------------------------------------------------------------- the example


async def test_an_example_is_a_recent_story_or_an_invented_one_and_says_so(world: World) -> None:
    await join(world)
    [welcome] = world.posts()
    invented = seen(world.answer(await world.press(welcome, "Show an example")))
    assert "This is an example with an invented story." in invented
    assert "lighthouse" in invented
    await world.take_in(record(METRO[0], "a.example", quality=80), record(METRO[1], "b.example"))
    real = seen(world.answer(await world.press(welcome, "Show an example")))
    assert METRO[0] in real
    assert "This is an example." in real
    assert len(world.posts()) == 1
    assert await subscribe.listing(world.app.context, world.guild.id) == []


async def test_long_lists_have_pages_that_fit_into_a_message(world: World) -> None:
    """Discord refuses more than 40 components, 25 options or 4,000 characters, and so does the simulated one."""
    context, guild_id = world.app.context, world.guild.id
    names = [f"{number:02d} {'long name ' * 8}".strip() for number in range(29)]
    await rematch.configure(context, (*TOPICS, *(Topic(name, parent="Space") for name in names)))
    noise = [f"noise{number} {'very long words ' * 4}".strip() for number in range(30)]
    async with context.db.write() as connection:
        topics = await ids_by_label(connection, [(0, name) for name in (*names, "Space")])
        await subscribe_all(
            connection,
            [
                (Subscription(0, guild_id, world.news.id, name), topic, world.clock())
                for (_, name), topic in topics.items()
            ],
        )
        await mute_all(connection, guild_id, [(None, words) for words in noise])
    user = await PanelUser.opens(world)
    assert "more" in user.text
    for page in ("Topics", "Posts", "Mutes"):
        await user.presses(page)
        if page == "Topics":
            await user.chooses("category", "Space")
        menu = {"Topics": "topics", "Posts": "topic", "Mutes": "unmute"}[page]
        first = user.options(menu)
        assert len(first) == 25
        await user.presses("Next")
        assert len(user.options(menu)) == 5
        assert not first.keys() & user.options(menu).keys()
        await user.presses("Previous")
        assert user.options(menu).keys() == first.keys()


async def test_without_a_channel_that_the_bot_posts_in_the_panel_asks_for_one(world: World) -> None:
    voice = world.guild.create_voice_channel("lounge")
    user = PanelUser(world, await world.ask("setup", at=voice))
    assert "Choose a channel first." in user.text
    await user.presses("Topics")
    await user.chooses("category", "Other topics")
    await user.chooses("topics", "Space")
    assert "⚠️ Choose a channel first." in user.text
    await user.chooses("channel", world.news)
    await user.chooses("topics", "Space")
    assert set(await subscriptions_of(world)) == {"Space"}


async def test_posts_of_an_announcement_channel_can_be_published(world: World) -> None:
    wire = world.guild.create_news_channel("wire")
    await follow(world, "Space", wire)
    user = await PanelUser.opens(world)
    await user.presses("Posts")
    await user.chooses("channel", wire)
    await user.chooses("topic", "Space")
    await user.presses("Publish to followers")
    assert (await subscriptions_of(world, wire))["Space"].publish
    await user.presses("Do not publish to followers")
    assert not (await subscriptions_of(world, wire))["Space"].publish


async def test_the_digest_can_be_sent_now(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.report(record(ROCKET[0], quality=80))
    user = await PanelUser.opens(world)
    await user.presses("Digest")
    await user.presses("Send now")
    assert "Sending a digest with 1 story." in user.text
    await world.deliver()
    assert len(world.posts()) == 1


async def test_an_example_can_be_seen_from_the_panel(world: World) -> None:
    user = await PanelUser.opens(world)
    answer = world.answer(await world.manager.click(user.panel.message, label="Show an example"))
    assert "an invented story" in seen(answer)
    await user.presses("Topics")
    assert "Choose topics" in user.text


async def test_a_failure_of_discord_while_a_page_is_drawn_is_told(world: World) -> None:
    user = await PanelUser.opens(world)
    world.env.inject_error("PATCH", "/webhooks/*/messages/*", status=500)
    result = await world.manager.click(user.panel.message, label="Topics")
    assert "Discord is having problems right now." in seen(result.followups[0])
    world.errors += 1  # discord.py heard of it


async def test_a_channels_look_limit_and_quiet_hours_are_set_by_clicking(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Channel")
    assert "At most 10 posts an hour." in user.text
    assert "Colour…" not in user.labels(), "there are no posts yet"
    await follow(world, "Space")
    user = await PanelUser.opens(world)
    await user.presses("Channel")
    assert user.options("layout") == {"card": True, "compact": False, "headline": False, "template": False}
    await user.chooses("layout", "compact")
    assert user.options("layout")["compact"]
    await user.types("Colour…", colour="#00a896")
    assert [(s.layout, s.accent) for s in (await subscriptions_of(world)).values()] == [("compact", 0x00A896)]
    await user.types("Posts an hour…", limit="3")
    assert "gets at most 3 posts an hour" in user.text
    await user.types("Posts an hour…", limit="many")
    assert "Enter a number of posts, such as 10." in user.text
    await user.types("Posts an hour…", limit="")
    assert "At most 10 posts an hour." in user.text
    await user.types("Quiet hours…", start="22:00", end="7 am", zone="Berlin")
    assert "No new posts from 22:00 to 07:00 (Europe/Berlin)." in user.text
    await user.presses("No quiet hours")
    assert "no longer has quiet hours" in user.text
    assert "No quiet hours" not in user.labels()


async def test_the_servers_topics_are_made_changed_and_deleted_by_clicking(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Server")
    assert "This server has no topics of its own." in user.text
    await user.types("New topic…", name="Sailing", query="sail OR (", aliases="", parent="")
    assert "The query has a mistake at character" in user.text
    await user.types("New topic…", name="Sailing", query="sail OR yacht", aliases="Regattas", parent="Space")
    assert "Sailing was saved." in user.text
    assert "Change Sailing…" in user.labels()
    await user.types("Change Sailing…", name="Yachts", query="yacht", aliases="", parent="")
    assert "Yachts was saved." in user.text
    shown = seen(await world.ask("topic show", topic="Yachts"))
    assert ("Regattas" in shown, "Space" in shown) == (False, False)
    await world.ask("subscribe", topic="Yachts")
    await user.presses("Delete Yachts…")
    assert "Delete Yachts? 1 channel follows it." in user.text
    await user.presses("Keep it")
    assert "Nothing was deleted." in user.text
    await user.presses("Delete Yachts…")
    await user.presses("Delete it")
    assert "Yachts was deleted." in user.text
    assert await subscriptions_of(world) == {}


async def test_a_topic_is_chosen_among_the_servers(world: World) -> None:
    for name in ("Sailing", "Chess"):
        await world.ask("topic create", name=name, query=name.lower())
    user = await PanelUser.opens(world)
    await user.presses("Server")
    assert list(user.options("topic")) == ["Chess", "Sailing"]
    await user.chooses("topic", "Sailing")
    assert "Change Sailing…" in user.labels()


async def test_votes_are_switched_by_clicking_and_a_model_is_offered_where_there_is_one(world: World) -> None:
    user = await PanelUser.opens(world)
    await user.presses("Server")
    assert "Let a model rephrase briefs" not in user.labels()
    await user.presses("Switch votes on")
    assert "Posts have the buttons" in user.text
    await user.presses("Switch votes off")
    assert "Posts have no buttons to vote with." in user.text
