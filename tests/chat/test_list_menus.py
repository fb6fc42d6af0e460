"""Menus below lists: they open an entry, and jump to a page."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import discord
from discord import ui
from discord.http import handle_message_parameters
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.components import mentions
from bot.chat.views import JUMP_ACTION, OPEN_ACTION, Opening, Pages
from bot.messages.layout import Option
from bot.messages.story import list_pages, related_pages, story_option, story_pages
from tests.chat.world import METRO, ROCKET, WHALES, World, components, message_of, seen, unrelated
from tests.discord_rules import problems
from tests.hostile import AnyStory, any_stories
from tests.make import examples, record


def menus(answer: Any) -> dict[str, list[str]]:
    """The menus of an answer by their custom ids: the labels of their options."""
    found = [part for part in components(answer) if isinstance(part, discord.SelectMenu)]
    return {str(menu.custom_id): [option.label for option in menu.options] for menu in found}


async def choose(world: World, answer: Any, menu: str, value: str) -> Any:
    """Choose an option of one of the menus, as a plain member."""
    return await world.member.select(message_of(answer), [value], custom_id=menu)


async def test_a_story_of_a_list_is_opened_as_its_command_shows_it(world: World) -> None:
    await world.take_in(record(METRO[0], "a.example"), record(METRO[1], "b.example"), record(ROCKET[0]))
    related = seen(await world.ask("related", story="1", by=world.member))
    for answer in (
        await world.ask("latest", by=world.member),
        await world.ask("search", query="metro", by=world.member),
    ):
        assert f"#1 {METRO[0]}" in menus(answer)[OPEN_ACTION]
        opened = world.answer(await choose(world, answer, OPEN_ACTION, "1"))
        assert seen(opened) == related


async def test_the_stories_before_and_after_one_are_opened_from_it(world: World) -> None:
    await world.take_in(
        record("Council debates law on facial recognition cameras", "law.example", hours=-900)
    )
    await world.take_in(record(METRO[0], "a.example"))
    answer = await world.ask("related", story=METRO[0], by=world.member)
    assert menus(answer) == {OPEN_ACTION: ["#1 Council debates law on facial recognition cameras"]}
    opened = world.answer(await choose(world, answer, OPEN_ACTION, "1"))
    assert seen(opened) == seen(await world.ask("related", story="1", by=world.member))


async def test_the_menu_of_a_list_has_the_stories_of_its_page(world: World) -> None:
    await world.take_in(*unrelated(20))
    answer = await world.ask("latest", by=world.member)
    shown = [menus(answer)[OPEN_ACTION]]
    for _ in range(2):
        await world.press(answer, "Next", by=world.member)
        shown.append(menus(answer)[OPEN_ACTION])
    assert [len(page) for page in shown] == [8, 8, 4]
    assert len({label for page in shown for label in page}) == 20
    await choose(world, answer, OPEN_ACTION, "1")
    assert menus(answer)[OPEN_ACTION] == shown[-1], "the list stays"


async def test_a_topic_of_the_list_shows_its_newest_stories(world: World) -> None:
    await world.take_in(record(WHALES[0]), record(ROCKET[0]))
    answer = await world.ask("topics", by=world.member)
    assert menus(answer) == {OPEN_ACTION: ["AI", "Computer Vision", "Space"]}
    opened = world.answer(await choose(world, answer, OPEN_ACTION, "AI"))
    assert seen(opened) == seen(await world.ask("latest", topic="AI", by=world.member))


async def test_a_list_of_many_pages_jumps_to_any_and_one_of_few_has_buttons_alone(world: World) -> None:
    await world.take_in(*unrelated(24))
    answer = await world.ask("latest", by=world.member)
    assert JUMP_ACTION not in menus(answer)
    await world.take_in(*unrelated(25)[24:])
    answer = await world.ask("latest", by=world.member)
    assert menus(answer)[JUMP_ACTION] == [f"Page {page} of 4" for page in (1, 2, 3, 4)]
    result = await choose(world, answer, JUMP_ACTION, "3")
    assert result.acknowledged
    assert "page 4 of 4" in seen(answer)
    await world.press(answer, "Previous", by=world.member)
    assert "page 3 of 4" in seen(answer)


async def test_a_story_that_is_gone_meanwhile_is_said_to_be(world: World) -> None:
    await world.take_in(record(ROCKET[0]))
    answer = await world.ask("latest", by=world.member)
    async with world.app.context.db.write() as connection:
        await connection.exec_driver_sql("UPDATE records SET story = NULL")
    result = await choose(world, answer, OPEN_ACTION, "1")
    assert "Story #1 was withdrawn." in world.refusal(result)


async def test_an_empty_list_has_no_menu(world: World) -> None:
    assert menus(await world.ask("latest")) == {}


async def _nothing(_interaction: Any, _value: str) -> None:
    """Nothing is opened."""


def _payloads(pages: Any) -> list[dict[str, Any]]:
    """What is sent for the first, a middle and the last of these pages, with all menus and some buttons."""

    async def made() -> list[dict[str, Any]]:
        asked: Any = SimpleNamespace(client=SimpleNamespace(command_ids={}))
        actions: list[ui.Item[Any]] = [ui.Button(label="x" * 80, custom_id=f"action {n}") for n in range(2)]
        view = Pages(asked, pages, actions, Opening("Open", _nothing))
        sent = []
        for at in {0, len(pages) // 2, len(pages) - 1}:
            view._show(at)
            with handle_message_parameters(allowed_mentions=mentions(()), nonce="0", view=view) as parameters:
                assert parameters.payload is not None
                sent.append(dict(parameters.payload))
        return sent

    return asyncio.run(made())


@examples(0.3)
@given(st.lists(any_stories, min_size=1, max_size=3), st.integers(1, 12))
def test_every_page_with_its_menus_is_within_discords_limits(some: list[AnyStory], repeated: int) -> None:
    """A story that stands twice on a page is offered once: Discord refuses a value that occurs twice."""
    views = [one.view() for one in some] * repeated
    beside = related_pages(views[0], before=views[:3], after=views[-3:])
    for sent in _payloads(story_pages("Latest", views, "")) + _payloads(beside):
        assert problems(sent) == []
        for menu in _menus(sent["components"]):
            values = [option["value"] for option in menu["options"]]
            assert len(values) == len(set(values))
    for view in views[:3]:
        option = story_option(view)
        assert option.label
        assert option.value == str(view.number)


def _menus(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    nested = [menu for part in parts for menu in _menus(part.get("components") or [])]
    return [part for part in parts if part["type"] == 3] + nested


def test_a_thousand_pages_and_the_longest_lines_leave_room_for_the_menus() -> None:
    entries = ["w" * 400] * 8000
    options = [Option("x" * 100, str(number), "y" * 100) for number in range(8000)]
    pages = list_pages("Many", entries, "", options=options)
    assert len(pages) >= 1000
    for sent in _payloads(pages):
        assert problems(sent) == []
