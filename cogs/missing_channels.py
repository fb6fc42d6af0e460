"""Subscriptions of channels that were deleted, or that the bot cannot see, where one is chosen to be removed."""

from __future__ import annotations

import re

import discord

from bot.domain.model import Subscription
from bot.domain.text.cleaning import clip
from bot.i18n import tr
from bot.messages.layout import CHOICE

_MISSING_CHANNEL = re.compile(r"(\d{15,20}) (.+)")


def missing_channel_name(lost: Subscription) -> str:
    """What a subscription of a missing channel is called where one is chosen."""
    name = tr("{topic} in the missing channel {channel}", topic=lost.topic[:60], channel=lost.channel_id)
    return clip(name, CHOICE)


def missing_channel_value(lost: Subscription) -> str:
    """What stands for it; `in_missing_channel` reads it back."""
    return f"{lost.channel_id} {lost.topic}"


def in_missing_channel(guild: discord.Guild, text: str) -> tuple[int, str] | None:
    """Channel id and topic from a completion that names a missing channel; None for any other text."""
    match = _MISSING_CHANNEL.fullmatch(text.strip())
    if match is None or guild.get_channel_or_thread(int(match[1])) is not None:
        return None
    return int(match[1]), match[2]
