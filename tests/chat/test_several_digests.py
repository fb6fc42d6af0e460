"""A daily and a weekly digest in one channel, and one of a topic in another: by command and by clicking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.chat.panel_user import PanelUser
from tests.chat.world import METRO, ROCKET, World, body, labels, mentions_in, seen
from tests.discord_markdown import links
from tests.make import at, record
from tests.shown import plain, shown


@pytest.fixture
async def two(world: World) -> World:
    """A channel with a daily and a weekly digest of Space."""
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("digest set", time="9", timezone="UTC")
    await world.ask("digest set", time="9", timezone="UTC", days="tue")
    return world


async def listed(world: World) -> list[str]:
    """What /digest list shows, in lines, without the times."""
    lines = plain(seen(await world.ask("digest list", by=world.member))).splitlines()
    return [
        " · ".join(part for part in line.split(" · ") if not part.startswith("next one")) for line in lines
    ]


def titles(world: World) -> list[str]:
    """What the digests in the channel are called."""
    return [plain(shown(post).title).partition(" · ")[0] for post in world.posts()]


async def test_a_daily_and_a_weekly_digest_come_at_the_same_time_and_may_tell_the_same(two: World) -> None:
    await two.take_in(record(ROCKET[0], quality=80))
    two.clock.now = at(21)  # Tuesday, 09:00
    for _ in range(2):
        await two.digest()
    assert titles(two) == ["Daily digest", "Weekly digest"]
    assert all(ROCKET[0] in seen(post) for post in two.posts())
    assert [mentions_in(body(sent)) for sent in two.sends()] == [([], []), ([], [])]


async def test_the_answer_says_which_there_are_and_offers_to_have_only_the_new_one(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    await world.ask("digest set", time="9", timezone="UTC")
    answer = await world.ask("digest set", time="18", timezone="UTC", days="sun")
    assert plain(seen(answer)).splitlines()[1:] == [
        f"{world.news.mention} gets Weekly digest: on Sunday at 18:00 (UTC), with at most 10 stories.",
        f"Next digest: <t:{int(at(6 * 24 + 6).timestamp())}:F>",
        "Topics: Space",
        "Other digests of the channel: Daily digest",
    ]
    assert labels(answer) == ["Remove “Daily digest”"]
    removed = world.answer(await world.press(answer, "Remove “Daily digest”"))
    assert (
        plain(seen(removed))
        == f"Digest removed\n{world.news.mention} no longer gets the digest Daily digest. Its subscriptions stay."
    )
    assert await listed(world) == [
        "Digests",
        world.news.mention,
        "Weekly digest · on Sunday at 18:00 (UTC) · Space",
    ]
    again = await world.ask("digest set", time="20", timezone="UTC", days="sat")
    assert "gets a digest on Saturday at 20:00 (UTC)" in seen(again)
    assert labels(again) == []


async def test_in_place_of_one_at_the_default_time_a_weekly_one_offers_a_daily_one_too(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="digest")
    answer = await world.ask("digest set", time="18", timezone="UTC", days="sun")
    assert labels(answer) == ["Add a daily digest"]
    both = world.answer(await world.press(answer, "Add a daily digest"))
    assert "Other digests of the channel: Weekly digest" in seen(both)
    assert [line for line in await listed(world) if "digest" in line] == [
        "Weekly digest · on Sunday at 18:00 (UTC) · Space",
        "Daily digest · every day at 18:00 (UTC) · Space",
    ]


async def test_with_a_name_only_what_is_said_changes(two: World) -> None:
    await two.ask(
        "digest set",
        time="9",
        timezone="UTC",
        days="mon, fri",
        size=3,
        style="headlines",
        name="Sky at a glance",
    )
    answer = plain(seen(await two.ask("digest set", time="7", timezone="UTC", name="sky AT a glance")))
    assert (
        "gets Sky at a glance: on Monday and Friday at 07:00 (UTC), with at most 3 stories (headlines only)."
        in answer
    )
    answer = plain(seen(await two.ask("digest set", time="8", timezone="UTC", name="Weekly digest")))
    assert "gets Weekly digest: on Tuesday at 08:00 (UTC)" in answer
    assert "• Daily digest every day at 09:00 (UTC)" in plain(seen(await two.ask("subscriptions")))


async def test_a_digest_of_a_topic_goes_to_a_channel_without_subscriptions(world: World) -> None:
    other = world.guild.create_text_channel("space-desk")
    answer = await world.ask("digest set", time="9", timezone="UTC", topic="Space", channel=other)
    assert f"{other.mention} gets Daily digest: Space: every day at 09:00 (UTC)" in plain(seen(answer))
    assert "Topics: Space" in seen(answer)
    await world.take_in(record(ROCKET[0], quality=80), record(METRO[0], quality=90))
    world.clock.now = at(21)
    await world.digest()
    [post] = world.posts(other)
    assert plain(shown(post).title) == "Daily digest: Space · Tuesday, 3 March"
    assert ROCKET[0] in seen(post)
    assert METRO[0] not in seen(post)
    assert world.posts() == []
    assert "• Daily digest: Space every day at 09:00 (UTC)" in plain(seen(await world.ask("subscriptions")))
    assert "1 digest is planned. It comes <t:" in seen(await world.ask("status"))


async def test_one_of_several_is_chosen_by_its_name(two: World) -> None:
    await two.take_in(record(ROCKET[0], quality=80))
    assert "Daily digest" in shown(await two.ask("digest preview")).title
    assert "Weekly digest" in shown(await two.ask("digest preview", name="Weekly digest")).title
    result = await two.manager.slash(two.news, "digest now")
    assert "This channel has several digests" in plain(two.refusal(result))
    answer = two.answer(result)
    assert labels(answer) == ["Daily digest", "Weekly digest"]
    assert "Sending a digest with 1 story." in seen(two.answer(await two.press(answer, "Weekly digest")))
    await two.deliver()
    assert titles(two) == ["Weekly digest"]
    assert "no digest called “Monthly”" in plain(await two.refused("digest remove", name="Monthly"))
    await two.ask("digest remove", name="weekly digest")
    assert "Daily digest" in seen(await two.ask("digest remove"))
    assert "no digest to remove" in await two.refused("digest remove")
    assert await listed(two) == ["Digests", "No channel has a digest yet. Start with /digest set."]


async def test_autocomplete_knows_the_digests_of_the_channel_that_is_meant(two: World) -> None:
    other = two.guild.create_text_channel("other")
    await two.ask("digest set", time="9", timezone="UTC", topic="Space", channel=other)
    assert set(await two.typing("digest remove", "name", "")) == {"Daily digest", "Weekly digest"}
    assert set(await two.typing("digest now", "name", "week")) == {"Weekly digest"}
    assert set(await two.typing("digest set", "name", "x", time="9", timezone="UTC")) == set()
    assert "Space" in await two.typing("digest set", "topic", "spa", time="9", timezone="UTC")
    assert set(await two.typing("digest remove", "name", "", channel=other)) == {"Daily digest: Space"}


async def test_digests_of_channels_that_somebody_may_not_see_or_manage_are_out_of_reach(two: World) -> None:
    hidden = two.guild.create_text_channel("board")
    await two.ask("digest set", time="9", timezone="UTC", topic="AI", channel=hidden)
    two.hide(hidden, two.member)
    assert hidden.mention not in await listed(two)
    assert "AI" not in " ".join(await listed(two))
    for refusal in (
        await two.refused("digest set", by=two.member, channel=two.news, time="9", timezone="UTC"),
        await two.refused("digest remove", by=two.member, channel=two.news),
    ):
        assert "Manage Channels" in refusal


async def test_what_is_no_topic_or_no_name(world: World) -> None:
    options: dict[str, Any] = {"time": "9", "timezone": "UTC"}
    assert "Knitting" in await world.refused("digest set", topic="Knitting", **options)
    assert "gets a digest" in seen(await world.ask("digest set", name="\t \u200b", **options))


async def test_a_name_is_shown_as_it_was_typed_and_pings_nobody(world: World) -> None:
    name = "**@everyone** [x](https://evil.example) `/mute`"
    await world.ask("subscribe", topic="Space", mode="digest")
    answer = await world.ask("digest set", time="9", timezone="UTC", name=name)
    assert name in plain(seen(answer))
    await world.take_in(record(ROCKET[0], quality=80))
    await world.ask("digest now")
    await world.deliver()
    [post] = world.posts()
    assert shown(post).title == f"{name} · Monday, 2 March"
    assert [text for text, _ in links(seen(post))] == [ROCKET[0]]
    assert mentions_in(body(world.sends()[0])) == ([], [])


async def test_each_has_a_post_of_its_own_in_a_forum(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="Space", channel=forum, mode="digest")
    for days in ("daily", "tue"):
        await world.ask("digest set", time="9", timezone="UTC", days=days, channel=forum)
    await world.take_in(record(ROCKET[0], quality=80))
    world.clock.now = at(21)
    await world.digest()
    names = {thread.name for thread in forum.threads}
    assert names == {"Digest of 3 March 2026", "Weekly digest of 3 March 2026"}


# By clicking.


async def test_digests_are_added_changed_and_removed_by_clicking(world: World) -> None:
    await world.ask("subscribe", topic="Space", mode="both")
    user = await PanelUser.opens(world)
    await user.presses("Digest")
    assert "The digest is sent every day at 09:00 (UTC), with at most 10 stories." in user.text
    assert "Remove" not in user.labels()
    await user.types("Set time and zone…", time="8", zone="UTC", days="daily", size="5", name="")
    await user.types("Add a digest…", time="18", zone="UTC", days="sun", topic="", name="")
    assert "gets Weekly digest: on Sunday at 18:00 (UTC)" in user.text
    await user.types("Add a digest…", time="19", zone="UTC", days="sun", topic="AI", name="Machines")
    assert [line.partition(" · next")[0] for line in user.text.splitlines() if line.startswith("• ")] == [
        "• Daily digest · every day at 08:00 (UTC)",
        "• Weekly digest · on Sunday at 18:00 (UTC)",
        "• Machines · on Sunday at 19:00 (UTC)",
    ]
    assert list(user.options("digest").values()) == [False, False, True]
    [_, weekly, _] = user.options("digest")
    await user.chooses("digest", weekly)
    assert user.options("digest")[weekly]
    await user.types("Set time and zone…", time="20", zone="UTC", days="sat", size="3", name="Week in space")
    assert "• Week in space · on Saturday at 20:00 (UTC)" in user.text
    await user.types("Set time and zone…", time="20", zone="UTC", days="sat", size="3", name="machines")
    assert "already has a digest called “Machines”" in user.text
    await user.presses("Remove")
    assert "no longer gets the digest Week in space." in user.text
    await user.presses("Remove")
    assert "• Machines · on Sunday at 19:00 (UTC)" in user.text
    assert "• Daily digest" not in user.text
    await user.presses("Turn off")
    assert "The digest is turned off." in user.text


async def test_the_chosen_one_is_sent_by_clicking(two: World) -> None:
    await two.take_in(record(ROCKET[0], quality=80))
    user = await PanelUser.opens(two)
    await user.presses("Digest")
    [_, weekly] = user.options("digest")
    await user.chooses("digest", weekly)
    await user.presses("Send now")
    assert "Sending a digest with 1 story." in user.text
    await two.deliver()
    assert titles(two) == ["Weekly digest"]


async def test_a_digest_that_somebody_else_has_removed_meanwhile_is_said_to_be_gone(two: World) -> None:
    user = await PanelUser.opens(two)
    await user.presses("Digest")
    [_, weekly] = user.options("digest")
    await user.chooses("digest", weekly)
    await two.ask("digest remove", name="Weekly digest")
    await user.presses("Remove")
    assert "That digest is not there any more." in user.text
    assert "The digest is sent every day at 09:00 (UTC)" in user.text


async def test_quiet_hours_and_the_limit_of_posts_hold_no_digest_back(two: World) -> None:
    await two.ask("quiet-hours set", start="22:00", end="12:00", timezone="UTC")
    await two.ask("post-limit", per_hour=1)
    await two.take_in(record(ROCKET[0], quality=80))
    two.clock.now = at(21)
    await two.digest()
    assert titles(two) == ["Daily digest", "Weekly digest"]
    two.clock.forward(days=7)
    await two.take_in(record(METRO[0], hours=21 + 7 * 24 - 1, topics=["Space"]))
    await two.digest()
    assert titles(two)[2:] == ["Daily digest", "Weekly digest"]
    assert two.clock() == at(21) + timedelta(days=7)
