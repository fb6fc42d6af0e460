"""Digests that are due become outbox rows; a step at a time, and the database decides what is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.domain.posting.channel_digests import ChannelDigest
from bot.domain.text.cleaning import plural
from bot.messages.digest import digest_payload
from bot.services.context import Context
from bot.services.digests import compose_for_channel, enqueue
from bot.store import digests, subscriptions

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=1)


async def step(context: Context) -> datetime | None:
    """Compose every digest that is due. Returns when the next one is, None where none is set.

    One that fails is logged and put off for `RETRY`, as is one whose last message may or may not stand in its channel; the
    others get theirs at their time.
    """
    async with context.db.read() as connection:
        due = await digests.due(connection, context.now())
    later: list[ChannelDigest] = []
    for digest in due:
        try:
            story_count = await send_due(context, digest)
        except Exception:
            log.exception("the digest for channel %s failed; next try in %s", digest.channel_id, RETRY)
            later.append(digest)
            continue
        if story_count is None:
            later.append(digest)
            continue
        log.info("digest for channel %s: %s", digest.channel_id, plural(story_count, "story", "stories"))
    if later:
        async with context.db.write() as connection:
            for digest in later:
                await digests.put_off(connection, digest, context.now() + RETRY)
    if due:
        context.wake()
    async with context.db.read() as connection:
        return await digests.next_due(connection)


async def send_due(context: Context, due: ChannelDigest) -> int | None:
    """Send a digest that is due: one transaction, so that neither a crash nor a second process repeats it.

    Returns its number of stories: 0 on an empty day, where another process was first, where it was removed or turned off,
    and where no subscription of the channel wants digests any more. None while its last message is in doubt: whether the
    stories of that one are to be told again is not known before the delivery has looked for it.
    """
    async with context.db.intake() as connection:
        # Read only now: no record can come in between this moment and the digest that ends with it.
        now = context.now()
        current = await digests.stored(connection, ids=[due.id])
        if [digest.next_at for digest in current] != [due.next_at]:
            return 0
        if await digests.is_in_doubt(connection, due):
            return None
        await digests.replace_waiting(connection, due, now)
        [digest] = await digests.stored(connection, ids=[due.id])
        subscribed = await subscriptions.subscriptions(connection, channel_ids=[digest.channel_id])
        served = digest.served(subscribed)
        plan = digest.schedule or context.digest_default
        if not await digests.turn(connection, digest, plan.after(now) if served else None, now):
            return 0
        if not served:
            return 0
        composed = await compose_for_channel(connection, context, served, digest, now)
        if composed.digest.entries:
            await enqueue(connection, composed, digest, digest_payload)
    return len(composed.digest.entries)
