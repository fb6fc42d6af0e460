"""Names and pictures of posts, as they are stored."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.posting.face import Face, WebhookKey
from bot.store import faces, subscriptions
from bot.store.database import Database

FACE = Face(1, 20, WebhookKey(300, "made-up-secret"), "Fox", "https://pictures.example/fox.png")


async def test_a_channel_has_one_face_until_it_is_removed(stores: Database) -> None:
    other = replace(FACE, channel_id=21, webhook=WebhookKey(301, "another-secret"), has_picture=True)
    async with stores.write() as connection:
        await faces.put(connection, replace(FACE, name=""))
        await faces.put(connection, FACE)
        await faces.put(connection, other)
    async with stores.read() as connection:
        assert await faces.in_channels(connection, [20, 21, 22]) == {20: FACE, 21: other}
    async with stores.write() as connection:
        await faces.remove(connection, 20)
        await subscriptions.remove_channel(connection, 21)
    async with stores.read() as connection:
        assert await faces.in_channels(connection, [20, 21]) == {}


async def test_only_the_present_webhook_is_lost_and_its_server_alone_is_told(stores: Database) -> None:
    async with stores.write() as connection:
        await faces.put(connection, FACE)
        assert not await faces.lose(connection, 20, 299)
        assert await faces.lose(connection, 20, 300)
        assert not await faces.lose(connection, 20, 300), "it was noted already"
    async with stores.read() as connection:
        assert (await faces.in_channels(connection, [20]))[20].is_lost
        assert (await faces.lost_in(connection, 1), await faces.lost_in(connection, 2)) == ([20], [])
