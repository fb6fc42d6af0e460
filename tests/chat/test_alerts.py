"""Alerts of members: a story that matches a query of theirs comes by direct message, or with a mention in a channel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
import sqlalchemy as sa
from simcord.actors import MemberActor

from bot.chat.port import MessageTraits, Target
from bot.domain.posting.alerts import AlertLimits
from bot.domain.retry import SendStatus
from bot.services import subscribe
from bot.store import schema
from tests.chat.test_setup import leave
from tests.chat.world import METRO, ROCKET, World, body, buttons, labels, message_of, seen, titles
from tests.languages import bracketed, outside, speaking_as
from tests.make import ListSource, at, record


async def news(world: World, *records: object) -> None:
    """Records come in; alerts are compared with them, and everything is delivered."""
    await world.take_in(*records)  # type: ignore[arg-type] # records
    await world.app.alert()
    await world.deliver()


def inbox(world: World, who: MemberActor) -> list[discord.Message]:
    """The direct messages of the bot to a member, oldest first."""
    return world.posts(who.user.dm_channel)


def limit(world: World, limits: AlertLimits) -> None:
    """Change what members may have and get."""
    object.__setattr__(world.app.context, "alert_limits", limits)


async def rows(world: World, table: str) -> int:
    """How many rows of a table there are."""
    async with world.app.context.db.read() as connection:
        return len((await connection.execute(schema.metadata.tables[table].select())).all())


async def test_a_story_that_matches_comes_by_direct_message_once_and_is_kept_up_to_date(world: World) -> None:
    made = await world.ask("alert create", query="metro -ferry", by=world.member)
    assert "metro -ferry" in seen(made)
    await news(world, record(METRO[0], "a.example"), record(ROCKET[0], "b.example"))
    [message] = inbox(world, world.member)
    assert METRO[0] in seen(message)
    assert "metro \\-ferry" in seen(message) or "metro -ferry" in seen(message)
    assert f"<#{world.news.id}>" in seen(message)
    assert not world.posts()
    world.clock.forward(minutes=5)
    await news(world, record(METRO[1], "b.example"))
    world.clock.forward(minutes=5)
    await world.deliver()
    [message] = inbox(world, world.member)
    assert "+1 outlet" in seen(message)


async def test_a_member_gets_a_story_once_however_many_alerts_match(world: World) -> None:
    for query in ("metro", "facial", "title:recognition"):
        await world.ask("alert create", query=query, by=world.member)
    await world.ask("alert create", query="metro", by=world.manager)
    await news(world, record(METRO[0], "a.example"), record(METRO[1], "b.example"))
    await news(world, record(METRO[2], "c.example"))
    assert len(inbox(world, world.member)) == 1
    assert len(inbox(world, world.manager)) == 1


async def test_what_was_there_before_an_alert_is_not_told(world: World) -> None:
    await news(world, record(METRO[0], "a.example"))
    await world.ask("alert create", query="metro", by=world.member)
    await news(world)
    assert not inbox(world, world.member)


async def test_a_query_with_a_mistake_is_drawn(world: World) -> None:
    answer = await world.refused("alert create", query="metro AND (", by=world.member)
    assert "mistake at character" in answer
    assert "^" in answer
    assert await rows(world, "alerts") == 0


async def test_members_see_and_delete_their_own_alerts_alone(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await world.ask("alert create", query="whales", by=world.manager)
    own = seen(await world.ask("alert list", by=world.member))
    assert "metro" in own
    assert "whales" not in own
    await world.refused("alert delete", alert="whales", by=world.member)
    await world.ask("alert delete", alert="metro", by=world.member)
    assert "no alerts" in seen(await world.ask("alert list", by=world.member))
    await news(world, record(METRO[0], "a.example"))
    assert not inbox(world, world.member)


async def test_an_alert_that_is_deleted_sends_nothing_that_waits(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await world.take_in(record(METRO[0], "a.example"))
    await world.app.alert()
    await world.ask("alert delete", alert="metro", by=world.member)
    await world.deliver()
    assert not inbox(world, world.member)


async def test_there_are_limits_for_a_member_and_for_a_server(world: World) -> None:
    limit(world, AlertLimits(per_member=1, per_server=2))
    await world.ask("alert create", query="metro", by=world.member)
    assert "1 alert" in await world.refused("alert create", query="whales", by=world.member)
    assert "already" in await world.refused("alert create", query="METRO", by=world.member)
    await world.ask("alert create", query="metro", by=world.manager)
    third = world.guild.add_member(world.env.create_user("ines"))
    assert "as many alerts" in await world.refused("alert create", query="metro", by=third)


async def test_a_flood_is_as_many_messages_as_allowed_and_one_list(world: World) -> None:
    limit(world, AlertLimits(per_hour=3, per_day=4))
    await world.ask("alert create", query="topic:space", by=world.member)
    flood = [
        record(title, f"o{n}.example", topics=["Space"], quality=60) for n, title in enumerate(titles(40))
    ]
    await news(world, *flood[:20])
    world.clock.forward(minutes=5)
    await news(world, *flood[20:])
    world.clock.forward(minutes=5)
    await world.deliver()
    messages = inbox(world, world.member)
    assert len(messages) == 4
    listing = seen(messages[-1])
    assert "More stories for your alerts" in listing
    assert listing.count("`#") + int(listing.rsplit("… and ", 1)[1].split()[0]) == 37
    world.clock.forward(hours=2)
    await news(world, *(record(t, "x.example", topics=["Space"]) for t in list(titles(44))[40:]))
    world.clock.forward(minutes=5)
    await world.deliver()
    assert len(inbox(world, world.member)) == 5  # one more until the limit of the day


async def test_a_channel_must_be_open_to_alerts_and_to_the_member(world: World) -> None:
    rules = world.guild.create_text_channel("rules")
    world._overwrite(rules, world.member.id, deny=discord.Permissions(send_messages=True))
    refusal = await world.refused("alert create", query="metro", channel=rules, by=world.member)
    assert "cannot write" in refusal
    answer = await world.refused("alert create", query="metro", channel=world.news, by=world.member)
    assert "/alert channel" in answer
    await world.refused("alert channel", channel=world.news, by=world.member)
    await world.ask("alert channel", channel=world.news)
    await world.ask("alert create", query="metro", channel=world.news, by=world.member)
    await news(world, record(METRO[0], "a.example"))
    [post] = world.posts()
    assert f"<@{world.member.id}>" in seen(post)
    assert METRO[0] in seen(post)
    assert "Your alert" not in seen(post)
    related = await world.member.context_menu(world.news, "Related", message_of(post))
    assert METRO[0] in seen(world.answer(related))
    [sent] = world.sends()
    allowed = body(sent)["allowed_mentions"]
    assert [*map(int, allowed["users"])] == [world.member.id]
    assert not allowed.get("parse")
    assert not allowed.get("roles")
    assert not inbox(world, world.member)
    await world.ask("alert channel", channel=world.news, allow=False)
    assert await rows(world, "alerts") == 0


@pytest.mark.parametrize("per_hour", [0, 5])
async def test_nobody_is_mentioned_in_a_channel_that_was_closed_meanwhile(
    world: World, per_hour: int
) -> None:
    limit(world, AlertLimits(per_hour=per_hour))
    await world.ask("alert channel", channel=world.news)
    await world.ask("alert create", query="metro", channel=world.news, by=world.member)
    await world.take_in(record(METRO[0], "a.example"))
    await world.app.alert()
    await world.ask("alert channel", channel=world.news, allow=False)
    await world.deliver()
    assert not world.posts()


async def test_with_the_last_subscription_of_a_deleted_channel_its_alerts_end(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.ask("subscribe", topic="Space", at=other)
    await world.ask("alert channel", channel=other)
    await world.ask("alert create", query="metro", channel=other)
    await subscribe.unsubscribe(world.app.context, "Space", other.id, world.guild.id, channel_deleted=True)
    assert (await rows(world, "alerts"), await rows(world, "alert_channels")) == (0, 0)


async def test_a_post_and_a_mention_of_one_story_are_told_apart_after_a_crash(world: World) -> None:
    await world.ask("subscribe", topic="Space", volume="everything")
    await world.ask("alert create", query="rocket", channel=world.news)
    await news(world, record(ROCKET[0], "a.example", topics=["Space"]))
    [post, mention] = sorted(world.posts(), key=lambda message: "An alert that you made" in seen(message))
    target, since, numbers = Target(world.guild.id, world.news.id), at(-9000), frozenset({1})
    mine = frozenset(b.custom_id for b in buttons(mention) if b.custom_id)
    for traits, sought in (
        (MessageTraits(since, numbers), post),
        (MessageTraits(since, numbers, actions=mine), mention),
    ):
        assert (await world.app.sender.find(target, traits)).message_id == sought.id
        without = replace(traits, excluded=frozenset({sought.id}))
        assert (await world.app.sender.find(target, without)).result is SendStatus.MISSING


async def test_a_member_who_may_no_longer_see_the_channel_gets_no_mention_there(world: World) -> None:
    await world.ask("alert channel", channel=world.news)
    await world.ask("alert create", query="metro", channel=world.news, by=world.member)
    world.hide(world.news, world.member)
    await news(world, record(METRO[0], "a.example"))
    assert not world.posts()
    assert await rows(world, "alerts") == 0


async def test_what_the_server_has_muted_alerts_nobody(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await world.ask("mute", what="a.example")
    await news(world, record(METRO[0], "a.example"))
    assert not inbox(world, world.member)
    await news(world, record(METRO[1], "b.example"))
    [message] = inbox(world, world.member)
    assert "a.example" not in seen(message)


async def test_the_alerts_of_somebody_who_left_end_with_all_that_is_stored_of_them(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await world.ask("alert create", query="whales", by=world.member)
    world.env.backend.remove_member(world.guild.id, world.member.id)
    await news(world, record(METRO[0], "a.example"))
    assert not inbox(world, world.member)
    assert await rows(world, "alerts") == 0
    assert await rows(world, "outbox") == 0


async def test_closed_direct_messages_end_them_after_one_notice_that_names_no_query(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await world.ask("alert create", query="rocket", by=world.member)
    dm = world.member.user.dm_channel
    world.refuse("POST", f"/channels/{dm.id}/messages", 403, 50007)
    await news(world, record(METRO[0], "a.example"), record(ROCKET[0], "b.example"))
    await world.later()
    [notice] = world.posts()
    assert f"<@{world.member.id}>" in seen(notice)
    assert "metro" not in seen(notice)
    assert await rows(world, "alerts") == 0
    await world.ask("alert create", query="metro", by=world.member)
    await news(world, record("Metro line opens under the old harbour", "a.example"))
    await world.later()
    assert len(world.posts()) == 1
    assert await rows(world, "alerts") == 0


@pytest.mark.parametrize("in_channel", [False, True])
async def test_whatever_the_bot_died_with_is_found_again_and_not_sent_twice(
    world: World, in_channel: bool
) -> None:
    limit(world, AlertLimits(per_hour=2))
    where: dict[str, Any] = {"channel": world.news} if in_channel else {}
    await world.ask("alert create", query="topic:space", **where)
    flood = [record(title, f"o{n}.example", topics=["Space"]) for n, title in enumerate(titles(5))]
    await news(world, *flood)
    place = world.news if in_channel else world.manager.user.dm_channel
    outbox = schema.outbox
    stored = sa.select(outbox.c.kind, outbox.c.story, outbox.c.message_id).order_by(outbox.c.id)
    stored = stored.where(outbox.c.message_id.is_not(None))
    async with world.app.context.db.write() as connection:
        before = (await connection.execute(stored)).all()
        assert [row.kind for row in before] == ["member_rollup", "member", "member"]
        begun = discord.utils.snowflake_time(min(row.message_id for row in before))
        died = {"message_id": None, "sent_at": None, "begun_at": begun, "due_at": world.clock()}
        await connection.execute(sa.update(outbox).where(outbox.c.message_id.is_not(None)).values(**died))
    world.clock.forward(minutes=3)
    await world.restart()
    await world.deliver()
    async with world.app.context.db.read() as connection:
        assert (await connection.execute(stored)).all() == before
    assert len(world.posts(place)) == 3


async def test_a_withdrawn_story_says_nothing_any_more(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    gone = record(METRO[0], "a.example")
    await news(world, gone)
    await news(world, record(METRO[0], "a.example", url=gone.url, removed=True))
    world.clock.forward(minutes=5)
    await world.deliver()
    [message] = inbox(world, world.member)
    assert METRO[0] not in seen(message)


async def test_what_a_server_has_of_its_own_alerts_its_members_alone(world: World) -> None:
    other = world.env.create_guild("Other")
    neighbour = other.add_member(world.env.create_user("noor"))
    lobby = other.create_text_channel("lobby")
    await world.ask("alert create", query="metro", by=world.member)
    await world.ask("alert create", query="metro", by=neighbour, at=lobby)
    own = ListSource("list:own")
    await world.app.ingest.step(own, guild_id=other.id)
    await world.app.ingest.step(own.add(record(METRO[0], "a.example")), guild_id=other.id)
    await news(world)
    assert not inbox(world, world.member)
    [message] = inbox(world, neighbour)
    assert METRO[0] in seen(message)
    await news(world, record(METRO[1], "b.example"))
    [shared] = inbox(world, world.member)
    assert "a.example" not in seen(shared)


async def test_the_server_that_removes_the_bot_keeps_nothing_of_its_members(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await world.ask("alert channel", channel=world.news)
    leave(world)
    await world.env.settle()
    assert await rows(world, "alerts") == 0
    assert await rows(world, "alert_channels") == 0


async def test_the_deletion_of_a_channel_ends_its_alerts(world: World) -> None:
    other = world.guild.create_text_channel("other")
    await world.ask("alert create", query="metro", channel=other)
    world.env.backend.delete_channel(other.id)
    await world.env.settle()
    assert await rows(world, "alerts") == 0


async def test_the_buttons_of_a_direct_message_name_server_and_member(world: World) -> None:
    await world.ask("alert create", query="metro", by=world.member)
    await news(world, record(METRO[0], "a.example"))
    [message] = inbox(world, world.member)
    ids = [button.custom_id for button in buttons(message) if button.custom_id]
    assert all(f":{world.guild.id}:{world.member.id}:1" in (name or "") for name in ids)


async def test_a_mention_goes_out_without_the_part_that_discord_refuses(world: World) -> None:
    await world.ask("alert create", query="metro", channel=world.news)
    wrong = {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "too long"}]}}
    parts = {"components": {"1": {"components": {"3": wrong}}}}  # below the line that names the member
    path = f"/channels/{world.news.id}/messages"
    refused = world.refuse(
        "POST", path, 400, 50035, parts=parts, when=lambda sent: "It was decided" in str(sent)
    )
    await news(world, record(METRO[0], "a.example", excerpt="It was decided."))
    [post] = world.posts()
    assert len(refused) == 1
    assert f"<@{world.manager.id}>" in seen(post)
    assert METRO[0] in seen(post)


async def test_messages_and_answers_are_in_the_members_language(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bracketed(monkeypatch)
    speaking_as(monkeypatch, {world.member.id: "fr"})
    answer = seen(await world.ask("alert create", query="metro", by=world.member))
    assert outside(answer).strip() == ""
    await world.ask("alert create", query="metro")
    await news(world, record(METRO[0], "a.example"))
    [message] = inbox(world, world.member)
    assert "⟦fr|Your alert from" in seen(message)
    assert labels(message) == [f"⟦fr|{label}⟧" for label in ("Read", "Related coverage", "Follow this story")]
    [other] = inbox(world, world.manager)
    assert "⟦" not in seen(other)
