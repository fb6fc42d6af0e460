"""The first posts of a subscription say what they are. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.messages.layout import Markdown
from bot.messages.message import Message

ALREADY = "-# Already in the news"


def as_first_post(message: Message) -> Message:
    """A story's post that is one of the first of a new subscription. It pings nobody."""
    return replace(message, layout=(Markdown((ALREADY,)), *message.layout), roles=())
