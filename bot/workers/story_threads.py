"""Threads of posts: opens them, writes in them what came since, and sees what a post's change means for its thread.

Everything in a thread is a row of the outbox, with one of three parts: the thread itself (its opening, and its name), an
update with the members of the story that were first seen since the last one, and the line with which it ends where the
story was merged into another one. A row is rendered from the story as it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.chat.port import MessageTraits, Sender, Target
from bot.domain.model import StoryView
from bot.domain.posting import story_threads as rules
from bot.domain.posting.story_threads import ThreadState, arrived
from bot.domain.retry import Drop, Outcome, SendStatus, Sent, Verdict
from bot.i18n import in_every_language, mark
from bot.messages.message import Message
from bot.messages.story import fingerprint, withdrawn
from bot.messages.story_threads import no_update, thread_farewell, thread_name, thread_update, update_title
from bot.services.context import Context
from bot.store import delivery, outbox, story_threads, subscriptions
from bot.store.outbox import Claimed
from bot.store.story_threads import StoryThread
from bot.workers import rendering
from bot.workers.rendering import RenderContext

OPENING = "opening"
UPDATE = "update"
FAREWELL = "farewell"

_GONE = mark("the thread was deleted")
_OFF = mark("threads are turned off in the channel")
_NOTHING = mark("there is nothing to write in the thread any more")


async def attempt(
    context: Context, sender: Sender, claim: Claimed, render_context: RenderContext, now: datetime
) -> Outcome:
    """Try to open a thread, to write in it, or to bring up to date what stands there."""
    payload = claim.payload or {}
    async with context.db.read() as connection:
        thread = (await story_threads.of_posts(connection, [payload["post"]])).get(payload["post"])
        address = await _address(connection, claim, payload)
    if thread is None or thread.state is ThreadState.GONE:
        return Outcome(SendStatus.STALE, detail=_GONE)
    place = Target(claim.guild_id, thread.thread_id, claim.message_id)
    message = None
    if payload["part"] != OPENING:
        message = await asyncio.to_thread(_rendered, claim, render_context, address)
        if claim.message_id is None and claim.in_doubt_since is not None:
            # Before all else, as with posts: what is no longer wanted may stand there as well.
            looked = await sender.find(place, await _traits(context, claim, message, now))
            if looked.result is not SendStatus.MISSING:
                return looked
    if claim.message_id is None and claim.channel_id not in render_context.threaded:
        return Outcome(SendStatus.STALE, detail=_OFF)
    if payload["part"] == OPENING:
        return await _open(sender, claim, thread, render_context)
    return await _write(sender, claim, place, message)


async def _write(sender: Sender, claim: Claimed, place: Target, message: Message | None) -> Outcome:
    """Send a message to a thread, or edit it. None: it says nothing, or is to stay as it is."""
    if message is None and claim.message_id is None:
        return Outcome(SendStatus.STALE, detail=_NOTHING)
    if message is None or fingerprint(message) == claim.shown:
        return Outcome(SendStatus.UNCHANGED, shown=claim.shown)
    if claim.message_id is not None:
        outcome = await sender.edit(place, message)
    else:
        outcome = await sender.send(place, message, claim.nonce)
        if outcome.result is SendStatus.OK and claim.in_doubt_since is not None:
            # Discord may have known the nonce, and then it answers with the first message.
            return replace(outcome, result=SendStatus.EXISTS)
    return replace(outcome, shown=fingerprint(message)) if outcome.result is SendStatus.OK else outcome


async def _traits(context: Context, claim: Claimed, message: Message | None, now: datetime) -> MessageTraits:
    """What tells the message that an earlier try may have made: all updates of a thread begin alike."""
    async with context.db.read() as connection:
        others = await delivery.other_messages(connection, claim)
    is_update = (claim.payload or {})["part"] == UPDATE
    titles = in_every_language(update_title) if is_update else frozenset({message.title} if message else ())
    return MessageTraits(min(claim.in_doubt_since or now, now), titles=titles, excluded=others)


async def _open(
    sender: Sender, claim: Claimed, thread: StoryThread, render_context: RenderContext
) -> Outcome:
    """Open a thread, or give it the name that it has now. Trying twice makes no second one."""
    seen = await asyncio.to_thread(_seen, claim, render_context)
    view = seen.view
    if claim.message_id is None:
        if view is None:
            return Outcome(SendStatus.STALE, detail=_NOTHING)
        target = Target(claim.guild_id, claim.channel_id, thread.thread_id)
        return await sender.open_thread(target, thread_name(view))
    if view is None and not seen.is_withdrawn:
        return Outcome(SendStatus.UNCHANGED, shown=claim.shown)  # muted here
    name = thread_name(view) if view is not None else withdrawn(claim.story or 0).name
    return await sender.rename_thread(
        Target(claim.guild_id, claim.channel_id, thread_id=thread.thread_id), name
    )


def _rendered(claim: Claimed, render_context: RenderContext, address: str) -> Message | None:
    """What a message in a thread shows; None where it says nothing, or is to stay as it is."""
    payload = claim.payload or {}
    if payload["part"] == FAREWELL:
        return thread_farewell(payload["into"], address) if address else None
    seen = _seen(claim, render_context)
    view = seen.view
    if claim.message_id is None and (view is None or not arrived(view, payload["after"])):
        return None
    if view is None:
        return no_update() if seen.is_withdrawn else None
    until = payload.get("until", rules.newest(view))
    return thread_update(view, payload["after"], until, render_context.rules.owners)


def verdict_of(claim: Claimed, outcome: Outcome, now: datetime) -> Verdict:
    """What becomes of a row after a try."""
    return rules.settle(outcome, claim.attempt, now, is_new=claim.message_id is None)


@dataclass(frozen=True, slots=True)
class SeenStory:
    """The story of a claim as its channel sees it; the one that it was merged into, if it was.

    `view` None: it was removed, as `is_withdrawn` says, or is muted there.
    """

    view: StoryView | None
    is_withdrawn: bool


async def story_seen(
    claim: Claimed, outcome: Outcome, verdict: Verdict, render_context: RenderContext
) -> SeenStory | None:
    """What `settled` has to know of a claim's story; None where no thread comes of it."""
    if claim.kind not in (outbox.STORY, outbox.THREAD) or claim.story is None:
        return None
    has_thread = rendering.post_of(claim) in render_context.threads
    if not has_thread and claim.channel_id not in render_context.threaded:
        return None
    if isinstance(verdict, Sent) or outcome.result is SendStatus.REFUSED:
        return await asyncio.to_thread(_seen, claim, render_context)
    return SeenStory(None, is_withdrawn=False)  # nothing stands there that could have changed


