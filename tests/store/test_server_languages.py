"""The languages of servers are stored, each for itself."""

from __future__ import annotations

from bot.store import servers
from bot.store.database import Database
from bot.store.servers import ServerLanguage

ONE, OTHER, THIRD = 101, 102, 103


async def test_each_server_has_its_language(db: Database) -> None:
    async with db.write() as connection:
        await servers.set_language(connection, ONE, ServerLanguage("fr", None))
        await servers.set_language(connection, OTHER, ServerLanguage("fr", "ja"))
    async with db.read() as connection:
        stored = await servers.languages(connection, [ONE, OTHER, THIRD])
        assert {number: language.code for number, language in stored.items()} == {ONE: "fr", OTHER: "ja"}
        assert (await servers.language(connection, THIRD)).code == "en-US"


async def test_a_language_is_replaced_and_can_be_taken_back(db: Database) -> None:
    async with db.write() as connection:
        await servers.set_language(connection, ONE, ServerLanguage("fr", "ja"))
        await servers.set_language(connection, ONE, ServerLanguage("pt-BR", None))
        assert await servers.language(connection, ONE) == ServerLanguage("pt-BR", None)
