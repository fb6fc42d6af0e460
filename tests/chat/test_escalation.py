"""A story goes from the digest to a post to a ping: on Discord, as readers and managers see it."""

from __future__ import annotations

import discord
import pytest
from simcord.builders import ChannelHandle

from bot.chat.port import MessageTraits, Target
from bot.domain.model import StorySize
from bot.domain.retry import SendStatus
from tests.chat.panel_user import PanelUser
from tests.chat.test_setup import subscriptions_of
from tests.chat.world import METRO, World, body, labels, mentions_in, seen
from tests.make import at, record
from tests.shown import shown


async def grow(world: World, channel: ChannelHandle | None = None) -> discord.Message:
    """A story that was posted small turns major. Returns its post."""
    await world.report(record(METRO[0], "a.example", quality=60))
    [post] = world.posts(channel)
    world.clock.forward(minutes=10)
    await world.report(*(record(METRO[n % 4], f"o{n}.example", quality=40) for n in range(6)))
    return post


async def test_a_major_story_pings_when_it_is_posted_and_a_small_one_does_not(world: World) -> None:
    role = world.role("readers")
    changed = await world.ask("subscribe", topic="AI", volume="everything", mention=role, ping_from="major")
    assert f"pings {role.mention} for major stories" in seen(changed)
    await world.report(
        record("Computer vision finds frescoes", "a.example", quality=60),
        record("Facial recognition law passes", "b.example", heat=180),
    )
    pinged = {shown(post).text.count(role.mention): len(post.role_mentions) for post in world.posts()}
    assert pinged == {0: 0, 1: 1}


async def test_a_story_that_turns_major_later_is_announced_once_as_a_reply(world: World) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="AI", volume="everything", mention=role, ping_from="major")
    post = await grow(world)
    [_, reply] = world.posts()
    assert post.role_mentions == []
    assert reply.reference is not None
    assert reply.reference.message_id == post.id
    assert METRO[0] in shown(reply).text
    assert "This story is now major. 7 outlets report it." in seen(reply)
    assert [mentioned.id for mentioned in reply.role_mentions] == [role.id]
    sent = body(world.sends()[-1])
    assert mentions_in(sent) == ([], [str(role.id)])
    assert not sent["allowed_mentions"].get("replied_user")
    assert labels(reply) == ["Related coverage"]
    coverage = await world.press(reply, "Related coverage", by=world.member)
    assert METRO[1] in seen(world.answer(coverage))
    world.clock.forward(minutes=10)
    await world.report(record(METRO[1], "late.example", quality=40))
    assert await world.later() == 0
    assert len(world.posts()) == 2


async def test_nothing_is_announced_where_nobody_asked_for_it(world: World) -> None:
    await world.ask("subscribe", topic="AI", volume="everything", mention=world.role("readers"))
    await grow(world)
    assert len(world.posts()) == 1


async def test_a_subscription_without_a_role_can_announce_major_stories(world: World) -> None:
    answer = await world.ask("subscribe", topic="AI", volume="everything", announce_major=True)
    assert "announces stories that turn major" in seen(answer)
    await grow(world)
    [_, reply] = world.posts()
    assert reply.reference is not None
    assert mentions_in(body(world.sends()[-1])) == ([], [])
    changed = await world.ask("subscribe", topic="AI", announce_major=False)
    assert "announces" not in seen(changed)


async def test_in_a_forum_the_reply_stands_in_the_post_of_the_story(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="AI", channel=forum, volume="everything", announce_major=True)
    await world.report(record(METRO[0], "a.example", quality=60))
    (thread,) = forum.threads
    world.clock.forward(minutes=10)
    await world.report(*(record(METRO[n % 4], f"o{n}.example", quality=40) for n in range(6)))
    first, reply = thread.history()
    assert reply.reference is not None
    assert (reply.reference.message_id, reply.channel.id) == (first.id, thread.id)
    assert "This story is now major." in seen(reply)
    assert len(forum.threads) == 1
    world.clock.forward(minutes=10)
    await world.report(record(METRO[1], "late.example", quality=40))
    assert "8 outlets report it." in seen(thread.history()[1])
    assert thread.name == METRO[0]


async def test_a_locked_forum_post_gets_no_reply_and_the_forum_goes_on(world: World) -> None:
    forum = world.forum()
    await world.ask("subscribe", topic="AI", channel=forum, volume="everything", announce_major=True)
    await world.report(record(METRO[0], "a.example", quality=60))
    (thread,) = forum.threads
    world.refuse("POST", f"/channels/{thread.id}/messages", 403, 50013)
    world.clock.forward(minutes=10)
    await world.report(*(record(METRO[n % 4], f"o{n}.example", quality=40) for n in range(6)))
    assert await world.later() == 0
    assert "paused" not in seen(await world.ask("subscriptions"))
    await world.report(record("Computer vision finds frescoes", "z.example", quality=60))
    assert len(forum.threads) == 2


