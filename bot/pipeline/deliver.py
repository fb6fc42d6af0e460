"""From the outbox to Discord: claim, render, send, settle. A step at a time; nothing here sleeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.port import Sender, Target
from bot.domain import render, retry
from bot.domain.message import Message
from bot.domain.retry import Drop, Got, Outcome, Pause, Sent, Verdict
from bot.pipeline import rendering
from bot.pipeline.rendering import RenderContext
from bot.store import digests, outbox, pointers, subscriptions
from bot.store.outbox import Claimed
from bot.usecases.context import Context

log = logging.getLogger(__name__)

BATCH = 50


def _never() -> bool:
    """Nobody stops it, as in tests and in the demo."""
    return False


class Deliver:
    """Sends what is due, `concurrency` messages at once, one after the other in a channel.

    `stopping` is asked before each message: once it says so, what was not begun with is given back.
    """

    def __init__(
        self,
        context: Context,
        sender: Sender,
        concurrency: int = 8,
        stopping: Callable[[], bool] = _never,
    ) -> None:
        self._context = context
        self._sender = sender
        self._slots = asyncio.Semaphore(concurrency)
        self._stopping = stopping

    async def step(self) -> int:
        """Deliver one batch; returns how many messages were claimed, 0 when nothing is due."""
        if self._stopping():
            return 0
        now = self._context.now()
        async with self._context.db.write() as connection:
            claimed = await outbox.claim(connection, now, BATCH)
            claimed += await outbox.claim_publishing(connection, now, BATCH)
        if not claimed:
            return 0
        async with self._context.db.read() as connection:
            render_context = await rendering.load(connection, claimed, self._context.rules, now)
        by_channel: dict[int, list[Claimed]] = {}
        for claim in claimed:
            by_channel.setdefault(claim.channel_id, []).append(claim)
        for own in by_channel.values():  # a pointer comes after the message that it points to
            own.sort(key=lambda claim: claim.story in render_context.merged_into)
        # One channel's trouble leaves the others be; it is raised when they are done.
        ended = await asyncio.gather(
            *(self._channel(own, render_context) for own in by_channel.values()), return_exceptions=True
        )
        for trouble in ended:
            if isinstance(trouble, BaseException):
                raise trouble
        return len(claimed)

    async def drain(self) -> int:
        """Deliver until nothing is due any more; returns how many messages were claimed."""
        total = 0
        while count := await self.step():
            total += count
        return total

    async def next_due(self) -> datetime | None:
        """When there is work again, as far as is known."""
        async with self._context.db.read() as connection:
            return await outbox.next_due(connection, self._context.now())

    async def _channel(self, claims: Sequence[Claimed], render_context: RenderContext) -> None:
        for position, claim in enumerate(claims):
            async with self._slots:
                if self._stopping() or claim.lease_until - self._context.now() < outbox.LONGEST_SEND:
                    await self._give_back(claims[position:])
                    return
                try:
                    outcome = await self._try(claim, render_context)
                except Exception:  # a bug in making one message must not hold up those after it
                    log.exception(
                        "message %s to channel %s could not be rendered", claim.id, claim.channel_id
                    )
                    outcome = Outcome(Got.UNREACHABLE, detail="internal error; see the log")
            verdict = await self._settle(claim, outcome, render_context)
            until = retry.others_wait(outcome, verdict, self._context.now())
            if isinstance(verdict, Pause) or until is not None:
                await self._give_back(claims[position + 1 :], claim, until)
                return

    async def _give_back(
        self, claims: Sequence[Claimed], like: Claimed | None = None, until: datetime | None = None
    ) -> None:
        """Let go of what was not begun with; what is `like` one that failed waits until then."""
        async with self._context.db.write() as connection:
            await outbox.release(connection, claims)
            if like is not None and until is not None:
                await outbox.postpone(connection, like, until, self._context.now())

    async def _try(self, claim: Claimed, render_context: RenderContext) -> Outcome:
        now = self._context.now()
        target = Target(claim.guild_id, claim.channel_id, claim.message_id, claim.thread_id)
        if claim.kind == outbox.PUBLISH:
            return rendering.unwanted(claim, render_context, now) or await self._sender.publish(target)
        if claim.message_id is not None and claim.story in render_context.merged_into:
            message = await self._pointer(claim, render_context)
        else:
            message = rendering.rendered(claim, render_context, now)
        if isinstance(message, Outcome):
            return message
        if claim.message_id is None:
            outcome = await self._sender.send(target, message, claim.nonce)
        elif render.fingerprint(message, in_forum=claim.thread_id is not None) == claim.shown:
            return Outcome(Got.UNCHANGED, shown=claim.shown)
        else:
            outcome = await self._sender.edit(target, message)
        if outcome.got not in (Got.OK, Got.PARTLY):
            return outcome
        # What is not all there yet is not taken for it: the next try brings the rest.
        thread_id = claim.thread_id or outcome.thread_id
        whole = thread_id is not None and outcome.got is Got.OK
        return replace(outcome, shown=render.fingerprint(message, in_forum=whole))

    async def _pointer(self, claim: Claimed, render_context: RenderContext) -> Message | Outcome:
        """What a message shows whose story was merged into another one: where that is told in the channel.

        It waits until the other message shows the story, and takes its place where that one is gone.
        """
        assert claim.story is not None
        into = render_context.merged_into[claim.story]
        async with self._context.db.read() as connection:
            other = await outbox.post_in(connection, into, claim.channel_id)
        now = self._context.now()
        if other is None or other.closed:
            async with self._context.db.write() as connection:
                if not await pointers.take_over(connection, claim, into):
                    return Outcome(Got.WAITS, detail="another process is sending it")
            return rendering.rendered(replace(claim, story=into, shown=""), render_context, now)
        if other.message_id is None or other.due_at is not None or other.reason:
            wait = (other.due_at - now).total_seconds() if other.due_at else None
            return Outcome(Got.WAITS, retry_after=wait, detail=f"waiting for the message of story #{into}")
        # A post of a forum is a thread, which has the number of its first message.
        place = other.channel_id if other.thread_id is None else other.message_id
        jump = f"https://discord.com/channels/{claim.guild_id}/{place}/{other.message_id}"
        return render.forwarded(claim.story, into, jump)

    async def _settle(self, claim: Claimed, outcome: Outcome, render_context: RenderContext) -> Verdict:
        """Decide what becomes of a message, and write it."""
        context, now = self._context, self._context.now()
        verdict = retry.settle(outcome, claim.attempt, now, rendering.ask(claim, render_context))
        async with context.db.write() as connection:
            kept = await outbox.settle(connection, claim, outcome, verdict, now, context.rules.edit_interval)
            if isinstance(verdict, Pause) and kept:
                if await subscriptions.pause(
                    connection, claim.channel_id, claim.guild_id, verdict.reason, now
                ):
                    log.warning("channel %s is paused: %s", claim.channel_id, verdict.reason)
            elif kept and isinstance(verdict, Drop):
                await _given_up(connection, claim, outcome, now)
            elif kept and isinstance(verdict, Sent) and self._is_to_publish(claim, outcome, render_context):
                row = outbox.new_row(
                    outbox.PUBLISH,
                    str(claim.id),
                    claim.guild_id,
                    claim.channel_id,
                    now,
                    story=claim.story,
                    priority=claim.priority,
                    message_id=outcome.message_id,
                )
                await outbox.enqueue(connection, row)
        if not isinstance(verdict, Sent | Pause) and outcome.got is not Got.WAITS:
            log.warning("message %s to channel %s: %s", claim.id, claim.channel_id, verdict)
        return verdict

    def _is_to_publish(self, claim: Claimed, outcome: Outcome, render_context: RenderContext) -> bool:
        new = claim.message_id is None and outcome.message_id is not None
        return (
            new and rendering.publishes(claim, render_context) and self._sender.can_publish(claim.channel_id)
        )


async def _given_up(connection: AsyncConnection, claim: Claimed, outcome: Outcome, now: datetime) -> None:
    """What follows for others from a message that is given up."""
    if claim.story is not None and claim.message_id is not None:
        await pointers.look_again(connection, [claim.story], now, claim.channel_id)
    if claim.kind == outbox.DIGEST and outcome.got is Got.STALE:
        await digests.take_back(connection, claim.channel_id, claim.payload or {})
