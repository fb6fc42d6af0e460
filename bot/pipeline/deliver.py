"""From the outbox to Discord: claim, render, send, settle. A step at a time; nothing here sleeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.port import Sender, Target
from bot.domain import posting, render, retry
from bot.domain import stories as domain_stories
from bot.domain.message import Message
from bot.domain.model import Mode, Mute, StoryView, Subscription
from bot.domain.owners import Owners
from bot.domain.retry import Got, Outcome, Pause, Sent, Verdict
from bot.domain.stories import Story
from bot.domain.topics import Topics
from bot.store import outbox, stories, subscriptions, topics
from bot.store.outbox import Claimed
from bot.usecases.context import Context

log = logging.getLogger(__name__)

BATCH = 50
STALE = timedelta(days=1)  # what a notice says of a source may have changed by then


@dataclass(frozen=True, slots=True)
class _Scene:
    """What rendering a claim needs, read in one go for the whole batch."""

    stories: Mapping[int, Story]
    forwards: Mapping[int, int]
    posts: Mapping[tuple[int, int], posting.Post]
    subscriptions: Mapping[int, tuple[Subscription, ...]]
    mutes: tuple[Mute, ...]
    topics: Topics
    owners: Owners


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
            scene = await _scene(connection, claimed, self._context.rules.owners)
        by_channel: dict[int, list[Claimed]] = {}
        for claim in claimed:
            by_channel.setdefault(claim.channel_id, []).append(claim)
        # One channel's trouble leaves the others be; it is raised when they are done.
        ended = await asyncio.gather(
            *(self._channel(own, scene) for own in by_channel.values()), return_exceptions=True
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

    async def _channel(self, claims: Sequence[Claimed], scene: _Scene) -> None:
        for position, claim in enumerate(claims):
            async with self._slots:
                if self._stopping() or claim.lease_until - self._context.now() < outbox.LONGEST_SEND:
                    await self._give_back(claims[position:])
                    return
                try:
                    outcome = await self._try(claim, scene)
                except Exception:  # a bug in making one message must not hold up those after it
                    log.exception("message %s to channel %s could not be made", claim.id, claim.channel_id)
                    outcome = Outcome(Got.UNREACHABLE, detail="an error of the bot: its log has it")
            verdict = await self._settle(claim, outcome, scene)
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

    async def _try(self, claim: Claimed, scene: _Scene) -> Outcome:
        target = Target(claim.guild_id, claim.channel_id, claim.message_id, claim.thread_id)
        if claim.kind == outbox.PUBLISH:
            return await self._sender.publish(target)
        message = self._render(claim, scene)
        if isinstance(message, Outcome):
            return message
        shown = render.fingerprint(message)
        if claim.message_id is None:
            outcome = await self._sender.send(target, message, claim.nonce)
        elif shown == claim.shown:
            return Outcome(Got.UNCHANGED, shown=shown)
        else:
            outcome = await self._sender.edit(target, message)
        if outcome.got is not Got.OK:
            return outcome
        return Outcome(Got.OK, message_id=outcome.message_id, thread_id=outcome.thread_id, shown=shown)

    def _render(self, claim: Claimed, scene: _Scene) -> Message | Outcome:
        if claim.kind == outbox.NOTICE and self._context.now() - claim.created_at > STALE:
            return Outcome(Got.STALE, detail="waited too long to be true")
        if claim.kind in (outbox.DIGEST, outbox.NOTICE):
            assert claim.payload is not None
            return Message.from_json(claim.payload)
        assert claim.story is not None
        sent = claim.message_id is not None
        if (into := scene.forwards.get(claim.story)) is not None:
            other = scene.posts.get((into, claim.channel_id))
            if not sent or other is None or other.closed:
                return Outcome(Got.STALE, detail=f"merged into story #{into}")
            if other.message_id is None:
                return Outcome(Got.UNREACHABLE, detail=f"waits for the message of story #{into}")
            # A post of a forum is a thread, which has the number of its first message.
            place = claim.channel_id if claim.thread_id is None else other.message_id
            jump = f"https://discord.com/channels/{claim.guild_id}/{place}/{other.message_id}"
            return render.forwarded(claim.story, into, jump)
        if not _story(claim, scene).members:
            return (
                render.withdrawn(claim.story) if sent else Outcome(Got.STALE, detail="the story was removed")
            )
        view = _view(claim, scene)
        if view is None:
            return Outcome(Got.UNCHANGED, shown=claim.shown) if sent else Outcome(Got.STALE, detail="muted")
        wanted = _wanted(claim, view, scene)
        if not sent and not wanted:
            return Outcome(Got.STALE, detail="no subscription of the channel asks for it any more")
        if not sent and self._context.now() - claim.created_at > self._context.rules.max_age:
            return Outcome(Got.STALE, detail="waited too long to be news")
        roles = tuple(dict.fromkeys(s.mention_role_id for s in _reached(view, wanted) if s.mention_role_id))
        known = scene.topics.seen_by(claim.guild_id)
        topics = known.specific_first(view.topics)
        found = known.resolve(next(iter(topics), ""))
        return render.story_post(
            view,
            topics=topics,
            colour=found.colour if found else None,
            mentions=() if sent else roles,
            subscribed=[s.topic for s in wanted],
        )

    async def _settle(self, claim: Claimed, outcome: Outcome, scene: _Scene) -> Verdict:
        """Decide what becomes of a message, and write it."""
        context, now = self._context, self._context.now()
        verdict = retry.settle(outcome, claim.attempt, now)
        async with context.db.write() as connection:
            kept = await outbox.settle(connection, claim, outcome, verdict, now, context.rules.edit_interval)
            if isinstance(verdict, Pause) and kept:
                if await subscriptions.pause(
                    connection, claim.channel_id, claim.guild_id, verdict.reason, now
                ):
                    log.warning("channel %s is paused: %s", claim.channel_id, verdict.reason)
            elif kept and isinstance(verdict, Sent) and self._wants_publishing(claim, outcome, scene):
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
        if not isinstance(verdict, Sent | Pause):
            log.warning("message %s to channel %s: %s", claim.id, claim.channel_id, verdict)
        return verdict

    def _wants_publishing(self, claim: Claimed, outcome: Outcome, scene: _Scene) -> bool:
        if claim.kind != outbox.STORY or claim.message_id is not None or outcome.message_id is None:
            return False
        view = _view(claim, scene)
        if view is None or not any(s.publish for s in _reached(view, _wanted(claim, view, scene))):
            return False
        return self._sender.can_publish(claim.channel_id)


def _story(claim: Claimed, scene: _Scene) -> Story:
    """The claim's story as its server sees it."""
    assert claim.story is not None
    return scene.stories[claim.story].seen_by(claim.guild_id)


