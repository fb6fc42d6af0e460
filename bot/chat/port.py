"""The interface through which workers send messages; `bot.chat.sender` implements it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.posting.face import Byline
from bot.domain.requests.buckets import Route
from bot.domain.retry import MessageForm, Outcome
from bot.messages.message import Message

# What is called when the first request is made, in the task that sends a message.
FIRST_REQUEST: ContextVar[Callable[[], None] | None] = ContextVar("FIRST_REQUEST", default=None)

# The rank of the requests of a task: of those that wait for the pace, the lowest rank goes first.
REQUEST_RANK: ContextVar[int] = ContextVar("REQUEST_RANK", default=0)


class RequestLimits(Protocol):
    """How many requests Discord takes; `bot.chat.pacer` implements it, and keeps to it."""

    @property
    def limit(self) -> float:
        """Requests a second with the bot's token."""
        ...

    @property
    def webhook_limit(self) -> float:
        """Requests a second with the tokens of webhooks."""
        ...

    @property
    def has_one_pace(self) -> bool:
        """Whether all requests wait for the same limit, with whichever token they are made."""
        ...

    def ready_in(self, routes: Iterable[Route]) -> float:
        """Seconds until requests for these routes can be made as far as their own limits are concerned; 0: now."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a message, with its ids and what it is made of if it was sent before.

    A new message with `reply_to` replies to that message of the channel, or of `thread_id`.
    `byline` is how messages appear there if not as the bot's. `webhook_id` is the webhook that made the message; None: the bot did.
    A message for a member (`user_id`) goes out only if the member is in the server and sees the channel `seen_id`
    (0: none has to be seen). With `is_direct`, it is a direct message.
    """

    guild_id: int
    channel_id: int
    message_id: int | None = None
    thread_id: int | None = None
    form: MessageForm = MessageForm.COMPONENTS
    reply_to: int | None = None
    webhook_id: int | None = None
    byline: Byline | None = None
    user_id: int | None = None
    seen_id: int = 0
    is_direct: bool = False


@dataclass(frozen=True, slots=True)
class MessageTraits:
    """How to recognise a message among the bot's messages since `since` in a channel.

    `stories` are the story numbers that its button may have. A message without a story is recognised by its first line, one of
    `titles`. `excluded` are the ids of messages that are something else. `actions` are the custom ids that its buttons may
    have; empty: those of posts. A reply is recognised by what it replies to alone.
    """

    since: datetime
    stories: frozenset[int] = frozenset()
    titles: frozenset[str] = frozenset()
    excluded: frozenset[int] = frozenset()
    actions: frozenset[str] = frozenset()
    reply_to: int | None = None


class Sender(Protocol):
    """Sends messages to Discord. Errors of Discord or the network are outcomes, not exceptions."""

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Send a new message; repeated with the same nonce, Discord answers with the first one."""
        ...

    async def find(self, target: Target, traits: MessageTraits) -> Outcome:
        """Look for a message that an earlier try may have sent: EXISTS, MISSING or HIDDEN."""
        ...

    async def edit(self, target: Target, message: Message) -> Outcome:
        """Edit a message that was sent. Embeds become components, but for those that are kept."""
        ...

    async def publish(self, target: Target) -> Outcome:
        """Publish a message of an announcement channel to the servers that follow it."""
        ...

    async def open_thread(self, target: Target, name: str) -> Outcome:
        """Open the thread of a message, or take the one that it has."""
        ...

    async def rename_thread(self, target: Target, name: str) -> Outcome:
        """Give the thread of a message another name, if the bot opened it."""
        ...

    def can_publish(self, channel_id: int) -> bool:
        """Whether it is an announcement channel."""
        ...