async def test_a_reply_to_a_deleted_post_comes_to_nothing(world: World) -> None:
    await world.ask("subscribe", topic="AI", volume="everything", announce_major=True)
    refused = world.refuse(
        "POST",
        f"/channels/{world.news.id}/messages",
        400,
        50035,
        parts={
            "message_reference": {
                "_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]
            }
        },
        when=lambda sent: "message_reference" in sent,
    )
    await grow(world)
    assert await world.later() == 0
    assert len(refused) == 1
    assert len(world.posts()) == 1


async def test_two_processes_and_a_restart_announce_a_story_once(world: World) -> None:
    await world.ask("subscribe", topic="AI", volume="everything", announce_major=True)
    await world.report(record(METRO[0], "a.example", quality=60))
    world.clock.forward(minutes=10)
    await world.take_in(*(record(METRO[n % 4], f"o{n}.example", quality=40) for n in range(6)))
    await world.deliver_twice_at_once()
    await world.restart()
    await world.later()
    assert len(world.posts()) == 2


async def test_a_post_and_its_reply_are_told_apart_after_a_crash(world: World) -> None:
    await world.ask("subscribe", topic="AI", volume="everything", announce_major=True)
    post = await grow(world)
    [_, reply] = world.posts()
    target, long_ago, numbers = Target(world.guild.id, world.news.id), at(-9000), frozenset({1})
    find = world.app.sender.find
    as_post = await find(target, MessageTraits(long_ago, numbers))
    assert as_post.message_id == post.id
    as_reply = await find(
        target, MessageTraits(long_ago, numbers, excluded=frozenset({post.id}), reply_to=post.id)
    )
    assert as_reply.message_id == reply.id
    for traits in (
        MessageTraits(long_ago, numbers, excluded=frozenset({post.id})),
        MessageTraits(long_ago, numbers, reply_to=reply.id),
    ):
        assert (await find(target, traits)).result is SendStatus.MISSING


@pytest.mark.parametrize("mode", ["live", "both"])
async def test_why_tells_what_is_still_to_come(world: World, mode: str) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="AI", mode=mode, volume="notable", mention=role, ping_from="major")
    await world.report(record(METRO[0], "a.example", quality=60))
    small = seen(await world.ask("why", story="1"))
    assert "Not posted here: smaller than the stories that the subscription posts." in small
    assert ("It can come in this channel's digest." in small) is (mode == "both")
    world.clock.forward(minutes=10)
    await world.report(record(METRO[1], "b.example", quality=60))
    assert "It pings a role once it is major." in seen(await world.ask("why", story="1"))
    world.clock.forward(minutes=10)
    await world.report(*(record(METRO[n % 4], f"o{n}.example", quality=40) for n in range(6)))
    told = seen(await world.ask("why", story="1"))
    assert "Announced again" in told
    assert "It pings" not in told


async def test_the_digest_has_what_is_not_posted_unless_it_has_a_volume_of_its_own(world: World) -> None:
    answer = await world.ask("subscribe", topic="AI", mode="both", volume="major")
    assert "major stories · the rest in the digest" in seen(answer)
    await world.report(record(METRO[0], "a.example", quality=60))
    assert world.posts() == []
    assert METRO[0] in seen(await world.ask("digest preview"))
    changed = await world.ask("subscribe", topic="AI", digest_volume="notable")
    assert "major stories · other notable stories in the digest" in seen(changed)
    assert METRO[0] not in seen(await world.ask("digest preview"))
    assert "the rest in the digest" in seen(await world.ask("subscribe", topic="AI", reset="volume"))


async def test_the_panel_has_the_same_settings(world: World) -> None:
    role = world.role("readers")
    await world.ask("subscribe", topic="Space")
    user = await PanelUser.opens(world)
    await user.presses("Posts")
    await user.chooses("topic", "Space")
    await user.chooses("role", role)
    assert user.options("ping_from") == {"any": True, "notable": False, "major": False}
    await user.chooses("ping_from", "major")
    assert (await subscriptions_of(world))["Space"].ping_from is StorySize.MAJOR
    assert f"pings {role.mention} for major stories" in user.text
    await user.presses("Announce stories that turn major")
    assert (await subscriptions_of(world))["Space"].announces_major
    await user.presses("Do not announce major stories")
    assert not (await subscriptions_of(world))["Space"].announces_major
    await user.chooses("mode", "digest")
    assert "Announce stories that turn major" not in user.labels()