def _view(claim: Claimed, scene: _Scene) -> StoryView | None:
    """The claim's story without what its channel has muted."""
    here = (None, claim.channel_id)
    mutes = [m for m in scene.mutes if m.guild_id == claim.guild_id and m.channel_id in here]
    return domain_stories.view(_story(claim, scene), domain_stories.muted_by(mutes), scene.owners)


def _wanted(claim: Claimed, view: StoryView, scene: _Scene) -> list[Subscription]:
    """The channel's live subscriptions to the story's topics."""
    own, known = scene.subscriptions.get(claim.channel_id, ()), scene.topics.seen_by(claim.guild_id)
    return [s for s in posting.matching(view, own, known) if s.mode is not Mode.DIGEST]


def _reached(view: StoryView, wanted: Iterable[Subscription]) -> list[Subscription]:
    """Those that ping and publish: a story does not get over one's bar because another lets it in."""
    return [s for s in wanted if domain_stories.reaches(view, posting.bar(s))]


async def _scene(connection: AsyncConnection, claimed: Sequence[Claimed], owners: Owners) -> _Scene:
    numbers = {claim.story for claim in claimed if claim.story is not None}
    channel_ids = {claim.channel_id for claim in claimed}
    own: dict[int, list[Subscription]] = {}
    for subscription in await subscriptions.subscriptions(connection, channel_ids=channel_ids):
        own.setdefault(subscription.channel_id, []).append(subscription)
    forwards = await stories.survivors(connection, numbers)
    return _Scene(
        stories=await stories.load(connection, numbers),
        forwards=forwards,
        posts=await outbox.posts(connection, forwards.values()),
        subscriptions={channel_id: tuple(subs) for channel_id, subs in own.items()},
        mutes=await subscriptions.mutes(connection),
        topics=await topics.load(connection),
        owners=owners,
    )
