"""What users are told when something goes wrong, and what the log keeps of it."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from tests.chat.world import METRO, ROCKET, World, buttons, seen, unrelated
from tests.discord_markdown import kinds
from tests.make import record
from tests.shown import plain, shown

GENERIC = "Something went wrong. Try again. If it keeps happening, send the id below to the person who runs the bot."
STORE = (
    "The bot cannot use its database right now. "
    "Try again in a minute. If it keeps happening, send the id below to the person who runs the bot."
)


async def bug(*_: object, **__: object) -> None:
    """A service with a bug in it."""
    raise ZeroDivisionError("a secret in a traceback")


async def test_a_bug_is_told_with_an_id_and_the_log_has_the_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.topics.listing", bug)
    text = world.failure(await world.member.slash(world.news, "topics"))
    assert text == f"⚠️ {GENERIC}"
    (entry,) = [r for r in world.caplog.records if r.levelno == logging.ERROR]
    assert entry.exc_info is not None
    assert isinstance(entry.exc_info[1], ZeroDivisionError)
    assert "in topics" in entry.getMessage()


async def test_an_expected_error_is_told_and_is_no_error_in_the_log(world: World) -> None:
    await world.refused("related", story="99", by=world.member)
    (entry,) = [r for r in world.caplog.records if r.getMessage().startswith("a request was refused ")]
    assert entry.levelno == logging.INFO
    assert "in related: NotFoundError: There is no story #99." in entry.getMessage()
    assert "error " not in world.caplog.text.lower()


async def test_a_database_that_fails_is_told_without_its_place(world: World) -> None:
    async with world.app.context.db.write() as connection:
        await connection.execute(sa.text("ALTER TABLE stories RENAME TO lost"))
    text = world.failure(await world.member.slash(world.news, "latest"))
    assert text == f"⚠️ {STORE}"
    outage, entry = [r for r in world.caplog.records if r.levelno == logging.ERROR]
    assert "topicwire.db cannot be used: no such table" in outage.getMessage()
    assert "topicwire.db cannot be used: no such table" in entry.getMessage()
    assert entry.exc_info
    async with world.app.context.db.write() as connection:
        await connection.execute(sa.text("ALTER TABLE lost RENAME TO stories"))
    assert "There are no stories yet." in seen(await world.ask("latest"))


async def test_a_bug_behind_the_button_below_a_post(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.ask("subscribe", topic="Space")
    await world.report(record(ROCKET[0], quality=80))
    with monkeypatch.context() as broken:
        broken.setattr("bot.services.related.related", bug)
        result = await world.press(world.posts()[0], "Related coverage", by=world.member)
    assert world.failure(result, 0) == f"⚠️ {GENERIC}"
    result = await world.press(world.posts()[0], "Related coverage", by=world.member)
    assert "Posted here" in seen(world.answer(result))


async def test_a_bug_behind_the_button_of_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.take_in(record(ROCKET[0], quality=80))
    world.clock.forward(days=1, hours=1)  # or it would be one of the first posts
    offered = await world.ask("subscribe", topic="Space")
    monkeypatch.setattr("bot.services.subscribe.post_now", bug)
    result = await world.press(offered, "Post the newest story now")
    assert world.failure(result) == f"⚠️ {GENERIC}"
    assert buttons(offered) == []


async def test_a_bug_in_a_completion_offers_nothing_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.topics.suggest", bug)
    assert await world.typing("subscribe", "topic", "a") == {}
    assert "ZeroDivisionError" in world.caplog.text


async def test_every_error_has_an_id_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.services.topics.listing", bug)
    for _ in range(5):
        world.failure(await world.manager.slash(world.news, "topics"))
    ids = {r.getMessage().split()[1] for r in world.caplog.records if r.getMessage().startswith("error ")}
    assert len(ids) == 5


async def test_discord_failing_to_show_an_answer_is_only_logged(world: World) -> None:
    world.env.inject_error("PATCH", "/webhooks/*/messages/@original", status=500, times=2)
    result = await world.manager.slash(world.news, "help")
    assert result.acknowledged
    assert world.env.errors == []
    assert "could not be shown" in world.caplog.text
    assert "Three steps" in seen(await world.ask("help"))


async def test_a_command_that_discord_gave_up_on_is_only_logged(world: World) -> None:
    world.env.inject_error("POST", "/interactions/*/callback", status=404, code=10062)
    result = await world.manager.slash(world.news, "help")
    assert not result.acknowledged
    assert "could not be acknowledged" in world.caplog.text
    assert "Three steps" in seen(await world.ask("help"))


async def test_names_from_outside_show_as_text_in_errors(world: World) -> None:
    name = "**[Bold](https://evil.example)** @everyone <@1> `x` topic"
    await world.take_in(record(METRO[0], topics=[name]))
    result = await world.member.slash(world.news, "latest", topic=f"{name}s")
    answer = shown(world.answer(result))
    assert kinds(answer.text) == {"text"}
    assert f"Did you mean: {name}?" in plain(answer.text)
    world.refusal(result)


async def test_an_error_while_turning_pages_leaves_the_page(world: World) -> None:
    await world.take_in(*unrelated(20))
    answer = await world.ask("latest")
    before = seen(answer)
    world.env.inject_error("POST", "/interactions/*/callback", status=503)
    result = await world.press(answer, "Next")
    assert "Discord is having problems right now. Try again in a few minutes." in world.refusal(result)
    assert seen(answer) == before
