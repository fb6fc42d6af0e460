"""From the outbox to Discord: claim, render, send, settle. A worker per channel; nothing here waits for another channel."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.port import FIRST_REQUEST, REQUEST_RANK, MessageTraits, RequestLimits, Sender, Target
from bot.domain import retry
from bot.domain.circuit import Circuit, is_outage
from bot.domain.outages import OutageKind
from bot.domain.requests.buckets import Route, route_of
from bot.domain.requests.line import Urgency
from bot.domain.retry import Drop, MessageForm, Outcome, Pause, Retry, SendStatus, Sent, Skip, Verdict
from bot.errors import StoreError
from bot.i18n import in_every_language, speaking
from bot.messages.alerts import alert_rollup_title, closed_notice, member_buttons
from bot.messages.message import Message, heading
from bot.messages.rollup import rollup_title
from bot.messages.story import fingerprint, forwarded
from bot.services.context import Context
from bot.store import (
    alerts,
    delivery,
    digests,
    faces,
    follows,
    member_messages,
    outbox,
    pointers,
    rollups,
    subscriptions,
    templates,
)
from bot.store.outbox import Claimed, Settlement
from bot.workers import rendering, story_threads
from bot.workers.admission import Admission, Admitted
from bot.workers.rendering import RenderContext
from bot.workers.settling import Settler

log = logging.getLogger(__name__)

Result = TypeVar("Result")

BATCH = 50  # messages that are claimed and not begun with, at least
AHEAD_SECONDS = 2.0  # of the pace: for how many channels messages are claimed ahead
LONGEST_AHEAD = (
    20.0  # of the pace: how many messages are claimed ahead, with those of channels that have to wait
)
# Of the claimed messages: from here on, only channels that sent nothing recently get a place, each for one message.
KEPT_FOR_OTHERS = 0.5
FRUITLESS_PAUSE = timedelta(seconds=0.05)  # before the next claim where one got nothing of what is due
LONGEST_REST = 10.0  # seconds; a channel whose limit is spent for longer gives its messages back
PATIENCE = 2.0  # seconds after which a request no longer keeps a slot from other channels
# How long a message in doubt that a webhook may have made is not sent again: a webhook takes no nonce, so Discord must be done
# with a request before the bot looks for its message.
SETTLING = timedelta(seconds=10)
RENEW_SECONDS = 30.0  # between renewals of the lease of a message that is still on its way


def _never() -> bool:
    """Nobody stops it, as in tests and in the demo."""
    return False


def _nobody() -> None:
    """There is no loop to wake."""


class _Unlimited:
    """No limits, as in tests and in the demo."""

    limit = webhook_limit = math.inf
    has_one_pace = False

    def ready_in(self, _routes: Iterable[Route]) -> float:
        return 0.0


class Delivery:
    """Sends what is due, one message after the other in a channel.

    `concurrency` messages are sent at once, and more if the pace of `limits` needs it. `stopping` is asked before each message: once it says so, what was not begun with is given back. `holder` names
    this process in its leases. `wake` is called when a channel is done, as more of it may be due.
    """

    def __init__(
        self,
        context: Context,
        sender: Sender,
        concurrency: int = 8,
        stopping: Callable[[], bool] = _never,
        *,
        holder: str = "",
        wake: Callable[[], None] = _nobody,
        limits: RequestLimits | None = None,
    ) -> None:
        self._context = context
        self._sender = sender
        self._limits = limits or _Unlimited()
        self._admission = Admission(concurrency, self._limits.limit)
        self._webhook_admission = (  # one line, the most urgent first, for what waits for one pace
            self._admission
            if self._limits.has_one_pace
            else Admission(concurrency, self._limits.webhook_limit)
        )
        self._stopping = stopping
        self._holder = holder
        self._wake = wake
        self._claiming = asyncio.Lock()
        self._claims = 0  # so far: some begin with other messages than posts
        self._settler = Settler(context.db, context.now, context.rules.edit_interval)
        self._queues: dict[
            int, list[Claimed]
        ] = {}  # by channel that has a worker: what it has not begun with
        self._workers: set[asyncio.Task[Any]] = set()
        self._trouble: list[BaseException] = []  # what ended workers
        self._in_flight = 0
        self._circuit = Circuit()
        self._is_full = False  # nothing is claimed before messages have begun
        self._failed: set[int] = set()  # messages, in the outage: single ones, as only probes are tried
        self._to_hasten: set[int] = set()  # those of an outage that is over

    @property
    def is_busy(self) -> bool:
        """Whether messages are on their way."""
        return bool(self._workers)

    @property
    def queued(self) -> int:
        """How many messages this process has claimed and not begun with."""
        return sum(map(len, self._queues.values()))

    @property
    def in_flight(self) -> int:
        """How many messages are on their way."""
        return self._in_flight

    async def begin(self) -> int:
        """Hand what is due to workers of channels that have none; returns how many messages were claimed.

        Raises what ended a worker since the last call.
        """
        self._raise_trouble()
        async with self._claiming:
            now = self._context.now()
            room = self._room(now)
            if self._stopping() or room <= 0:
                return 0
            await self._hasten(now)
            claimed = await self._claimed(room)
            if claimed:
                self._hand_out(claimed, now)
            return len(claimed)

    async def begin_due(self) -> datetime | None:
        """Begin if something is due. Returns when there is work again, as `next_due` does.

        To ask first costs a fraction of a claim that finds nothing, and most channels that are done have nothing more.
        """
        self._raise_trouble()
        await self._hasten(self._context.now())
        due = await self.next_due()
        if due is None or due > self._context.now():
            return due
        claimed = await self.begin()
        return self._context.now() + (timedelta() if claimed else FRUITLESS_PAUSE)

    def _raise_trouble(self) -> None:
        """Raise what ended a worker. What ends several is mostly one thing, as a database that is gone."""
        if self._trouble:
            first, *_ = self._trouble
            self._trouble.clear()
            raise first

    async def _hasten(self, now: datetime) -> None:
        """After an outage: what failed in it is due again."""
        if self._to_hasten:
            ids = frozenset(self._to_hasten)  # more may be added meanwhile
            async with self._context.db.write() as connection:
                await delivery.hasten(connection, ids, now)
            self._to_hasten -= ids

    async def _claimed(self, room: int) -> list[Claimed]:
        """Claim up to `room` messages. A channel in which much waits gets none while it has its share of the places."""
        resting = self._resting()
        per_channel = 1 if self._is_crowded else outbox.PER_CHANNEL
        async with self._context.db.claiming() as connection:
            now = self._context.now()  # a claim of another process may have kept this one waiting
            keep_pace = partial(rollups.keep_pace, settings=self._context.rules)
            claimed = await outbox.claim(
                connection,
                now,
                room,
                self._queues,
                self._holder,
                keep_pace,
                self._claims,
                resting=resting,
                per_channel=per_channel,
            )
            self._claims += 1
            if room > len(claimed):
                claimed += await outbox.claim_publishing(
                    connection,
                    now,
                    room - len(claimed),
                    self._queues,
                    self._holder,
                    resting=resting,
                    per_channel=per_channel,
                    ripens=False,
                )
        return claimed

    def _hand_out(self, claimed: Iterable[Claimed], now: datetime) -> None:
        """Give each channel's messages to a worker. They begin once what rendering needs is read; others are claimed meanwhile."""
        by_channel: dict[int, list[Claimed]] = {}
        for claim in claimed:
            by_channel.setdefault(claim.channel_id, []).append(claim)
        claims = [claim for queue in by_channel.values() for claim in queue]
        loading = self._started(self._load(claims, now), "reading what rendering needs")
        for channel_id, queue in by_channel.items():
            self._queues[channel_id] = queue
            worker = self._started(
                self._work(channel_id, queue, loading), f"delivery to channel {channel_id}"
            )
            worker.add_done_callback(lambda _: self._wake())

    def _started(self, work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
        task = asyncio.create_task(work, name=name)
        self._workers.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _load(self, claimed: Sequence[Claimed], now: datetime) -> RenderContext:
        """Read what rendering needs. If that fails, all is as if these messages had not been claimed."""
        context = self._context
        try:
            async with context.db.read() as connection:
                return await rendering.load(
                    connection, context.topics, claimed, context.rules, now, context.model
                )
        except Exception:
            await self._despite_trouble(self._give_back(list(claimed)))
            raise

    async def step(self) -> int:
        """Deliver one batch; returns how many messages were claimed, 0 when nothing is due."""
        count = await self.begin()
        await self.finish()
        return count

    async def finish(self) -> None:
        """Wait until no worker is busy. Raises what ended one; a cancellation ends them all."""
        if self._stopping():
            self._admission.dismiss()
            self._webhook_admission.dismiss()
        try:
            while self._workers:
                await asyncio.wait(self._workers)
                await asyncio.sleep(0)  # for their callbacks, which remove them
        except asyncio.CancelledError:
            await self.close()
            raise
        self._raise_trouble()

    async def close(self) -> None:
        """End the workers, whatever they do. What was on its way stays leased: nobody knows what became of it."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await self._settler.close()

    async def drain(self) -> int:
        """Deliver until nothing is due any more; returns how many messages were claimed."""
        total = 0
        while count := await self.step():
            total += count
        return total

    async def next_due(self) -> datetime | None:
        """When there is work again, as far as is known; None too where a worker has to be done first."""
        now = self._context.now()
        if self._circuit.until is not None and self._circuit.until > now:
            return self._circuit.until
        if self._room(now) <= 0:
            return None
        async with self._context.db.read() as connection:
            return await outbox.next_due(connection, now, self._queues, self._resting())

    def _room(self, now: datetime) -> int:
        free = self._free_room()
        self._is_full = free <= 0
        return self._circuit.room(now, free, self._in_flight + self.queued)

    def _free_room(self) -> int:
        """How many more messages to claim: as many as keep the pace, in channels that can send now."""
        if not self._is_paced:
            return BATCH - self.queued
        ahead = max(BATCH, math.ceil(AHEAD_SECONDS * self._limits.limit))
        waiting = sum(admission.eager for admission in self._admissions)
        if waiting > ahead // 2:  # many at a time cost less than one by one
            return 0
        return int(min(ahead - waiting, self._most_queued - self.queued))

    @property
    def _is_paced(self) -> bool:
        return self._limits.limit < math.inf

    @property
    def _most_queued(self) -> float:
        """How many messages are claimed ahead at most."""
        return max(BATCH, math.ceil(LONGEST_AHEAD * self._limits.limit)) if self._is_paced else math.inf

    @property
    def _admissions(self) -> set[Admission]:
        return {self._admission, self._webhook_admission}

    @property
    def _is_crowded(self) -> bool:
        return self.queued >= KEPT_FOR_OTHERS * self._most_queued

    def _resting(self) -> frozenset[int]:
        """The channels that get no places now: while few are left, those that let others go first."""
        recent = (admission.recent for admission in self._admissions if self._is_crowded)
        return frozenset[int]().union(*recent)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._workers.discard(task)
        if not task.cancelled() and (trouble := task.exception()) is not None:
            self._trouble.append(trouble)

    async def _work(
        self, channel_id: int, queue: list[Claimed], loading: asyncio.Task[RenderContext]
    ) -> None:
        try:
            await asyncio.wait([loading])
            if loading.cancelled() or loading.exception() is not None:
                return  # they have been given back
            render_context = loading.result()
            # A pointer comes after the message that it points to.
            queue.sort(key=lambda claim: (claim.story in render_context.merged_into, _urgency(claim)))
            while queue and not self._stopping():  # else it may wait in a line that was dismissed before
                admitted = await self._admitted(channel_id, queue, render_context)
                if admitted is None:
                    break
                if self._is_full and self._free_room() > 0:
                    self._wake()
                try:
                    if not self._may_begin(queue[0]):
                        break
                    claim = queue.pop(0)
                    begun = self._context.now()
                    self._in_flight += 1
                    trying = asyncio.create_task(
                        self._outcome(claim, render_context, admitted), name=f"sending message {claim.id}"
                    )
                    trying.add_done_callback(self._landed)
                    with _cancelled_with(trying):
                        await asyncio.wait([trying], timeout=PATIENCE)
                    admitted.leave(
                        answered=trying.done() and trying.result().result is not SendStatus.UNREACHABLE
                    )
                finally:
                    admitted.leave()
                with _cancelled_with(trying):
                    outcome = await self._when_done(claim, trying, queue)
                # Before anything is written: other workers go on meanwhile, and must know of an outage.
                self._note(claim, outcome, begun)
                verdict = await self._settle(claim, outcome, render_context)
                until = retry.others_wait(outcome, verdict, self._context.now())
                if isinstance(verdict, Pause) or until is not None:
                    await self._give_back(queue, claim, until)
            await self._give_back(queue)
        finally:
            del self._queues[channel_id]

    async def _admitted(
        self, channel_id: int, queue: list[Claimed], render_context: RenderContext
    ) -> Admitted | None:
        """A slot for the first message of a channel; None if Discord takes none of its kind there for a while."""
        claim = queue[0]
        routes = _routes(claim, render_context)
        wait = self._limits.ready_in(routes)
        if wait > LONGEST_REST:
            await self._give_back(queue, claim, self._context.now() + timedelta(seconds=wait))
            return None
        uses_webhook = any(route.is_of_webhook for route in routes)
        admission = self._webhook_admission if uses_webhook else self._admission
        if wait > 0:
            self._wake()  # there is room for messages of other channels
        return await admission.enter(channel_id, _urgency(claim), wait)

    def _landed(self, _: object) -> None:
        self._in_flight -= 1

    def _may_begin(self, claim: Claimed) -> bool:
        now = self._context.now()
        if self._circuit.room(now, 1, self._in_flight) <= 0 or self._stopping():
            return False
        return claim.lease_until - now >= outbox.LONGEST_SEND

    async def _when_done(
        self, claim: Claimed, trying: asyncio.Future[Outcome], queue: list[Claimed]
    ) -> Outcome:
        """The outcome of a message, however long it takes. The rest of the channel's queue is released meanwhile.

        The database may fail while the message is on its way: what becomes of it is waited for all the same, and its channel is busy.
        """
        if not trying.done():
            await self._despite_trouble(self._give_back(queue))
        while not trying.done():
            await asyncio.wait([trying], timeout=RENEW_SECONDS)
            if not trying.done():
                await self._despite_trouble(self._renew(claim))
        return trying.result()

    async def _renew(self, claim: Claimed) -> None:
        async with self._context.db.write() as connection:
            await delivery.renew(connection, claim, self._context.now())

    async def _despite_trouble(self, writing: Awaitable[None]) -> None:
        """Write something; if that fails, the next claim raises why."""
        try:
            await writing
        except StoreError as error:
            self._trouble.append(error)

    def _note(self, claim: Claimed, outcome: Outcome, begun: datetime) -> None:
        """Learn from an outcome whether Discord can take messages at all; a line of log each time that changes."""
        before, now = self._circuit, self._context.now()
        self._circuit = before.after(outcome, begun, now)
        if is_outage(outcome):
            self._failed.add(claim.id)
        if not self._circuit.is_open:
            self._context.monitor.note(OutageKind.SENDING, None, now)
        elif is_outage(outcome):
            self._context.monitor.note(OutageKind.SENDING, retry.reason(outcome), now)
        if self._circuit.is_open and not before.is_open:
            log.error("sending is paused until %s: %s", _stamp(self._circuit.until), retry.reason(outcome))
        elif before.is_open and not self._circuit.is_open:
            self._to_hasten |= self._failed
            log.info("sending has resumed")
        if not self._circuit.failures:
            self._failed = set()

    async def _give_back(
        self, queue: list[Claimed], like: Claimed | None = None, until: datetime | None = None
    ) -> None:
        """Release the queue. Messages of the same kind as `like`, which failed, wait until then."""
        claims = queue.copy()
        queue.clear()
        if not claims and until is None:
            return
        async with self._context.db.write() as connection:
            await outbox.release(connection, claims)
            if like is not None and until is not None:
                await outbox.postpone(connection, like, until, self._context.now())

    async def _outcome(self, claim: Claimed, render_context: RenderContext, admitted: Admitted) -> Outcome:
        FIRST_REQUEST.set(admitted.requests)  # for this task, and so is the rank
        REQUEST_RANK.set(admitted.rank)
        try:
            with speaking(render_context.language(claim)):
                if claim.kind == outbox.THREAD:
                    now = self._context.now()
                    return await story_threads.attempt(
                        self._context, self._sender, claim, render_context, now
                    )
                return await self._try(claim, render_context)
        except Exception:  # a bug in making one message must not hold up those after it
            log.exception("message %s to channel %s could not be rendered", claim.id, claim.channel_id)
            return Outcome(SendStatus.FAILED, detail="internal error; the bot's log has the details")

    async def _try(self, claim: Claimed, render_context: RenderContext) -> Outcome:
        now = self._context.now()
        target = await self._target(claim, render_context)
        if claim.kind == outbox.PUBLISH:
            unwanted = await asyncio.to_thread(rendering.publish_obstacle, claim, render_context, now)
            return unwanted or await self._sender.publish(target)
        if claim.message_id is None and claim.in_doubt_since is not None:
            # Before all else: what is no longer wanted may stand there as well.
            looked = await self._look(claim, claim.in_doubt_since, target)
            if looked.result is not SendStatus.MISSING:
                return looked
        is_pointer = claim.kind in outbox.OF_ONE_STORY and claim.story in render_context.merged_into
        if claim.message_id is not None and is_pointer:
            message = await self._pointer(claim, render_context)
        else:
            # In a thread: a story may have thousands of articles.
            message = await asyncio.to_thread(rendering.rendered, claim, render_context, now)
        if isinstance(message, Outcome):
            return message
        if claim.message_id is None:
            outcome = await self._sender.send(target, message, claim.nonce)
            if outcome.result is SendStatus.OK and claim.in_doubt_since is not None:
                # Discord may have known the nonce, and then it answers with the first message.
                return replace(outcome, result=SendStatus.EXISTS)
        elif fingerprint(message, in_forum=claim.thread_id is not None) == claim.shown or (
            claim.form is MessageForm.KEPT_EMBEDS and rendering.shows_story(claim, render_context)
        ):
            return Outcome(SendStatus.UNCHANGED, shown=claim.shown)
        else:
            outcome = await self._sender.edit(target, message)
            if claim.form is MessageForm.EMBEDS and retry.keeps_embeds(outcome):
                return replace(outcome, form=MessageForm.KEPT_EMBEDS)
        if outcome.result not in (SendStatus.OK, SendStatus.PARTLY):
            return outcome
        # What is not all there yet is not taken for it: the next try brings the rest.
        thread_id = claim.thread_id or outcome.thread_id
        whole = thread_id is not None and outcome.result is SendStatus.OK
        return replace(outcome, shown=fingerprint(message, in_forum=whole), fell_back=message.fell_back)

    async def _look(self, claim: Claimed, since: datetime, target: Target) -> Outcome:
        """Look for a message that a try since then may have made."""
        looked = await self._sender.find(target, await self._mark(claim, target, since))
        wait = since + SETTLING - self._context.now()
        if looked.result is SendStatus.MISSING and target.byline is not None and wait > timedelta():
            seconds = wait.total_seconds()
            return Outcome(
                SendStatus.WAITS,
                retry_after=seconds,
                detail="waiting until Discord has dealt with an earlier try",
            )
        return looked

    async def _target(self, claim: Claimed, render_context: RenderContext) -> Target:
        """Where a message goes, and under which name and picture.

        What is for a member goes only to one who sees the channel that it is about, and is the bot's own. So is a
        reply: webhooks cannot reply.
        """
        follow = render_context.follow_of(claim)
        seen_id, byline = 0, None
        if claim.user_id is not None:
            seen_id = claim.channel_id if not claim.is_direct else follow.channel_id if follow else 0
        elif claim.channel_id in render_context.faces and claim.kind != outbox.ESCALATION:
            byline = await asyncio.to_thread(rendering.byline, claim, render_context)
        target = Target(
            claim.guild_id,
            claim.channel_id,
            claim.message_id,
            claim.thread_id,
            claim.form,
            webhook_id=claim.webhook_id,
            byline=byline,
            user_id=claim.user_id,
            seen_id=seen_id,
            is_direct=claim.is_direct,
        )
        post = render_context.replied.get(claim.reply_to) if claim.reply_to is not None else None
        if post is None or claim.message_id is not None:
            return target
        return replace(target, thread_id=post.thread_id, reply_to=post.message_id)

    async def _mark(self, claim: Claimed, target: Target, since: datetime) -> MessageTraits:
        """What tells the message that an earlier try may have made from others."""
        async with self._context.db.read() as connection:
            numbers = await delivery.numbers_of(connection, claim)
            others = await delivery.other_messages(connection, claim)
        actions = _actions_of(claim, numbers)
        since = min(since, self._context.now())
        return MessageTraits(since, numbers, _titles_of(claim), others, actions, target.reply_to)

    async def _pointer(self, claim: Claimed, render_context: RenderContext) -> Message | Outcome:
        """What a message shows whose story was merged into another one: where that is told in the channel.

        It waits until the other message shows the story, and takes its place where that one is gone.
        """
        assert claim.story is not None
        into = render_context.merged_into[claim.story]
        async with self._context.db.read() as connection:
            other = await outbox.post_in(
                connection, into, claim.channel_id, guild_id=claim.guild_id, user_id=claim.user_id
            )
        now = self._context.now()
        if other is None or other.closed:
            async with self._context.db.write() as connection:
                if not await pointers.take_over(connection, claim, into):
                    return Outcome(SendStatus.WAITS, detail="another process is sending it")
            moved = replace(claim, story=into, shown="")
            return await asyncio.to_thread(rendering.rendered, moved, render_context, now)
        if other.message_id is None or other.due_at is not None or other.reason:
            wait = (other.due_at - now).total_seconds() if other.due_at else None
            return Outcome(
                SendStatus.WAITS, retry_after=wait, detail=f"waiting for the message of story #{into}"
            )
        if claim.is_direct:  # where that is, Discord alone knows
            return forwarded(claim.story, into)
        # A post of a forum is a thread, which has the number of its first message.
        place = other.channel_id if other.thread_id is None else other.message_id
        jump = f"https://discord.com/channels/{claim.guild_id}/{place}/{other.message_id}"
        return forwarded(claim.story, into, jump)

    async def _settle(self, claim: Claimed, outcome: Outcome, render_context: RenderContext) -> Verdict:
        """Decide what becomes of a message, and write it."""
        now = self._context.now()
        if self._circuit.is_open and is_outage(outcome):
            claim = replace(claim, attempt=min(claim.attempt, retry.MOST_COUNTED))
        if claim.kind == outbox.THREAD:
            verdict = story_threads.verdict_of(claim, outcome, now)
        else:
            verdict = retry.settle(outcome, claim.attempt, now, rendering.request_kind(claim, render_context))
        if outcome.result is SendStatus.EXISTS and claim.kind in _COMPOSED:
            verdict = Sent()  # it shows what it was composed of
        if isinstance(verdict, Pause) and (claim.is_direct or claim.kind == outbox.MEMBER_NOTICE):
            verdict = Drop(
                verdict.reason
            )  # there is no channel that somebody could mend, or none that is worth it
        publishes = await self._is_to_publish(claim, outcome, render_context)
        seen = await story_threads.story_seen(claim, outcome, verdict, render_context)
        settlement = Settlement(claim, outcome, verdict)
        if seen is None and not publishes and _concerns_itself_alone(settlement):
            await self._settler.settle(settlement)
        else:
            await self._settle_with_others(settlement, render_context, seen, publishes=publishes)
        if (
            not isinstance(verdict, Sent | Pause)
            and outcome.result is not SendStatus.WAITS
            and not is_outage(outcome)
        ):
            log.warning("message %s to channel %s %s", claim.id, claim.channel_id, _in_words(verdict))
        return verdict

    async def _settle_with_others(
        self,
        settlement: Settlement,
        render_context: RenderContext,
        seen: story_threads.SeenStory | None,
        *,
        publishes: bool,
    ) -> None:
        """Write what becomes of a message, and what follows for others."""
        claim, outcome, verdict = settlement.claimed, settlement.outcome, settlement.verdict
        context, now = self._context, self._context.now()
        async with context.db.write() as connection:
            still_leased = await outbox.settle(
                connection, claim, outcome, verdict, now, context.rules.edit_interval
            )
            if outcome.lost_webhook is not None and await faces.lose(
                connection, claim.channel_id, outcome.lost_webhook
            ):
                log.warning("channel %s has lost its webhook: posts appear as the bot's", claim.channel_id)
            if isinstance(verdict, Pause) and still_leased:
                if await subscriptions.pause(
                    connection, claim.channel_id, claim.guild_id, verdict.reason, now
                ):
                    log.warning("channel %s is paused: %s", claim.channel_id, verdict.reason)
            elif still_leased and isinstance(verdict, Drop):
                await _given_up(connection, claim, outcome, now)
            elif still_leased and isinstance(verdict, Sent) and publishes:
                row = outbox.new_row(
                    outbox.PUBLISH,
                    str(claim.id),
                    claim.guild_id,
                    claim.channel_id,
                    now,
                    story=claim.story,
                    priority=claim.priority,
                    message_id=outcome.message_id,
                    webhook_id=outcome.webhook_id,
                )
                await outbox.enqueue(connection, row)
            if still_leased and outcome.fell_back and claim.story is not None:
                await templates.note_too_long(connection, claim.guild_id, claim.story, now)
            if still_leased and seen is not None:
                settling = story_threads.Settling(claim, outcome, verdict, seen, render_context, now)
                await story_threads.settled(connection, settling)

    async def _is_to_publish(self, claim: Claimed, outcome: Outcome, render_context: RenderContext) -> bool:
        new = claim.message_id is None and outcome.message_id is not None
        if not new or not self._sender.can_publish(claim.channel_id):
            return False
        return await asyncio.to_thread(rendering.publishes, claim, render_context)


def _urgency(claim: Claimed) -> Urgency:
    if claim.kind == outbox.PUBLISH:
        return Urgency.PUBLICATION
    if claim.message_id is not None:
        return Urgency.EDIT
    if claim.kind in outbox.FOR_MEMBERS:
        return Urgency.MEMBER
    return Urgency.DIGEST if claim.kind in (outbox.DIGEST, outbox.NOTICE) else Urgency.LIVE


def _routes(claim: Claimed, render_context: RenderContext) -> tuple[Route, ...]:
    """The routes that a message needs, as far as is known before it is rendered.

    A new message of a forum opens a thread; a channel of another kind does not have that limit.
    """
    place = f"/channels/{claim.channel_id}"
    if claim.is_direct:
        return (route_of("POST", "/users/@me/channels"),)
    if claim.kind == outbox.THREAD:
        return ()
    if claim.kind == outbox.PUBLISH:
        return (route_of("POST", f"{place}/messages/{claim.message_id}/crosspost"),)
    face = render_context.faces.get(claim.channel_id)
    if face is not None and claim.kind != outbox.ESCALATION and claim.user_id is None:
        webhook = f"/webhooks/{face.webhook.id}/{face.webhook.token}"
        if claim.message_id is None:
            return (route_of("POST", webhook),)
        if claim.webhook_id == face.webhook.id:
            return (route_of("PATCH", f"{webhook}/messages/{claim.message_id}"),)
    if claim.message_id is not None:
        where = claim.thread_id or claim.channel_id
        return (route_of("PATCH", f"/channels/{where}/messages/{claim.message_id}"),)
    return route_of("POST", f"{place}/messages"), route_of("POST", f"{place}/threads")


def _concerns_itself_alone(settlement: Settlement) -> bool:
    """Whether nothing follows for other rows, apart from threads and publishing, so that it is written with other messages."""
    outcome = settlement.outcome
    is_alone = not isinstance(settlement.verdict, Pause | Drop) and not outcome.fell_back
    return is_alone and outcome.lost_webhook is None


# What is never edited.
_COMPOSED = (outbox.DIGEST, outbox.NOTICE, outbox.MEMBER_NOTICE)


def _actions_of(claim: Claimed, numbers: Iterable[int]) -> frozenset[str]:
    """The custom ids of the buttons of a message for a member, whatever its story's number was when it was made."""
    if claim.kind != outbox.MEMBER or claim.user_id is None:
        return frozenset()
    return frozenset(
        button.action
        for number in numbers
        for button in member_buttons(claim.guild_id, claim.user_id, number, follows=False)
    )


def _titles_of(claim: Claimed) -> frozenset[str]:
    """What the first line of a message may be; none for a story's, whose title changes.

    The language of the server may have changed since the message was sent.
    """
    payload = claim.payload or {}
    match claim.kind:
        case outbox.STORY | outbox.MEMBER | outbox.ESCALATION:
            return frozenset()
        case outbox.MEMBER_ROLLUP:
            return in_every_language(lambda: heading(alert_rollup_title()))
        case outbox.MEMBER_NOTICE:
            return in_every_language(lambda: closed_notice(claim.user_id or 0).title)
        case outbox.ROLLUP:
            is_quiet = bool(payload.get("quiet"))
            return in_every_language(lambda: heading(rollup_title(is_quiet=is_quiet)))
        case _:
            return frozenset((Message.from_json(payload).title,))


@contextlib.contextmanager
def _cancelled_with(task: asyncio.Future[Outcome]) -> Iterator[None]:
    """Have the task end with whoever waits for it."""
    try:
        yield
    except asyncio.CancelledError:
        task.cancel()
        raise


def _stamp(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(" ", "seconds")


def _in_words(verdict: Retry | Skip | Drop) -> str:
    """What becomes of a message that could not be sent, after its name in a line of the log."""
    match verdict:
        case Retry(at=at, reason=reason):
            return f"is tried again at {_stamp(at)}: {reason}"
        case Skip(reason=reason):
            return f"is not edited until its story changes again: {reason}"
        case Drop(reason=reason):
            return f"is given up: {reason}"


async def _given_up(connection: AsyncConnection, claim: Claimed, outcome: Outcome, now: datetime) -> None:
    """Handle the consequences of a dropped message for other rows."""
    if claim.story is not None and claim.message_id is not None:
        await pointers.look_again(connection, [claim.story], now, claim.channel_id)
    if claim.user_id is not None:
        await _ended(connection, claim, claim.user_id, outcome, now)
    if claim.kind == outbox.DIGEST and outcome.result is SendStatus.STALE:
        await digests.take_back(connection, claim.digest_id or 0, claim.payload or {})


async def _ended(
    connection: AsyncConnection, claim: Claimed, user_id: int, outcome: Outcome, now: datetime
) -> None:
    """End what a member gets no more: all of it who left the server, direct messages that are refused, or one alert or follow."""
    payload = claim.payload or {}
    if outcome.result is SendStatus.LEFT:
        await member_messages.forget_member(connection, claim.guild_id, user_id)
    elif outcome.code in retry.CLOSED_TO_MESSAGES and claim.is_direct:
        await member_messages.stop_direct_messages(connection, claim.guild_id, user_id, payload, now)
    elif outcome.result is SendStatus.NO_ACCESS and not claim.is_direct:
        alert_id = payload.get(member_messages.ALERT, 0)
        await alerts.remove_one(connection, claim.guild_id, user_id, alert_id)
    elif outcome.result is SendStatus.NO_ACCESS and claim.story is not None:
        await follows.remove_one(connection, claim.guild_id, user_id, claim.story)
