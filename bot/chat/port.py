"""The way out to Discord as the workers see it; `bot.chat.sender` is the real one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.retry import Outcome
from bot.messages.message import Message


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes, and where it stands if it was sent before."""

    guild_id: int
    channel_id: int
    message_id: int | None = None
    thread_id: int | None = None


@dataclass(frozen=True, slots=True)
class MessageTraits:
    """What tells a message from others of the bot in its channel, not made before `since`.

    `stories` are the numbers that its button may name. A message without a story is known by its `title`.
    `excluded` are messages that are known to be something else.
    """

    since: datetime
    stories: frozenset[int] = frozenset()
    title: str = ""
    excluded: frozenset[int] = frozenset()


class Sender(Protocol):
    """The way out to Discord. Never raises for what Discord or the network does: that is an outcome."""

    async def send(self, target: Target, message: Message, nonce: str) -> Outcome:
        """Send a new message; repeated with the same nonce, Discord answers with the first one."""
        ...

    async def find(self, target: Target, traits: MessageTraits) -> Outcome:
        """Look for a message that an earlier try may have made: EXISTS, MISSING or HIDDEN where that can be told."""
        ...

    async def edit(self, target: Target, message: Message) -> Outcome:
        """Bring a message up to date."""
        ...

    async def publish(self, target: Target) -> Outcome:
        """Publish a message of an announcement channel to the servers that follow it."""
        ...

    def can_publish(self, channel_id: int) -> bool:
        """Whether it is an announcement channel."""
        ...
