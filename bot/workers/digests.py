"""Digests that are due become outbox rows; a step at a time, and the database decides what is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from bot.domain.posting.digest import served_by_digest
from bot.domain.text.cleaning import plural
from bot.messages.digest import digest_payload
from bot.services.context import Context
from bot.services.digests import compose_for_channel, enqueue
from bot.store import digests, subscriptions
from bot.store.subscriptions import ChannelState

log = logging.getLogger(__name__)

RETRY = timedelta(minutes=1)


async def step(context: Context) -> datetime | None:
    """Compose every digest that is due. Returns when the next one is, None where none is set.

    One that fails is logged and put off for `RETRY`; the others get theirs at their time.
    """
    async with context.db.read() as connection:
        due = await digests.due(connection, context.now())
    failed: list[ChannelState] = []
    for state in due:
        try:
            story_count = await send_due(context, state)
        except Exception:
            log.exception("the digest for channel %s failed; next try in %s", state.channel_id, RETRY)
            failed.append(state)
            continue
        log.info("digest for channel %s: %s", state.channel_id, plural(story_count, "story", "stories"))
    if failed:
        async with context.db.write() as connection:
            for state in failed:
                await digests.put_off(connection, state, context.now() + RETRY)
    if due:
        context.wake()
    async with context.db.read() as connection:
        return await digests.next_due(connection)


async def send_due(context: Context, state: ChannelState) -> int:
    """Send a channel's due digest: one transaction, so that neither a crash nor a second process repeats it.

    Returns its number of stories: 0 on an empty day, where another process was first, and where
    no subscription of the channel wants digests any more.
    """
    async with context.db.intake() as connection:
        # Read only now: no record can come in between this moment and the digest that ends with it.
        now = context.now()
        current = await subscriptions.channel(connection, state.channel_id)
        if current is None or current.next_digest != state.next_digest:
            return 0
        await digests.replace_waiting(connection, state.channel_id, now)
        state = await subscriptions.channel(connection, state.channel_id) or current
        digest_subscriptions = served_by_digest(
            await subscriptions.subscriptions(connection, channel_ids=[state.channel_id])
        )
        plan = state.schedule or context.digest_default
        next_digest = plan.after(now) if digest_subscriptions else None
        if not await digests.turn(connection, state.channel_id, state.next_digest, next_digest, now):
            return 0
        if not digest_subscriptions:
            return 0
        composed = await compose_for_channel(connection, context, digest_subscriptions, state, now)
        if composed.digest.entries:
            await enqueue(connection, composed, state, digest_payload)
    return len(composed.digest.entries)