def _seen(claim: Claimed, render_context: RenderContext) -> SeenStory:
    of_survivor = _of_survivor(claim, render_context)
    return SeenStory(
        rendering.view_of(of_survivor, render_context), rendering.is_withdrawn(of_survivor, render_context)
    )


@dataclass(frozen=True, slots=True)
class Settling:
    """A try on a post or in its thread that ended, and all that decides what it means for the thread."""

    claim: Claimed
    outcome: Outcome
    verdict: Verdict
    seen: SeenStory
    render_context: RenderContext
    now: datetime

    @property
    def is_of_post(self) -> bool:
        """Whether it was the post, not the thread."""
        return self.claim.kind == outbox.STORY

    @property
    def is_on(self) -> bool:
        """Whether the posts of the channel get threads."""
        return self.claim.channel_id in self.render_context.threaded

    @property
    def story(self) -> int:
        """The story of the claim, or the one that it was merged into."""
        assert self.claim.story is not None
        return self.merged_into or self.claim.story

    @property
    def merged_into(self) -> int | None:
        """The story that the claim's was merged into."""
        return self.render_context.merged_into.get(self.claim.story or 0)


async def settled(connection: AsyncConnection, settling: Settling) -> None:
    """Store what a try means for a post's thread, in the transaction that settles its row."""
    thread = await story_threads.of_post(connection, rendering.post_of(settling.claim))
    if not settling.is_of_post and thread is not None:
        thread = await _written(connection, thread, settling)
    if not isinstance(settling.verdict, Sent):
        return
    if thread is None and settling.is_of_post:
        thread = await _begun(connection, settling)
    if thread is None:
        return
    if thread.state is ThreadState.OPEN and settling.is_of_post:
        await _correct(connection, thread, settling)
    if settling.is_on:
        await _follow(connection, thread, settling)


async def _begun(connection: AsyncConnection, settling: Settling) -> StoryThread | None:
    """The thread that a post is to get: from the start, or with its next change where threads were off until now."""
    claim, outcome, view = settling.claim, settling.outcome, settling.seen.view
    message_id = claim.message_id or outcome.message_id
    in_forum = claim.thread_id is not None or outcome.thread_id is not None
    if message_id is None or in_forum or view is None or settling.merged_into is not None:
        return None
    newest = rules.newest(view, claim.sent_at)
    place = (claim.guild_id, claim.channel_id, message_id)
    thread = StoryThread(claim.id, *place, ThreadState.WAITING, newest)
    await story_threads.add(connection, thread, settling.now)
    return thread


