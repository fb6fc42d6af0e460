"""What messages show, by their IDs."""

from __future__ import annotations

import pytest

from bot.store import outbox
from bot.store.database import Database
from bot.store.sent_messages import SentMessage, sent_message
from tests.make import Clock

GUILD, CHANNEL, MESSAGE = 70, 71, 72


@pytest.mark.parametrize(
    ("kind", "sent"),
    [(outbox.DIGEST, SentMessage(True, (4, 2))), (outbox.NOTICE, None), (outbox.PUBLISH, None)],
)
async def test_a_digest_has_the_stories_that_it_was_sent_with(
    db: Database, clock: Clock, kind: str, sent: SentMessage | None
) -> None:
    row = outbox.new_row(
        kind, "one", GUILD, CHANNEL, clock(), payload={"stories": [4, 2]}, message_id=MESSAGE
    )
    async with db.write() as connection:
        await outbox.enqueue(connection, row)
    async with db.read() as connection:
        assert await sent_message(connection, GUILD, (5, CHANNEL), MESSAGE) == sent
        for guild_id, channel_id, message_id in (
            (GUILD + 1, CHANNEL, MESSAGE),
            (GUILD, CHANNEL + 1, MESSAGE),
            (GUILD, CHANNEL, MESSAGE + 1),
        ):
            assert await sent_message(connection, guild_id, (channel_id,), message_id) is None
