"""Posts that an earlier version sent as embeds: their next edit makes them what posts are now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest
import sqlalchemy as sa

from bot.store import schema
from tests.chat.world import METRO, World, body, mentions_in, seen
from tests.make import record
from tests.shown import plain, shown

V2 = 1 << 15


FIRST = record(METRO[0], "a.example", quality=80)


async def posted_long_ago(world: World, content: str = "") -> discord.Message:
    """A story's post with an embed, as an earlier version sent it."""
    await world.ask("subscribe", topic="AI", mention=world.role("readers"))
    await world.report(FIRST)
    channel: Any = world.app.client.get_channel(world.news.id)
    embed = discord.Embed(title=METRO[0], url="https://a.example/", description="It was decided.")
    old: discord.Message = await channel.send(content=content or None, embed=embed)
    async with world.app.context.db.write() as connection:
        values = {"message_id": old.id, "form": "embeds", "shown": "an earlier version's", "mentioned": None}
        await connection.execute(sa.update(schema.outbox).values(**values))
    world.clock.forward(minutes=5)
    return old


def standing(world: World, old: discord.Message) -> discord.Message:
    """The post as it stands now."""
    return next(post for post in world.posts() if post.id == old.id)


async def test_the_next_edit_turns_an_embed_into_components_with_one_request(world: World) -> None:
    old = await posted_long_ago(world, "<@&1> @everyone")
    await world.report(record(METRO[1], "b.example", quality=70))
    (edit,) = world.edits()
    sent = body(edit)
    assert (sent["content"], sent["embeds"], sent["flags"]) == (None, [], V2)
    assert mentions_in(sent) == ([], [])
    post = standing(world, old)
    assert (post.content, post.embeds) == ("", [])
    assert post.flags.components_v2
    page = shown(post)
    assert page.title == METRO[0]
    assert page.lines[0].startswith("<@&"), "the role that the post pinged is still named"
    world.clock.forward(minutes=5)
    await world.report(record(METRO[2], "c.example", quality=60))
    assert not {"content", "embeds"} & set(body(world.edits()[1]))
    assert "3 outlets" in seen(standing(world, old))
    assert "no longer lets" not in seen(await world.ask("status"))


async def test_a_refusal_leaves_the_embed_and_is_counted_and_not_tried_again(world: World) -> None:
    old = await posted_long_ago(world)
    refused = world.refuse("PATCH", "/channels/*/messages/*", 400, 99_999, when=lambda sent: "flags" in sent)
    await world.report(record(METRO[1], "b.example", quality=70))
    assert await world.later() == 0
    assert len(refused) == 1
    await world.report(record(METRO[2], "c.example", quality=60, hours=4))
    assert await world.later() == 0
    assert len(refused) == 1
    assert standing(world, old).embeds[0].title == METRO[0]
    assert "Older posts that Discord no longer lets the bot update: 1" in seen(await world.ask("status"))


async def test_an_embed_that_could_not_be_turned_still_goes_when_its_story_is_withdrawn(world: World) -> None:
    old = await posted_long_ago(world)
    world.refuse("PATCH", "/channels/*/messages/*", 400, 99_999, when=lambda sent: "flags" in sent)
    other = record(METRO[1], "b.example", quality=70)
    await world.report(other)
    for removed in (other, FIRST):
        world.clock.forward(minutes=5)
        await world.report(replace(removed, removed=True))
    await world.later()
    assert plain(seen(standing(world, old))).startswith("Story withdrawn\nThe outlets removed all articles")


@pytest.mark.parametrize(("status", "code"), [(500, 0), (429, 0), (403, 0)])
async def test_what_passes_by_itself_is_no_refusal(world: World, status: int, code: int) -> None:
    old = await posted_long_ago(world)
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=status, code=code, times=1)
    await world.report(record(METRO[1], "b.example", quality=70))
    await world.later()
    assert standing(world, old).flags.components_v2
    assert "no longer lets" not in seen(await world.ask("status"))
