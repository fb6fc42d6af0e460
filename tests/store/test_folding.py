"""What the database compares names by."""

from __future__ import annotations

from bot.store import subscriptions
from bot.store.database import Database
from tests.store.store_helpers import GUILD

COMPOSED, APART = "Zoë", "Zoe\u0308"


async def test_a_mute_is_one_and_is_taken_back_in_whatever_form_it_is_typed(stores: Database) -> None:
    async with stores.write() as connection:
        for value in (COMPOSED, APART, COMPOSED.upper()):
            await subscriptions.mute(connection, GUILD, None, value)
        assert len(await subscriptions.mutes(connection, GUILD)) == 1
        await subscriptions.unmute(connection, GUILD, None, f" {APART}")
        assert await subscriptions.mutes(connection, GUILD) == ()
