"""People decide last: stories merged and reports taken out with the buttons below /related."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from simcord.actors import MemberActor

from bot.domain.model import Record, Volume
from bot.errors import NotAllowedError
from bot.services import curate
from bot.services.curate import Editor
from tests.chat.world import World, components, labels, message_of, seen
from tests.form import sized
from tests.make import ListSource, record
from tests.shown import plain, shown

BRIDGE = "Harbour bridge closed after crack found"
GIRDER = "Engineers inspect damaged steel girder overnight"


@pytest.fixture
def moderator(world: World) -> MemberActor:
    """A member with Manage Messages and nothing else."""
    role = world.guild.create_role("moderators", permissions=discord.Permissions(manage_messages=True))
    return world.guild.add_member(world.env.create_user("nora"), roles=[role])


async def two_stories(world: World) -> tuple[Record, Record]:
    """One event that looks like two, both posted."""
    await world.ask("subscribe", topic="Space", volume=Volume.EVERYTHING.value)
    one = record(BRIDGE, "a.example", topics=["Space"], quality=80)
    two = record(GIRDER, "b.example", topics=["Space"], quality=70, hours=1)
    await world.report(one, two)
    return one, two


def menu_of(answer: Any) -> discord.SelectMenu:
    """The one menu of an answer."""
    [menu] = [part for part in components(answer) if isinstance(part, discord.SelectMenu)]
    return menu


async def merge(world: World, by: MemberActor, story: str, other: str) -> Any:
    """Press *Merge with…* below a story, and name the other one."""
    shown = await world.ask("related", story=story, by=by)
    asked = await world.press(shown, "Merge with…", by=by)
    return await by.submit_modal(asked, {"other": other})


async def part(world: World, by: MemberActor, story: str, title: str) -> Any:
    """Press *Not the same story…* below a story, and choose a report."""
    shown = await world.ask("related", story=story, by=by)
    asked = world.answer(await world.press(shown, "Not the same story…", by=by))
    menu = menu_of(asked)
    [value] = [option.value for option in menu.options if option.label == title]
    return await by.select(message_of(asked), [value])


def told(world: World, result: Any) -> str:
    """What a button or a modal answered."""
    return plain(shown(world.answer(result)).body)


def not_taken_out(world: World, result: Any) -> str:
    """What the menu answered to a choice that was refused: it stays, so that another can be made."""
    world.errors += 1
    [refusal] = result.followups
    return plain(seen(refusal))


async def test_only_who_may_manage_messages_has_the_buttons(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    assert labels(await world.ask("related", story="1", by=world.member)) == []
    assert labels(await world.ask("related", story="1", by=moderator)) == ["Merge with…"]
    await world.report(record(f"{BRIDGE} again", "c.example", hours=1))
    assert labels(await world.ask("related", story="1", by=moderator)) == [
        "Merge with…",
        "Not the same story…",
    ]


@pytest.mark.parametrize("other", sized(["#2", GIRDER], ["2", "#2", GIRDER]))
async def test_two_stories_go_on_as_one(world: World, moderator: MemberActor, other: str) -> None:
    await two_stories(world)
    assert len(world.posts()) == 2
    assert "Story #2 is now part of #1" in told(world, await merge(world, moderator, "1", other))
    world.clock.forward(minutes=2)
    await world.deliver()
    first, second = world.posts()
    assert "2 outlets" in seen(first)
    assert "This story continues in #1" in seen(second)
    answer = await world.ask("related", story="2", by=world.member)
    assert "is now part of #1" in seen(answer)


async def test_a_report_is_taken_out_and_clustering_obeys(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    again = f"{BRIDGE} again"
    await world.report(record(again, "c.example", hours=1, topics=["Space"]))
    assert again in seen(await world.ask("related", story="1", by=world.member))
    answer = told(world, await part(world, moderator, "1", again))
    assert answer.startswith(f"“{again}” is now story #3, separate from #1.")
    assert again not in seen(await world.ask("related", story="1", by=world.member))
    assert "Moved out of #1 by a moderator" in plain(seen(await world.ask("why", story="3", by=world.member)))
    # What comes later joins one of the two, and merges them no more.
    await world.report(record(f"{BRIDGE}, once again", "d.example", hours=2, topics=["Space"]))
    for number in ("1", "3"):
        assert "is now part of" not in seen(await world.ask("related", story=number, by=world.member))


async def test_a_merge_is_undone_with_all_articles_by_one_press(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    more = f"{GIRDER}, they say"
    await world.report(record(more, "c.example", hours=1, topics=["Space"]))
    result = await merge(world, moderator, "1", "2")
    world.clock.forward(minutes=2)
    await world.deliver()
    assert "This story continues in #1" in seen(world.posts()[1])
    undone = await world.press(world.answer(result), "Undo", by=moderator)
    assert "Undone: story #3 is separate from #1 again." in plain(seen(world.answer(undone)))
    world.clock.forward(minutes=2)
    await world.deliver()
    first, second = world.posts()
    assert (BRIDGE in seen(first), GIRDER in seen(second)) == (True, True)
    shown_story = seen(await world.ask("related", story="2", by=world.member))
    assert (GIRDER in shown_story, more in shown_story) == (True, True)
    assert more not in seen(await world.ask("related", story="1", by=world.member))
    # What comes later stays with the one that it belongs to.
    await world.report(record(f"{GIRDER} again", "d.example", hours=2, topics=["Space"]))
    assert f"{GIRDER} again" in seen(await world.ask("related", story="2", by=world.member))


async def test_a_separation_is_undone_by_one_press(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    again = f"{BRIDGE} again"
    await world.report(record(again, "c.example", hours=1, topics=["Space"]))
    result = await part(world, moderator, "1", again)
    undone = await world.press(world.answer(result), "Undo", by=moderator)
    assert f"Undone: “{again}” is part of story #1 again." in plain(seen(world.answer(undone)))
    assert again in seen(await world.ask("related", story="1", by=world.member))


async def test_undo_is_refused_to_who_may_no_longer_decide(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    result = await merge(world, moderator, "1", "2")
    roles = world.env.backend.get_guild(world.guild.id).roles.values()
    [role] = [role for role in roles if role.name == "moderators"]
    world.env.backend.edit_role(world.guild.id, role.id, {"permissions": 0})
    refused = await world.press(world.answer(result), "Undo", by=moderator)
    assert "Manage Messages" in world.refusal(refused)
    assert GIRDER in seen(await world.ask("related", story="1", by=world.member))


async def test_what_was_decided_is_undone_by_its_opposite(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    await merge(world, moderator, "1", "2")
    await part(world, moderator, "1", GIRDER)
    assert GIRDER not in seen(await world.ask("related", story="1", by=world.member))
    await merge(world, moderator, "3", "1")
    assert GIRDER in seen(await world.ask("related", story="1", by=world.member))


def parts_of(answer: Any) -> dict[str, str]:
    """What /related shows below its head: the titles of its parts, and what stands there."""
    return {name: "\n".join(lines) for name, lines in shown(answer).parts.items() if name}


async def test_what_is_only_declared_is_taken_out_too(world: World, moderator: MemberActor) -> None:
    again = f"{BRIDGE} again"
    declared = record(again, "b.example", hours=1)
    await world.report(record(BRIDGE, "a.example", quality=80, related=[declared]))
    shown = await world.ask("related", story="1", by=moderator)
    assert list(parts_of(shown)) == ["Same event"]
    asked = world.answer(await world.press(shown, "Not the same story…", by=moderator))
    assert [option.label for option in menu_of(asked).options] == [again], "what came in itself stays"
    answer = told(world, await part(world, moderator, "1", again))
    assert answer.startswith(f"“{again}” is now story #2, separate from #1.")
    shown = await world.ask("related", story="1", by=moderator)
    assert again in parts_of(shown)["Background"]
    assert labels(shown) == ["Merge with…"]
    # Declared once more, and there itself at last, it stays where it was put.
    await world.restart(stories={"editors": "all"})
    noon = f"{BRIDGE} at noon"
    await world.report(record(noon, "c.example", hours=1, related=[declared]), declared)
    parts = parts_of(await world.ask("related", story="1", by=world.member))
    assert noon in parts["Same event"]
    assert again not in parts["Same event"]
    # The opposite undoes it.
    await merge(world, moderator, "1", "2")
    assert again in parts_of(await world.ask("related", story="2", by=world.member))["Same event"]


async def test_a_rule_outlives_a_restart(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    again = f"{BRIDGE} again"
    await world.report(record(again, "c.example", hours=1))
    await part(world, moderator, "1", again)
    await world.restart()
    await world.report(*(record(f"{BRIDGE} {n} again", f"d{n}.example", hours=2) for n in range(3)))
    assert "is now part of" not in seen(await world.ask("related", story="3", by=world.member))


async def test_where_servers_are_named_the_others_decide_for_nobody_else(
    world: World, moderator: MemberActor
) -> None:
    await two_stories(world)
    again = f"{BRIDGE} again"
    await world.report(record(again, "c.example", hours=1))
    for editors in ([], [world.guild.id + 1]):
        await world.restart(stories={"editors": editors})
        assert labels(await world.ask("related", story="1", by=moderator)) == []
        editor = Editor(world.guild.id, 7)
        with pytest.raises(NotAllowedError, match=r"stories\.editors"):
            await curate.merge(world.app.context, editor, 1, "2")
        with pytest.raises(NotAllowedError, match=r"stories\.editors"):
            await curate.split_story(world.app.context, editor, 1, (3,))
    assert again in seen(await world.ask("related", story="1", by=world.member))
    await world.restart(stories={"editors": "all"})
    assert len(labels(await world.ask("related", story="1", by=moderator))) == 2
    await world.restart(stories={"editors": [world.guild.id + 1, str(world.guild.id)]})
    assert "Story #2 is now part of #1" in told(world, await merge(world, moderator, "1", "2"))


async def test_of_what_is_its_own_a_server_decides_anyway(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    own = ListSource("list:own").add(record("Choir sings below the bridge", "own.example", hours=1))
    await world.app.ingest.step(own, guild_id=world.guild.id)
    await world.restart(stories={"editors": [world.guild.id + 1]})
    assert "Story #3 is now part of #1" in told(world, await merge(world, moderator, "3", "1"))
    shown = await world.ask("related", story="1", by=world.member)
    assert "Choir sings below the bridge" in seen(shown)


async def test_what_cannot_be_merged_is_told(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    for other, answer in (
        ("1", "#1 and #1 are already the same story."),
        ("99", "There is no story #99."),
        ("nobody wrote that", "No story has “nobody wrote that” in its title."),
    ):
        assert answer in world.refusal(await merge(world, moderator, "1", other))


async def test_a_report_that_moved_meanwhile_is_told(world: World, moderator: MemberActor) -> None:
    await two_stories(world)
    again = f"{BRIDGE} again"
    await world.report(record(again, "c.example", hours=1))
    shown = await world.ask("related", story="1", by=moderator)
    asked = world.answer(await world.press(shown, "Not the same story…", by=moderator))
    menu = menu_of(asked)
    await part(world, moderator, "1", again)
    [value] = [option.value for option in menu.options if option.label == again]
    result = await moderator.select(message_of(asked), [value])
    assert "no longer in story #1" in not_taken_out(world, result)
