"""👍 and 👎 below posts: off at first, one vote a member, counted for managers, heard by the digest."""

from __future__ import annotations

from bot.domain.model import Volume
from tests.chat.world import METRO, ROCKET, WHALES, World, labels, seen
from tests.make import record


async def two_posts(world: World) -> None:
    """Story 1 and the smaller story 2, both posted and in the digest."""
    await world.ask("subscribe", topic="AI", mode="both", volume=Volume.EVERYTHING.value)
    await world.report(
        record(METRO[0], "a.example", quality=90), record(WHALES[0], "b.example", quality=60, hours=0.1)
    )


async def press(world: World, post: int, label: str, *, by_member: bool = True) -> str:
    """Press a button of a post: what the member is told."""
    by = world.member if by_member else world.manager
    return seen(world.answer(await world.press(world.posts()[post], label, by=by)))


async def test_posts_have_no_votes_before_a_manager_wants_them(world: World) -> None:
    await two_posts(world)
    assert "👍" not in labels(world.posts()[0])
    assert "Votes are switched off in this server." in seen(await world.ask("votes"))
    world.open_command("votes", world.member)
    assert "You need" in await world.refused("votes", by=world.member, switch="on")


async def test_a_member_votes_changes_it_and_takes_it_back(world: World) -> None:
    assert "Nobody has voted in the last 30 days." in seen(await world.ask("votes", switch="on"))
    await two_posts(world)
    assert labels(world.posts()[0])[-2:] == ["👍", "👎"]
    assert await press(world, 0, "👍") == "👍 Thank you. Press again to take your vote back."
    assert await press(world, 1, "👍", by_member=False) == "👍 Thank you. Press again to take your vote back."
    assert await press(world, 0, "👎") == "👎 Thank you. Press again to take your vote back."
    shown = seen(await world.ask("votes"))
    assert "2 votes in the last 30 days: 👍 1 · 👎 1" in shown
    assert "**Computer Vision** 👍 1 · 👎 1" in shown
    assert "**a.example** 👍 0 · 👎 1" in shown
    assert await press(world, 0, "👎") == "Your vote is taken back."
    assert "1 vote in the last 30 days: 👍 1 · 👎 0" in seen(await world.ask("votes"))


async def test_every_layout_has_the_buttons_after_a_restart_too(world: World) -> None:
    await world.ask("votes", switch="on")
    await two_posts(world)
    for place, layout in enumerate(("compact", "headline")):
        await world.ask("appearance set", layout=layout)
        more = record(f"Update: {METRO[1]}", f"n{place}.example", hours=1 + place, quality=90)
        await world.report(more)
        world.clock.forward(minutes=20)
        await world.deliver()
        assert labels(world.posts()[0])[-2:] == ["👍", "👎"]
    await world.restart()
    assert "Thank you" in await press(world, 0, "👍")


async def test_a_button_that_was_left_says_that_votes_are_off(world: World) -> None:
    await world.ask("votes", switch="on")
    await two_posts(world)
    await world.ask("votes", switch="off")
    answer = await world.press(world.posts()[0], "👍", by=world.member)
    assert "Votes are switched off in this server." in world.refusal(answer)


async def test_the_digest_begins_with_what_members_vote_for(world: World) -> None:
    await world.ask("votes", switch="on")
    await two_posts(world)
    before = seen(await world.ask("digest preview"))
    assert before.index(METRO[0]) < before.index(WHALES[0])
    await press(world, 1, "👍")
    after = seen(await world.ask("digest preview"))
    assert after.index(WHALES[0]) < after.index(METRO[0])
    await world.ask("votes", switch="off")
    assert seen(await world.ask("digest preview")) == before


async def test_votes_go_on_with_a_story_that_is_merged(world: World) -> None:
    await world.ask("votes", switch="on")
    await world.ask("subscribe", topic="Space", volume=Volume.EVERYTHING.value)
    await world.report(record(ROCKET[0], "b.example", topics=["Space"]))
    await press(world, 0, "👍")
    await world.merge()
    assert "1 vote" in seen(await world.ask("votes"))
