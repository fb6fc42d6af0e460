"""Buttons, menus and forms: acknowledged before any work, answered after a restart, and no page is skipped."""

from __future__ import annotations

import discord
import pytest
from simcord.actors import MemberActor

from bot.services import related
from tests.chat.world import METRO, World, labels, message_of, seen, unrelated
from tests.form import sized
from tests.make import record

EXPIRED = "This has expired. Use the command again."


@pytest.fixture
def moderator(world: World) -> MemberActor:
    """Somebody who may merge stories."""
    role = world.guild.create_role("moderators", permissions=discord.Permissions(manage_messages=True))
    return world.guild.add_member(world.env.create_user("mona"), roles=[role])


async def test_pages_of_an_earlier_process_are_answered(world: World) -> None:
    await world.report(*unrelated(12))
    answer = await world.ask("latest")
    await world.restart()
    assert seen(world.answer(await world.press(answer, "Next"))) == EXPIRED
    assert "page 1 of 2" in seen(answer)


async def test_a_choice_of_an_earlier_process_is_answered_and_not_made(world: World) -> None:
    await world.take_in(record(METRO[0], quality=80))
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    offered = await world.ask("subscribe", topic="AI")
    await world.restart()
    assert seen(world.answer(await world.press(offered, "Post the newest story now"))) == EXPIRED
    assert await world.deliver() == 0


async def test_a_menu_and_a_form_of_an_earlier_process_are_answered(
    world: World, moderator: MemberActor
) -> None:
    await world.report(record(METRO[0], quality=80), record(METRO[1], "b.example", quality=70))
    shown = await world.ask("related", story="1", by=moderator)
    menu = world.answer(await world.press(shown, "Not the same story…", by=moderator))
    modal = (await world.press(shown, "Merge with…", by=moderator)).modal
    assert modal is not None
    await world.restart()
    chosen = await moderator.select(message_of(menu), values=["1"])
    assert seen(world.answer(chosen)) == EXPIRED


async def test_the_button_below_a_post_works_after_a_restart(world: World) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], quality=80))
    await world.restart()
    answer = world.answer(await world.press(world.posts()[0], "Related coverage", by=world.member))
    assert METRO[0] in seen(answer)


async def test_the_button_below_a_post_is_acknowledged_before_the_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ask("subscribe", topic="AI")
    await world.report(record(METRO[0], quality=80))
    before = len(world.requests("POST", "/interactions/*/callback"))
    acknowledged = []
    look_up = related.related

    async def slow(*arguments: object) -> object:
        acknowledged.append(len(world.requests("POST", "/interactions/*/callback")) - before)
        return await look_up(*arguments)  # type: ignore[arg-type]  # whatever the cog gives

    monkeypatch.setattr(related, "related", slow)
    await world.press(world.posts()[0], "Related coverage")
    assert acknowledged == [1]


async def test_a_press_that_discord_gave_up_on_does_nothing(world: World) -> None:
    await world.take_in(record(METRO[0], quality=80))
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    offered = await world.ask("subscribe", topic="AI")
    world.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
    result = await world.press(offered, "Post the newest story now")
    assert not result.acknowledged
    assert "could not be acknowledged" in world.caplog.text
    assert await world.deliver() == 0


@pytest.mark.parametrize("status", sized([503, 404], [500, 503, 404]))
async def test_a_page_that_could_not_be_turned_is_shown_by_the_next_press(world: World, status: int) -> None:
    await world.report(*unrelated(22))
    answer = await world.ask("latest")
    world.env.inject_error(
        "POST", "/interactions/*/callback", status=status, code=10062 if status == 404 else 0
    )
    await world.press(answer, "Next")
    assert "page 1 of 3" in seen(answer)
    await world.press(answer, "Next")
    assert "page 2 of 3" in seen(answer)
    await world.press(answer, "Previous")
    assert "page 1 of 3" in seen(answer)
    assert labels(answer) == ["Next"]


async def test_deleting_a_topic_can_be_cancelled(world: World) -> None:
    await world.ask("topic create", name="Harbours", query="harbour")
    asked = await world.ask("topic delete", topic="Harbours")
    assert labels(asked) == ["Delete it", "Keep it"]
    kept = world.answer(await world.press(asked, "Keep it"))
    assert seen(kept) == "**Harbours** was not deleted."
    assert "Harbours" in seen(await world.ask("topic show", topic="Harbours"))
    assert labels(asked) == []