async def _written(
    connection: AsyncConnection, thread: StoryThread, settling: Settling
) -> StoryThread | None:
    """Store what a try in a thread came to; returns the thread as it is then."""
    claim, now = settling.claim, settling.now
    after = rules.result(
        thread.state,
        thread.problem,
        settling.outcome,
        settling.verdict,
        is_new=claim.message_id is None,
        opens=(claim.payload or {})["part"] == OPENING,
    )
    if after.problem or (after.state, after.problem) != (thread.state, thread.problem):
        await story_threads.store_result(connection, thread.post, after.state, after.problem, now)
    shown = _shown(settling)
    if shown is not None:
        await story_threads.store_written(connection, claim, shown, shown.get("until"), now)
    return await story_threads.of_post(connection, thread.post)


def _shown(settling: Settling) -> dict[str, Any] | None:
    """The payload of a row with what its message shows now: the records, and of an update up to which; None if that is not known.

    A message that somebody deleted counts as read.
    """
    claim, outcome, view = settling.claim, settling.outcome, settling.seen.view
    payload = claim.payload or {}
    stands = isinstance(settling.verdict, Sent) and outcome.result in (SendStatus.OK, SendStatus.UNCHANGED)
    is_deleted = isinstance(settling.verdict, Drop) and claim.message_id is not None
    if payload["part"] == FAREWELL or not (stands or is_deleted):
        return None
    if view is None:
        return payload | {"records": []} if settling.seen.is_withdrawn else None
    if payload["part"] == OPENING:
        return payload | {"records": [view.lead.id]}
    until = payload.get("until", rules.newest(view))
    return payload | {"records": [m.id for m in arrived(view, payload["after"], until)], "until": until}


async def _follow(connection: AsyncConnection, thread: StoryThread, settling: Settling) -> None:
    """Queue what the state of a story asks for in the thread of its post."""
    view, now, into = settling.seen.view, settling.now, settling.merged_into
    story = settling.claim.story or 0
    payload: dict[str, Any] = {"post": thread.post}
    due_at = now
    if into is not None:
        if not await _is_pointer(connection, thread, settling):
            return
        payload |= {"part": FAREWELL, "into": into}
    elif view is not None and thread.state is ThreadState.WAITING and settling.is_of_post:
        payload |= {"part": OPENING}
    elif view is not None and thread.state is ThreadState.OPEN and arrived(view, thread.told_record):
        channel = await subscriptions.channel(connection, thread.channel_id)
        quiet_until = channel.quiet.until(now) if channel is not None and channel.quiet else None
        interval = settling.render_context.rules.edit_interval
        due_at = rules.next_message(now, thread.written_at, interval, quiet_until)
        payload |= {"part": UPDATE, "after": thread.told_record}
    else:
        return
    await story_threads.queue(connection, thread, story, payload, due_at)


async def _is_pointer(connection: AsyncConnection, thread: StoryThread, settling: Settling) -> bool:
    """Whether the post points to another one now, instead of having taken over that one's story."""
    if not settling.is_of_post or thread.state is not ThreadState.OPEN:
        return False
    return await story_threads.story_of(connection, thread.post) == settling.claim.story


async def _correct(connection: AsyncConnection, thread: StoryThread, settling: Settling) -> None:
    """Have what stands in a thread edited where it names articles that are no members of the story any more."""
    view = settling.seen.view
    if view is None and not settling.seen.is_withdrawn:
        return
    members = {member.id for member in view.members} if view is not None else set()
    standing = await story_threads.messages_of(connection, thread.post, settling.story, thread.channel_id)
    outdated = [m.row for m in standing if not members.issuperset(m.payload.get("records", ()))]
    await story_threads.edit_again(connection, outdated, settling.now)


async def _address(connection: AsyncConnection, claim: Claimed, payload: dict[str, Any]) -> str:
    """Where the post of the other story stands, for the last line of a thread; empty for all else, and where it is gone."""
    if payload["part"] != FAREWELL:
        return ""
    other = await outbox.post_in(connection, payload["into"], claim.channel_id)
    if other is None or other.closed or other.message_id is None or other.id == payload["post"]:
        return ""
    return f"https://discord.com/channels/{claim.guild_id}/{other.channel_id}/{other.message_id}"


def _of_survivor(claim: Claimed, render_context: RenderContext) -> Claimed:
    """The claim with the story that its story was merged into, if it was."""
    assert claim.story is not None
    return replace(claim, story=render_context.merged_into.get(claim.story, claim.story))
