"""/data: an administrator exports, imports and deletes what the bot has stored about the server."""

from __future__ import annotations

import json
from typing import Any

import discord
import pytest
import sqlalchemy as sa

from bot.services import server_file
from bot.store import schema
from tests.chat.world import ROCKET, Seen, World, components, labels, message_of, seen
from tests.make import record


@pytest.fixture
def admin(world: World) -> World:
    """A world in which the manager is an administrator."""
    rights = discord.Permissions(administrator=True)
    world.env.backend.edit_role(world.guild.id, world.managers.id, {"permissions": rights.value})
    return world


async def exported(message: Seen) -> bytes:
    """The file of an answer, which shows it."""
    (attachment,) = message_of(message).attachments
    assert any(isinstance(part, discord.FileComponent) for part in components(message))
    return await attachment.read()


async def settle(world: World) -> None:
    """The server has a few things, and a post."""
    await world.ask("subscribe", topic="Space", volume="everything", mention=world.role("readers"))
    await world.ask("mute", what="whales.example")
    await world.ask("topic create", name="Ferries", query="ferry -boat")
    await world.ask("digest set", time="7:30", timezone="Berlin")
    await world.report(record(ROCKET[0], "a.example", quality=80, topics=["Space"]))


async def count(world: World) -> dict[str, int]:
    """How many rows of the server each table has."""
    counts = {}
    async with world.app.context.db.read() as connection:
        for table in schema.OF_SERVERS:
            rows = sa.select(sa.func.count()).select_from(table).where(table.c.guild_id == world.guild.id)
            counts[table.name] = await connection.scalar(rows) or 0
    return {name: number for name, number in counts.items() if number}


async def test_a_file_brings_back_what_was_deleted(admin: World) -> None:
    await settle(admin)
    answer = await admin.ask("data export")
    assert answer.ephemeral
    content = await exported(answer)
    (attachment,) = message_of(answer).attachments
    assert attachment.filename == f"topicwire-{admin.guild.id}.json"
    data = json.loads(content)
    assert [entry["topic"] for entry in data["subscriptions"]] == ["Space"]
    assert str(admin.manager.id) not in content.decode()

    warning = await admin.ask("data delete")
    assert "immediately and permanently" in seen(warning)
    assert labels(warning) == ["Cancel", "Export first", "Delete everything"]
    assert "Nothing about this server is stored" in seen(
        admin.answer(await admin.press(warning, "Delete everything"))
    )
    assert set(await count(admin)) <= {"greeted_servers", "quotas"}
    assert len(admin.posts()) == 1  # what stands in a channel stays there
    assert "No channel has a subscription" in seen(await admin.ask("subscriptions"))

    shown = await admin.ask("data import", file=(attachment.filename, content))
    assert "**Subscriptions**: 1 to add" in seen(shown)
    assert "Nothing has been changed yet" in seen(shown)
    assert "No channel has a subscription" in seen(await admin.ask("subscriptions"))
    done = seen(admin.answer(await admin.press(shown, "Import")))
    assert "**Topics**: 1 added" in done
    assert "Space" in seen(await admin.ask("subscriptions"))
    again = await admin.ask("data import", file=(attachment.filename, content))
    assert "Nothing would change" in seen(again)
    assert not labels(again)


async def test_before_deleting_one_can_export_or_cancel(admin: World) -> None:
    await settle(admin)
    before = await count(admin)
    warning = await admin.ask("data delete")
    file = admin.answer(await admin.press(warning, "Export first"))
    assert json.loads(await exported(file))["server"] == str(admin.guild.id)
    assert labels(file) == ["Cancel", "Delete everything"]
    assert "Nothing was changed" in seen(admin.answer(await admin.press(file, "Cancel")))
    assert await count(admin) == before


async def test_what_changes_between_preview_and_confirmation_is_checked_again(admin: World) -> None:
    await settle(admin)
    other = admin.guild.create_text_channel("other")
    data = json.loads(await exported(await admin.ask("data export")))
    data["subscriptions"].append({"channel": str(other.id), "topic": "AI"})
    shown = await admin.ask("data import", file=("a.json", json.dumps(data).encode()))
    admin.env.backend.delete_channel(other.id)
    before = await count(admin)
    text = admin.refusal(await admin.press(shown, "Import"))
    assert f"subscriptions[1]: {other.id} is not a channel of this server" in text
    assert await count(admin) == before


FORM: dict[str, Any] = {"format": server_file.FORMAT, "version": 1, "exported_at": "2026-03-02T12:00:00Z"}


async def test_files_that_are_none_or_of_another_server_are_refused(admin: World) -> None:
    other = json.dumps({**FORM, "server": str(admin.guild.id + 1)}).encode()
    assert "only be imported into the server" in await admin.refused("data import", file=("a.json", other))
    assert "is not valid JSON" in await admin.refused("data import", file=("a.json", b"<html>"))
    huge = b" " * (server_file.MOST_BYTES + 1)
    assert "larger than 1,000,000 bytes" in await admin.refused("data import", file=("a.json", huge))


@pytest.mark.parametrize("label", ["Import", "Delete everything"])
async def test_who_is_no_administrator_any_more_cannot_confirm(admin: World, label: str) -> None:
    await settle(admin)
    file = json.dumps({**FORM, "server": str(admin.guild.id), "mutes": [{"value": "opera"}]}).encode()
    options: dict[str, Any] = {"file": ("a.json", file)} if label == "Import" else {}
    shown = await admin.ask("data import" if options else "data delete", **options)
    before = await count(admin)
    rights = discord.Permissions(manage_guild=True)
    admin.env.backend.edit_role(admin.guild.id, admin.managers.id, {"permissions": rights.value})
    assert "Administrator" in admin.refusal(await admin.press(shown, label))
    assert await count(admin) == before
